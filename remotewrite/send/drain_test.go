package send

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testqueue"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/wire"
)

// sinkhole takes everything without looking at it, so that what is measured is ours. It says that it stored more than can be in a
// request: less would be a loss.
type sinkhole struct{ bytes int64 }

func (s *sinkhole) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, r.Body)
	s.bytes += n
	h := http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"1000000"}}
	return &http.Response{StatusCode: http.StatusNoContent, Header: h, Body: http.NoBody, Request: r}, errors.Join(err, r.Body.Close())
}

// wantNewest holds that what was measured is 2.0, as receivers get it.
func wantNewest(tb testing.TB, e *Endpoint) {
	tb.Helper()
	if got := e.Stats().Protocol; got != wire.V2.String() {
		tb.Fatalf("the endpoint speaks %s", got)
	}
}

// BenchmarkDrain is a backlog of 100 cycles of 20,000 counters, some of which move each cycle, read from disk, encoded
// and handed to the network.
func BenchmarkDrain(b *testing.B) {
	for _, moving := range []float64{0.05, 0.25, 1} {
		b.Run(fmt.Sprintf("moving=%v", moving), func(b *testing.B) { benchmarkDrain(b, moving) })
	}
}

func benchmarkDrain(b *testing.B, moving float64) {
	b.Helper()
	const cycles = 100
	f := testkit.NewFleet("paris", 20_000, moving)
	dir := b.TempDir() + "/queue"
	q, err := queue.Open(dir, queue.Options{Endpoints: []string{"keeper"}, SegmentBytes: 32 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	for range cycles {
		if err := q.Commit(f.Cycle()); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := q.Subscribe("keeper", true); err != nil { // it never moves, so that the backlog stays
		b.Fatal(err)
	}
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		from, err := q.Subscribe(fmt.Sprint("e", round), true)
		if err != nil {
			b.Fatal(err)
		}
		hole := &sinkhole{}
		e, err := NewEndpoint(Config{Name: "e", URL: "http://r.test", Transport: hole}, from, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		start := testkit.CPU(b)
		b.StartTimer()
		if err := e.drain(life{b.Context(), b.Context()}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		wantNewest(b, e)
		n := float64(e.Stats().Samples)
		b.ReportMetric(float64((testkit.CPU(b)-start).Nanoseconds())/n, "cpu-ns/sample")
		b.ReportMetric(float64(hole.bytes)/n, "bytes/sample")
		b.ReportMetric(n, "samples")
		b.ReportMetric(n/float64(e.Stats().Requests["204"]), "samples/request")
		if err := from.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// Once an endpoint's buffers have grown, a request allocates and a sample does not: from the log to the network.
func TestDrainAllocatesNothingForASample(t *testing.T) {
	const series, cycles = 2000, 50
	q := testqueue.In(t, t.TempDir(), queue.Options{Endpoints: []string{"e"}, SegmentBytes: 32 << 20})
	defer testkit.Closed(t, q)
	from := testqueue.Subscribe(t, q, "e")
	defer testkit.Closed(t, from)
	e, err := NewEndpoint(Config{Name: "e", URL: "http://r.test", Transport: &sinkhole{}}, from, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := testkit.NewFleet("paris", series, 0.05)
	allocated := func() uint64 {
		testkit.Commit(t, q, f, cycles)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := e.drain(life{t.Context(), t.Context()}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	allocated()
	wantNewest(t, e)
	if n := allocated(); n > series*cycles/200 {
		t.Errorf("%d allocations for %d samples", n, series*cycles)
	}
	if got := e.Stats().Samples; got != 2*series*cycles {
		t.Errorf("%d samples were sent", got)
	}
}

// BenchmarkLive is a cycle of 20,000 series, from its commit to the answer to the last of its requests.
func BenchmarkLive(b *testing.B) {
	f := testkit.NewFleet("paris", 20_000, 0.05)
	q, err := queue.Open(b.TempDir()+"/queue", queue.Options{Endpoints: []string{"e"}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	from, err := q.Subscribe("e", true)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	hole := &sinkhole{}
	e, err := NewEndpoint(Config{Name: "e", URL: "http://r.test", Transport: hole}, from, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	cycle := func() {
		if err := errors.Join(q.Commit(f.Cycle()), e.drain(life{b.Context(), b.Context()})); err != nil {
			b.Fatal(err)
		}
	}
	cycle() // the series become known
	start, sent, samples := testkit.CPU(b), hole.bytes, e.Stats().Samples
	for b.Loop() {
		cycle()
	}
	wantNewest(b, e)
	b.ReportMetric(float64(hole.bytes-sent)/float64(e.Stats().Samples-samples), "bytes/sample")
	b.ReportMetric(float64((testkit.CPU(b)-start).Microseconds())/1000/float64(b.N), "cpu-ms")
}
