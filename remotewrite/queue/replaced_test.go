package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// replaceDir deletes a queue's directory, has a cycle retained, and makes the directory anew.
func replaceDir(t *testing.T, q *Queue, f *testkit.Fleet, dir string) {
	t.Helper()
	err := os.RemoveAll(dir)
	for errors.Is(err, syscall.ENOTEMPTY) { // an endpoint has put its cursor in, which it does once per move
		err = os.RemoveAll(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) {
		t.Fatalf("commit into nothing: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// A directory that is deleted and made anew costs what was not sent yet, by the count, and nothing else: what was kept in memory is
// written, values go on, and every endpoint gets all that is in the new log, after a restart too.
func TestQueueMovesToANewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	o := Options{Endpoints: []string{"quick", "slow", "halfway"}, SegmentBytes: 1 << 10}
	q := openDir(t, dir, o)
	f := testkit.NewFleet("paris", 10, 0.5)
	quick, slow, halfway := mustSubscribe(t, q, "quick"), mustSubscribe(t, q, "slow"), mustSubscribe(t, q, "halfway")
	testkit.Commit(t, q, f, 30)
	if n := len(q.log.Segments()); n < 3 {
		t.Fatalf("%d segments, want some", n)
	}
	if got := testwindow.Drain(t, quick); got != (record.Totals{Records: 30, Samples: 300}) {
		t.Fatalf("delivered %v", got)
	}
	var w window.Window
	if err := halfway.Fill(&w, 10); err != nil || w.Samples != 10 {
		t.Fatalf("%d samples, %v", w.Samples, err)
	}
	if err := halfway.Advance(&w, nil); err != nil {
		t.Fatal(err)
	}
	replaceDir(t, q, f, dir)
	testkit.Commit(t, q, f, 2)

	stats := q.Stats()
	if losses := []Loss{{"halfway", reasonGone, record.Totals{Records: 29, Samples: 290}}, {"slow", reasonGone, record.Totals{Records: 30, Samples: 300}}}; !reflect.DeepEqual(stats.Losses, losses) {
		t.Errorf("lost %v, want %v", stats.Losses, losses)
	}
	if (stats.Written != record.Totals{Records: 33, Samples: 330}) || stats.Pending != (record.Totals{}) || stats.Failures != 0 || stats.Oldest != f.T-120_000 {
		t.Errorf("stats %+v", stats)
	}
	if got := testwindow.Drain(t, quick); got != (record.Totals{Records: 3, Samples: 30}) {
		t.Errorf("quick gets %v", got)
	}
	if got := testwindow.Drain(t, slow); got != (record.Totals{Records: 3, Samples: 30}) {
		t.Errorf("slow gets %v", got)
	}
	for _, c := range q.Stats().Cursors {
		if wanted := c.Endpoint == "halfway"; wanted != (c.Lag == record.Totals{Records: 3, Samples: 30}) || !wanted && c.Lag != (record.Totals{}) {
			t.Errorf("%s lags by %v", c.Endpoint, c.Lag)
		}
	}
	if err := errors.Join(quick.Close(), slow.Close(), halfway.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}

	q = openDir(t, dir, o)
	values := map[string]float64{}
	for _, s := range q.Checkpoint("paris").Series {
		values[s.Series.Key()] = s.Value
	}
	for _, s := range f.Samples {
		if got, known := values[s.Series.Key()]; !known || got != s.Value {
			t.Errorf("%s is %v, want %v", s.Series.Key(), got, s.Value)
		}
	}
	for name, rest := range map[string]record.Totals{"quick": {}, "slow": {}, "halfway": {Records: 3, Samples: 30}} {
		s := mustSubscribe(t, q, name)
		if got := testwindow.Drain(t, s); got != rest {
			t.Errorf("%s gets %v after a restart, want %v", name, got, rest)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if losses := q.Stats().Losses; len(losses) > 0 {
		t.Errorf("lost after a restart: %v", losses)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// An endpoint that reads all the while gets what comes after each move, and no cursor is left behind.
func TestEndpointReadsWhileTheQueueMoves(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	o := Options{Endpoints: []string{"a"}, SegmentBytes: 1 << 10}
	q := openDir(t, dir, o)
	s := mustSubscribe(t, q, "a")
	ctx, stop := context.WithCancel(t.Context())
	newest := make(chan int64, 1)
	go func() {
		var w window.Window
		last := int64(0)
		for {
			switch err := s.Fill(&w, 20); {
			case err == nil:
				last = max(last, w.Newest)
				_ = s.Advance(&w, nil) // the directory may be out at the moment
			case s.Wait(ctx) != nil:
				newest <- last
				return
			}
		}
	}()
	f := testkit.NewFleet("paris", 10, 0.5)
	for range 20 {
		testkit.Commit(t, q, f, 5)
		replaceDir(t, q, f, dir)
		testkit.Commit(t, q, f, 1)
	}
	testkit.Commit(t, q, f, 5)
	for behind := true; behind; runtime.Gosched() {
		stats := q.Stats()
		behind = stats.Cursor("a").Lag != record.Totals{}
	}
	stop()
	if last := <-newest; last != f.T {
		t.Errorf("the newest that arrived is of %d, want %d", last, f.T)
	}
	if err := errors.Join(s.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	at, err := wal.ReadCursor(wal.NewDir(mustRoot(t, dir)), "a")
	if end := q.log.End(); err != nil || at != end {
		t.Errorf("the cursor is at %v, want %v, %v", at, end, err)
	}
}

func mustRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// What is seen at a mount point while nothing is mounted there is no place for a queue.
func TestQueueWaitsForItsMount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := openDir(t, dir, Options{})
	q.dir.mounted = true
	f := testkit.NewFleet("paris", 10, 0.5)
	testkit.Commit(t, q, f, 1)
	replaceDir(t, q, f, dir)
	if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) || !strings.Contains(err.Error(), "nothing is mounted") {
		t.Errorf("commit: %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("it holds %v, %v", names, err)
	}
	q.dir.mounted = false
	testkit.Commit(t, q, f, 1)
	if got := q.Stats().Written; got != (record.Totals{Records: 4, Samples: 40}) {
		t.Errorf("written %v", got)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}
