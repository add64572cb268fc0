package send

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
)

// watched is a feed that tells when the endpoint waits for more: everything has its verdict then.
type watched struct {
	feed
	once sync.Once
	all  chan struct{}
}

func watch(f feed) *watched { return &watched{feed: f, all: make(chan struct{})} }

func (w *watched) Wait(ctx context.Context) error {
	w.once.Do(func() { close(w.all) })
	return w.feed.Wait(ctx)
}

// newNetworkRig is a rig with sockets, the client that production has, and a line whose faults a test chooses.
func newNetworkRig(t *testing.T, c Config, o receiver.Options, windows ...*window.Window) (*rig, *line) {
	t.Helper()
	g := &rig{receiver: receiver.New(o), tape: newTape(windows...), sink: &sink{}, log: &bytes.Buffer{}}
	server := httptest.NewServer(g.receiver)
	t.Cleanup(server.Close)
	l, address := listenLine(t, server.Listener.Addr().String())
	if c.URL == "" {
		c.URL = "http://" + address
	}
	c.URL = strings.Replace(c.URL, "PORT", address[strings.LastIndexByte(address, ':')+1:], 1)
	c.Name = "test"
	var err error
	if g.endpoint, err = NewEndpoint(c, g.tape, g.sink, slog.New(slog.NewTextHandler(g.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.endpoint.client.http.CloseIdleConnections)
	return g, l
}

// deliver runs the endpoint until nothing is left to deliver.
func (g *rig) deliver(t *testing.T, within time.Duration) {
	t.Helper()
	all := watch(g.endpoint.feed)
	g.endpoint.feed = all
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.endpoint.Run(ctx, 0) }()
	select {
	case <-all.all:
	case <-ctx.Done():
		t.Errorf("not delivered: %+v", g.endpoint.Stats())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

const shortTimeout = 300 * time.Millisecond

// The receiver refuses what is out of order, so what it has in the end came in order; each point once.
func TestConnectionResetMidBody(t *testing.T) {
	t.Parallel()
	w := testwindow.New(1000, 10)
	g, l := newNetworkRig(t, Config{MaxSamples: 4000}, receiver.Options{Ordered: true}, w)
	l.plan(fault{cut: 1}, fault{cut: 2000}, fault{cut: 30_000})
	g.deliver(t, time.Minute)
	g.stored(t, w)
	s := g.endpoint.Stats()
	if len(l.carried()) < 4 || s.Requests["error"] < 3 || len(g.sink.all) > 0 {
		t.Errorf("%d connections, stats %+v, rejected %v", len(l.carried()), s, g.sink.all)
	}
}

// newMemoryRig is such a rig in memory, for a bubble: no machine is too busy there for a short timeout.
func newMemoryRig(t *testing.T, c Config, windows ...*window.Window) (*rig, *line) {
	t.Helper()
	r := receiver.New(receiver.Options{Ordered: true})
	l := serveLine(t, r, fault{})
	c.Dial = l.dial
	g := newRig(t, c, receiver.Options{}, windows...)
	g.receiver = r
	return g, l
}

// A receiver that takes the connection and never says a word costs the timeout, each time, and no more.
func TestReceiverThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(100, 10)
		g, l := newMemoryRig(t, Config{Timeout: shortTimeout}, w)
		l.plan(fault{dark: true}, fault{dark: true})
		g.deliver(t, time.Minute)
		g.stored(t, w)
		keepsDeadline(t, l.carried()[:2])
	})
}

// keepsDeadline wants connections given up at the timeout.
func keepsDeadline(t *testing.T, links []*link) {
	t.Helper()
	for i, k := range links {
		<-k.left
		if took := k.closed.Sub(k.opened); took != shortTimeout {
			t.Errorf("connection %d was given up after %s, the timeout is %s", i, took, shortTimeout)
		}
	}
}

// A connection that was good and has nobody behind it any more, as after a firewall forgot it, is left at the timeout for a new one.
func TestHalfOpenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := testwindow.New(100, 10), testwindow.Later(100, 10, time.Hour)
		g, l := newMemoryRig(t, Config{Timeout: shortTimeout}, first)
		g.deliver(t, time.Minute)
		l.darken()
		g.tape.windows = append(g.tape.windows, second)
		g.deliver(t, time.Minute)
		g.stored(t, first, second)
		links := l.carried()
		if len(links) != 2 {
			t.Fatalf("%d connections", len(links))
		}
		keepsDeadline(t, links[:1])
	})
}

// Over sockets a receiver that says nothing, and then one that is gone, are left for a new connection as well. What time
// that takes is the machine's, so that only the timeout itself is sure to pass.
func TestSilentReceiverOverSockets(t *testing.T) {
	t.Parallel()
	const timeout = 5 * time.Second
	first, second := testwindow.New(100, 10), testwindow.Later(100, 10, time.Hour)
	g, l := newNetworkRig(t, Config{Timeout: timeout}, receiver.Options{Ordered: true}, first)
	l.plan(fault{dark: true})
	start := time.Now()
	g.deliver(t, time.Minute)
	l.darken()
	g.tape.windows = append(g.tape.windows, second)
	g.deliver(t, time.Minute)
	g.stored(t, first, second)
	if n, took := len(l.carried()), time.Since(start); n < 3 || took < 2*timeout {
		t.Errorf("%d connections in %s: %+v", n, took, g.endpoint.Stats())
	}
}

// On HTTP/2 a request that times out leaves its connection in use, so a half-open one would take every request that follows.
// It is pinged after a minute of silence, and left when nobody answers.
func TestHalfOpenHTTP2Connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := newIdentity(t, "receiver")
		first, second := testwindow.New(100, 10), testwindow.Later(100, 10, time.Hour)
		r := receiver.New(receiver.Options{Ordered: true})
		l := serveLine(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.ProtoMajor != 2 {
				t.Errorf("spoken is %s", req.Proto)
			}
			r.ServeHTTP(w, req)
		}), fault{}, id.pair)
		g := newRig(t, Config{URL: "https://127.0.0.1/", CAFile: id.certFile, Dial: l.dial}, receiver.Options{}, first)
		g.receiver = r
		g.deliver(t, time.Minute)
		l.darken()
		g.tape.windows = append(g.tape.windows, second)
		start := time.Now()
		g.deliver(t, time.Hour)
		g.stored(t, first, second)
		if took := time.Since(start); took < 30*time.Second || took > 3*time.Minute {
			t.Errorf("delivered after %s: %+v", took, g.endpoint.Stats())
		}
		if n := len(l.carried()); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
}

// A receiver that reads so slowly that a request does not fit into the timeout gets smaller ones. It may have had
// a request whose answer was too late, so points may come twice, but none is missing and no new one comes late.
func TestReceiverThatReadsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(1000, 20)
		r := receiver.New(receiver.Options{})
		g := newRig(t, Config{Timeout: time.Second, Dial: serveLine(t, r, fault{rate: 20_000}).dial}, receiver.Options{}, w)
		g.receiver = r
		g.deliver(t, time.Minute)
		g.holds(t, w, 20_000)
		for _, s := range testkit.Data(r) {
			newest, seen := int64(0), map[int64]bool{}
			for _, p := range s.Points {
				if p.T < newest && !seen[p.T] {
					t.Fatalf("%s: %d is new and comes after %d", s.Key(), p.T, newest)
				}
				newest, seen[p.T] = max(newest, p.T), true
			}
		}
		if n := g.endpoint.sizing.limits().Samples; n >= 20_000 {
			t.Errorf("still %d samples a request", n)
		}
	})
}

// addressBook answers for every name with the loopback address, after so many questions that it fails.
type addressBook struct{ failures atomic.Int32 }

func (n *addressBook) serve(c net.PacketConn) {
	b := make([]byte, 1500)
	for {
		size, from, err := c.ReadFrom(b)
		if err != nil {
			return // closed
		}
		var m dnsmessage.Message
		if m.Unpack(b[:size]) != nil {
			continue
		}
		m.Response, m.Additionals = true, nil
		q := m.Questions[0]
		switch {
		case n.failures.Add(-1) >= 0:
			m.RCode = dnsmessage.RCodeServerFailure
		case q.Type == dnsmessage.TypeA:
			h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
			m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
		}
		if out, err := m.Pack(); err == nil {
			_, _ = c.WriteTo(out, from)
		}
	}
}

// resolveBy makes this process ask one DNS server until the test ends. The test must not be parallel.
func resolveBy(t *testing.T, n *addressBook) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { n.serve(c) })
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		testkit.Closed(t, c)
		wg.Wait()
	})
}

// A name that cannot be resolved is asked for again until it can.
func TestDNSFailsAndComesBack(t *testing.T) {
	n := &addressBook{}
	n.failures.Store(20) // a lookup asks for two kinds of address, several times
	resolveBy(t, n)
	w := testwindow.New(100, 10)
	g, _ := newNetworkRig(t, Config{URL: "http://receiver.backwire.test:PORT/"}, receiver.Options{Ordered: true}, w)
	g.deliver(t, time.Minute)
	g.stored(t, w)
	if !strings.Contains(g.log.String(), "lookup receiver.backwire.test") || g.endpoint.Stats().Requests["error"] < 2 {
		t.Errorf("stats %+v, the log says %s", g.endpoint.Stats(), g.log)
	}
}

// longLine is a way around the world: 300 ms there and back, 2 % of packets lost. What a TCP connection carries over it is
// 1.22 packets of 1448 bytes a round trip and square root of the loss (Mathis et al., 1997), 41.7 kB a second. The
// kernel's own emulation (tc netem) is missing on many machines that build.
var longLine = fault{delay: 150 * time.Millisecond, rate: 41_700}

// A day's backlog over such a line: 20,000 samples a minute are made, and at least ten times as many are delivered.
func TestADaysBacklogOverALongLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cycles = 24 * 60
		q := testqueue.On(t, crashfs.New(), queue.Options{Endpoints: []string{"e"}})
		defer testkit.Closed(t, q)
		f := testkit.NewFleet("paris", 500, 0.05)
		first := f.T + 60_000
		for range cycles {
			if err := q.Commit(f.Cycle()); err != nil {
				t.Fatal(err)
			}
		}
		from := testqueue.Subscribe(t, q, "e")
		defer testkit.Closed(t, from)
		r := receiver.New(receiver.Options{Ordered: true})
		g := newRig(t, Config{Dial: serveLine(t, r, longLine).dial}, receiver.Options{})
		g.endpoint.feed = from
		start := time.Now() // of the bubble: what is measured is the line, not this machine
		g.deliver(t, time.Hour)
		took := time.Since(start)
		series := testkit.Data(r)
		if len(series) != 500 || len(g.sink.all) > 0 {
			t.Fatalf("%d series, rejected %v", len(series), g.sink.all)
		}
		for _, s := range series {
			if len(s.Points) != cycles || s.Points[0].T != first || s.Last().T != f.T {
				t.Fatalf("%s: %d points", s.Key(), len(s.Points))
			}
		}
		rate := 500 * cycles / took.Seconds()
		if rate < 10*20_000/60 {
			t.Errorf("%.0f samples a second", rate)
		}
		t.Logf("%.0f samples a second: a day of 20,000 series a minute in %.0f minutes", rate, 20_000*cycles/rate/60)
	})
}

// One endpoint's receiver is dead, another's never answers: the third has each cycle as soon as it is committed.
func TestADeadEndpointDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := testqueue.On(t, crashfs.New(), queue.Options{Endpoints: []string{"good", "dead", "stalled"}})
		defer testkit.Closed(t, q)
		good := receiver.New(receiver.Options{Ordered: true})
		stalled := receiver.New(receiver.Options{})
		stalled.Always(&receiver.Answer{Delay: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		for name, to := range map[string]http.RoundTripper{"good": testkit.Loopback{To: good}, "stalled": testkit.Loopback{To: stalled}, "dead": refusing{}} {
			from := testqueue.Subscribe(t, q, name)
			e, err := NewEndpoint(Config{Name: name, URL: "http://r.test", Transport: to}, from, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				_ = e.Run(ctx, 0)
				testkit.Closed(t, from)
			})
		}
		f := testkit.NewFleet("paris", 50, 0.05)
		for i := range 120 {
			committed := time.Now()
			if err := q.Commit(f.Cycle()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if r := good.Requests(); len(r) != i+2 || !r[i+1].Time.Equal(committed) { // the first is the canary
				t.Fatalf("cycle %d: %d requests, the last %s later", i, len(r), r[len(r)-1].Time.Sub(committed))
			}
			time.Sleep(time.Minute)
		}
		if n := len(stalled.Requests()); n < 60 {
			t.Errorf("the stalled receiver was asked %d times in two hours", n)
		}
	})
}

// refusing is a machine where nothing listens.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.UnknownNetworkError("refused")}
}
