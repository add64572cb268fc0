package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// A week without the endpoint, then everything arrives, in order and to the last value. 200 series
// here; 20,000 where BACKWIRE_TEST_WEEK is full.
func TestWeek(t *testing.T) {
	series := 200
	if os.Getenv("BACKWIRE_TEST_WEEK") == "full" {
		series = 20_000
	}
	const cycles = 7 * 24 * 60
	q := testqueue.In(t, t.TempDir(), queue.Options{Endpoints: []string{"a"}})
	s := testqueue.Subscribe(t, q, "a")
	f := testkit.NewFleet("paris", series, 0.05)
	first := f.T
	began := time.Now()
	for range cycles {
		if err := q.Commit(f.Cycle()); err != nil {
			t.Fatal(err)
		}
	}
	queued := time.Since(began)
	stats := q.Stats()
	began = time.Now()
	got := make(map[string]int64, series) // the time of the last point
	values := make(map[string]float64, series)
	var w window.Window
	for {
		err := s.Fill(&w, 400_000)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		take(t, &w, first, got, values)
		if err := s.Advance(&w, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, sample := range f.Samples {
		key := f.Series[i].Key()
		if got[key] != f.T || values[key] != sample.Value {
			t.Fatalf("%s ends at %d with %v, want %d with %v", key, got[key], values[key], f.T, sample.Value)
		}
	}
	t.Logf("%d samples: queued in %v, %d bytes in %d segments (%.2f bytes a sample), drained in %v",
		stats.Written.Samples, queued.Round(time.Millisecond), stats.Bytes, stats.Segments,
		float64(stats.Bytes)/float64(stats.Written.Samples), time.Since(began).Round(time.Millisecond))
	if err := errors.Join(s.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
}

// take checks that each series has a point every minute and notes the last.
func take(t *testing.T, w *window.Window, first int64, got map[string]int64, values map[string]float64) {
	t.Helper()
	for i := range w.Columns {
		c := &w.Columns[i]
		key := w.Dict.Source(c.Series, map[uint32]*source.Metric{}).Key()
		last := got[key]
		if last == 0 {
			last = first
		}
		points := testwindow.Points(w, i)
		for _, p := range points {
			if p.T != last+60_000 {
				t.Fatalf("%s has a point at %d after one at %d", key, p.T, last)
			}
			last = p.T
		}
		got[key], values[key] = last, points[len(points)-1].V
	}
}

// Memory does not grow with the backlog: at 1 segment and at 200 the same, within 4 MiB.
func TestMemoryOfBacklog(t *testing.T) {
	heap, rss := backlogMemory(t)
	if build, known := debug.ReadBuildInfo(); known && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		rss = 0 // the detector keeps a shadow of all memory that ever was used
	}
	if heap > 4<<20 || rss > 4<<20 {
		t.Errorf("200 segments take %d bytes of heap and %d of memory more than one", heap, rss)
	}
}

func BenchmarkBacklogMemory(b *testing.B) {
	rss := int64(0)
	for b.Loop() {
		_, rss = backlogMemory(b)
	}
	b.ReportMetric(float64(rss)/(1<<20), "MiB-grown")
}

// backlogMemory is how much more a queue takes at 200 segments than at one.
func backlogMemory(tb testing.TB) (heap, rss int64) {
	tb.Helper()
	q := testqueue.In(tb, tb.TempDir(), queue.Options{SegmentBytes: 64 << 10, Endpoints: []string{"a"}})
	s, err := q.Subscribe("a", true)
	if err != nil {
		tb.Fatal(err)
	}
	f := testkit.NewFleet("paris", 2000, 0.5)
	commit := func() {
		if err := q.Commit(f.Cycle()); err != nil {
			tb.Fatal(err)
		}
	}
	for range 5 {
		commit()
	}
	heapBefore, rssBefore := memory(tb)
	for q.Stats().Segments < 200 {
		commit()
	}
	heap, rss = memory(tb)
	if err := errors.Join(s.Close(), q.Close()); err != nil {
		tb.Fatal(err)
	}
	return heap - heapBefore, rss - rssBefore
}

// memory is what the program uses and what the system has given it, with nothing in reserve.
func memory(tb testing.TB) (heap, rss int64) {
	tb.Helper()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Fatal(err)
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		tb.Fatal(err)
	}
	return int64(m.HeapAlloc), resident * int64(os.Getpagesize())
}

// Several sites commit, several endpoints read, and somebody looks at it all, at once.
func TestManyAtOnce(t *testing.T) {
	const sites, endpoints, cycles = 4, 3, 60
	names := make([]string, endpoints)
	for i := range names {
		names[i] = fmt.Sprint("endpoint", i)
	}
	q := testqueue.In(t, t.TempDir(), queue.Options{SegmentBytes: 8000, Endpoints: names})
	var writers, readers sync.WaitGroup
	for i := range sites {
		writers.Go(func() {
			f := testkit.NewFleet(fmt.Sprint("site", i), 50, 0.3)
			for range cycles {
				if err := q.Commit(f.Cycle()); err != nil {
					t.Error(err)
				}
				q.Checkpoint(f.Site)
				q.Stats()
			}
		})
	}
	for _, name := range names {
		s := testqueue.Subscribe(t, q, name)
		readers.Go(func() {
			if err := readUntil(t.Context(), s, sites*cycles*50); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	writers.Wait()
	readers.Wait()
	stats := q.Stats()
	if stats.Segments != 1 || stats.Written != (record.Totals{Records: sites * cycles, Samples: sites * cycles * 50}) || len(stats.Losses) > 0 {
		t.Errorf("in the end: %+v", stats)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// readUntil delivers so many samples, waiting for them, each series in order.
func readUntil(ctx context.Context, s *queue.Subscription, samples int) error {
	last := map[string]int64{}
	var w window.Window
	for got := 0; got < samples; {
		err := s.Fill(&w, 100)
		if errors.Is(err, io.EOF) {
			err = s.Wait(ctx)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		for i, c := range w.Columns {
			key := w.Dict.Source(c.Series, map[uint32]*source.Metric{}).Key()
			for _, p := range testwindow.Points(&w, i) {
				if p.T <= last[key] || math.IsNaN(p.V) {
					return fmt.Errorf("%s has %v at %d after %d", key, p.V, p.T, last[key])
				}
				last[key] = p.T
			}
		}
		got += w.Samples
		if err := s.Advance(&w, nil); err != nil {
			return err
		}
	}
	return s.Close()
}
