package remotewrite

import (
	"math/rand/v2"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// Whatever somebody deletes of a queue that is closed, each endpoint's delivered and lost samples are all that there were, the inspection says
// beforehand that something is missing, and after the start nothing is missing any more.
func TestWhatIsDeletedIsMissed(t *testing.T) {
	deletions := map[string]func(fs *crashfs.FS, segments []wal.SegmentInfo){
		"nothing":          func(*crashfs.FS, []wal.SegmentInfo) {},
		"the oldest":       func(fs *crashfs.FS, s []wal.SegmentInfo) { remove(t, fs, s[0].Name()) },
		"the two oldest":   func(fs *crashfs.FS, s []wal.SegmentInfo) { remove(t, fs, s[0].Name(), s[1].Name()) },
		"the newest":       func(fs *crashfs.FS, s []wal.SegmentInfo) { remove(t, fs, s[len(s)-1].Name()) },
		"the second":       func(fs *crashfs.FS, s []wal.SegmentInfo) { remove(t, fs, s[1].Name()) },
		"all":              func(fs *crashfs.FS, s []wal.SegmentInfo) { removeAll(t, fs, s) },
		"a cursor":         func(fs *crashfs.FS, _ []wal.SegmentInfo) { remove(t, fs, "cursors/a") },
		"all and a cursor": func(fs *crashfs.FS, s []wal.SegmentInfo) { removeAll(t, fs, s); remove(t, fs, "cursors/a") },
		"a zeroed cursor":  func(fs *crashfs.FS, _ []wal.SegmentInfo) { fs.Put("cursors/a", make([]byte, 3*4096)) },
		"an empty cursor":  func(fs *crashfs.FS, _ []wal.SegmentInfo) { fs.Put("cursors/a", nil) },
	}
	for name, del := range deletions {
		for _, windows := range []int{0, 1, 7, 1000} {
			o := Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}}
			fs := crashfs.New()
			q := openTest(t, fs, o)
			a, b := mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
			f := newFleet("paris", 50, 0.3)
			commitCycles(t, q, f, 60)
			got := uint64(0)
			var w window
			for range windows {
				if a.fill(&w, 200) != nil {
					break
				}
				got += uint64(w.samples)
				if err := a.advance(&w, nil); err != nil {
					t.Fatal(err)
				}
			}
			segments := q.log.Segments()
			closed(t, a)
			closed(t, b)
			closed(t, q)
			del(fs, segments)

			found, err := inspectLog(fs, true, func(int64, int64) {})
			if err != nil {
				t.Fatal(err)
			}
			said := len(found.Damages) > 0 || len(found.Missing) > 0
			for _, c := range found.Cursors {
				said = said || c.Err != nil
			}
			if said != (name != "nothing") {
				t.Errorf("%s is gone: the inspection says %+v", name, found)
			}

			q = openTest(t, fs, o)
			a, b = mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
			f.t += 60_000
			commitCycles(t, q, f, 3)
			again := drainAll(t, a).Samples
			sum := func(endpoint string) uint64 {
				return lossOf(q, endpoint, reasonMissing).Samples + lossOf(q, endpoint, reasonDamaged).Samples
			}
			all := uint64(63 * 50)
			if n := got + again + sum("a"); n < all || n > all && name != "a cursor" && name != "a zeroed cursor" && name != "an empty cursor" {
				t.Errorf("%s is gone after %d windows: %d delivered before, %d after, %d lost, of %d", name, windows, got, again, sum("a"), all)
			}
			if n := drainAll(t, b).Samples + sum("b"); n != all {
				t.Errorf("%s is gone: the other endpoint's delivered and lost are %d of %d", name, n, all)
			}
			closed(t, a)
			closed(t, b)
			closed(t, q)
			if found, err := inspectLog(fs, true, func(int64, int64) {}); err != nil || len(found.Missing) > 0 {
				t.Errorf("%s was gone: the inspection still says %+v, %v", name, found.Missing, err)
			}
		}
	}
}

func remove(t *testing.T, fs *crashfs.FS, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := fs.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func removeAll(t *testing.T, fs *crashfs.FS, segments []wal.SegmentInfo) {
	t.Helper()
	for _, s := range segments {
		remove(t, fs, s.Name())
	}
}

// What an endpoint misses while it is not configured is counted when it comes back, once.
func TestEndpointThatComesBack(t *testing.T) {
	fs := crashfs.New()
	both, one := Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}}, Options{SegmentBytes: 4000, Endpoints: []string{"a"}}
	f := newFleet("paris", 50, 0.3)
	q := openTest(t, fs, both)
	b := mustSubscribe(t, q, "b")
	commitCycles(t, q, f, 5)
	got := drainAll(t, b)
	closed(t, b)
	closed(t, q)
	for range 2 {
		q = openTest(t, fs, one)
		a := mustSubscribe(t, q, "a")
		commitCycles(t, q, f, 40)
		drainAll(t, a)
		closed(t, a)
		closed(t, q)
	}
	for i := range 2 {
		q = openTest(t, fs, both)
		b = mustSubscribe(t, q, "b")
		lost := lossOf(q, "b", reasonAbsent)
		if i == 0 {
			got = got.plus(drainAll(t, b)).plus(lost)
			if got != (Totals{85, 85 * 50}) || lost == (Totals{}) {
				t.Errorf("%v delivered and lost, %v of it lost", got, lost)
			}
		} else if lost != (Totals{}) {
			t.Errorf("%v lost once more", lost)
		}
		closed(t, b)
		closed(t, q)
	}
}

// An inventory is of one piece or it is none.
func TestDamagedInventory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	s := stock{inventory: inventory{Segment: 7, Sequence: 99, Endpoints: map[string]inventoryPlace{"a": {At: wal.Position{Segment: 3, Offset: 64}}}}, generation: 1}
	b, err := s.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := parseStock(append(b, 0, 0)); !ok || got.Segment != 7 || got.Endpoints["a"] != s.Endpoints["a"] {
		t.Errorf("read %+v, %v", got, ok)
	}
	for range 2000 {
		bad := append([]byte{}, b...)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if _, ok := parseStock(bad[:r.IntN(len(bad))+1]); ok {
			t.Fatal("a damaged inventory is taken for one")
		}
	}
}
