package queue

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

func lossOf(q *Queue, endpoint, reason string) record.Totals {
	for _, l := range q.Stats().Losses {
		if l.Endpoint == endpoint && l.Reason == reason {
			return l.Totals
		}
	}
	return record.Totals{}
}

// The limit on bytes holds at every moment, the oldest goes first, and what each endpoint
// does not get is counted for it: delivered and dropped together are all there was.
func TestLimitOfBytes(t *testing.T) {
	const limit = 40_000
	fs := crashfs.New()
	fs.SetSpace(limit + 3*2*4096 + 2*inventorySlot) // the cursors and the inventory have their own
	q := openTest(t, fs, Options{MaxBytes: limit, SegmentBytes: 4000, Endpoints: []string{"fast", "slow", "late"}})
	f := testkit.NewFleet("paris", 50, 0.3)
	fast, slow := mustSubscribe(t, q, "fast"), mustSubscribe(t, q, "slow")
	written := record.Totals{}
	testkit.Commit(t, q, f, 5)
	written = written.Plus(record.Totals{Records: 5, Samples: 250})
	var w window.Window
	if err := slow.Fill(&w, 100); err != nil { // is in the middle of a segment when that goes
		t.Fatal(err)
	}
	got := record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)}
	if err := slow.Advance(&w, nil); err != nil {
		t.Fatal(err)
	}
	gotFast := testwindow.Drain(t, fast)
	for range 400 {
		testkit.Commit(t, q, f, 1)
		written = written.Plus(record.Totals{Records: 1, Samples: 50})
		gotFast = gotFast.Plus(testwindow.Drain(t, fast))
		if bytes := q.Stats().Bytes; bytes > limit {
			t.Fatalf("%d bytes, the limit is %d", bytes, limit)
		}
	}
	if gotFast != written {
		t.Errorf("the fast endpoint got %v of %v", gotFast, written)
	}
	lost := lossOf(q, "slow", reasonBytes)
	if lag := q.Stats().Cursors[1].Lag; lag != written.Minus(got).Minus(lost) {
		t.Errorf("lag %v after %v of %v, %v of them lost", lag, got, written, lost)
	}
	got = got.Plus(testwindow.Drain(t, slow))
	if got.Plus(lost) != written || lost.Records == 0 {
		t.Errorf("the slow endpoint got %v and lost %v of %v", got, lost, written)
	}
	if twice := lossOf(q, "slow", reasonDamaged); twice != (record.Totals{}) {
		t.Errorf("the slow endpoint counts %v once more", twice)
	}
	if lag := q.Stats().Cursors[1].Lag; lag != (record.Totals{}) {
		t.Errorf("lag %v after everything was delivered", lag)
	}
}

// After a restart nothing is known of old segments but what the next one's head says.
func TestLimitAfterRestart(t *testing.T) {
	fs := crashfs.New()
	f := testkit.NewFleet("paris", 50, 0.3)
	q := openTest(t, fs, Options{SegmentBytes: 4000, Endpoints: []string{"a"}})
	if err := mustSubscribe(t, q, "a").Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Commit(t, q, f, 200)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, fs, Options{SegmentBytes: 4000, MaxBytes: 16_000, Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	testkit.Commit(t, q, f, 1)
	got, lost := testwindow.Drain(t, a), lossOf(q, "a", reasonBytes)
	if want := (record.Totals{Records: 201, Samples: 201 * 50}); got.Plus(lost) != want || lost.Records == 0 {
		t.Errorf("got %v and lost %v, want %v together", got, lost, want)
	}
}

func TestLimitOfAge(t *testing.T) {
	f := testkit.NewFleet("paris", 50, 0.3)
	now := time.UnixMilli(f.T)
	o := Options{SegmentBytes: 4000, MaxAge: time.Hour, Endpoints: []string{"a"}, Clock: func() time.Time { return now }}
	q := openTest(t, crashfs.New(), o)
	a := mustSubscribe(t, q, "a")
	for range 200 {
		testkit.Commit(t, q, f, 1)
		now = time.UnixMilli(f.T)
		oldest := time.UnixMilli(q.Stats().Oldest)
		if now.Sub(oldest) > 2*time.Hour { // segments go whole, by their newest sample
			t.Fatalf("the oldest sample is of %v at %v", oldest, now)
		}
	}
	got, lost := testwindow.Drain(t, a), lossOf(q, "a", reasonAge)
	if want := (record.Totals{Records: 200, Samples: 200 * 50}); got.Plus(lost) != want || lost.Records == 0 || got.Records < 60 {
		t.Errorf("got %v and lost %v, want %v together", got, lost, want)
	}
}

// Segments go as soon as every endpoint has them, and not before.
func TestSegmentsGoWhenDelivered(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}})
	a, b := mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
	testkit.Commit(t, q, testkit.NewFleet("paris", 50, 0.3), 100)
	testwindow.Drain(t, a)
	if n := q.Stats().Segments; n < 5 {
		t.Fatalf("%d segments although b has read none", n)
	}
	testwindow.Drain(t, b)
	if n := q.Stats().Segments; n != 1 {
		t.Errorf("%d segments after everything was delivered, want 1", n)
	}
}

// A cursor that moves while somebody is writing has its segments removed after that.
func TestSegmentsGoAfterTheWriter(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{SegmentBytes: 4000, Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	testkit.Commit(t, q, testkit.NewFleet("paris", 50, 0.3), 100)
	q.take()
	testwindow.Drain(t, a)
	if n := q.Stats().Segments; n < 5 {
		t.Errorf("%d segments: they went while somebody else had the turn", n)
	}
	q.release()
	if n := q.Stats().Segments; n != 1 {
		t.Errorf("%d segments after the writer was done, want 1", n)
	}
}

// A cursor never moves backwards.
func TestAdvanceBackwards(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	f := testkit.NewFleet("paris", 50, 0.3)
	testkit.Commit(t, q, f, 2)
	var first, second window.Window
	for _, w := range []*window.Window{&first, &second} {
		if err := a.Fill(w, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []*window.Window{&second, &first} {
		if err := a.Advance(w, nil); err != nil {
			t.Fatal(err)
		}
	}
	if at := a.Position(); at != second.Next {
		t.Errorf("the cursor is at %v, want %v", at, second.Next)
	}
}

// What is unsent is told by its time, and nothing once all is delivered.
func TestUnsent(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	f := testkit.NewFleet("paris", 50, 0.3)
	testkit.Commit(t, q, f, 3)
	var w window.Window
	if err := a.Fill(&w, 1); err != nil {
		t.Fatal(err)
	}
	if unsent := q.Stats().Cursors[0].Unsent; unsent != f.T-120_000 {
		t.Errorf("unsent since %d, want %d", unsent, f.T-120_000)
	}
	if err := a.Advance(&w, nil); err != nil {
		t.Fatal(err)
	}
	testwindow.Drain(t, a)
	if c := q.Stats().Cursors[0]; c.Unsent != 0 || c.Lag != (record.Totals{}) {
		t.Errorf("unsent since %d with a lag of %v after everything was delivered", c.Unsent, c.Lag)
	}
}

// What is unsent, and how much of it, is known before anything is read: after a restart, and where
// the segments that it was in are given up.
func TestUnsentBeforeTheFirstWindow(t *testing.T) {
	fs := crashfs.New()
	o := Options{SegmentBytes: 4000, MaxBytes: 40_000, Endpoints: []string{"a", "b"}}
	f := testkit.NewFleet("paris", 50, 0.3)
	first := f.T + 60_000
	q := openTest(t, fs, o)
	testkit.Commit(t, q, f, 1)
	a := mustSubscribe(t, q, "a")
	testkit.Closed(t, mustSubscribe(t, q, "b")) // holds everything
	unsent := func(when string, atLeast, atMost int64) {
		t.Helper()
		if c := q.Stats().Cursors[0]; c.Unsent < atLeast || c.Unsent > atMost {
			t.Errorf("%s: unsent since %d, want %d to %d", when, c.Unsent, atLeast, atMost)
		}
	}
	unsent("new", first, first)
	for q.Stats().Segments < 4 {
		testkit.Commit(t, q, f, 1)
	}
	var w window.Window
	for a.Position().Segment < 2 {
		if err := errors.Join(a.Fill(&w, 1), a.Advance(&w, nil)); err != nil {
			t.Fatal(err)
		}
	}
	before, next := q.Stats().Cursors[0].Lag, w.Newest+60_000
	testkit.Closed(t, a)
	testkit.Closed(t, q)

	q = openTest(t, fs, o)
	defer testkit.Closed(t, q)
	a = mustSubscribe(t, q, "a")
	unsent("after a restart", next-60_000, next)
	if lag := q.Stats().Cursors[0].Lag; lag != before {
		t.Errorf("lag %v after a restart, was %v", lag, before)
	}
	for lossOf(q, "a", reasonBytes) == (record.Totals{}) {
		testkit.Commit(t, q, f, 1)
	}
	unsent("after the oldest was given up", q.Stats().Oldest, q.Stats().Oldest)
	testkit.Closed(t, a)
}

// A cursor at the start of a segment: what was written before is not behind it.
func TestPlaceAtTheStartOfASegment(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{SegmentBytes: 4000, MaxBytes: 16_000})
	defer testkit.Closed(t, q)
	f := testkit.NewFleet("paris", 50, 0.3)
	for q.log.Segments() == nil || q.log.Segments()[0].Number < 3 {
		testkit.Commit(t, q, f, 1)
	}
	a := mustSubscribe(t, q, "a")
	defer testkit.Closed(t, a)
	lag := q.Stats().Cursors[0].Lag
	if got := testwindow.Drain(t, a); lag.Samples != got.Samples {
		t.Errorf("a lag of %v before reading, %v were read", lag, got)
	}
}

func TestBehind(t *testing.T) {
	now := time.UnixMilli(1_790_000_100_000)
	for unsent, want := range map[int64]time.Duration{0: 0, now.UnixMilli() - 61_000: 61 * time.Second, now.UnixMilli() + 5000: 0} {
		if got := (&CursorStats{Unsent: unsent}).Behind(now); got != want {
			t.Errorf("unsent since %d: behind by %v, want %v", unsent, got, want)
		}
	}
}

// Two damaged records cost the rest of a segment: so it has an end.
func TestSegmentsEndAfterRecords(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{})
	testkit.Commit(t, q, testkit.NewFleet("paris", 1, 1), 2*segmentRecords+1)
	if n := q.Stats().Segments; n != 3 {
		t.Errorf("%d segments of %d records, want 3", n, 2*segmentRecords+1)
	}
}

// A cursor whose endpoint was removed from the configuration holds nothing, and keeps its
// place as far as there is something.
func TestRemovedEndpoint(t *testing.T) {
	fs := crashfs.New()
	f := testkit.NewFleet("paris", 50, 0.3)
	q := openTest(t, fs, Options{SegmentBytes: 4000, Endpoints: []string{"a", "gone"}})
	if err := errors.Join(mustSubscribe(t, q, "a").Close(), mustSubscribe(t, q, "gone").Close()); err != nil {
		t.Fatal(err)
	}
	testkit.Commit(t, q, f, 50)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, fs, Options{SegmentBytes: 4000, Endpoints: []string{"a"}})
	testwindow.Drain(t, mustSubscribe(t, q, "a"))
	if n := q.Stats().Segments; n != 1 {
		t.Errorf("%d segments are held by a cursor without an endpoint", n)
	}
	testkit.Commit(t, q, f, 3)
	if got := testwindow.Drain(t, mustSubscribe(t, q, "gone")); got.Records < 3 {
		t.Errorf("the endpoint that came back got %v", got)
	}
}

func TestNewEndpoint(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{Endpoints: []string{"old", "new"}})
	f := testkit.NewFleet("paris", 50, 0.3)
	testkit.Commit(t, q, f, 3)
	newest, err := q.Subscribe("new", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Subscribe("new", false); !errors.Is(err, errSubscribed) {
		t.Errorf("a second subscription: %v, want %v", err, errSubscribed)
	}
	testkit.Commit(t, q, f, 2)
	if got, want := testwindow.Drain(t, newest), (record.Totals{Records: 2, Samples: 100}); got != want {
		t.Errorf("from the newest: %v, want %v", got, want)
	}
	if got, want := testwindow.Drain(t, mustSubscribe(t, q, "old")), (record.Totals{Records: 5, Samples: 250}); got != want {
		t.Errorf("from the oldest: %v, want %v", got, want)
	}
}

// An endpoint that was new when there was nothing has missed nothing after a restart.
func TestNewEndpointOfEmptyQueue(t *testing.T) {
	fs := crashfs.New()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	a, err := q.Subscribe("a", false)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Commit(t, q, testkit.NewFleet("paris", 50, 0.3), 3)
	if err := errors.Join(a.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, fs, Options{Endpoints: []string{"a"}})
	if a, err = q.Subscribe("a", false); err != nil {
		t.Fatal(err)
	}
	if got, want := testwindow.Drain(t, a), (record.Totals{Records: 3, Samples: 150}); got != want {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

// A full disk stops growth, not the program: cycles wait in memory, the oldest samples are
// given up and counted beyond its bound, state never, and all is well once there is space.
func TestFullDisk(t *testing.T) {
	fs := crashfs.New()
	f := testkit.NewFleet("paris", 50, 0.3)
	perCycle := cycleBytes(f.Cycle())
	q := openTest(t, fs, Options{PendingBytes: 10 * perCycle, Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	testkit.Commit(t, q, f, 5)
	fs.SetSpace(0)
	for range 30 {
		if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("commit on a full disk: %v", err)
		}
	}
	if s := q.Stats(); s.Pending.Records != 10 || s.Failures != 30 {
		t.Errorf("%v pending after %d failures", s.Pending, s.Failures)
	}
	checkFleet(t, f, q)
	fs.SetSpace(-1)
	testkit.Commit(t, q, f, 1)
	checkFleet(t, f, q)
	got, lost := testwindow.Drain(t, a), lossOf(q, "", reasonMemory)
	if want := (record.Totals{Records: 20, Samples: 1000}); lost != want {
		t.Errorf("lost %v, want %v", lost, want)
	}
	// 5 before, 10 from memory and the last; the silent record of what was given up has no samples.
	if want := (record.Totals{Records: 17, Samples: 800}); got != want {
		t.Errorf("delivered %v, want %v", got, want)
	}
	if err := errors.Join(a.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	checkFleet(t, f, openTest(t, fs, Options{}))
}

// What was written from memory gives its room back: each outage of the disk finds as much as the first.
func TestEachFullDiskFindsTheSameRoom(t *testing.T) {
	fs := crashfs.New()
	f := testkit.NewFleet("paris", 50, 0.3)
	perCycle := cycleBytes(f.Cycle())
	q := openTest(t, fs, Options{PendingBytes: 10 * perCycle, Endpoints: []string{"a"}})
	for outage := range 4 {
		fs.SetSpace(0)
		for range 8 + 8*(outage%2) {
			if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) {
				t.Fatalf("commit on a full disk: %v", err)
			}
		}
		if want := uint64(min(8+8*(outage%2), 10)); q.Stats().Pending.Records != want {
			t.Errorf("outage %d: %v pending, want %d cycles", outage, q.Stats().Pending, want)
		}
		fs.SetSpace(-1)
		testkit.Commit(t, q, f, 1)
		checkFleet(t, f, q)
	}
}

// checkFleet holds the checkpoint against what the fleet counts.
func checkFleet(t *testing.T, f *testkit.Fleet, q *Queue) {
	t.Helper()
	known := q.Checkpoint(f.Site)
	want := map[string]float64{}
	for _, s := range f.Samples {
		want[s.Series.Key()] = s.Value
	}
	for _, s := range known.Series {
		if want[s.Series.Key()] != s.Value {
			t.Fatalf("%s is %v, want %v", s.Series.Key(), s.Value, want[s.Series.Key()])
		}
		delete(want, s.Series.Key())
	}
	if len(want) > 0 || known.T != f.T {
		t.Fatalf("%d series are missing; at %d, want %d", len(want), known.T, f.T)
	}
}

// The clock is set back: what is older than the last batch is not delivered out of order
// but counted, its values are kept, and all goes on when time has caught up.
func TestClockSetBack(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	f := testkit.NewFleet("paris", 50, 0.3)
	testkit.Commit(t, q, f, 5)
	latest := f.T
	f.T -= 3_600_000
	testkit.Commit(t, q, f, 10)
	if known := q.Checkpoint("paris"); known.T != latest {
		t.Errorf("checkpoint at %d, want %d", known.T, latest)
	}
	f.T = latest + 3_600_000 // and forward
	testkit.Commit(t, q, f, 1)
	checkFleet(t, f, q)
	if lost := lossOf(q, "", reasonOrder); lost != (record.Totals{Records: 0, Samples: 500}) {
		t.Errorf("lost %v, want 500 samples", lost)
	}
	if got := testwindow.Drain(t, a); got != (record.Totals{Records: 16, Samples: 300}) {
		t.Errorf("delivered %v, want 300 samples", got)
	}
}

// What is read of a long history comes after the gauges of the present: it is older than the site's
// last batch, but in the order of its own series.
func TestHistoryMayComeAfterThePresent(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	up := source.NewSeries(&source.Metric{Name: "up", Type: source.Gauge}, "", 0)
	jobs := source.NewSeries(&source.Metric{Name: "jobs_total", Type: source.Counter, Durable: true}, "", 40_000)
	commit := func(at int64, s *source.Series, v float64) {
		t.Helper()
		b := source.Batch{T: at, Partial: true, Samples: []source.Sample{{Series: s, Value: v}}}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	commit(100_000, up, 1)
	for i, at := range []int64{40_000, 50_000, 60_000} {
		commit(at, jobs, float64(i))
	}
	if lost := lossOf(q, "", reasonOrder); lost != (record.Totals{}) {
		t.Errorf("lost %v of a history", lost)
	}
	commit(55_000, jobs, 3) // is older than its own series
	commit(99_000, up, 1)
	commit(110_000, jobs, 3)
	if lost := lossOf(q, "", reasonOrder); lost != (record.Totals{Samples: 2}) {
		t.Errorf("lost %v, want two samples", lost)
	}
	if got := testwindow.Drain(t, a); got.Samples != 5 {
		t.Errorf("delivered %v, want five samples", got)
	}
}

// A segment that cannot be removed is not lost, however often that is tried, and one that is removed is lost once: also where a
// window of it is under way, whose part arrives.
func TestLossIsCountedOnce(t *testing.T) {
	for _, remove := range []crashfs.Fault{
		{}, {Ops: crashfs.Remove, Err: syscall.EPERM, Sticky: true}, {Ops: crashfs.SyncDir, After: 2, Err: syscall.EIO},
	} {
		for _, least := range []int{0, 1, 200, 500} { // samples of the window that is under way
			fs := crashfs.New()
			q := openTest(t, fs, Options{MaxBytes: 16_000, SegmentBytes: 4000, Endpoints: []string{"slow"}})
			f := testkit.NewFleet("paris", 50, 0.3)
			slow := mustSubscribe(t, q, "slow")
			n := 0
			for ; q.Stats().Bytes < 12_000; n++ {
				testkit.Commit(t, q, f, 1)
			}
			var w window.Window
			if least > 0 {
				if err := slow.Fill(&w, least); err != nil {
					t.Fatal(err)
				}
			}
			if remove.Ops != 0 {
				fs.Inject(remove)
			}
			for range 40 {
				if err := q.Commit(f.Cycle()); err != nil && !errors.Is(err, ErrRetained) {
					t.Fatal(err)
				}
				n++
			}
			if lost := lossOf(q, "slow", reasonBytes); remove.Sticky && lost != (record.Totals{}) {
				t.Errorf("%v lost of what can still be read", lost)
			}
			fs.Heal()
			got := record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)}
			if least > 0 {
				if err := slow.Advance(&w, nil); err != nil {
					t.Fatal(err)
				}
			}
			got = got.Plus(testwindow.Drain(t, slow))
			lost := lossOf(q, "slow", reasonBytes)
			if want := (record.Totals{Records: uint64(n), Samples: 50 * uint64(n)}); got.Plus(lost) != want {
				t.Errorf("%v, window of %d: %v delivered and %v lost of %v", remove.Ops, least, got, lost, want)
			}
			if lag := q.Stats().Cursors[0].Lag; lag != (record.Totals{}) {
				t.Errorf("%v behind after everything", lag)
			}
		}
	}
}

// An endpoint that never delivered anything is as far behind after a restart as before.
func TestLagOfAnEndpointThatNeverDelivered(t *testing.T) {
	fs := crashfs.New()
	o := Options{MaxBytes: 16_000, SegmentBytes: 4000, Endpoints: []string{"a"}}
	q := openTest(t, fs, o)
	a, f := mustSubscribe(t, q, "a"), testkit.NewFleet("paris", 50, 0.3)
	for q.log.Segments() == nil || q.log.Segments()[0].Number < 4 {
		testkit.Commit(t, q, f, 1)
	}
	before := q.Stats().Cursors[0]
	testkit.Closed(t, a)
	testkit.Closed(t, q)
	q = openTest(t, fs, o)
	a = mustSubscribe(t, q, "a")
	if after := q.Stats().Cursors[0].Lag; after != before.Lag {
		t.Errorf("%v behind after a restart, was %v", after, before.Lag)
	}
	if got := testwindow.Drain(t, a); got != before.Lag {
		t.Errorf("%v behind, delivered %v", before.Lag, got)
	}
}
