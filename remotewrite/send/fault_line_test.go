package send

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is the way from an endpoint to a receiver: a proxy that carries bytes, with the faults that a test wants. It is a
// TCP proxy, or the same in memory where time is a bubble's.
type line struct {
	receiver func(ctx context.Context) (net.Conn, error)
	wg       sync.WaitGroup

	mu     sync.Mutex
	script []fault // of the next connections, one each
	always fault   // of those after
	links  []*link
}

// fault is what is wrong with a connection.
type fault struct {
	cut   int           // upstream bytes after which it is reset; 0 is never
	dark  bool          // nothing comes through, and nobody is told
	delay time.Duration // of a byte, each way
	rate  int           // upstream bytes a second; 0 is no limit
}

// link is one connection over the line.
type link struct {
	fault
	gone           atomic.Bool // dark from now on
	near, far      net.Conn    // towards the endpoint and the receiver
	opened, closed time.Time   // closed is when the endpoint did; to be read once left is closed
	left           chan struct{}
}

// listenLine starts a TCP proxy to an address and returns its own.
func listenLine(t *testing.T, to string) (*line, string) {
	t.Helper()
	l := &line{receiver: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", to) }}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.wg.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // closed
			}
			if l.connect(t.Context(), near) != nil {
				_ = near.Close()
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.hangUp()
	})
	return l, listener.Addr().String()
}

// pipes is a listener in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// serveLine serves a receiver over a line in memory, for a bubble, with TLS where there is a certificate.
func serveLine(t *testing.T, h http.Handler, always fault, certificates ...tls.Certificate) *line {
	t.Helper()
	listener := make(pipes)
	l := &line{always: always, receiver: func(context.Context) (net.Conn, error) {
		far, server := net.Pipe()
		listener <- server
		return far, nil
	}}
	server := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: certificates}}
	l.wg.Go(func() {
		if len(certificates) > 0 {
			_ = server.ServeTLS(listener, "", "")
			return
		}
		_ = server.Serve(listener)
	})
	t.Cleanup(func() {
		close(listener)
		_ = server.Close()
		l.hangUp()
	})
	return l
}

// dial is a connection over a line in memory.
func (l *line) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	time.Sleep(2 * l.always.delay) // of the bubble: the handshake
	endpoint, near := net.Pipe()
	return endpoint, l.connect(ctx, near)
}

// plan sets the faults of the next connections.
func (l *line) plan(faults ...fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.script = append(l.script, faults...)
}

// darken makes every connection that there is half-open: the endpoint's end lives on, with nobody behind it.
func (l *line) darken() {
	for _, k := range l.carried() {
		k.gone.Store(true)
	}
}

func (l *line) carried() []*link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*link(nil), l.links...)
}

// hangUp ends every connection and waits for those who carry.
func (l *line) hangUp() {
	for _, k := range l.carried() {
		_ = k.near.Close()
		_ = k.far.Close()
	}
	l.wg.Wait()
}

// connect carries what one connection of the endpoint brings and gets.
func (l *line) connect(ctx context.Context, near net.Conn) error {
	far, err := l.receiver(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	k := &link{fault: l.always, near: near, far: far, opened: time.Now(), left: make(chan struct{})}
	if len(l.script) > 0 {
		k.fault, l.script = l.script[0], l.script[1:]
	}
	k.gone.Store(k.dark)
	l.links = append(l.links, k)
	l.mu.Unlock()
	l.wg.Go(func() {
		l.carry(k, k.far, k.near, k.rate, k.cut)
		k.closed = time.Now()
		close(k.left)
	})
	l.wg.Go(func() { l.carry(k, k.near, k.far, 0, 0) })
	return nil
}

// parcel is a piece of the stream and when it arrives.
type parcel struct {
	bytes []byte
	due   time.Time
}

func (l *line) carry(k *link, dst, src net.Conn, rate, cut int) {
	parcels := make(chan parcel, 4096)
	l.wg.Go(func() { arrive(dst, parcels) })
	defer close(parcels)
	free, carried := time.Now(), 0
	for {
		b := make([]byte, 1448) // of a packet
		n, err := src.Read(b)
		carried += n
		if cut > 0 && carried > cut {
			k.reset()
			return
		}
		if n > 0 && !k.gone.Load() {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			if rate > 0 {
				free = free.Add(time.Duration(n) * time.Second / time.Duration(rate))
			}
			parcels <- parcel{b[:n], free.Add(k.delay)}
		}
		if err != nil {
			return
		}
	}
}

func arrive(dst net.Conn, parcels <-chan parcel) {
	defer func() { _ = dst.Close() }()
	for p := range parcels {
		time.Sleep(time.Until(p.due)) // the fault itself; none where there is no delay
		_, _ = dst.Write(p.bytes)     // if it is gone, the other direction says so
	}
}

// reset cuts both ends as a machine does that has lost its state.
func (k *link) reset() {
	for _, c := range []net.Conn{k.near, k.far} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}
