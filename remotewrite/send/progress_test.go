package send

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

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
)

// busyAfter is a receiver that takes so many requests and is busy from then on.
func busyAfter(r *receiver.Receiver, requests int) {
	r.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	r.Script(make([]receiver.Answer, requests)...)
}

// deliverFor runs an endpoint over a queue until nothing happens any more.
func deliverFor(t *testing.T, fs *crashfs.FS, c Config, r *receiver.Receiver) (Stats, *sink) {
	t.Helper()
	q := testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
	defer testkit.Closed(t, q)
	from := testqueue.Subscribe(t, q, "e")
	defer testkit.Closed(t, from)
	rejected := &sink{}
	c.Name, c.URL, c.Transport = "e", "http://r.test", testkit.Loopback{To: r}
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
	for name, way := range uncertain {
		for keep, again := range map[crashfs.Keep]bool{crashfs.KeepAll: false, crashfs.KeepNone: true} {
			for _, shards := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s, %v, %d at a time", name, keep, shards), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						fs := crashfs.New()
						q := testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
						testkit.Closed(t, testqueue.Subscribe(t, q, "e")) // its place is before everything
						testkit.Commit(t, q, testkit.NewFleet("paris", series, 1), cycles)
						testkit.Closed(t, q)
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
	for _, s := range testkit.Data(r) {
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
