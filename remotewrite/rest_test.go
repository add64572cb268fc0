package remotewrite

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
)

// busyAfter is a receiver that takes so many requests and is busy from then on.
func busyAfter(r *receiver.Receiver, requests int) {
	r.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	r.Script(make([]receiver.Answer, requests)...)
}

// deliverFor runs an endpoint over a queue until nothing happens any more.
func deliverFor(t *testing.T, fs *crashfs.FS, c EndpointConfig, r *receiver.Receiver) (Stats, *sink) {
	t.Helper()
	q := openTest(t, fs, Options{Endpoints: []string{"e"}})
	defer closed(t, q)
	from := mustSubscribe(t, q, "e")
	defer closed(t, from)
	rejected := &sink{}
	c.Name, c.URL, c.Transport = "e", "http://r.test", wire{r}
	e, err := NewEndpoint(c, from, rejected, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(time.Minute) // of the test's clock
	cancel()
	running.Wait()
	return e.Stats(), rejected
}

// A run that ends within a window sends only the rest of it again after a kill; after a power loss, which costs
// the note, all of it. Whatever the receiver is like, it has each point, and nothing is called rejected.
func TestEndWithinAWindow(t *testing.T) {
	const series, cycles, requests = 50, 40, 20
	for name, way := range doubtful {
		for keep, again := range map[crashfs.Keep]bool{crashfs.KeepAll: false, crashfs.KeepNone: true} {
			for _, shards := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s, %v, %d at a time", name, keep, shards), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						fs := crashfs.New()
						q := openTest(t, fs, Options{Endpoints: []string{"e"}})
						closed(t, mustSubscribe(t, q, "e")) // its place is before everything
						commitCycles(t, q, newFleet("paris", series, 1), cycles)
						closed(t, q)
						c, r := way.config, receiver.New(way.options)
						c.MaxSamples, c.Concurrency = series*cycles/requests, shards
						busyAfter(r, 7)
						deliverFor(t, fs, c, r)
						before := sent(r)

						r.Always(nil)
						fs = fs.Restart(keep, rand.New(rand.NewPCG(1, 1)))
						stats, rejected := deliverFor(t, fs, c, r)
						if n := len(rejected.points()); n > 0 || stats.Pending != 0 {
							t.Errorf("%d samples are rejected, %d pending", n, stats.Pending)
						}
						if got := sentOnce(r); got != series*cycles {
							t.Errorf("the receiver has %d points, want %d", got, series*cycles)
						}
						if more := sent(r) - before; !again && more != series*cycles-before {
							t.Errorf("%d samples were sent again and after", more)
						}
					})
				})
			}
		}
	}
}

// sentOnce is how many different points a receiver has.
func sentOnce(r *receiver.Receiver) (n int) {
	for _, s := range data(r) {
		slices.SortFunc(s.Points, func(a, b receiver.Point) int { return int(a.T - b.T) })
		n += len(slices.CompactFunc(s.Points, func(a, b receiver.Point) bool { return a.T == b.T }))
	}
	return n
}

// sent is how many samples were sent, the canary and those of requests that a script answered left out.
func sent(r *receiver.Receiver) (n int) {
	for _, q := range r.Requests() {
		if q.Samples > 1 {
			n += q.Samples
		}
	}
	return n
}

// A note is believed only by the window that it was made of.
func TestNoteOfAnotherWindow(t *testing.T) {
	w := testWindow(10, 20)
	left := []span{{place{3, 7}, place{5, 0}}, {place{8, 0}, place{10, 0}}}
	note := appendSpans(w.appendIdentity(nil), left)
	if got := parseRest(w, note); !slices.Equal(got, left) {
		t.Errorf("left %v, want %v", got, left)
	}
	for n := range note {
		if got := parseRest(w, note[:n]); len(got) > 1 {
			t.Errorf("cut at %d: %v", n, got)
		}
	}
	others := only(w, 0, 10)
	others.columns = slices.Concat(w.columns[1:], w.columns[:1])
	for name, other := range map[string]*window{
		"other series": testWindow(11, 20), "other points": testWindow(10, 19), "another time": later(10, 20, time.Minute),
		"the same number of others": others,
	} {
		if got := parseRest(other, note); got != nil {
			t.Errorf("%s: left %v", name, got)
		}
	}
	for _, wrong := range []span{{place{0, 0}, place{11, 0}}, {place{0, 20}, place{1, 0}}} {
		if got := parseRest(w, appendSpans(w.appendIdentity(nil), []span{wrong})); got != nil {
			t.Errorf("%v is believed", wrong)
		}
	}
}
