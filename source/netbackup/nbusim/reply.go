package nbusim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// reply is an answer before it is sent. Faults bend it; ServeHTTP and Transport send it.
type reply struct {
	status int
	header http.Header
	body   []byte

	cut   int           // bytes of the body that arrive before the connection ends; -1 is all
	chunk int           // bytes sent at once where the body is slow; 0 is everything
	pause time.Duration // between two chunks
	reset bool          // no answer at all: the connection is reset
}

func newReply(status int, contentType string, body []byte) reply {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return reply{status: status, header: h, body: body, cut: -1}
}

// sent is the part of the body that leaves the server.
func (a reply) sent() []byte {
	if a.cut >= 0 && a.cut < len(a.body) {
		return a.body[:a.cut]
	}
	return a.body
}

func (a reply) truncated() bool { return len(a.sent()) < len(a.body) }

// exchange is one request with what negotiation and authentication found out.
type exchange struct {
	request *http.Request
	now     time.Time // the server's clock
	version int       // of the answer's media type
	who     *identity // nil where the path is open to everybody
	allowed bool      // the identity has the role for the path's namespace
	untidy  *untidy   // nil where the server is tidy
}

func (x *exchange) json(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		return x.fail(http.StatusInternalServerError, "encode the answer: "+err.Error(), nil)
	}
	return x.raw(status, body)
}

func (x *exchange) raw(status int, body []byte) reply {
	return newReply(status, mediaType(jsonType, x.version), body)
}

// fault numbers that the documents do not fix; they follow the HTTP status so that a log tells them apart.
const errorCodeBase = 8000

// failure is the error body of the documents.
type failure struct {
	ErrorCode       int64             `json:"errorCode"`
	ErrorMessage    string            `json:"errorMessage"`
	AttributeErrors map[string]string `json:"attributeErrors,omitempty"`
	ErrorDetails    []string          `json:"errorDetails"`
}

func (x *exchange) fail(status int, message string, attributes map[string]string) reply {
	f := failure{
		ErrorCode:       errorCodeBase + int64(status),
		ErrorMessage:    message,
		AttributeErrors: attributes,
		ErrorDetails:    []string{},
	}
	body, err := json.Marshal(f)
	if err != nil {
		return newReply(http.StatusInternalServerError, "", nil)
	}
	return x.raw(status, body)
}

// refuse is the answer to a query that breaks the documents.
func (x *exchange) refuse(parameter string, err error) reply {
	return x.fail(http.StatusBadRequest, "The request is not valid.", map[string]string{parameter: err.Error()})
}

// stamp is a date as the documents write it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func itoa(n int) string { return strconv.Itoa(n) }
