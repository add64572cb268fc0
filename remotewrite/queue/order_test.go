package queue

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

// What is delivered of a series ascends in time, whatever the clock does: it is back by seconds or days, stands still, or goes on; series
// come and go with every batch, begin anew, and batches are whole or not. What cannot be delivered so is counted, and nothing else.
func TestTimesAscend(t *testing.T) {
	for seed := range testkit.Seeds(t, 20) {
		r := rand.New(rand.NewPCG(seed, 12))
		fs := crashfs.New()
		o := Options{SegmentBytes: 2500, Endpoints: []string{"a"}}
		newest, last := int64(1_790_000_000_000), map[string]int64{}
		var starts [8]int64
		handed, lost, got := 0, uint64(0), 0
		for range 5 { // lives
			q := openTest(t, fs, o)
			a := mustSubscribe(t, q, "a")
			for range 60 {
				c := source.Cycle{Site: "paris"}
				for range 1 + r.IntN(3) {
					b := source.Batch{T: newest, Partial: r.IntN(2) == 0}
					switch r.IntN(6) {
					case 0:
					case 1:
						b.T -= r.Int64N(int64(30 * 24 * time.Hour / time.Millisecond))
					case 2:
						b.T -= r.Int64N(300_001)
					default:
						b.T += 1 + r.Int64N(3_600_000)
					}
					newest = max(newest, b.T)
					for i := range starts {
						if r.IntN(2) == 0 {
							continue
						}
						if r.IntN(20) == 0 {
							starts[i]++
						}
						m := &source.Metric{Name: fmt.Sprint("m", i), Type: source.Counter, Durable: i%2 == 0}
						b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", starts[i]), Value: r.Float64()})
					}
					handed += len(b.Samples)
					c.Batches = append(c.Batches, b)
				}
				if err := q.Commit(c); err != nil {
					t.Fatal(err)
				}
			}
			got += ascending(t, a, last)
			lost += lossOf(q, "", reasonOrder).Samples
			if r.IntN(2) == 0 {
				testkit.Closed(t, a)
				testkit.Closed(t, q)
			}
			fs = fs.Kill()
		}
		if t.Failed() || got+int(lost) != handed {
			t.Fatalf("seed %d: %d samples delivered and %d lost of %d", seed, got, lost, handed)
		}
	}
}

// ascending reads everything and says how many samples that is, stale markers not included.
func ascending(t *testing.T, s *Subscription, last map[string]int64) (samples int) {
	t.Helper()
	var w window.Window
	for {
		err := s.Fill(&w, 100)
		if errors.Is(err, io.EOF) {
			return samples
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range w.Columns {
			key := w.Dict.Source(c.Series, map[uint32]*source.Metric{}).Key()
			for _, p := range testwindow.Points(&w, i) {
				if p.T <= last[key] {
					t.Errorf("%s: %d comes after %d", key, p.T, last[key])
				}
				last[key] = p.T
				if !source.IsStale(p.V) {
					samples++
				}
			}
		}
		if err := s.Advance(&w, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// What is known of the times of series is the same after a restart: a history that was half read goes on.
func TestHistoryGoesOnAfterARestart(t *testing.T) {
	fs := crashfs.New()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	up := source.NewSeries(&source.Metric{Name: "up", Type: source.Gauge}, "", 0)
	jobs := source.NewSeries(&source.Metric{Name: "jobs_total", Type: source.Counter, Durable: true}, "", 40_000)
	commit := func(at int64, s *source.Series) {
		t.Helper()
		b := source.Batch{T: at, Partial: true, Samples: []source.Sample{{Series: s, Value: 1}}}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	commit(100_000, up)
	commit(40_000, jobs)
	for _, roll := range []bool{false, true} {
		if roll {
			if err := q.roll(); err != nil {
				t.Fatal(err)
			}
		}
		testkit.Closed(t, q)
		q = openTest(t, fs, Options{Endpoints: []string{"a"}})
		commit(map[bool]int64{false: 50_000, true: 60_000}[roll], jobs)
		commit(50_000, jobs)
		if lost := lossOf(q, "", reasonOrder); lost != (record.Totals{Samples: 1}) {
			t.Errorf("rolled %v: lost %v, want the sample that comes twice", roll, lost)
		}
	}
	if got := testwindow.Drain(t, mustSubscribe(t, q, "a")); got.Samples != 4 {
		t.Errorf("delivered %v, want four samples", got)
	}
}

// A head does not grow with what came and went: a year of clients that turn over, a hundred at a time.
func TestHeadHoldsWhatIsAlive(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{SegmentBytes: 32 << 10})
	m := &source.Metric{Name: "last_success", Type: source.Gauge, Durable: true}
	for at := range int64(1000) {
		b := source.Batch{T: 60_000 * (at + 1)}
		for i := range int64(100) {
			b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "client", Value: strconv.FormatInt(at+i, 10)}), Value: float64(at)})
		}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(q.Checkpoint("paris").Series); n != 100 {
		t.Errorf("a checkpoint of %d series, want the 100 that are alive", n)
	}
	if err := q.roll(); err != nil {
		t.Fatal(err)
	}
	if n := len(q.packer.Dict.Series); n < 100 || n > 105 {
		t.Errorf("a head of %d series, want the 100 that are alive, and those that ended just now", n)
	}
}

// Reading a backlog allocates for a segment's head, not for its samples.
func TestFillAllocations(t *testing.T) {
	perWindow := func(n int) float64 {
		q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
		s := mustSubscribe(t, q, "a")
		f := testkit.NewFleet("paris", n, 0.05)
		for range 120 {
			if err := q.Commit(f.Cycle()); err != nil {
				t.Fatal(err)
			}
		}
		var w window.Window
		for range 5 { // buffers grow
			if err := s.Fill(&w, n); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(100, func() {
			if err := s.Fill(&w, n); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := perWindow(100), perWindow(3000)
	if few > 10 || many > 10 {
		t.Errorf("%v allocations for 100 samples, %v for 3000, want at most 10", few, many)
	}
}
