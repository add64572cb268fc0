package remotewrite

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// specimen is a small queue of several segments, for being damaged.
type specimen struct {
	files   map[string][]byte
	names   []string
	sites   []*modelSite
	records [][]wanted
	frames  []wal.Record // heads included, without payload
}

func newSpecimen(t *testing.T) *specimen {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	s := &specimen{files: map[string][]byte{}, sites: []*modelSite{newModelSite("paris", r), newModelSite("lyon", r)}}
	for _, site := range s.sites {
		site.pool = site.pool[:4]
	}
	fs := crashfs.New()
	q := openTest(t, fs, Options{SegmentBytes: 900})
	for i := range 9 {
		c, points := s.sites[i%2].next()
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
	if len(names) < 3 {
		t.Fatalf("%d segments, want 3 or more", len(names))
	}
	return s
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
func readAll(t *testing.T, fs *crashfs.FS) (points []wanted, lost Totals, known func(site string) source.Checkpoint) {
	t.Helper()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	sub := mustSubscribe(t, q, "a")
	extra := source.Cycle{Site: "extra", Changes: []source.Change{{Key: "k", Value: []byte{1}}}}
	if err := q.Commit(extra); err != nil {
		t.Fatal(err)
	}
	var w window
	times := map[string]int64{}
	for {
		err := sub.fill(&w, 1)
		found := pointsOf(t, &w)
		for _, p := range found {
			if p.marks == "" && p.t < times[p.key] {
				t.Fatalf("%s goes back from %d to %d", p.key, times[p.key], p.t)
			}
			times[p.key] = max(times[p.key], p.t)
		}
		points = append(points, found...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(points, compareWanted)
	for _, l := range q.Stats().Losses {
		if l.Endpoint == "a" {
			lost = lost.plus(l.Totals)
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
		site.check(t, known(site.name))
	}
}

func sorted(records [][]wanted) []wanted {
	points := slices.Concat(records...)
	slices.SortFunc(points, compareWanted)
	return points
}

// Any single bit may be wrong: nothing is lost, but for the last record of all, which has no
// successor yet, and that is counted.
func TestEveryBit(t *testing.T) {
	s := newSpecimen(t)
	all, butLast := sorted(s.records), sorted(s.records[:len(s.records)-1])
	last := s.frames[len(s.frames)-1]
	for n, name := range s.names {
		whole := s.files[name]
		for bit := range 8 * len(whole) {
			if testing.Short() && bit%13 != 0 {
				continue
			}
			content := slices.Clone(whole)
			content[bit/8] ^= 1 << (bit % 8)
			inLast := n == len(s.names)-1 && uint64(bit/8) >= last.Pos.Offset
			points, lost, known := readAll(t, s.disk(name, content))
			want, wantLost := all, Totals{}
			if inLast {
				want, wantLost = butLast, Totals{Records: 1}
			} else {
				s.checkSites(t, known)
			}
			if !slices.Equal(points, want) || lost != wantLost {
				t.Fatalf("%s bit %d: %d points and %v lost, want %d and %v", name, bit, len(points), lost, len(want), wantLost)
			}
		}
	}
}

// A file may end anywhere. What was before is still there, and what a later segment proves
// to be missing is counted.
func TestEveryLength(t *testing.T) {
	s := newSpecimen(t)
	for n, name := range s.names {
		whole := s.files[name]
		for length := range len(whole) {
			points, lost, _ := readAll(t, s.disk(name, whole[:length]))
			s.checkPrefix(t, fmt.Sprintf("%s cut at %d", name, length), n, points, lost)
		}
	}
}

// checkPrefix holds what is left after a cut in the n-th segment against the model: whole records,
// and in all but the newest segment those that are missing are counted.
func (s *specimen) checkPrefix(t *testing.T, label string, n int, points []wanted, lost Totals) {
	t.Helper()
	var read [][]wanted
	for _, record := range s.records {
		if containsAll(points, record) {
			read = append(read, record)
		}
	}
	if !slices.Equal(points, sorted(read)) {
		t.Fatalf("%s: %d points, of which %d belong", label, len(points), len(slices.Concat(read...)))
	}
	missing := Totals{Records: uint64(len(s.records) - len(read))}
	missing.Samples = uint64(countSamples(sorted(s.records)) - countSamples(points))
	if n < len(s.names)-1 && (lost.Records < missing.Records || lost.Records > missing.Records+1 || lost.Samples != missing.Samples) {
		t.Fatalf("%s: %v are missing and %v counted", label, missing, lost)
	}
}

// containsAll does not count duplicates: no record of the model is all of another's points.
func containsAll(points, record []wanted) bool {
	return !slices.ContainsFunc(record, func(w wanted) bool {
		_, found := slices.BinarySearchFunc(points, w, compareWanted)
		return !found
	})
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
		var want []wanted
		var wantLost Totals
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
		slices.SortFunc(want, compareWanted)
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
func countSamples(points []wanted) int {
	return len(slices.DeleteFunc(slices.Clone(points), func(w wanted) bool { return w.marks != "" }))
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

// What was delivered before is not delivered again nor counted as lost, whatever became of
// its record since.
func TestDamageAroundCursor(t *testing.T) {
	s := newSpecimen(t)
	last := s.frames[len(s.frames)-1].Pos.Segment
	for i, damaged := range s.frames {
		for width := 1; width <= 2 && i+width <= len(s.frames) && damaged.Pos.Segment < last; width++ {
			content := slices.Clone(s.files[s.names[damaged.Pos.Segment-1]])
			for _, f := range s.frames[i : i+width] {
				if f.Pos.Segment == damaged.Pos.Segment {
					content[f.Next.Offset-1] ^= 1
				}
			}
			for j := range s.frames {
				s.readFrom(t, i, i+width-1, j, s.disk(s.names[damaged.Pos.Segment-1], content))
			}
		}
	}
}

// readFrom reads from the j-th frame on, of which those from i to k are damaged.
func (s *specimen) readFrom(t *testing.T, i, k, j int, fs *crashfs.FS) {
	t.Helper()
	log, _, err := wal.Open(fs, wal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	lost := uint64(0)
	r := newReader(log, s.frames[j].Pos, func(l loss) { lost += l.lost.Records })
	var w window
	var points []wanted
	for err == nil {
		err = r.fill(&w, 1)
		points = append(points, pointsOf(t, &w)...)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	var want [][]wanted
	wantLost, record := uint64(0), 0
	for n, f := range s.frames {
		gone := k > i && s.frames[k].Pos.Segment == s.frames[i].Pos.Segment && f.Pos.Segment == s.frames[i].Pos.Segment && n >= i
		if gone && n >= j {
			wantLost++
		}
		if f.Head() {
			continue
		}
		if !gone && n >= j {
			want = append(want, s.records[record])
		}
		record++
	}
	slices.SortFunc(points, compareWanted)
	// With the cursor between two that are lost nobody knows on which side of it each was.
	unsure := uint64(0)
	if i < j && j <= k {
		unsure = 1
	}
	if !slices.Equal(points, sorted(want)) || lost < wantLost || lost > wantLost+unsure {
		t.Errorf("frames %d to %d damaged, read from %d: %d points and %d records lost, want %d and %d",
			i, k, j, len(points), lost, len(slices.Concat(want...)), wantLost)
	}
}
