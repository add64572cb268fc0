package nbusim

import "net/http"

// statusCode says what a status means, for a few (troubleshooting.yaml of 10.5 and 11.0; no document of 11.2 shows it, and it is offered all the same).
func (s *Server) statusCode(x *exchange) reply {
	if s.release.api < version105 {
		return s.unknown(x.request)
	}
	code := x.lastSegment()
	message := map[string]string{
		"0":  "the requested operation was successfully completed",
		"1":  "the requested operation was partially successful",
		"58": "can't connect to client",
		"84": "media write error",
	}[code]
	if message == "" {
		return x.fail(http.StatusNotFound, "The status code is not known.", nil)
	}
	return x.json(http.StatusOK, map[string]any{"data": map[string]any{"type": "statusCode", "id": code, "attributes": map[string]any{"statusMessage": message}}})
}
