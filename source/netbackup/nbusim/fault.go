package nbusim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault bends the answers to some requests.
type Fault struct {
	Path   string // pattern of path.Match under /netbackup, "/admin/jobs" or "/storage/*"; empty is every path
	Query  string // part of the decoded query that must be there; empty is any
	Skip   int    // requests that pass before the first is bent
	Times  int    // requests that are bent; 0 is until cleared
	Effect Effect
}

// Effect is what a fault does to one request.
type Effect struct {
	name  string
	apply func(*http.Request, func() reply) reply
}

// Delay answers late.
func Delay(d time.Duration) Effect {
	return Effect{"delay", func(req *http.Request, next func() reply) reply {
		if err := wait(req.Context(), d); err != nil {
			return newReply(http.StatusServiceUnavailable, "", nil) // nobody is there to read it
		}
		return next()
	}}
}

// Status answers an HTTP status with the error body of the documents.
func Status(code int) Effect {
	return Effect{"status", func(*http.Request, func() reply) reply { return failed(code) }}
}

// OldStatus answers an HTTP status with the older error body, which has details in place of errorDetails.
func OldStatus(code int) Effect {
	return Effect{"old-status", func(*http.Request, func() reply) reply {
		body := fmt.Sprintf(`{"errorCode":%d,"errorMessage":%q,"details":{}}`, errorCodeBase+code, http.StatusText(code))
		return newReply(code, jsonType+";version=1.0", []byte(body))
	}}
}

func failed(code int) reply {
	body := fmt.Sprintf(`{"errorCode":%d,"errorMessage":%q,"errorDetails":[]}`, errorCodeBase+code, http.StatusText(code))
	return newReply(code, jsonType+";version=10.0", []byte(body))
}

// RetryAfter answers 429 or 503 and names the delay in seconds.
func RetryAfter(code int, d time.Duration) Effect {
	return Effect{"retry-after", func(*http.Request, func() reply) reply {
		a := failed(code)
		a.header.Set("Retry-After", itoa(int(d/time.Second)))
		return a
	}}
}

// ProxyPage answers 200 with a page of HTML, as a proxy's login does.
func ProxyPage() Effect {
	const page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in to continue.</body></html>\n"
	return Effect{"proxy-page", func(*http.Request, func() reply) reply {
		return newReply(http.StatusOK, "text/html; charset=utf-8", []byte(page))
	}}
}

// Redirect answers 302 to another place.
func Redirect(to string) Effect {
	return Effect{"redirect", func(*http.Request, func() reply) reply {
		a := newReply(http.StatusFound, "", nil)
		a.header.Set("Location", to)
		return a
	}}
}

// Truncated ends the connection in the middle of the body.
func Truncated() Effect {
	return Effect{"truncated", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.cut = len(a.body) / 2
		return a
	}}
}

// Oversized puts so many bytes of white space in front of the body.
func Oversized(bytesInFront int) Effect {
	return Effect{"oversized", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.body = append(bytes.Repeat([]byte{' '}, bytesInFront), a.body...)
		return a
	}}
}

// SlowBody sends the body in parts with a pause between two.
func SlowBody(chunk int, pause time.Duration) Effect {
	return Effect{"slow-body", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.chunk, a.pause = chunk, pause
		return a
	}}
}

// Reset resets the connection.
func Reset() Effect {
	return Effect{"reset", func(*http.Request, func() reply) reply {
		return reply{header: http.Header{}, cut: -1, reset: true}
	}}
}

// ContentType gives the answer another media type.
func ContentType(mediaType string) Effect {
	return Effect{"content-type", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.header.Set("Content-Type", mediaType)
		return a
	}}
}

// Body answers 200 with these bytes as they are.
func Body(body string) Effect {
	return Effect{"body", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.status, a.body = http.StatusOK, []byte(body)
		return a
	}}
}

// Echo refuses with an error body that repeats the request, its credential included.
func Echo(code int) Effect {
	return Effect{"echo", func(req *http.Request, _ func() reply) reply {
		var sent []byte
		if req.Body != nil { // in process
			sent, _ = io.ReadAll(req.Body) // what could be read is what is repeated
		}
		a := failed(code)
		a.body, _ = json.Marshal(map[string]any{ // texts always can be
			"errorCode":    errorCodeBase + code,
			"errorMessage": fmt.Sprintf("You sent %s %v %s", req.URL, req.Header, sent),
			"errorDetails": []string{string(sent)},
		})
		return a
	}}
}

// RefuseFilter answers 400 to a filter that names this attribute.
func RefuseFilter(attribute string) Effect {
	return Effect{"refuse-filter", func(req *http.Request, next func() reply) reply {
		if !strings.Contains(req.URL.Query().Get("filter"), attribute) {
			return next()
		}
		body := fmt.Sprintf(`{"errorCode":%d,"errorMessage":"The request is not valid.","attributeErrors":{"filter":%q},"errorDetails":[]}`,
			errorCodeBase+http.StatusBadRequest, "filtering on "+attribute+" is not supported")
		return newReply(http.StatusBadRequest, jsonType+";version=10.0", []byte(body))
	}}
}

// RefuseLimit answers 400 with NetBackup's error 8961 to a page of more rows than most. Seen on a server; no document of
// the collection names it.
func RefuseLimit(most int) Effect {
	return Effect{"refuse-limit", func(req *http.Request, next func() reply) reply {
		if limit, err := numberIn(req.URL.Query(), "page[limit]", defaultLimit, 0, unlimited); err == nil && limit <= most {
			return next()
		}
		const body = `{"errorCode":8961,"errorMessage":"The request could not be processed.","attributeErrors":{},"errorDetails":[]}`
		return newReply(http.StatusBadRequest, jsonType+";version=10.0", []byte(body))
	}}
}

// NoEntity answers 404 in place of an empty list, as documented for /security/api-keys, /licensing/capacity and others
// ("No entity found."). The number is that of the NetBackup status code of these words.
func NoEntity() Effect {
	return Effect{"no-entity", func(*http.Request, func() reply) reply {
		const body = `{"errorCode":227,"errorMessage":"no entity was found","errorDetails":[]}`
		return newReply(http.StatusNotFound, jsonType+";version=10.0", []byte(body))
	}}
}

// ForeignNotFound answers 404 with a page of HTML, as a web server does whose application is not up yet. Seen of
// Tomcat; it is not NetBackup's answer.
func ForeignNotFound() Effect {
	const page = "<!doctype html><html><head><title>HTTP Status 404 – Not Found</title></head><body><h1>HTTP Status 404</h1></body></html>"
	return Effect{"foreign-not-found", func(*http.Request, func() reply) reply {
		return newReply(http.StatusNotFound, "text/html;charset=utf-8", []byte(page))
	}}
}

// EmptyList answers as if the role were missing: 200, and no rows.
func EmptyList() Effect {
	const body = `{"data":[],"links":{"self":{"href":""},"first":{"href":""},"last":{"href":""},` +
		`"next":{"href":""},"prev":{"href":""}},"meta":{"pagination":{}}}`
	return Effect{"empty-list", func(_ *http.Request, next func() reply) reply {
		a := next()
		a.status, a.body = http.StatusOK, []byte(body)
		return a
	}}
}

// Request is one line of the server's log.
type Request struct {
	Time   time.Time // the server's clock
	Method string
	Path   string // under /netbackup
	Query  string // as it came, encoded
	Status int    // 0 where the connection was reset
}

// faultBook keeps the faults and the log of requests.
type faultBook struct {
	mu     sync.Mutex
	faults []*Fault
	log    []Request
	counts map[string]int
}

// Inject adds a fault; a request may meet several, the first injected is the outermost.
// The returned function takes it away again.
func (s *Server) Inject(f Fault) (clearFault func()) {
	b := s.faults
	b.mu.Lock()
	defer b.mu.Unlock()
	added := &f
	b.faults = append(b.faults, added)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faults = slices.DeleteFunc(b.faults, func(g *Fault) bool { return g == added })
	}
}

// ClearFaults takes every fault away.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// Requests is how many requests asked for a path under /netbackup since the start or ResetRequests.
func (s *Server) Requests(path string) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.counts[path]
}

// RequestLog is every request since the start or ResetRequests, in the order of their answers.
func (s *Server) RequestLog() []Request {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.log)
}

// ResetRequests empties the log and its counts.
func (s *Server) ResetRequests() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.log, s.faults.counts = nil, nil
}

// around answers a request with the faults that are due.
func (b *faultBook) around(req *http.Request, now time.Time, next func() reply) reply {
	under := strings.TrimPrefix(req.URL.Path, Mount)
	for _, e := range slices.Backward(b.due(req, under)) {
		inner := next
		next = func() reply { return e.apply(req, inner) }
	}
	a := next()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, Request{now, req.Method, under, req.URL.RawQuery, a.status})
	return a
}

// due counts the request and takes one use of each fault that it meets.
func (b *faultBook) due(req *http.Request, under string) []Effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		b.counts = map[string]int{}
	}
	b.counts[under]++
	var effects []Effect
	b.faults = slices.DeleteFunc(b.faults, func(f *Fault) bool {
		if !f.meets(req, under) {
			return false
		}
		if f.Skip > 0 {
			f.Skip--
			return false
		}
		effects = append(effects, f.Effect)
		f.Times--
		return f.Times == 0
	})
	return effects
}

func (f *Fault) meets(req *http.Request, under string) bool {
	if f.Path != "" {
		if ok, err := path.Match(f.Path, under); err != nil || !ok {
			return false
		}
	}
	if f.Query == "" {
		return true
	}
	for _, values := range req.URL.Query() {
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, f.Query) }) {
			return true
		}
	}
	return false
}
