package window_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
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
)

// specimen is a log of several segments, and what is in each of its frames.
type specimen struct {
	files  map[string][]byte
	frames []frame
}

type frame struct {
	wal.Record                  // without payload
	file       string           // that it is in
	points     []testkit.Wanted // none of a head
}

// samples is how many a frame has; exemplars are none.
func (f *frame) samples() uint64 {
	n := uint64(0)
	for _, p := range f.points {
		if p.Marks == "" {
			n++
		}
	}
	return n
}

// newSpecimen writes segments of so many cycles each, of two sites in turn.
func newSpecimen(t *testing.T, cycles ...int) *specimen {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	sites := []*testkit.ModelSite{testkit.NewModelSite("paris", r), testkit.NewModelSite("lyon", r)}
	fs := crashfs.New()
	log := openLog(t, fs)
	p := record.NewPacker(record.NewImage())
	s := &specimen{files: map[string][]byte{}}
	turn := 0
	for _, n := range cycles {
		if err := log.Roll(p.Roll()); err != nil {
			t.Fatal(err)
		}
		p.Keep()
		p.Had.Segment = log.End().Segment
		s.frames = append(s.frames, frame{})
		for range n {
			c, points := sites[turn%2].Next()
			turn++
			packed, _ := p.Pack(c, false)
			if _, err := log.Append(packed); err != nil {
				t.Fatal(err)
			}
			p.Keep()
			s.frames = append(s.frames, frame{points: points})
		}
	}
	names, err := fs.List(".")
	if err != nil {
		t.Fatal(err)
	}
	reader := log.Reader(wal.Position{})
	defer testkit.Closed(t, reader)
	for i := range s.frames {
		rec, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		rec.Payload = nil
		s.frames[i].Record = rec
	}
	for _, name := range names {
		s.files[name] = fs.Content(name)
		number, _ := wal.SegmentNumber(name)
		for i := range s.frames {
			if s.frames[i].Pos.Segment == number {
				s.frames[i].file = name
			}
		}
	}
	return s
}

func openLog(t *testing.T, fs wal.FS) *wal.Log {
	t.Helper()
	log, _, err := wal.Open(fs, wal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Closed(t, log) })
	return log
}

// disk has the log's files, with a wrong bit in the payload of some of its frames.
func (s *specimen) disk(damaged ...int) *crashfs.FS {
	fs := crashfs.New()
	for name, content := range s.files {
		content = slices.Clone(content)
		for _, i := range damaged {
			if s.frames[i].file == name {
				content[s.frames[i].Next.Offset-1] ^= 1
			}
		}
		fs.Put(name, content)
	}
	return fs
}

// understood says of each frame whether a reader of the log knows what it says. The block of a damaged record is in the next
// one too; where that is damaged as well, the rest of the segment means nothing.
func (s *specimen) understood(damaged ...int) []bool {
	all := make([]bool, len(s.frames))
	for i := range s.frames {
		known := !slices.Contains(damaged, i) || i+1 < len(s.frames) && !slices.Contains(damaged, i+1)
		all[i] = known && (s.frames[i].Head() || all[i-1])
	}
	return all
}

// wanted are the points of the frames from one on that are understood, and what is lost of the others.
func (s *specimen) wanted(from int, damaged ...int) (points []testkit.Wanted, lost record.Totals) {
	for i, understood := range s.understood(damaged...) {
		if i < from {
			continue
		}
		if understood {
			points = append(points, s.frames[i].points...)
			continue
		}
		lost.Records++                                                        // a head is a record of the log too
		if s.frames[i].Pos.Segment != s.frames[len(s.frames)-1].Pos.Segment { // only the next head says how many samples these were
			lost.Samples += s.frames[i].samples()
		}
	}
	slices.SortFunc(points, testkit.CompareWanted)
	return points, lost
}

// readWindows fills windows of at least so many samples to the end of the log.
func readWindows(t *testing.T, r *window.Reader, least int) (points []testkit.Wanted) {
	t.Helper()
	var w window.Window
	err := error(nil)
	for err == nil {
		if err = r.Fill(&w, least); err == nil {
			points = append(points, testwindow.Wanted(t, &w)...)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	slices.SortFunc(points, testkit.CompareWanted)
	return points
}

// A damaged record is read from the one after it and costs nothing; of two side by side the rest of the segment is lost, and
// counted to the sample. The damage is reported where it is.
func TestDamagedRecords(t *testing.T) {
	s := newSpecimen(t, 4, 3, 4, 2)
	for i := range len(s.frames) - 1 { // that the last is missing, only the next can say
		for _, damaged := range [][]int{{i}, {i, i + 1}, {i, i + 2}} {
			if damaged[len(damaged)-1] >= len(s.frames)-1 {
				continue
			}
			var losses []window.Loss
			r := window.NewReader(openLog(t, s.disk(damaged...)), wal.Position{Segment: 1}, func(l window.Loss) { losses = append(losses, l) })
			points := readWindows(t, r, 1)
			want, wantLost := s.wanted(0, damaged...)
			var lost record.Totals
			for _, l := range losses {
				lost = lost.Plus(l.Lost)
				if l.Err == nil {
					t.Errorf("%v damaged: %+v gives no reason", damaged, l)
				}
			}
			if !slices.Equal(points, want) || lost != wantLost {
				t.Errorf("%v damaged: %d points and %v lost, want %d and %v", damaged, len(points), lost, len(want), wantLost)
			}
			for _, n := range damaged {
				at := s.frames[n].Pos
				found := slices.ContainsFunc(losses, func(l window.Loss) bool { return l.Segment == at.Segment && l.Offset == at.Offset })
				if alone := !slices.Contains(damaged, n-1); alone && !found {
					t.Errorf("%v damaged: no loss at %v: %+v", damaged, at, losses)
				}
			}
			if r.Totals() != s.totals() && wantLost == (record.Totals{}) {
				t.Errorf("%v damaged: %v written, want %v", damaged, r.Totals(), s.totals())
			}
		}
	}
}

// totals is what was written in all, without heads.
func (s *specimen) totals() (all record.Totals) {
	for _, f := range s.frames {
		if !f.Head() {
			all = all.Plus(record.Totals{Records: 1, Samples: f.samples()})
		}
	}
	return all
}

// What was delivered before is not delivered again nor counted as lost, whatever became of its record since.
func TestDamageAroundCursor(t *testing.T) {
	s := newSpecimen(t, 4, 3, 4, 2)
	for i := range len(s.frames) - 1 {
		for _, damaged := range [][]int{nil, {i}, {i, i + 1}} {
			last := i + len(damaged) - 1
			if last >= len(s.frames)-1 {
				continue
			}
			for j := range s.frames {
				lost := uint64(0)
				r := window.NewReader(openLog(t, s.disk(damaged...)), s.frames[j].Pos, func(l window.Loss) { lost += l.Lost.Records })
				points := readWindows(t, r, 1)
				want, wantLost := s.wanted(j, damaged...)
				// With the cursor between two that are lost nobody knows on which side of it each was.
				unsure := uint64(0)
				if i < j && j <= last {
					unsure = 1
				}
				if !slices.Equal(points, want) || lost < wantLost.Records || lost > wantLost.Records+unsure {
					t.Errorf("%v damaged, read from %d: %d points and %d records lost, want %d and %d", damaged, j, len(points), lost, len(want), wantLost.Records)
				}
			}
		}
	}
}

// A window ends with the record that makes it full, and with its segment; its cursor then goes to what follows.
func TestFill(t *testing.T) {
	s := newSpecimen(t, 4, 3, 4)
	none := func(l window.Loss) { t.Errorf("lost %+v", l) }
	for least := 1; least < 60; least += 7 {
		r := window.NewReader(openLog(t, s.disk()), wal.Position{Segment: 1}, none)
		at := 0
		for at < len(s.frames) {
			var want []testkit.Wanted
			records, samples, next := 0, uint64(0), wal.Position{}
			for first := at; at < len(s.frames) && samples < uint64(least) && (samples == 0 || s.frames[at].Pos.Segment == s.frames[first].Pos.Segment); at++ {
				f := &s.frames[at]
				want, samples, next = append(want, f.points...), samples+f.samples(), f.Next
				if !f.Head() {
					records++
				}
			}
			slices.SortFunc(want, testkit.CompareWanted)
			var w window.Window
			if err := r.Fill(&w, least); err != nil {
				t.Fatal(err)
			}
			if got := testwindow.Wanted(t, &w); !slices.Equal(got, want) || w.Next != next || w.Records != records {
				t.Errorf("least %d: %d points of %d records up to %v, want %d of %d up to %v", least, len(got), w.Records, w.Next, len(want), records, next)
			}
		}
		var w window.Window
		if err := r.Fill(&w, least); !errors.Is(err, io.EOF) || w.Samples != 0 {
			t.Errorf("at the end: %v, %d samples", err, w.Samples)
		}
		newest := int64(0)
		for _, f := range s.frames {
			for _, p := range f.points {
				if p.Marks == "" {
					newest = max(newest, p.T)
				}
			}
		}
		if r.Newest() != newest || r.Position() != s.frames[len(s.frames)-1].Next {
			t.Errorf("newest %d at %v, want %d at %v", r.Newest(), r.Position(), newest, s.frames[len(s.frames)-1].Next)
		}
	}
}

// A window that starts before Until ends there, however many samples it was to have; a later one does not know it.
func TestFillUntil(t *testing.T) {
	s := newSpecimen(t, 6)
	for i := 1; i < len(s.frames); i++ {
		r := window.NewReader(openLog(t, s.disk()), s.frames[0].Pos, func(l window.Loss) { t.Errorf("lost %+v", l) })
		r.Until = s.frames[i].Pos
		var w window.Window
		err := r.Fill(&w, math.MaxInt)
		if i == 1 { // only the head is before
			if w.Samples > 0 {
				t.Errorf("%d samples of a head", w.Samples)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if w.Next != r.Until {
			t.Errorf("the window until %v ends at %v", r.Until, w.Next)
		}
		if err := r.Fill(&w, math.MaxInt); err != nil || w.Next != s.frames[len(s.frames)-1].Next {
			t.Errorf("the next one ends at %v: %v", w.Next, err)
		}
	}
}

// Seek goes to where delivering begins and no further, and reads the head in any case: it says how much was written before.
func TestSeek(t *testing.T) {
	s := newSpecimen(t, 4, 3, 4)
	for j, f := range s.frames {
		r := window.NewReader(openLog(t, s.disk()), f.Pos, func(l window.Loss) { t.Errorf("lost %+v", l) })
		if err := r.Seek(); err != nil {
			t.Fatal(err)
		}
		at := f.Pos
		if f.Head() {
			at = f.Next
		}
		var before record.Totals
		for _, f := range s.frames[:j] {
			if !f.Head() {
				before = before.Plus(record.Totals{Records: 1, Samples: f.samples()})
			}
		}
		if r.At != at || r.Totals() != before {
			t.Errorf("at %v with %v written before, want %v and %v", r.At, r.Totals(), at, before)
		}
		want, _ := s.wanted(j)
		if points := readWindows(t, r, 1); !slices.Equal(points, want) {
			t.Errorf("from %d: %d points, want %d", j, len(points), len(want))
		}
	}
	end := s.frames[len(s.frames)-1].Next
	r := window.NewReader(openLog(t, s.disk()), end, func(l window.Loss) { t.Errorf("lost %+v", l) })
	if err := r.Seek(); r.At != end || err != nil {
		t.Errorf("to the end: at %v, %v", r.At, err)
	}
}

// What was removed is counted by who removed it: a reader goes on behind it and says nothing.
func TestRemovedSegments(t *testing.T) {
	s := newSpecimen(t, 4, 3, 4)
	for read := range 3 { // records, before the segment goes
		log := openLog(t, s.disk())
		r := window.NewReader(log, wal.Position{Segment: 1}, func(l window.Loss) { t.Errorf("lost %+v", l) })
		for range read {
			if err := r.Step(nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for n := range uint64(2) {
			if err := log.Remove(n + 1); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := s.wanted(9)
		if points := readWindows(t, r, 1); !slices.Equal(points, want) || r.Had.Segment != 3 {
			t.Errorf("after %d records: %d points of segment %d, want %d of 3", read, len(points), r.Had.Segment, len(want))
		}
	}
}

// A record of a newer program is refused, the reader stays before it, and what was before is delivered.
func TestRecordOfANewerVersion(t *testing.T) {
	s := newSpecimen(t, 2)
	log := openLog(t, s.disk())
	if _, err := log.Append([]byte{9, 0, 2}); err != nil {
		t.Fatal(err)
	}
	r := window.NewReader(log, wal.Position{Segment: 1}, func(l window.Loss) { t.Errorf("lost %+v", l) })
	var w window.Window
	end := s.frames[len(s.frames)-1].Next
	if err := r.Fill(&w, math.MaxInt); err != nil || w.Next != end {
		t.Errorf("up to %v: %v", w.Next, err)
	}
	for range 2 {
		if err := r.Fill(&w, 1); !errors.Is(err, record.ErrVersion) || w.Samples != 0 || r.At != end {
			t.Errorf("%v, %d samples, at %v", err, w.Samples, r.At)
		}
	}
}

// A disk that does not give a record back is asked again a second later.
func TestStepPatiently(t *testing.T) {
	s := newSpecimen(t, 2)
	synctest.Test(t, func(t *testing.T) {
		fs := s.disk()
		r := window.NewReader(openLog(t, fs), wal.Position{Segment: 1}, func(l window.Loss) { t.Errorf("lost %+v", l) })
		fs.Inject(crashfs.Fault{Ops: crashfs.Read, Err: syscall.EIO, Sticky: true})
		start := time.Now()
		go func() {
			time.Sleep(5*time.Second + time.Millisecond)
			fs.Heal()
		}()
		if err := r.StepPatiently(); err != nil || time.Since(start) != 6*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		fs.Inject(crashfs.Fault{Ops: crashfs.Read, Err: syscall.EACCES, Sticky: true})
		start = time.Now()
		for err := error(nil); err == nil; { // what is at hand is read
			if err = r.StepPatiently(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EACCES) {
				t.Error(err)
			}
		}
		if time.Since(start) != 0 {
			t.Errorf("waited %v for what does not pass", time.Since(start))
		}
	})
}
