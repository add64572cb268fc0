package netbackup

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// wire is the network between an agent and a primary server, in memory.
type wire struct {
	incoming chan net.Conn
	closed   chan struct{}
	closing  sync.Once

	mu    sync.Mutex
	conns []*wireConn
}

func newWire() *wire { return &wire{incoming: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.incoming:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.closing.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1556} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	c := &wireConn{Conn: near, ended: make(chan struct{})}
	select {
	case w.incoming <- far:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	return c, nil
}

// darken makes every connection that there is half-open: nobody is behind it, and nobody says so.
func (w *wire) darken() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.gone.Store(true)
	}
}

type wireConn struct {
	net.Conn
	gone  atomic.Bool
	ended chan struct{}
	once  sync.Once
}

func (c *wireConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.gone.Load() {
		<-c.ended
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *wireConn) Write(b []byte) (int, error) {
	if c.gone.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Close() error {
	c.once.Do(func() { close(c.ended) })
	return c.Conn.Close()
}

// A connection that nobody is behind any more is noticed within about a cycle, whenever it happens: on HTTP/2 a request
// that times out leaves its connection in use, and on HTTP/1.1 each of a dozen idle ones would cost a cycle.
func TestHalfOpenConnectionToThePrimary(t *testing.T) {
	for protocol, second := range map[string]bool{"HTTP/2": true, "HTTP/1.1": false} {
		for _, before := range []time.Duration{time.Second, 4 * time.Second, 30 * time.Second, 59 * time.Second} {
			t.Run(protocol+" "+before.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { halfOpen(t, second, before) })
			})
		}
	}
}

// halfOpen has the connections go dark some time before a tick.
func halfOpen(t *testing.T, second bool, before time.Duration) {
	w := newWire()
	var transport *http.Transport
	var server *httptest.Server
	r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
		c.Client.InsecureSkipVerify = true
		var err error
		if transport, err = api.NewTransport(c.Client); err != nil {
			t.Fatal(err)
		}
		transport.DialContext, transport.ForceAttemptHTTP2 = w.dial, second
		c.Client.Transport = transport
	})
	var spoken atomic.Int64
	server = &httptest.Server{Listener: w, EnableHTTP2: second, Config: &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		spoken.Store(int64(req.ProtoMajor))
		r.sim.ServeHTTP(out, req)
	})}}
	server.StartTLS()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	r.tick()
	r.tick()
	r.want(1, "nbu_up")
	if second != (spoken.Load() == 2) {
		t.Fatalf("HTTP/%d is spoken", spoken.Load())
	}
	time.Sleep(time.Until(time.Now().Truncate(minute).Add(minute - before)))
	w.darken()
	down := 0
	for range 6 {
		r.tick()
		if up, _ := r.live("nbu_up"); up == 0 {
			down++
		}
	}
	if down > 1 {
		t.Errorf("%d cycles without an answer, want at most one", down)
	}
	r.want(1, "nbu_up")
}
