package queue

import (
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"
)

// specimen is a small queue of several segments, for being damaged.
type specimen struct {
	files   map[string][]byte
	names   []string // of the segments, and of the inventory at the end
	newest  int      // segment, among them
	sites   []*testkit.ModelSite
	records [][]testkit.Wanted
	frames  []wal.Record // heads included, without payload
}

func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	s := &specimen{files: map[string][]byte{}, sites: []*testkit.ModelSite{testkit.NewModelSite("paris", r), testkit.NewModelSite("lyon", r)}}
	for _, site := range s.sites {
		site.Pool = site.Pool[:4]
	}
	fs := crashfs.New()
	q := openTest(t, fs, Options{SegmentBytes: 900})
	for i := range 9 {
		c, points := s.sites[i%2].Next()
		if err := q.Commit(c); err != nil {
			t.Fatal(err)
		}
		s.records = append(s.records, points)
	}
	reader := q.log.Reader(wal.Position{})
	for rec, err := reader.Next(); err == nil; rec, err = reader.Next() {
		rec.Payload = nil
		s.frames = append(s.frames, rec)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s.files[name] = fs.Content(name)
		s.names = append(s.names, name)
	}
	if s.newest = len(names) - 2; s.newest < 2 || names[s.newest+1] != inventoryFile {
		t.Fatalf("files %v, want 3 segments or more and the inventory", names)
	}
	return s
}

// places are the bytes of a file. Of the inventory's zeros, which are all but a hundredth of it, they are some.
func (s *specimen) places(name string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range s.files[name] {
			if name == inventoryFile && i%inventorySlot > 400 && i%1021 != 0 && (i+1)%inventorySlot != 0 {
				continue
			}
			if !yield(i) {
				return
			}
		}
	}
}

// disk is a fresh disk with the files, one of them replaced.
func (s *specimen) disk(name string, content []byte) *crashfs.FS {
	fs := crashfs.New()
	for other, whole := range s.files {
		if other == name {
			whole = content
		}
		fs.Put(other, whole)
	}
	return fs
}

// readAll opens the queue, commits something more, so that what is missing at the end is noticed, and
// returns the points of every record that still can be read, sorted.
func readAll(t *testing.T, fs *crashfs.FS) (points []testkit.Wanted, lost record.Totals, known func(site string) source.Checkpoint) {
	t.Helper()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	sub := mustSubscribe(t, q, "a")
	extra := source.Cycle{Site: "extra", Changes: []source.Change{{Key: "k", Value: []byte{1}}}}
	if err := q.Commit(extra); err != nil {
		t.Fatal(err)
	}
	var w window.Window
	times := map[string]int64{}
	for {
		err := sub.Fill(&w, 1)
		found := testwindow.Wanted(t, &w)
		for _, p := range found {
			if p.Marks == "" && p.T < times[p.Key] {
				t.Fatalf("%s goes back from %d to %d", p.Key, times[p.Key], p.T)
			}
			times[p.Key] = max(times[p.Key], p.T)
		}
		points = append(points, found...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(points, testkit.CompareWanted)
	for _, l := range q.Stats().Losses {
		if l.Endpoint == "a" {
			lost = lost.Plus(l.Totals)
		}
	}
	if err := errors.Join(sub.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	return points, lost, q.Checkpoint
}

func (s *specimen) checkSites(t *testing.T, known func(site string) source.Checkpoint) {
	t.Helper()
	for _, site := range s.sites {
		site.Check(t, known(site.Name))
	}
}

func sorted(records [][]testkit.Wanted) []testkit.Wanted {
	points := slices.Concat(records...)
	slices.SortFunc(points, testkit.CompareWanted)
	return points
}

// Any single bit may be wrong: nothing is lost, but for the last record of all, which has no
// successor yet, and that is counted, to the sample: the inventory knows it.
func TestEveryBit(t *testing.T) {
	s := newSpecimen(t)
	all, butLast := sorted(s.records), sorted(s.records[:len(s.records)-1])
	last := s.frames[len(s.frames)-1]
	step := 7 // visits each bit of a byte, and each byte, in turn
	if os.Getenv("BACKWIRE_TEST_BITS") == "all" {
		step = 1
	} else if testing.Short() {
		step = 31
	}
	for n, name := range s.names {
		for at := range s.places(name) {
			for bit := range 8 {
				if (8*at+bit)%step != 0 {
					continue
				}
				content := slices.Clone(s.files[name])
				content[at] ^= 1 << bit
				points, lost, known := readAll(t, s.disk(name, content))
				want, wantLost := all, record.Totals{}
				if n == s.newest && uint64(at) >= last.Pos.Offset {
					want, wantLost = butLast, record.Totals{Records: 1, Samples: uint64(countSamples(s.records[len(s.records)-1]))}
				} else {
					s.checkSites(t, known)
				}
				if !slices.Equal(points, want) || lost != wantLost {
					t.Fatalf("%s at %d bit %d: %d points and %v lost, want %d and %v", name, at, bit, len(points), lost, len(want), wantLost)
				}
			}
		}
	}
}

// A file may end anywhere. What was before is still there, and what is missing is counted to the sample: a later segment
// says what that is, or the inventory.
func TestEveryLength(t *testing.T) {
	s := newSpecimen(t)
	for n, name := range s.names {
		for length := range s.places(name) {
			points, lost, _ := readAll(t, s.disk(name, s.files[name][:length]))
			want, wantLost := s.cut(n, uint64(length))
			if !slices.Equal(points, want) || lost != wantLost {
				t.Fatalf("%s cut at %d: %d points and %v lost, want %d and %v", name, length, len(points), lost, len(want), wantLost)
			}
		}
	}
}

// cut is what there is, and what is lost, where the n-th file ends early: the records that are not whole, heads too. One
// that is alone is in the next segment's first record as well.
func (s *specimen) cut(n int, length uint64) (points []testkit.Wanted, lost record.Totals) {
	var gone, kept [][]testkit.Wanted
	heads, at := 0, 0
	for _, f := range s.frames {
		cut := n <= s.newest && f.Pos.Segment == s.frames[0].Pos.Segment+uint64(n) && f.Next.Offset > length
		switch {
		case f.Head() && cut:
			heads++
		case f.Head():
		case cut:
			gone = append(gone, s.records[at])
		default:
			kept = append(kept, s.records[at])
		}
		if !f.Head() {
			at++
		}
	}
	if n != s.newest && heads+len(gone) == 1 {
		return sorted(s.records), record.Totals{}
	}
	return sorted(kept), record.Totals{Records: uint64(heads + len(gone)), Samples: uint64(countSamples(sorted(gone)))}
}

// Two damaged records side by side are lost, with the rest of their segment, and everything
// that is lost is counted to the sample; the next segment is whole.
func TestTwoDamagedRecords(t *testing.T) {
	s := newSpecimen(t)
	tried := 0
	for i := range len(s.frames) - 2 {
		a, b := s.frames[i], s.frames[i+1]
		if a.Pos.Segment != b.Pos.Segment || b.Pos.Segment == s.frames[len(s.frames)-1].Pos.Segment {
			continue
		}
		tried++
		name := s.names[a.Pos.Segment-s.frames[0].Pos.Segment]
		content := slices.Clone(s.files[name])
		content[a.Next.Offset-1] ^= 1
		content[b.Next.Offset-1] ^= 1
		points, lost, _ := readAll(t, s.disk(name, content))
		var want []testkit.Wanted
		var wantLost record.Totals
		record := 0
		for j, f := range s.frames {
			if f.Head() {
				if j >= i && f.Pos.Segment == a.Pos.Segment {
					wantLost.Records++ // a head is a record of the log, though not of a cycle
				}
				continue
			}
			if j >= i && f.Pos.Segment == a.Pos.Segment {
				wantLost.Records++
				wantLost.Samples += uint64(countSamples(s.records[record]))
			} else {
				want = append(want, s.records[record]...)
			}
			record++
		}
		slices.SortFunc(want, testkit.CompareWanted)
		if !slices.Equal(points, want) {
			t.Errorf("records %d and %d damaged: got %d points, want %d", i, i+1, len(points), len(want))
		}
		if lost != wantLost {
			t.Errorf("records %d and %d damaged: %v lost, want %v", i, i+1, lost, wantLost)
		}
	}
	if tried < 3 {
		t.Fatalf("only %d pairs of records", tried)
	}
}

// countSamples leaves out exemplars.
func countSamples(points []testkit.Wanted) int {
	return len(slices.DeleteFunc(slices.Clone(points), func(w testkit.Wanted) bool { return w.Marks != "" }))
}

// Nothing but noise in place of a segment must not stop the queue either.
func TestNoise(t *testing.T) {
	s := newSpecimen(t)
	r := rand.New(rand.NewPCG(9, 9))
	for _, name := range s.names {
		for range 20 {
			noise := make([]byte, r.IntN(5000))
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			readAll(t, s.disk(name, noise))
		}
	}
}
