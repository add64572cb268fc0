package queue

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

func openTest(t *testing.T, fs *crashfs.FS, o Options) *Queue {
	t.Helper()
	q, err := OpenOn(fs, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return q
}

func mustSubscribe(t *testing.T, q *Queue, name string) *Subscription {
	t.Helper()
	s, err := q.Subscribe(name, true)
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	return s
}

// Random cycles of several sites, read by endpoints of different speed, over restarts and
// segments: each point once, in order, and every checkpoint as the model has it.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range testkit.Seeds(t, 30) {
		r := rand.New(rand.NewPCG(seed, 7))
		fs := crashfs.New()
		sites := []*testkit.ModelSite{testkit.NewModelSite("paris", r), testkit.NewModelSite("lyon", r)}
		endpoints := newModelEndpoints("a", "b")
		var records [][]testkit.Wanted
		for range 6 {
			q := openTest(t, fs, Options{SegmentBytes: 6000, Endpoints: []string{"a", "b"}})
			for _, e := range endpoints {
				if err := e.subscribe(t, q); err != nil {
					t.Fatal(err)
				}
			}
			late := uint64(0)
			for _, s := range sites {
				s.Check(t, q.Checkpoint(s.Name))
				late -= uint64(s.Late)
			}
			for range 30 {
				s := sites[r.IntN(len(sites))]
				c, points := s.Next()
				if err := q.Commit(c); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				records = append(records, points)
				e := endpoints[r.IntN(len(endpoints))]
				if err := e.drain(t, records, r.IntN(3), 1+r.IntN(200)); err != nil {
					t.Fatalf("seed %d: drain: %v", seed, err)
				}
			}
			for _, s := range sites {
				s.Check(t, q.Checkpoint(s.Name))
				late += uint64(s.Late)
			}
			if lost := lossOf(q, "", reasonOrder); lost != (record.Totals{Samples: late}) {
				t.Errorf("lost %v out of order, want %d", lost, late)
			}
			for _, e := range endpoints {
				if err := e.sub.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		q := openTest(t, fs, Options{Endpoints: []string{"a", "b"}})
		for _, e := range endpoints {
			if err := e.subscribe(t, q); err != nil {
				t.Fatal(err)
			}
			if err := e.drain(t, records, math.MaxInt, 100); err != nil {
				t.Fatalf("seed %d: drain: %v", seed, err)
			}
			if n := e.received(); n != len(records) {
				t.Fatalf("seed %d: %s got %d of %d records", seed, e.name, n, len(records))
			}
		}
		if losses := q.Stats().Losses; len(losses) > 0 {
			t.Fatalf("seed %d: losses %v", seed, losses)
		}
	}
}

// A record has a limit. Two that fit alone but not with the echo are both written; a cycle
// that does not fit goes without its samples, and one whose state does not fit is given up,
// counted, and stops nothing.
func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a gigabyte of memory")
	}
	fs := crashfs.New()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	a := mustSubscribe(t, q, "a")
	f := testkit.NewFleet("paris", 10, 1)
	for range 3 {
		c := f.Cycle()
		c.Changes = append(c.Changes, source.Change{Key: "big", Value: testkit.Noise(40 << 20)}, source.Change{Key: "big"})
		if err := q.Commit(c); err != nil {
			t.Fatal(err)
		}
	}
	c := f.Cycle()
	c.Batches[0].Exemplars = []source.Exemplar{{
		Series: f.Series[0], T: f.T, Labels: []source.Label{{Name: "job_id", Value: string(testkit.Noise(wal.MaxPayload))}},
	}}
	if err := q.Commit(c); err != nil {
		t.Fatal(err)
	}
	checkFleet(t, f, q)
	c = f.Cycle()
	c.Changes = []source.Change{{Key: "big", Value: testkit.Noise(wal.MaxPayload + 1)}}
	if err := q.Commit(c); !errors.Is(err, wal.ErrTooLarge) || errors.Is(err, ErrRetained) {
		t.Errorf("a cycle with too much state: %v", err)
	}
	testkit.Commit(t, q, f, 1)
	checkFleet(t, f, q)
	if got, lost := testwindow.Drain(t, a), lossOf(q, "", reasonTooLarge); got != (record.Totals{Records: 5, Samples: 40}) || lost != (record.Totals{Records: 1, Samples: 20}) {
		t.Errorf("delivered %v and lost %v", got, lost)
	}
}

// A disk that can no longer be written to, or fails to sync, costs nothing either: cycles wait, the error says what is the
// matter and what to do, and all is well when it can be again.
func TestDiskThatFails(t *testing.T) {
	for _, c := range []struct {
		fault crashfs.Fault
		want  string
	}{
		{crashfs.Fault{Ops: crashfs.Open | crashfs.Change, Err: syscall.EROFS, Sticky: true}, "mounted read-only"},
		{crashfs.Fault{Ops: crashfs.Sync, Err: syscall.EIO, Sticky: true}, "input/output error"},
		{crashfs.Fault{Ops: crashfs.Write, Err: syscall.ENOSPC, Sticky: true, Written: 50}, "free space"},
	} {
		t.Run(c.want, func(t *testing.T) {
			fs := crashfs.New()
			q := openTest(t, fs, Options{Endpoints: []string{"a"}})
			a := mustSubscribe(t, q, "a")
			f := testkit.NewFleet("paris", 50, 0.3)
			testkit.Commit(t, q, f, 3)
			fs.Inject(c.fault)
			for range 4 {
				if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("commit = %v, want %q", err, c.want)
				}
			}
			fs.Heal()
			testkit.Commit(t, q, f, 1)
			checkFleet(t, f, q)
			if got, want := testwindow.Drain(t, a), (record.Totals{Records: 8, Samples: 400}); got != want {
				t.Errorf("delivered %v, want %v", got, want)
			}
			if losses := q.Stats().Losses; len(losses) > 0 {
				t.Errorf("lost %v", losses)
			}
		})
	}
}

// A commit that breaks off in the middle, by a defect, changes nothing: the next one goes on from what is on the disk,
// also where the cycle had waited in memory.
func TestCommitThatBreaksOff(t *testing.T) {
	for _, waits := range []bool{false, true} {
		fs := crashfs.New()
		q := openTest(t, fs, Options{Endpoints: []string{"a"}})
		a := mustSubscribe(t, q, "a")
		f := testkit.NewFleet("paris", 50, 0.3)
		testkit.Commit(t, q, f, 3)
		bad := source.Cycle{Site: "paris", Batches: []source.Batch{{T: f.T + 1, Samples: []source.Sample{f.Samples[0], {}}}}}
		bad.Batches[0].Samples[0].Value = 1e9
		if waits {
			fs.Inject(crashfs.Fault{Ops: crashfs.Open | crashfs.Change, Err: syscall.EROFS, Sticky: true})
			if err := q.Commit(f.Cycle()); !errors.Is(err, ErrRetained) {
				t.Fatal(err)
			}
			q.pending.add(bad)
			fs.Heal()
		}
		broken := func() (cause any) {
			defer func() { cause = recover() }()
			return q.Commit(bad)
		}()
		if broken == nil {
			t.Fatal("the commit did not break off")
		}
		testkit.Commit(t, q, f, 2)
		checkFleet(t, f, q)
		want := record.Totals{Records: 5, Samples: 250}
		if waits {
			want = record.Totals{Records: 6, Samples: 300}
		}
		if got := testwindow.Drain(t, a); got != want {
			t.Errorf("delivered %v, want %v", got, want)
		}
		checkFleet(t, f, openTest(t, fs.Kill(), Options{}))
	}
}

// A disk that is away for a moment costs nothing, whatever is being read then: at the start, by an endpoint, by an inspection. One that
// does not come back costs what is on it, and the queue goes on.
func TestReadsThatFail(t *testing.T) {
	for after := range 40 {
		synctest.Test(t, func(t *testing.T) {
			fs := crashfs.New()
			o := Options{SegmentBytes: 4000, Endpoints: []string{"a"}}
			q := openTest(t, fs, o)
			f := testkit.NewFleet("paris", 50, 0.3)
			testkit.Commit(t, q, f, 30)
			testkit.Closed(t, q)
			fs.Inject(crashfs.Fault{Ops: crashfs.Read, After: after, Err: syscall.EIO})
			q = openTest(t, fs, o)
			checkFleet(t, f, q)
			a := mustSubscribe(t, q, "a")
			var got record.Totals
			var w window.Window
			for {
				err := a.Fill(&w, 1)
				if errors.Is(err, io.EOF) {
					break
				}
				if errors.Is(err, syscall.EIO) {
					time.Sleep(time.Second)
					continue
				}
				got = got.Plus(record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)})
				if err := errors.Join(err, a.Advance(&w, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if losses := q.Stats().Losses; got != (record.Totals{Records: 30, Samples: 1500}) || len(losses) > 0 {
				t.Errorf("read %d fails: delivered %v, lost %v", after, got, losses)
			}
			fs.Heal()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		fs := crashfs.New()
		q := openTest(t, fs, Options{Endpoints: []string{"a"}})
		testkit.Commit(t, q, testkit.NewFleet("paris", 50, 0.3), 3)
		fs.Inject(crashfs.Fault{Ops: crashfs.Read, Err: syscall.EIO, Sticky: true})
		q, err := OpenOn(fs, Options{})
		if err != nil {
			t.Fatalf("a disk that gives nothing back keeps the queue from opening: %v", err)
		}
		testkit.Commit(t, q, testkit.NewFleet("lyon", 50, 0.3), 1)
	})
}

// States that fit a record each and not a head together: the one that is too much is refused, and every other commit goes on.
func TestStatesThatFitNoHead(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a gigabyte of memory")
	}
	fs := crashfs.New()
	q := openTest(t, fs, Options{MaxBytes: 1 << 30, PendingBytes: 1 << 30})
	commit := func(site string, value []byte) error {
		return q.Commit(source.Cycle{Site: site, Changes: []source.Change{{Key: "k", Value: value}}})
	}
	if err := commit("a", testkit.Noise(34<<20)); err != nil {
		t.Fatal(err)
	}
	if err := commit("b", testkit.Noise(34<<20)); !errors.Is(err, wal.ErrTooLarge) || errors.Is(err, ErrRetained) {
		t.Errorf("a state that fits no head: %v", err)
	}
	for i := range 3 {
		for _, site := range []string{"b", "c"} {
			if err := commit(site, []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(q.Checkpoint("a").State["k"]); n != 34<<20 || q.Checkpoint("b").State["k"][0] != 2 {
		t.Errorf("%d bytes of state are left", n)
	}
}
