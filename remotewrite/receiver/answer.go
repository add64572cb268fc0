package receiver

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"
)

// Drop is where a connection is cut.
type Drop int

// The places a connection is cut at.
const (
	DropNever   Drop = iota
	DropMidBody      // after a part of the request's body
	DropAnswer       // after the request was handled, before its answer
)

// Answer is a scripted answer to one request.
type Answer struct {
	Status int // 0 answers as if there were no script
	Header http.Header
	Body   string
	Delay  time.Duration // before the request is handled
	Drop   Drop
	Store  bool // the valid parts are stored although Status says otherwise
}

// Script answers the next requests one by one as given; after that Always or the data decides.
func (r *Receiver) Script(answers ...Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = append(r.script, answers...)
}

// Always answers every request that no script is left for; nil lets the data decide again.
func (r *Receiver) Always(a *Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.always = a
}

// next takes the next scripted answer, nil where there is none.
func (r *Receiver) next() *Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.script) == 0 {
		return r.always
	}
	a := r.script[0]
	r.script = r.script[1:]
	return &a
}

func (a *Answer) wait(ctx context.Context) {
	if a == nil || a.Delay == 0 {
		return
	}
	t := time.NewTimer(a.Delay)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (a *Answer) reply() *reply {
	return &reply{status: a.Status, header: a.Header, body: a.Body}
}

// reply is what goes back.
type reply struct {
	status int
	header http.Header
	body   string
}

func replyTo(err error) *reply {
	status := http.StatusBadRequest
	if e, ok := errors.AsType[*statusError](err); ok {
		status = e.status
	}
	return &reply{status: status, body: err.Error()}
}

func (p *reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), p.header)
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.body) // the sender may be gone, which is its own affair
}

// dropMidBody reads a little of the body and cuts the connection.
func dropMidBody(req *http.Request) {
	_, _ = io.CopyN(io.Discard, req.Body, 16)
	drop()
}

// drop cuts the connection without an answer. net/http does so for this panic, and
// only for this one, without a word in the log.
func drop() { panic(http.ErrAbortHandler) }
