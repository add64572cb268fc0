package receiver

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/golang/snappy"
)

// Version is a version of the protocol.
type Version string

// The versions, as their header spells them.
const (
	V1 Version = "0.1.0"
	V2 Version = "2.0.0"
)

// maxDecoded is how much a request may hold before compression; Prometheus's own limit.
const maxDecoded = 32 << 20

// message is a request of either version: what both have in common.
type message struct {
	series   []Series
	families []Metadata // 1.0 sends metadata beside the series
	problems []error    // what made a series unreadable
}

// statusError is a refusal with its status code.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func refuse(status int, format string, args ...any) error {
	return &statusError{status, fmt.Errorf(format, args...)}
}

// checkHeaders tells the version, or why the headers are wrong.
func checkHeaders(r *http.Request) (Version, error) {
	h := r.Header
	switch {
	case r.Method != http.MethodPost:
		return "", refuse(http.StatusMethodNotAllowed, "method %s, want POST", r.Method)
	case len(h.Values("Content-Encoding")) != 1 || h.Get("Content-Encoding") != "snappy":
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Encoding %q, want snappy", h.Values("Content-Encoding"))
	case h.Get("User-Agent") == "":
		return "", refuse(http.StatusBadRequest, "no User-Agent")
	case len(h.Values("Content-Type")) != 1 || len(h.Values("X-Prometheus-Remote-Write-Version")) != 1:
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Type and X-Prometheus-Remote-Write-Version must be there exactly once")
	}
	v := Version(h.Get("X-Prometheus-Remote-Write-Version"))
	switch ct := h.Get("Content-Type"); {
	case v == V1 && ct == "application/x-protobuf":
	case v == V2 && ct == "application/x-protobuf;proto=io.prometheus.write.v2.Request":
	default:
		return "", refuse(http.StatusUnsupportedMediaType, "Content-Type %q does not go with version %q", ct, v)
	}
	return v, nil
}

// decompress is strict about the block format: the framed one is refused by name.
func decompress(body []byte) ([]byte, error) {
	if bytes.HasPrefix(body, []byte("\xff\x06\x00\x00sNaPpY")) {
		return nil, refuse(http.StatusBadRequest, "snappy framed format, want the block format")
	}
	n, err := snappy.DecodedLen(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %w", err)
	}
	if n > maxDecoded {
		return nil, refuse(http.StatusRequestEntityTooLarge, "%d bytes decoded, at most %d", n, maxDecoded)
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %w", err)
	}
	return raw, nil
}
