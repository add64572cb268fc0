package remotewrite

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"backwire/source"
)

// cpu is what the process has used so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sinkhole takes everything without looking at it, so that what is measured is ours.
type sinkhole struct{ bytes int64 }

func (s *sinkhole) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, r.Body)
	s.bytes += n
	h := http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"0"}}
	return &http.Response{StatusCode: http.StatusNoContent, Header: h, Body: http.NoBody, Request: r}, errors.Join(err, r.Body.Close())
}

// BenchmarkDrain is a backlog of 100 cycles of 20,000 series, read from disk, encoded and handed to the network.
func BenchmarkDrain(b *testing.B) {
	const cycles = 100
	w := testWindow(20_000, cycles)
	dir := b.TempDir() + "/queue"
	q, err := Open(dir, Options{Endpoints: []string{"keeper"}, SegmentBytes: 32 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	commit(b, q, w, cycles)
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
		e, err := NewEndpoint(EndpointConfig{Name: "e", URL: "http://r.test", Transport: hole}, from, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		start := cpu(b)
		b.StartTimer()
		if err := e.drain(life{b.Context(), b.Context()}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n := float64(e.Stats().Samples)
		b.ReportMetric(float64((cpu(b)-start).Nanoseconds())/n, "cpu-ns/sample")
		b.ReportMetric(float64(hole.bytes)/n, "bytes/sample")
		b.ReportMetric(n, "samples")
		b.ReportMetric(n/float64(e.Stats().Requests["204"]), "samples/request")
		if err := from.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// commit puts a window's points into a queue, a cycle for each time.
func commit(b *testing.B, q *Queue, w *window, cycles int) {
	b.Helper()
	metrics := map[uint32]*source.Metric{}
	series := make([]*source.Series, len(w.columns))
	for i, c := range w.columns {
		s := w.dict.series[c.series]
		if metrics[s.metric] == nil {
			m := w.dict.metrics[s.metric]
			metrics[s.metric] = &source.Metric{Name: w.dict.symbol(m.name), Type: m.kind, Unit: w.dict.symbol(m.unit), Help: w.dict.symbol(m.help)}
		}
		var labels []source.Label
		for k := 0; k < len(s.labels); k += 2 {
			labels = append(labels, source.Label{Name: w.dict.symbol(s.labels[k]), Value: w.dict.symbol(s.labels[k+1])})
		}
		series[i] = source.NewSeries(metrics[s.metric], "", s.start, labels...)
	}
	for k := range cycles {
		batch := source.Batch{T: w.columns[0].points[k].T}
		for i, s := range series {
			batch.Samples = append(batch.Samples, source.Sample{Series: s, Value: w.columns[i].points[k].V})
		}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{batch}}); err != nil {
			b.Fatal(err)
		}
	}
}
