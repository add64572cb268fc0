package remotewrite

import (
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/wal"
)

// at are a column's points.
func (w *window) at(i int) []point { return new(walk).course(w.timeline, &w.columns[i]).points(nil) }

// altered is a window whose columns have other points; those that have none are left out.
func altered(w *window, points func(i int, was []point) []point) *window {
	var all []drawn
	var k walk // one for all: a new one costs far more than a column
	for i := range w.columns {
		if now := points(i, k.course(w.timeline, &w.columns[i]).points(nil)); len(now) > 0 {
			all = append(all, drawn{w.columns[i].series, now, exemplarsAt(w, i)})
		}
	}
	out := windowOf(w.dict, all)
	out.records, out.repeated = w.records, w.repeated
	return out
}

func exemplarsAt(w *window, i int) (of []exemplar) {
	for _, o := range w.exemplarsOf(&w.columns[i]) {
		of = append(of, o.exemplar)
	}
	return of
}

// shifted moves the times of each column.
func shifted(w *window, ms func(column int) int64) *window {
	return altered(w, func(i int, points []point) []point {
		for k := range points {
			points[k].T += ms(i)
		}
		return points
	})
}

// only is a window of some of the columns.
func only(w *window, from, to int) *window {
	out := w.part(slices.Clone(w.columns[from:to]))
	out.oldest, out.newest = w.oldest, w.newest
	return out
}

// A window goes on until its series share their labels, within bounds, and never stops below the least.
func TestWindowIsFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		series, depth, samples, changes, least int
		want                                   bool
	}{
		{2000, windowDepth, 99_999, 0, 50_000, false},
		{2000, windowDepth, 100_000, 0, 50_000, true},
		{100, windowDepth, 49_999, 0, 50_000, false},
		{100, windowDepth, 50_000, 0, 50_000, true},
		{100_000, windowDepth, maxWindowSamples, 0, 50_000, true},
		{20_000, windowDepth, 600_000, maxWindowChanges, 50_000, true},
		{20_000, windowDepth, 600_000, maxWindowChanges, 700_000, false},
		{20_000, 0, 1, 0, 1, true},
	} {
		w := window{
			dict: &dictionary{series: make([]dictSeries, c.series)}, timeline: &timeline{changes: uint32(c.changes)},
			samples: c.samples, depth: c.depth,
		}
		if got := w.full(c.least); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// script is what random batches of two sites did, as a list of points by series.
type script struct {
	rand    *rand.Rand
	image   *image
	window  *window
	regular bool // all series are in each batch
	want    map[uint32][]point
}

func newScript(r *rand.Rand, w *window, series int) *script {
	s := &script{rand: r, window: w, image: newImage(), want: map[uint32][]point{}}
	s.image.dict.series = make([]dictSeries, series)
	s.image.values = make([]uint64, series)
	for i := range s.image.values {
		s.image.values[i] = uint64(r.IntN(3))
	}
	s.image.sites = []*siteImage{{}, {}}
	s.window.reset(wal.Position{})
	s.window.follow(s.image)
	return s
}

// of is some of a site's series: the odd ones are the second's.
func (s *script) of(site int, share float64) refSet {
	set := refSet(nil).grown(len(s.image.values))
	for ref := site; ref < len(s.image.values); ref += 2 {
		if s.rand.Float64() < share {
			set.add(uint32(ref))
		}
	}
	return set
}

// batch changes some values, also of series that are not there, and adds a batch in which some end.
func (s *script) batch(site int, t int64) {
	h := s.window.timeline
	from := h.changes
	for ref := range s.of(site, 0.3).all() {
		s.image.values[ref]++
		h.change(ref, s.image.values[ref])
	}
	h.list(site, from)
	if s.regular {
		present := s.of(site, 1)
		s.window.add(site, t, present, nil)
		s.present(t, present)
		return
	}
	if s.rand.IntN(5) == 0 {
		return // a silent one
	}
	present := s.of(site, []float64{0, 0.5, 1, 1, 1}[s.rand.IntN(5)])
	ended := s.of(site, []float64{0, 0, 0.1}[s.rand.IntN(3)])
	present.subtract(ended)
	if present.len()+ended.len() == 0 {
		return
	}
	h.renew(site, present, s.image.values)
	s.window.add(site, t, present, ended)
	s.present(t, present)
	for ref := range ended.all() {
		s.want[ref] = append(s.want[ref], point{t, valueFrom(staleBits)})
	}
}

// present says that these have a sample.
func (s *script) present(t int64, set refSet) {
	for ref := range set.all() {
		s.want[ref] = append(s.want[ref], point{t, valueFrom(s.image.values[ref])})
	}
}

// A walk gives each column its points, in whatever order columns are asked for, and also when the timeline is used again.
func TestWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var w window
	var k walk
	for round := range 300 {
		series, batches := 1+r.IntN(300), r.IntN(60)
		if round%50 == 0 {
			series, batches = 1+r.IntN(6), 2*walkRuns // more than there is room for at a time
		}
		s := newScript(r, &w, series)
		s.regular = round%3 == 0
		for i := range batches {
			s.batch(r.IntN(2), int64(i+1)*1000)
		}
		w.turn()
		if len(w.columns) != len(s.want) {
			t.Fatalf("%d columns, want %d", len(w.columns), len(s.want))
		}
		for at := range 3 * len(w.columns) {
			if at >= len(w.columns) {
				at = r.IntN(len(w.columns))
			}
			c := w.columns[at]
			from := r.IntN(c.len())
			to := from + r.IntN(c.len()-from+1)
			for name, cut := range map[string]struct {
				column column
				want   []point
			}{"all": {c, s.want[c.series]}, "some": {c.cut(from, to), s.want[c.series][from:to]}} {
				if got := k.course(w.timeline, &cut.column).points(nil); !slices.EqualFunc(got, cut.want, func(a, b point) bool { return a.T == b.T && a.same(&b) }) {
					t.Fatalf("%s of series %d: got %v, want %v", name, c.series, got, cut.want)
				}
			}
		}
	}
}

// Sets of the same words at other places are not the same.
func TestSetsAtOtherPlaces(t *testing.T) {
	var w window
	w.reset(wal.Position{})
	im := newImage()
	im.values, im.sites = make([]uint64, 130), []*siteImage{{}}
	im.dict.series = make([]dictSeries, 130)
	w.follow(im)
	for i, ref := range []uint32{1, 65, 129, 129} {
		set := refSet(nil).grown(130)
		set.add(ref)
		w.add(0, int64(i), set, nil)
	}
	w.turn()
	for i, want := range [][]point{{{0, 0}}, {{1, 0}}, {{2, 0}, {3, 0}}} {
		if got := w.at(i); !slices.Equal(got, want) {
			t.Errorf("column %d has %v, want %v", i, got, want)
		}
	}
}
