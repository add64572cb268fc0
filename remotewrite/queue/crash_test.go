package queue

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// history is what programs did with a queue and were told, one life after the other.
type history struct {
	rand      *rand.Rand
	sites     []*testkit.ModelSite
	endpoints []*modelEndpoint
	records   [][]testkit.Wanted
	options   Options

	unsure *unsure // the cycle that was being committed when the last life ended
	never  int     // how many of these turned out not to be committed
}

// unsure is a cycle of which nobody was told whether it is committed.
type unsure struct {
	site   int
	before *testkit.ModelSite // the site without it
	points []testkit.Wanted
}

func newHistory(seed uint64) *history {
	r := rand.New(rand.NewPCG(seed, 11))
	return &history{
		rand:      r,
		sites:     []*testkit.ModelSite{testkit.NewModelSite("paris", r), testkit.NewModelSite("lyon", r)},
		endpoints: newModelEndpoints("a", "b"),
		options:   Options{SegmentBytes: 3000, Endpoints: []string{"a", "b"}},
	}
}

// live opens the queue and uses it until it is done or the disk crashes.
func (h *history) live(t *testing.T, fs *crashfs.FS, cycles int) error {
	t.Helper()
	q, err := OpenOn(fs, h.options)
	if err != nil {
		return err
	}
	h.settle(t, q)
	for _, e := range h.endpoints {
		if err := e.subscribe(t, q); err != nil {
			return err
		}
	}
	for range cycles {
		if err := h.commit(q); err != nil {
			return err
		}
		e := h.endpoints[h.rand.IntN(len(h.endpoints))]
		if err := e.drain(t, h.records, h.rand.IntN(3), 1+h.rand.IntN(60)); err != nil {
			return err
		}
	}
	for _, e := range h.endpoints {
		if err := e.sub.Close(); err != nil {
			return err
		}
	}
	return q.Close()
}

// settle finds out what became of the cycle in unsure and holds every checkpoint against the
// model.
func (h *history) settle(t *testing.T, q *Queue) {
	t.Helper()
	if d := h.unsure; d != nil {
		known, _ := strconv.Atoi(string(q.Checkpoint(d.before.Name).State["cycles"]))
		if known == d.before.Cycles {
			h.sites[d.site] = d.before
			h.never++
		} else {
			h.records = append(h.records, d.points)
		}
		h.unsure = nil
	}
	for _, s := range h.sites {
		s.Check(t, q.Checkpoint(s.Name))
	}
	if t.Failed() {
		t.FailNow()
	}
}

func (h *history) commit(q *Queue) error {
	i := h.rand.IntN(len(h.sites))
	before := h.sites[i].Clone()
	c, points := h.sites[i].Next()
	if err := q.Commit(c); err != nil {
		h.unsure = &unsure{i, before, points}
		return err
	}
	h.records = append(h.records, points)
	return nil
}

// finish checks that every endpoint gets everything.
func (h *history) finish(t *testing.T, fs *crashfs.FS) {
	t.Helper()
	q := openTest(t, fs, h.options)
	h.settle(t, q)
	for _, e := range h.endpoints {
		if err := e.subscribe(t, q); err != nil {
			t.Fatal(err)
		}
		if err := e.drain(t, h.records, math.MaxInt, 100); err != nil {
			t.Fatal(err)
		}
		if n := e.received(); n != len(h.records) {
			t.Fatalf("%s got %d of %d records", e.name, n, len(h.records))
		}
	}
	// What is left of a write that was interrupted may look like a record that went bad: of a commit, or of the head that a split begins.
	torn := h.never
	for _, e := range h.endpoints {
		torn += e.torn
	}
	for _, l := range q.Stats().Losses {
		if l.Reason != reasonOrder && (l.Reason != reasonDamaged || l.Samples > 0 || int(l.Records) > torn) {
			t.Fatalf("losses %v, with %d writes that were interrupted", l, torn)
		}
	}
}

// The power goes at each operation of a short history in turn, with every liberty that a
// disk may take; then the next life must find everything that was acknowledged.
func TestCrashAtEveryOperation(t *testing.T) {
	const cycles = 14
	clean := crashfs.New()
	if err := newHistory(1).live(t, clean, cycles); err != nil {
		t.Fatal(err)
	}
	for n := range clean.Ops() {
		for _, keep := range crashfs.Keeps() {
			t.Run(fmt.Sprintf("%d-%v", n, keep), func(t *testing.T) {
				h := newHistory(1)
				fs := crashfs.New()
				fs.Inject(crashfs.Fault{Ops: crashfs.Change, After: n, Crash: true, Written: 50})
				// The queue says nothing of a crash in its last operations, those that write the inventory; the disk knows.
				if err := h.live(t, fs, cycles); err != nil && !errors.Is(err, crashfs.ErrCrashed) || !errors.Is(fs.SyncDir("."), crashfs.ErrCrashed) {
					t.Fatalf("no crash: %v", err)
				}
				fs = fs.Restart(keep, rand.New(rand.NewPCG(uint64(n), uint64(keep))))
				if found := inspected(t, fs); len(found.Missing) > 0 {
					t.Fatalf("after the crash there is missing %v", found.Missing)
				}
				if err := h.live(t, fs, 5); err != nil {
					t.Fatal(err)
				}
				if found := inspected(t, fs); len(found.Missing) > 0 || slices.ContainsFunc(found.Damages, ofInventory) {
					t.Fatalf("after the next life there is missing %v, damaged %v", found.Missing, found.Damages)
				}
				h.finish(t, fs)
			})
		}
	}
}

// Long histories of many lives, each ended by a crash or a kill somewhere.
func TestCrashesAtRandom(t *testing.T) {
	for seed := range testkit.Seeds(t, 60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			h := newHistory(seed)
			fs := crashfs.New()
			for range 12 {
				fs.Inject(crashfs.Fault{Ops: crashfs.Change, After: h.rand.IntN(80), Crash: true, Written: h.rand.IntN(101)})
				err := h.live(t, fs, 40)
				if err != nil && !errors.Is(err, crashfs.ErrCrashed) {
					t.Fatal(err)
				}
				if h.rand.IntN(3) == 0 {
					fs = fs.Kill()
				} else {
					fs = fs.Restart(crashfs.Keeps()[h.rand.IntN(4)], h.rand)
				}
			}
			h.finish(t, fs)
		})
	}
}

// Writes and syncs fail now and then; the queue goes on in a new segment, and nothing is
// lost or written twice.
func TestFailuresAtRandom(t *testing.T) {
	for seed := range testkit.Seeds(t, 40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			h := newHistory(seed)
			fs := crashfs.New()
			q := openTest(t, fs, h.options)
			for _, e := range h.endpoints {
				if err := e.subscribe(t, q); err != nil {
					t.Fatal(err)
				}
			}
			for range 150 {
				if h.rand.IntN(5) == 0 {
					fs.Inject(crashfs.Fault{
						Ops: crashfs.Create | crashfs.Write | crashfs.Sync | crashfs.SyncDir | crashfs.Remove,
						Err: errors.New("the disk says no"), After: h.rand.IntN(4), Written: h.rand.IntN(101),
					})
				}
				s := h.sites[h.rand.IntN(len(h.sites))]
				c, points := s.Next()
				if err := q.Commit(c); err != nil && !errors.Is(err, ErrRetained) {
					t.Fatal(err)
				}
				h.records = append(h.records, points)
				s.Check(t, q.Checkpoint(s.Name))
				e := h.endpoints[h.rand.IntN(len(h.endpoints))]
				_ = e.drain(t, h.records, h.rand.IntN(3), 1+h.rand.IntN(60)) // may fail, and goes on
			}
			fs.Heal()
			if err := q.Commit(source.Cycle{}); err != nil {
				t.Fatal(err)
			}
			for _, e := range h.endpoints {
				if err := e.sub.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			h.finish(t, fs)
		})
	}
}
