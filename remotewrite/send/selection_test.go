package send

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// Two endpoints of one queue, over windows that are filled again and again and over segments: each has all of
// the metrics that it wants, with the end of a series, and nothing of the others.
func TestMetricsThatAreNotWantedStayHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const series, cycles = 40, 30
		q := testqueue.On(t, crashfs.New(), queue.Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}})
		defer testkit.Closed(t, q)
		var places []*queue.Subscription
		defer func() {
			for _, p := range places {
				testkit.Closed(t, p)
			}
		}()
		fed := func(name string, c Config) (*Endpoint, *receiver.Receiver) {
			r := receiver.New(receiver.Options{Ordered: true})
			c.Name, c.URL, c.Transport, c.MaxSamples = name, "http://r.test", testkit.Loopback{To: r}, 70
			from := testqueue.Subscribe(t, q, name)
			places = append(places, from)
			e, err := NewEndpoint(c, from, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return e, r
		}
		a, atA := fed("a", Config{Protocol: "2.0", Drop: regexp.MustCompile("^(?:nbu_job_.*)$")})
		b, atB := fed("b", Config{Protocol: "1.0", Keep: regexp.MustCompile("^(?:nbu_job_.*)$"), Drop: regexp.MustCompile("^(?:nbu_job_files_total)$")})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, e := range []*Endpoint{a, b} {
			wg.Go(func() {
				if err := e.Run(ctx, time.Second); err != nil {
					t.Error(err)
				}
			})
		}
		f := testkit.NewFleet("paris", series, 0.3)
		for range cycles {
			testkit.Commit(t, q, f, 1)
			synctest.Wait()
		}
		f.T += 60_000
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{{T: f.T}}}); err != nil { // all end
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		for _, c := range []struct {
			endpoint *Endpoint
			at       *receiver.Receiver
			want     []string
		}{
			{a, atA, []string{"nbu_jobs_completed_total"}},
			{b, atB, []string{"nbu_job_bytes_total", "nbu_job_moved_bytes_total"}},
		} {
			wanted := series / 4 * len(c.want)
			if got := len(testkit.Data(c.at)); got != wanted {
				t.Errorf("%s: %d series, want %d", c.endpoint.config.Name, got, wanted)
			}
			if _, told := c.at.Family("nbu_job_files_total"); told {
				t.Errorf("%s: metadata of a metric that is not wanted", c.endpoint.config.Name)
			}
			for _, name := range c.want {
				for _, s := range c.at.Select(name) {
					if len(s.Points) != cycles+1 || !s.Last().Stale() {
						t.Errorf("%s: %d points, the last %v: want %d with the end", s.Key(), len(s.Points), s.Last(), cycles+1)
					}
				}
			}
			stats := c.endpoint.Stats()
			if want := uint64((series - wanted) * (cycles + 1)); stats.Filtered != want || len(stats.Dropped) != 0 || stats.Pending != 0 {
				t.Errorf("%s: filtered %d, want %d; dropped %v, pending %d", c.endpoint.config.Name, stats.Filtered, want, stats.Dropped, stats.Pending)
			}
			if lag := q.Stats().Cursors[0].Lag; lag != (record.Totals{}) {
				t.Errorf("%s: lag %v", c.endpoint.config.Name, lag)
			}
		}
	})
}
