package window_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// staircase is a window in which column i has i+1 points, each at a time of its own, and an exemplar.
func staircase(columns int) *window.Window {
	d := &testwindow.Draft{}
	jobs := &source.Metric{Name: "jobs_total", Type: source.Counter}
	for i := range columns {
		var points []window.Point
		for k := range i + 1 {
			points = append(points, window.Point{T: int64(1000*i + 10*k + 5), V: float64(k)})
		}
		d.Add(source.NewSeries(jobs, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)}), points, record.Exemplar{T: int64(i)})
	}
	return d.Window()
}

// contents are a window's points by column, as text, with the exemplars of each.
func contents(w *window.Window) (all []string) {
	for i := range w.Columns {
		all = append(all, fmt.Sprintf("%d: %v %d", w.Columns[i].Series, testwindow.Points(w, i), len(testwindow.ExemplarsAt(w, i))))
	}
	return all
}

// chosen is what contents says of a window that has some of the columns' points; exemplars go with a series' last one.
func chosen(w *window.Window, want func(column int, points []window.Point) (from, to int)) (all []string, samples int) {
	for i := range w.Columns {
		points := testwindow.Points(w, i)
		from, to := want(i, points)
		if from >= to {
			continue
		}
		exemplars := 0
		if to == len(points) {
			exemplars = len(testwindow.ExemplarsAt(w, i))
		}
		all = append(all, fmt.Sprintf("%d: %v %d", w.Columns[i].Series, points[from:to], exemplars))
		samples += to - from
	}
	return all, samples
}

func wantContents(t *testing.T, what string, w *window.Window, want []string, samples int) {
	t.Helper()
	if got := contents(w); !slices.Equal(got, want) || w.Samples != samples {
		t.Errorf("%s: %d samples\n%v, want %d\n%v", what, w.Samples, got, samples, want)
	}
}

// windows are some of every kind.
func windows() []*window.Window {
	r := rand.New(rand.NewPCG(5, 5))
	all := []*window.Window{staircase(9)}
	for range 30 {
		for _, w := range []*window.Window{testwindow.Random(r), testwindow.Grown(r, false, false)} {
			all = append(all, testwindow.Altered(w, func(_ int, points []window.Point) []window.Point { return points })) // each column has some
		}
	}
	return all
}

// What is divided is each point once, before and after the cut; exemplars travel with a series' last point.
func TestDivide(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, w := range windows() {
		cuts := make([]int, len(w.Columns))
		for i := range w.Columns {
			cuts[i] = r.IntN(w.Columns[i].Len() + 1)
		}
		first, second := w.Divide(func(i int) int { return cuts[i] })
		want, samples := chosen(w, func(i int, _ []window.Point) (int, int) { return 0, cuts[i] })
		wantContents(t, "first", first, want, samples)
		want, samples = chosen(w, func(i int, p []window.Point) (int, int) { return cuts[i], len(p) })
		wantContents(t, "second", second, want, samples)
		want, samples = chosen(w, func(_ int, p []window.Point) (int, int) { return 0, len(p) - 1 })
		wantContents(t, "early", w.Early(), want, samples)
	}
}

func TestRetain(t *testing.T) {
	for _, w := range windows() {
		odd := func(series uint32) bool { return series%2 == 1 }
		want, samples := chosen(w, func(i int, p []window.Point) (int, int) {
			if odd(w.Columns[i].Series) {
				return 0, len(p)
			}
			return 0, 0
		})
		some := w.Part(slices.Clone(w.Columns))
		some.Retain(odd)
		wantContents(t, "odd", some, want, samples)
	}
}

// places are all between a window's points.
func places(w *window.Window) (all []window.Place) {
	for i := range w.Columns {
		for k := range w.Columns[i].Len() {
			all = append(all, window.Place{Column: i, Point: k})
		}
	}
	return append(all, window.Place{Column: len(w.Columns)})
}

// A span is the points from one place on and before another; a cutout is these, without what is older than a time.
func TestSpans(t *testing.T) {
	w := staircase(5)
	all := places(w)
	for a, from := range all {
		for b, to := range all {
			sp := window.Span{From: from, To: to}
			if from.Before(to) != (a < b) || sp.Empty() != (a >= b) {
				t.Errorf("%v: empty is %v", sp, sp.Empty())
			}
			if a > b {
				continue
			}
			if n := sp.Count(w); n != b-a {
				t.Errorf("%v has %d points, want %d", sp, n, b-a)
			}
			for _, since := range []int64{0, 2005, 3016, 1 << 40} {
				number := 0
				want, samples := chosen(w, func(_ int, points []window.Point) (first, last int) {
					first, last = len(points), 0
					for k, p := range points {
						if number >= a && number < b && p.T >= since {
							first, last = min(first, k), k+1
						}
						number++
					}
					return first, last
				})
				wantContents(t, fmt.Sprint(sp, " since ", since), window.Cutout(w, sp, since), want, samples)
			}
		}
	}
	if whole := w.Whole(); whole.Count(w) != w.Samples || whole.From != all[0] || whole.To != all[len(all)-1] {
		t.Errorf("the whole is %v", whole)
	}
}

// Columns that continue each other become one again; all else stays apart.
func TestAppend(t *testing.T) {
	for _, w := range windows() {
		again := w.Part(nil)
		for _, c := range w.Columns {
			for k := range c.Len() {
				again.Append(c.Cut(k, k+1))
			}
		}
		wantContents(t, "point by point", again, contents(w), w.Samples)
	}
	w := staircase(5)
	gap := w.Part(nil)
	c := w.Columns[4]
	gap.Append(c.Cut(0, 2))
	gap.Append(c.Cut(3, 5))
	if len(gap.Columns) != 2 || gap.Samples != 4 {
		t.Errorf("%d columns of %d samples where a point is left out", len(gap.Columns), gap.Samples)
	}
	apart := w.Part(nil)
	for i := range w.Columns {
		next := w.Columns[i]
		if i > 0 {
			next = next.Cut(min(i, next.Len()-1), next.Len())
		}
		apart.Append(next)
	}
	if len(apart.Columns) != len(w.Columns) {
		t.Errorf("%d series became %d columns", len(w.Columns), len(apart.Columns))
	}
}

// As many points are before the median as after it, give or take those that have its time; it is later than the oldest.
func TestTimesOfAWindow(t *testing.T) {
	for _, w := range windows() {
		var times []int64
		for i := range w.Columns {
			for _, p := range testwindow.Points(w, i) {
				times = append(times, p.T)
			}
		}
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		if oldest := w.OldestTime(); oldest != times[0] && !slices.Contains(times, 0) { // 0 is none
			t.Errorf("oldest %d of %v", oldest, times)
		}
		middle, several := w.MedianTime()
		if several != (times[0] != times[len(times)-1]) {
			t.Errorf("several times: %v, of %v", several, times)
		}
		if !several {
			continue
		}
		want := times[len(times)/2]
		if want == times[0] { // half of them and more have the first
			want = times[slices.IndexFunc(times, func(t int64) bool { return t > times[0] })]
		}
		if middle != want {
			t.Errorf("median %d of %v, want %d", middle, times, want)
		}
	}
}
