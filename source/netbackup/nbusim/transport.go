package nbusim

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"syscall"
	"time"
)

// ServeHTTP answers over a real connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := s.answer(req)
	if req.Context().Err() != nil {
		return
	}
	if a.reset {
		resetConnection(w)
		return
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", itoa(len(a.body)))
	w.WriteHeader(a.status)
	wire := http.NewResponseController(w)
	body := &pacedBody{ctx: req.Context(), rest: a.sent(), chunk: a.chunk, pause: a.pause, flush: wire}
	_, err := io.Copy(w, body)
	if err == nil && !a.truncated() {
		return
	}
	_ = wire.Flush() // what there is arrives before the connection ends
	panic(http.ErrAbortHandler)
}

// resetConnection ends a TCP connection by RST and not by FIN.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 resets the stream
	}
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

// Transport calls the server in process, without sockets, goroutines or TLS, so that it
// works inside a testing/synctest bubble. Delays and cancellation are honoured.
func (s *Server) Transport() http.RoundTripper { return inProcess{s} }

type inProcess struct{ s *Server }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := p.s.answer(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if a.reset {
		return nil, fmt.Errorf("read from %s: %w", req.URL.Host, syscall.ECONNRESET)
	}
	body := &pacedBody{ctx: req.Context(), rest: a.sent(), chunk: a.chunk, pause: a.pause, cut: a.truncated()}
	return &http.Response{
		Status:        itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          body,
		ContentLength: int64(len(a.body)),
		Request:       req,
	}, nil
}

// pacedBody gives a body chunk by chunk with a pause between two, which is how a slow
// server looks from outside.
type pacedBody struct {
	ctx   context.Context
	rest  []byte
	chunk int
	pause time.Duration
	cut   bool // the end is an interrupted connection
	begun bool
	left  int                      // of the current chunk
	flush *http.ResponseController // of a real connection, else nil
}

// Read implements io.Reader.
func (b *pacedBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if len(b.rest) == 0 {
		return 0, b.end()
	}
	if b.chunk > 0 {
		if err := b.breathe(); err != nil {
			return 0, err
		}
		p = p[:min(len(p), b.left)]
	}
	n := copy(p, b.rest)
	b.rest, b.left = b.rest[n:], b.left-n
	return n, nil
}

// breathe pauses between two chunks.
func (b *pacedBody) breathe() error {
	if b.left > 0 {
		return nil
	}
	first := !b.begun
	b.left, b.begun = b.chunk, true
	if first {
		return nil
	}
	if b.flush != nil {
		if err := b.flush.Flush(); err != nil {
			return err
		}
	}
	return wait(b.ctx, b.pause)
}

func (b *pacedBody) end() error {
	if b.cut {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// Close implements io.Closer.
func (b *pacedBody) Close() error { return nil }
