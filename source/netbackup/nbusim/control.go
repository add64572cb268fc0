package nbusim

import "net/http"

// controlMount is where a test in another process finds what a real server does not have.
const controlMount = "/nbusim/"

func (s *Server) control(req *http.Request) reply {
	x := &exchange{request: req, version: s.release.api}
	return x.fail(http.StatusNotFound, "There is nothing at "+req.URL.Path+".", nil)
}
