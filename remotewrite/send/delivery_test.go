package send

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// The whole way: cycles are committed, an endpoint delivers them, the receiver is away for a while, the agent is started again,
// and in the end every point is at the receiver once and in order.
func TestFromCommitToReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metric := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs.", Durable: true}
		var series []*source.Series
		for i := range 50 {
			series = append(series, source.NewSeries(metric, "", 0, source.Label{Name: "policy", Value: fmt.Sprint("p", i)}))
		}
		r := receiver.New(receiver.Options{Ordered: true})
		fs := crashfs.New()
		minute := 0
		cycles := func(q *queue.Queue, n int) {
			for range n {
				minute++
				b := source.Batch{T: testwindow.Time + int64(minute)*60_000}
				for i, s := range series {
					if minute != 90 || i != 7 { // one is away for a cycle
						b.Samples = append(b.Samples, source.Sample{Series: s, Value: float64(minute * i)})
					}
				}
				if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		life := func(during func(*queue.Queue)) {
			q := testqueue.On(t, fs, queue.Options{SegmentBytes: 3000, Endpoints: []string{"e"}})
			defer testkit.Closed(t, q)
			from := testqueue.Subscribe(t, q, "e")
			defer testkit.Closed(t, from)
			e, err := NewEndpoint(Config{Name: "e", URL: "http://r.test", MaxSamples: 700, Transport: testkit.Loopback{To: r}}, from, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := e.Run(ctx, time.Second); err != nil {
					t.Error(err)
				}
			})
			during(q)
			cancel()
			wg.Wait()
		}
		life(func(q *queue.Queue) {
			cycles(q, 20)
			synctest.Wait()
			r.Always(&receiver.Answer{Status: 503})
			cycles(q, 40)
			time.Sleep(time.Hour)
		})
		life(func(q *queue.Queue) {
			cycles(q, 40)
			r.Always(nil)
			time.Sleep(time.Hour)
			cycles(q, 5)
		})
		for i, s := range testkit.Data(r) {
			if len(s.Points) != 105 || s.Metadata.Help != "Finished jobs." {
				t.Fatalf("series %d has %d points: %+v", i, len(s.Points), s.Metadata)
			}
			stale := 0
			for k, p := range s.Points {
				if p.T != testwindow.Time+int64(k+1)*60_000 {
					t.Fatalf("point %d is at %d", k, p.T)
				}
				if p.Stale() {
					stale++
				}
			}
			if want := map[bool]int{true: 1}[s.Label("policy") == "p7"]; stale != want {
				t.Errorf("%s has %d stale markers", s.Key(), stale)
			}
		}
	})
}

// The cursor moves on a verdict and on nothing else, be it an answer that never comes, a 503 or a pause; and where it
// is survives the end of the program: neither is a delivered cycle sent again nor one that was under way left out.
func TestTheCursorMovesOnAVerdictAndSurvives(t *testing.T) {
	for name, c := range map[string]struct {
		answer receiver.Answer
		moves  bool
	}{
		"taken":        {receiver.Answer{}, true},
		"refused":      {receiver.Answer{Status: 400}, false}, // everything: the receiver is wrong, not the samples
		"stalled":      {receiver.Answer{Delay: time.Hour}, false},
		"busy":         {receiver.Answer{Status: 503}, false},
		"rate limited": {receiver.Answer{Status: 429}, false},
		"unauthorized": {receiver.Answer{Status: 401}, false},
		"lost answer":  {receiver.Answer{Drop: receiver.DropAnswer}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := crashfs.New()
				f := testkit.NewFleet("paris", 5, 1)
				r := receiver.New(receiver.Options{})
				r.Always(&c.answer)
				live := func(commit bool) {
					q := testqueue.On(t, fs, queue.Options{Endpoints: []string{"e"}})
					defer testkit.Closed(t, q)
					from := testqueue.Subscribe(t, q, "e")
					defer testkit.Closed(t, from)
					if commit {
						if err := q.Commit(f.Cycle()); err != nil {
							t.Fatal(err)
						}
					}
					g := newRig(t, Config{Transport: testkit.Loopback{To: r}}, receiver.Options{})
					g.endpoint.feed = from
					g.run(t, func() { time.Sleep(time.Minute) })
				}
				live(true)
				before := len(r.Requests())
				r.Always(nil)
				live(false)
				again := len(r.Requests()) > before
				if again == c.moves {
					t.Errorf("sent again after a restart: %t, the cursor moves: %t", again, c.moves)
				}
				if got := len(testkit.Data(r)); got != 5 {
					t.Errorf("%d series arrived", got)
				}
			})
		})
	}
}
