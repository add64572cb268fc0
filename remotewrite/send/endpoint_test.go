package send

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
	"backwire/source"
)

// tape is a feed that plays windows one after the other.
type tape struct {
	mu       sync.Mutex
	windows  []*window.Window
	advanced int
	more     chan struct{}
	fails    error  // answered once
	note     []byte // the last one
}

func newTape(windows ...*window.Window) *tape {
	return &tape{windows: windows, more: make(chan struct{}, 1)}
}

func (f *tape) push(w *window.Window) {
	f.mu.Lock()
	f.windows = append(f.windows, w)
	f.mu.Unlock()
	f.more <- struct{}{}
}

func (f *tape) Fill(w *window.Window, _ int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fails; err != nil {
		f.fails = nil
		return err
	}
	if f.advanced == len(f.windows) {
		return io.EOF
	}
	*w = *f.windows[f.advanced]
	return nil
}

func (f *tape) Advance(_ *window.Window, note []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.note = slices.Clone(note); note != nil {
		return nil
	}
	f.advanced++
	return nil
}

func (f *tape) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.more:
		return nil
	}
}

func (f *tape) place() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.advanced
}

// sink keeps rejections.
type sink struct {
	mu  sync.Mutex
	all []Rejection
}

func (s *sink) Reject(r Rejection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, r)
	return nil
}

// points are all rejected samples.
func (s *sink) points() []RejectedPoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []RejectedPoint
	for _, r := range s.all {
		for _, series := range r.Series {
			out = append(out, series.Points...)
		}
	}
	return out
}

// rig is an endpoint, its feed and its receiver.
type rig struct {
	receiver *receiver.Receiver
	tape     *tape
	sink     *sink
	endpoint *Endpoint
	log      *bytes.Buffer
}

func newRig(t *testing.T, c Config, o receiver.Options, windows ...*window.Window) *rig {
	t.Helper()
	g := &rig{receiver: receiver.New(o), tape: newTape(windows...), sink: &sink{}, log: &bytes.Buffer{}}
	c.Name = "test"
	if c.URL == "" {
		c.URL = "http://receiver.test/api/v1/push"
	}
	if c.Transport == nil && c.Dial == nil {
		c.Transport = testkit.Loopback{To: g.receiver}
	}
	var err error
	g.endpoint, err = NewEndpoint(c, g.tape, g.sink, slog.New(slog.NewTextHandler(g.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	g.endpoint.met = true // the first canary has its own tests
	return g
}

// run runs the endpoint until everything durably blocks, lets see, and stops it.
func (g *rig) run(t *testing.T, see func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.endpoint.Run(ctx, time.Second); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	see()
	cancel()
	wg.Wait()
}

// stored compares what the receiver has with windows, series by series.
func (g *rig) stored(t *testing.T, windows ...*window.Window) {
	t.Helper()
	want := map[string][]window.Point{}
	for _, w := range windows {
		var k window.Walk
		for _, c := range w.Columns {
			key := testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[c.Series], g.endpoint.config.ExternalLabels))
			want[key] = k.Runs(w, &c).Points(want[key])
		}
	}
	series := testkit.Data(g.receiver)
	if len(series) != len(want) {
		t.Errorf("%d series stored, want %d", len(series), len(want))
	}
	for _, s := range series {
		var got []window.Point
		for _, p := range s.Points {
			got = append(got, window.Point{T: p.T, V: p.V})
		}
		if !slices.Equal(got, want[s.Key()]) {
			t.Fatalf("%s: got %v, want %v", s.Key(), got, want[s.Key()])
		}
	}
}

func (g *rig) statuses() string {
	var out []string
	for _, r := range g.receiver.Requests() {
		out = append(out, strconv.Itoa(r.Status))
	}
	return strings.Join(out, " ")
}

func TestEndpointDelivers(t *testing.T) {
	for _, c := range []Config{
		{Protocol: "auto"},
		{Protocol: "1.0"},
		{Protocol: "2.0", ExternalLabels: []source.Label{{Name: "cluster", Value: "eu"}, {Name: "site", Value: "nowhere"}}},
		{Concurrency: 4, MaxSamples: 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			windows := []*window.Window{testwindow.New(100, 10), testwindow.Later(100, 10, time.Hour), testwindow.Later(100, 1, 2*time.Hour)}
			g := newRig(t, c, receiver.Options{Ordered: true}, windows[:2]...)
			g.run(t, func() {
				g.tape.push(windows[2]) // a live one
				synctest.Wait()
			})
			g.stored(t, windows...)
			if got := g.tape.place(); got != 3 {
				t.Errorf("at window %d", got)
			}
			s := g.endpoint.Stats()
			if s.Samples != 2100 || s.Pending != 0 || s.HighestSent != windows[2].Newest || len(s.Rejected) != 0 {
				t.Errorf("stats %+v", s)
			}
			if g.log.Len() > 0 {
				t.Errorf("nothing happened, and the log says %s", g.log)
			}
		})
	}
}

func TestRequestsKeepTheirLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(7, 1000)
		g := newRig(t, Config{MaxSamples: 300}, receiver.Options{Ordered: true}, w)
		g.run(t, func() {})
		g.stored(t, w)
		for _, r := range g.receiver.Requests() {
			if r.Samples > 300 || r.Samples == 0 {
				t.Errorf("request of %d samples", r.Samples)
			}
		}
	})
}

func TestASeriesTravelsOnceWithAllItsPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(1000, 20)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.run(t, func() {})
		if r := g.receiver.Requests(); len(r) != 1 || r[0].Series != 1000 || r[0].Samples != 20_000 {
			t.Errorf("%d requests, the first of %d series", len(r), r[0].Series)
		}
	})
}

func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Tenant: "acme", Headers: map[string]string{"x-extra": "1"}, UserAgent: "backwire/1.2", Username: "me", Password: "secret"}
		g := newRig(t, c, receiver.Options{}, testwindow.New(1, 1))
		g.receiver.Script(receiver.Answer{Status: 503}, receiver.Answer{Status: 503})
		g.run(t, func() { time.Sleep(time.Second) })
		reqs := g.receiver.Requests()
		for name, want := range map[string]string{
			"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
			"X-Prometheus-Remote-Write-Version": "2.0.0", "User-Agent": "backwire/1.2", "X-Scope-Orgid": "acme", "X-Extra": "1", "Retry-Attempt": "",
		} {
			if got := reqs[0].Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if a, b := reqs[1].Header.Get("Retry-Attempt"), reqs[2].Header.Get("Retry-Attempt"); a != "1" || b != "2" {
			t.Errorf("Retry-Attempt is %q, then %q", a, b)
		}
		if s := g.endpoint.Stats(); s.Retried != 2 {
			t.Errorf("%d samples retried", s.Retried)
		}
	})
}

func TestReservedHeadersAreRefused(t *testing.T) {
	for _, name := range []string{"Content-Encoding", "content-type", "X-Prometheus-Remote-Write-Version", "user-agent", "Authorization", "Retry-Attempt"} {
		_, err := NewEndpoint(Config{Name: "a", URL: "http://x", Headers: map[string]string{name: "x"}}, newTape(), nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), http.CanonicalHeaderKey(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewEndpoint(Config{Protocol: "3.0"}, newTape(), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("protocol 3.0 is known")
	}
}

func TestSamplesTooOldAreLeftOutAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Later(10, 10, time.Since(time.UnixMilli(testwindow.Time+9*60_000))) // one a minute, the last one now
		g := newRig(t, Config{MaxSampleAge: 4 * time.Minute}, receiver.Options{}, w)
		g.run(t, func() {})
		s := g.endpoint.Stats()
		if s.Samples != 50 || s.Dropped["too_old"] != 50 || s.Pending != 0 || g.tape.place() != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A proxy's login page in the receiver's place takes nothing from the queue.
func TestPageIsNoDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{Protocol: "1.0"}, receiver.Options{}, w)
		g.receiver.Script(receiver.Answer{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Sign in</html>"})
		g.run(t, func() { time.Sleep(2 * time.Minute) })
		g.stored(t, w)
		if g.statuses() != "200 204" {
			t.Errorf("answered %s", g.statuses())
		}
	})
}

// A request that is under way at the end is not cut off, or its samples would be sent twice.
func TestStopLetsTheRequestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{}, receiver.Options{}, w, testwindow.Later(10, 1, time.Hour))
		g.receiver.Script(receiver.Answer{Delay: 500 * time.Millisecond})
		g.run(t, func() {})
		g.stored(t, w, testwindow.Later(10, 1, time.Hour))
		if g.statuses() != "204 204" || g.tape.place() != 2 {
			t.Errorf("answered %s, at window %d", g.statuses(), g.tape.place())
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	for name, a := range map[string]receiver.Answer{
		"stalled": {Delay: time.Hour}, "busy": {Status: 503}, "unauthorized": {Status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, receiver.Options{}, testwindow.New(1, 1))
				g.receiver.Always(&a)
				start := time.Now()
				g.run(t, func() {})
				if took := time.Since(start); took > time.Second {
					t.Errorf("stopped after %s", took)
				}
				if g.tape.place() != 0 {
					t.Error("the place moved without a verdict")
				}
			})
		})
	}
}

func TestQueueThatCannotBeReadIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(1, 1)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.tape.fails = errors.New("input/output error")
		g.run(t, func() { time.Sleep(2 * queueRetry) })
		g.stored(t, w)
		if !strings.Contains(g.log.String(), "input/output error") {
			t.Error("the log says nothing")
		}
	})
}
