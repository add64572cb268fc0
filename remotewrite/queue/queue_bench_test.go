package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

func openDir(tb testing.TB, dir string, o Options) *Queue {
	tb.Helper()
	q, err := Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// One cycle of 20,000 series, packed, written and synced.
func BenchmarkCommit(b *testing.B) {
	q := openDir(b, b.TempDir(), Options{Endpoints: []string{"a"}})
	f := testkit.NewFleet("paris", 20_000, 0.05)
	if err := q.Commit(f.Cycle()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := f.Cycle()
		b.StartTimer()
		if err := q.Commit(c); err != nil {
			b.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
}

// A backlog, read from the disk's cache into windows of 400,000 samples, and every point of them made.
func BenchmarkFill(b *testing.B) {
	dir := b.TempDir()
	q := openDir(b, dir, Options{})
	f := testkit.NewFleet("paris", 20_000, 0.05)
	for range 2 * segmentRecords {
		if err := q.Commit(f.Cycle()); err != nil {
			b.Fatal(err)
		}
	}
	var w window.Window
	var k window.Walk
	var points []window.Point
	samples := 0
	b.ReportAllocs()
	for b.Loop() {
		r := window.NewReader(q.log, wal.Position{}, func(window.Loss) {})
		for {
			err := r.Fill(&w, 400_000)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			for i := range w.Columns {
				points = k.Runs(&w, &w.Columns[i]).Points(points[:0])
				samples += len(points)
			}
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(samples)/b.Elapsed().Seconds()/1e6, "Msamples/s")
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
}

// writeBacklog leaves a queue of so many bytes.
func writeBacklog(tb testing.TB, dir string, want int64) {
	tb.Helper()
	q := openDir(tb, dir, Options{MaxBytes: 2 * want})
	f := testkit.NewFleet("paris", 20_000, 1)
	for q.Stats().Bytes < want {
		if err := q.Commit(f.Cycle()); err != nil {
			tb.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		tb.Fatal(err)
	}
}

// Opening a long queue reads its newest segment only. BACKWIRE_BENCH_QUEUE_BYTES is how long: 128 MiB,
// unless it says otherwise.
func BenchmarkOpen(b *testing.B) {
	want := int64(128 << 20)
	if s := os.Getenv("BACKWIRE_BENCH_QUEUE_BYTES"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		want = n
	}
	dir := b.TempDir()
	writeBacklog(b, dir, want)
	allocated := uint64(0)
	for b.Loop() {
		_, n := openAgain(b, dir)
		allocated += n
	}
	b.ReportMetric(float64(allocated)/float64(b.N)/(1<<20), "MiB-allocated")
}

// A restart reads the newest segment, here of 20,000 series and 100 records, to its end.
func BenchmarkRestart(b *testing.B) {
	dir := b.TempDir()
	o := Options{SegmentBytes: 32 << 20}
	q := openDir(b, dir, o)
	f := testkit.NewFleet("paris", 20_000, 0.05)
	for range 2 { // the second segment's head has the series
		if err := errors.Join(q.Commit(f.Cycle()), q.roll()); err != nil {
			b.Fatal(err)
		}
	}
	testkit.Commit(b, q, f, 100)
	testkit.Closed(b, q)
	b.ReportAllocs()
	start := testkit.CPU(b)
	for b.Loop() {
		testkit.Closed(b, openDir(b, dir, o))
	}
	b.ReportMetric(float64((testkit.CPU(b)-start).Microseconds())/1000/float64(b.N), "cpu-ms")
}

// openAgain opens a queue as after a crash, and says how many bytes it read and how many it allocated, which is more
// than what is in use at any time.
func openAgain(tb testing.TB, dir string) (read int64, allocated uint64) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read = -bytesRead(tb)
	q := openDir(tb, dir, Options{MaxBytes: 1 << 40})
	read += bytesRead(tb)
	runtime.ReadMemStats(&after)
	if err := q.Close(); err != nil {
		tb.Fatal(err)
	}
	return read, after.TotalAlloc - before.TotalAlloc
}

// bytesRead is what this process has ever read, be it from the disk or not: proc(5), rchar.
func bytesRead(tb testing.TB) (n int64) {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "rchar: %d", &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// What opening costs is bounded by a segment, however long the queue is: here it has five.
func TestOpenTakesLittle(t *testing.T) {
	dir := t.TempDir()
	writeBacklog(t, dir, 40<<20)
	if read, allocated := openAgain(t, dir); read > 20<<20 || allocated > 32<<20 {
		t.Errorf("opened with %d bytes read and %d allocated", read, allocated)
	}
}
