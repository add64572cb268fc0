package queue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
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
			f := testkit.NewFleet("paris", 50, 0.3)
			testkit.Commit(t, q, f, 60)
			got := uint64(0)
			var w window.Window
			for range windows {
				if a.Fill(&w, 200) != nil {
					break
				}
				got += uint64(w.Samples)
				if err := a.Advance(&w, nil); err != nil {
					t.Fatal(err)
				}
			}
			segments := q.log.Segments()
			testkit.Closed(t, a)
			testkit.Closed(t, b)
			testkit.Closed(t, q)
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
			f.T += 60_000
			testkit.Commit(t, q, f, 3)
			again := testwindow.Drain(t, a).Samples
			sum := func(endpoint string) uint64 {
				return lossOf(q, endpoint, reasonMissing).Samples + lossOf(q, endpoint, reasonDamaged).Samples
			}
			all := uint64(63 * 50)
			if n := got + again + sum("a"); n < all || n > all && name != "a cursor" && name != "a zeroed cursor" && name != "an empty cursor" {
				t.Errorf("%s is gone after %d windows: %d delivered before, %d after, %d lost, of %d", name, windows, got, again, sum("a"), all)
			}
			if n := testwindow.Drain(t, b).Samples + sum("b"); n != all {
				t.Errorf("%s is gone: the other endpoint's delivered and lost are %d of %d", name, n, all)
			}
			testkit.Closed(t, a)
			testkit.Closed(t, b)
			testkit.Closed(t, q)
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
	f := testkit.NewFleet("paris", 50, 0.3)
	q := openTest(t, fs, both)
	b := mustSubscribe(t, q, "b")
	testkit.Commit(t, q, f, 5)
	got := testwindow.Drain(t, b)
	testkit.Closed(t, b)
	testkit.Closed(t, q)
	for range 2 {
		q = openTest(t, fs, one)
		a := mustSubscribe(t, q, "a")
		testkit.Commit(t, q, f, 40)
		testwindow.Drain(t, a)
		testkit.Closed(t, a)
		testkit.Closed(t, q)
	}
	for i := range 2 {
		q = openTest(t, fs, both)
		b = mustSubscribe(t, q, "b")
		lost := lossOf(q, "b", reasonAbsent)
		if i == 0 {
			got = got.Plus(testwindow.Drain(t, b)).Plus(lost)
			if got != (record.Totals{Records: 85, Samples: 85 * 50}) || lost == (record.Totals{}) {
				t.Errorf("%v delivered and lost, %v of it lost", got, lost)
			}
		} else if lost != (record.Totals{}) {
			t.Errorf("%v lost once more", lost)
		}
		testkit.Closed(t, b)
		testkit.Closed(t, q)
	}
}

// An inventory is of one piece or it is none.
func TestDamagedInventory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	s := stock{inventory: inventory{Segment: 7, Sequence: 99, Endpoints: map[string]inventoryPlace{"a": {At: wal.Position{Segment: 3, Offset: 64}}}}, generation: 1}
	b, err := s.slot()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := parseStock(b); !ok || got.Segment != 7 || got.Endpoints["a"] != s.Endpoints["a"] {
		t.Errorf("read %+v, %v", got, ok)
	}
	for range 2000 {
		bad := slices.Clone(b)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if _, ok := parseStock(bad); ok {
			t.Fatal("a damaged inventory is taken for one")
		}
		if _, ok := parseStock(b[:r.IntN(len(b))]); ok {
			t.Fatal("a part of an inventory is taken for one")
		}
	}
}

// Where the newest segment ends between two records, what was behind is counted and what was before comes once: also where that is one record, which the next segment's
// first one would repeat, and where the agent was killed and the inventory knows of no more than the segment's head.
func TestEndThatIsGone(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for keep := range 8 {
			o := Options{SegmentBytes: 20_000, Endpoints: []string{"a"}}
			fs := crashfs.New()
			q := openTest(t, fs, o)
			testkit.Closed(t, mustSubscribe(t, q, "a"))
			f := testkit.NewFleet("paris", 50, 0.3)
			for len(q.log.Segments()) < 3 {
				testkit.Commit(t, q, f, 1)
			}
			before := q.packer.Before.Records
			testkit.Commit(t, q, f, 6)
			newest := q.log.End().Segment
			cuts := []uint64{0}
			reader := q.log.Reader(wal.Position{Segment: newest})
			for rec, err := reader.Next(); err == nil; rec, err = reader.Next() {
				cuts = append(cuts, rec.Next.Offset)
			}
			all := q.packer.Before.Records + q.packer.Had.Records
			if !killed {
				testkit.Closed(t, q)
			} else {
				fs = fs.Kill()
			}
			name := q.log.Segments()[2].Name()
			fs.Put(name, fs.Content(name)[:cuts[keep]])
			left := before + uint64(max(keep-1, 0))

			q = openTest(t, fs, o)
			a := mustSubscribe(t, q, "a")
			f.T += 60_000
			testkit.Commit(t, q, f, 2)
			got, lost := testwindow.Drain(t, a).Samples, lossOf(q, "a", reasonMissing).Samples+lossOf(q, "a", reasonDamaged).Samples
			if got != 50*(left+2) || !killed && lost != 50*(all-left) {
				t.Errorf("killed %v, %d frames kept: %d samples and %d lost, want %d and %d", killed, keep, got, lost, 50*(left+2), 50*(all-left))
			}
			testkit.Closed(t, a)
			testkit.Closed(t, q)
		}
	}
}

func ofInventory(d Damage) bool { return d.Segment == 0 }

// inspected is what queue verify finds.
func inspected(t *testing.T, fs *crashfs.FS) Inspection {
	t.Helper()
	found, err := inspectLog(fs, true, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Whatever becomes of the inventory: the inspection reports it and nothing as missing, no sample is lost or counted, and the next start
// writes it anew.
func TestDamagedInventoryCostsNothing(t *testing.T) {
	const size = 2 * inventorySlot
	flip := func(at ...int) func(*crashfs.FS, []byte) {
		return func(fs *crashfs.FS, b []byte) {
			for _, i := range at {
				b[i] ^= 1
			}
			fs.Put(inventoryFile, b)
		}
	}
	cut := func(length int) func(*crashfs.FS, []byte) {
		return func(fs *crashfs.FS, b []byte) { fs.Put(inventoryFile, b[:length]) }
	}
	damages := map[string]func(fs *crashfs.FS, whole []byte){
		"the first slot":        flip(30),
		"the second slot":       flip(inventorySlot + 30),
		"both slots":            flip(30, inventorySlot+30),
		"the zeros":             flip(inventorySlot - 1),
		"the last zero":         flip(size - 1),
		"both magics":           flip(0, inventorySlot),
		"empty":                 cut(0),
		"cut in the first":      cut(40),
		"cut between":           cut(inventorySlot),
		"cut in the second":     cut(inventorySlot + 40),
		"cut by a byte":         cut(size - 1),
		"zeros":                 func(fs *crashfs.FS, _ []byte) { fs.Put(inventoryFile, make([]byte, size)) },
		"the first zeroed":      func(fs *crashfs.FS, b []byte) { clear(b[:inventorySlot]); fs.Put(inventoryFile, b) },
		"the second zeroed":     func(fs *crashfs.FS, b []byte) { clear(b[inventorySlot:]); fs.Put(inventoryFile, b) },
		"the first unreadable":  func(fs *crashfs.FS, _ []byte) { fs.BadBlock(inventoryFile, 0) },
		"the second unreadable": func(fs *crashfs.FS, _ []byte) { fs.BadBlock(inventoryFile, inventorySlot) },
		"the same twice":        func(fs *crashfs.FS, b []byte) { copy(b, b[inventorySlot:]); fs.Put(inventoryFile, b) },
	}
	o := Options{SegmentBytes: 4000, Endpoints: []string{"a", "b"}}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			fs := crashfs.New()
			q := openTest(t, fs, o)
			a, b := mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
			f := testkit.NewFleet("paris", 50, 0.3)
			testkit.Commit(t, q, f, 40)
			got := testwindow.Drain(t, a).Samples
			testkit.Commit(t, q, f, 20)
			testkit.Closed(t, a)
			testkit.Closed(t, b)
			testkit.Closed(t, q)
			if found := inspected(t, fs); len(found.Damages)+len(found.Missing) > 0 {
				t.Fatalf("before, the inspection says %v, %v", found.Damages, found.Missing)
			}
			damage(fs, slices.Clone(fs.Content(inventoryFile)))
			if found := inspected(t, fs); len(found.Damages) != 1 || !ofInventory(found.Damages[0]) || len(found.Missing) > 0 {
				t.Errorf("the inspection says %v, %v", found.Damages, found.Missing)
			}
			if name == "the first unreadable" || name == "the second unreadable" {
				fs.Put(inventoryFile, make([]byte, size)) // as a disk gives back a block that it has put elsewhere
			}
			q = openTest(t, fs, o)
			if found := inspected(t, fs.Kill()); len(found.Damages)+len(found.Missing) > 0 {
				t.Errorf("after the start the inspection still says %v, %v", found.Damages, found.Missing)
			}
			a, b = mustSubscribe(t, q, "a"), mustSubscribe(t, q, "b")
			if n := got + testwindow.Drain(t, a).Samples; n != 60*50 {
				t.Errorf("%d samples, want %d", n, 60*50)
			}
			if n := testwindow.Drain(t, b).Samples; n != 60*50 {
				t.Errorf("%d samples for the other, want %d", n, 60*50)
			}
			for _, l := range q.Stats().Losses {
				t.Errorf("lost %+v", l)
			}
			testkit.Closed(t, a)
			testkit.Closed(t, b)
			testkit.Closed(t, q)
		})
	}
}
