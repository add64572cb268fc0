package window_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/window"
)

// Slices go forward in time, none spans more than it may, and together they are the window: each series has its points in order, and its
// exemplars with the last one.
func TestSliced(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		w := testwindow.Shifted(testwindow.Random(r), func(int) int64 { return 1000 }) // a window takes 0 for no time
		spans := w.Newest - w.Oldest
		most := time.Duration(1+r.Int64N(spans+2)) * time.Millisecond
		if r.IntN(4) == 0 {
			most = time.Duration(spans) * time.Millisecond
		}
		out, ends := w.Sliced(most)
		if time.Duration(spans)*time.Millisecond <= most && (out != w || len(ends) != 1) {
			t.Fatalf("a window of %d ms has slices %v of %s", spans, ends, most)
		}
		points, exemplars := map[[2]uint32][]window.Point{}, map[[2]uint32]int{}
		from, before := 0, int64(0)
		for i, to := range ends {
			first, last := extent(t, out, from, to)
			if i > 0 && first <= before || last-first > most.Milliseconds() {
				t.Fatalf("slice %d is from %d to %d, the one before ends at %d, at most %s", i, first, last, before, most)
			}
			for k := from; k < to; k++ {
				c := &out.Columns[k]
				key := [2]uint32{c.Lane, c.Series}
				points[key] = append(points[key], testwindow.Points(out, k)...)
				if n := len(out.ExemplarsOf(c)); n > 0 {
					exemplars[key] += n
				}
			}
			from, before = to, last
		}
		for k := range w.Columns {
			c := &w.Columns[k]
			key := [2]uint32{c.Lane, c.Series}
			if !slices.EqualFunc(points[key], testwindow.Points(w, k), samePoint) || exemplars[key] != len(w.ExemplarsOf(c)) {
				t.Fatalf("series %d: %v and %d exemplars in slices, want %v and %d", c.Series, points[key], exemplars[key], testwindow.Points(w, k), len(w.ExemplarsOf(c)))
			}
		}
		if from != len(out.Columns) || out.Samples != w.Samples {
			t.Fatalf("slices end at %d of %d columns, %d samples", from, len(out.Columns), out.Samples)
		}
	}
}

// What began again in a segment costs a window nothing that has no two series of the same labels, however many it has.
func TestSlicedOfOneSeriesEach(t *testing.T) {
	w := testwindow.New(5000, 1)
	w.Dict.Renewed = true
	if out, ends := w.Sliced(time.Hour); out != w || !slices.Equal(ends, []int{len(w.Columns)}) {
		t.Fatalf("slices end at %v of %d columns", ends, len(w.Columns))
	}
	if n := testing.AllocsPerRun(10, func() { w.Sliced(time.Hour) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func samePoint(a, b window.Point) bool {
	return a.T == b.T && math.Float64bits(a.V) == math.Float64bits(b.V)
}

// extent is from when to when some columns are, which are in the window's order.
func extent(t *testing.T, w *window.Window, from, to int) (first, last int64) {
	t.Helper()
	for k := from; k < to; k++ {
		ps := testwindow.Points(w, k)
		if len(ps) == 0 {
			continue // in a window as it was made
		}
		if k == from || ps[0].T < first {
			first = ps[0].T
		}
		if k == from || ps[len(ps)-1].T > last {
			last = ps[len(ps)-1].T
		}
	}
	if !slices.IsSortedFunc(w.Columns[from:to], func(a, b window.Column) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Series, b.Series))
	}) {
		t.Fatalf("the columns from %d to %d are not in order", from, to)
	}
	return first, last
}

// A place in one slice is none of another: what is left of a window is found again in the same slices only.
func TestSlicedHasItsOwnNote(t *testing.T) {
	w := testwindow.New(10, 100)
	sliced, ends := w.Sliced(30 * time.Minute)
	if len(ends) != 4 {
		t.Fatalf("%d slices", len(ends))
	}
	left := []window.Span{{From: window.Place{Column: 12, Point: 3}, To: window.Place{Column: 20}}, sliced.Whole().Within(20, 40)}
	note := window.AppendSpans(sliced.AppendIdentity(nil), left)
	if again, _ := w.Sliced(30 * time.Minute); !slices.Equal(again.ParseNote(note), left) {
		t.Errorf("left is %v, want %v", again.ParseNote(note), left)
	}
	if other, _ := w.Sliced(time.Hour); other.ParseNote(note) != nil || w.ParseNote(note) != nil {
		t.Error("the note is of another window too")
	}
}

func TestWithin(t *testing.T) {
	at := func(column, point int) window.Place { return window.Place{Column: column, Point: point} }
	all := window.Span{From: at(2, 3), To: at(7, 1)}
	for _, c := range []struct {
		from, to int
		want     window.Span
	}{
		{0, 10, all},
		{0, 5, window.Span{From: at(2, 3), To: at(5, 0)}},
		{2, 3, window.Span{From: at(2, 3), To: at(3, 0)}},
		{4, 7, window.Span{From: at(4, 0), To: at(7, 0)}},
		{7, 9, window.Span{From: at(7, 0), To: at(7, 1)}},
	} {
		if got := all.Within(c.from, c.to); got != c.want {
			t.Errorf("from %d to %d: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	if !all.Within(8, 10).Empty() || !all.Within(0, 2).Empty() {
		t.Error("a span is where it is not")
	}
}

// Expired is what Cutout leaves out, and parts are all of it, none too large.
func TestExpiredAndParts(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		w := testwindow.Random(r)
		since := w.Oldest + r.Int64N(w.Newest-w.Oldest+2)
		old, most := window.Expired(w, w.Whole(), since), 1+r.IntN(7)
		if n := window.Cutout(w, w.Whole(), since).Samples; n+old.Samples != w.Samples {
			t.Fatalf("%d samples are expired and %d are not, of %d", old.Samples, n, w.Samples)
		}
		var all []window.Point
		for _, part := range old.Parts(most) {
			if part.Samples > most || part.Samples == 0 {
				t.Fatalf("a part of %d samples, at most %d", part.Samples, most)
			}
			for k := range part.Columns {
				all = append(all, testwindow.Points(part, k)...)
			}
		}
		var want []window.Point
		for k := range w.Columns {
			for _, p := range testwindow.Points(w, k) {
				if p.T < since {
					want = append(want, p)
				}
			}
		}
		if !slices.EqualFunc(all, want, samePoint) {
			t.Fatalf("expired %v, want %v", all, want)
		}
	}
}
