package window

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/source"
)

// A window goes on until its series share their labels, within bounds, and never stops below the least.
func TestWindowIsFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		series, depth, samples, changes, least int
		want                                   bool
	}{
		{2000, Depth, 99_999, 0, 50_000, false},
		{2000, Depth, 100_000, 0, 50_000, true},
		{100, Depth, 49_999, 0, 50_000, false},
		{100, Depth, 50_000, 0, 50_000, true},
		{100_000, Depth, MaxSamples, 0, 50_000, true},
		{20_000, Depth, 600_000, maxChanges, 50_000, true},
		{20_000, Depth, 600_000, maxChanges, 700_000, false},
		{20_000, 0, 1, 0, 1, true},
	} {
		w := Window{
			Dict: &record.Dictionary{Series: make([]record.Series, c.series)}, timeline: &timeline{changes: uint32(c.changes)},
			Samples: c.samples, Depth: c.depth,
		}
		if got := w.full(c.least); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// script is what random batches of two sites did, as a list of points by series.
type script struct {
	rand    *rand.Rand
	image   *record.Image
	window  *Window
	regular bool // all series are in each batch
	want    map[uint32][]Point
}

func newScript(r *rand.Rand, w *Window, series int) *script {
	s := &script{rand: r, window: w, image: record.NewImage(), want: map[uint32][]Point{}}
	s.image.Dict.Series = make([]record.Series, series)
	s.image.Values = make([]uint64, series)
	for i := range s.image.Values {
		s.image.Values[i] = uint64(r.IntN(3))
	}
	s.window.reset(wal.Position{})
	s.window.Enter(s.image)
	s.window.timeline.grow(0, 2)
	return s
}

// of is some of a site's series: the odd ones are the second's.
func (s *script) of(site int, share float64) record.Set {
	set := record.Set(nil).Grown(len(s.image.Values))
	for ref := site; ref < len(s.image.Values); ref += 2 {
		if s.rand.Float64() < share {
			set.Add(uint32(ref))
		}
	}
	return set
}

// batch changes some values, also of series that are not there, and adds a batch in which some end.
func (s *script) batch(site int, t int64) {
	h := s.window.timeline
	from := h.changes
	for ref := range s.of(site, 0.3).All() {
		s.image.Values[ref]++
		h.change(ref, s.image.Values[ref])
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
	present.Subtract(ended)
	if present.Len()+ended.Len() == 0 {
		return
	}
	h.renew(site, present, s.image.Values)
	s.window.add(site, t, present, ended)
	s.present(t, present)
	for ref := range ended.All() {
		s.want[ref] = append(s.want[ref], Point{t, math.Float64frombits(record.StaleBits)})
	}
}

// present says that these have a sample.
func (s *script) present(t int64, set record.Set) {
	for ref := range set.All() {
		s.want[ref] = append(s.want[ref], Point{t, math.Float64frombits(s.image.Values[ref])})
	}
}

// A walk gives each column its points, in whatever order columns are asked for, and also when the timeline is used again.
func TestWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var w Window
	var k Walk
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
		w.makeColumns()
		if len(w.Columns) != len(s.want) {
			t.Fatalf("%d columns, want %d", len(w.Columns), len(s.want))
		}
		for at := range 3 * len(w.Columns) {
			if at >= len(w.Columns) {
				at = r.IntN(len(w.Columns))
			}
			c := w.Columns[at]
			from := r.IntN(c.Len())
			to := from + r.IntN(c.Len()-from+1)
			for name, cut := range map[string]struct {
				column Column
				want   []Point
			}{"all": {c, s.want[c.Series]}, "some": {c.Cut(from, to), s.want[c.Series][from:to]}} {
				if got := k.Runs(&w, &cut.column).Points(nil); !slices.EqualFunc(got, cut.want, func(a, b Point) bool { return a.T == b.T && a.same(&b) }) {
					t.Fatalf("%s of series %d: got %v, want %v", name, c.Series, got, cut.want)
				}
			}
		}
	}
}

// Sets of the same words at other places are not the same.
func TestSetsAtOtherPlaces(t *testing.T) {
	var w Window
	w.reset(wal.Position{})
	im := record.NewImage()
	im.Values = make([]uint64, 130)
	im.Dict.Series = make([]record.Series, 130)
	w.Enter(im)
	w.timeline.grow(0, 1)
	for i, ref := range []uint32{1, 65, 129, 129} {
		set := record.Set(nil).Grown(130)
		set.Add(ref)
		w.add(0, int64(i), set, nil)
	}
	w.makeColumns()
	for i, want := range [][]Point{{{0, 0}}, {{1, 0}}, {{2, 0}, {3, 0}}} {
		if got := columnPoints(&w, i); !slices.Equal(got, want) {
			t.Errorf("column %d has %v, want %v", i, got, want)
		}
	}
}

// Series that come late in a dictionary have their columns too, when no batch has the ones before.
func TestSetThatBeginsLate(t *testing.T) {
	var w Window
	w.reset(wal.Position{})
	im := record.NewImage()
	im.Values, im.Dict.Series = make([]uint64, 200), make([]record.Series, 200)
	w.Enter(im)
	w.timeline.grow(0, 1)
	set := record.Set(nil).Grown(200)
	set.Add(129)
	set.Add(195)
	w.add(0, 5, set, nil)
	w.makeColumns()
	if len(w.Columns) != 2 || w.Columns[0].Series != 129 || w.Columns[1].Series != 195 || !slices.Equal(columnPoints(&w, 1), []Point{{5, 0}}) {
		t.Errorf("columns %+v", w.Columns)
	}
}

// What it costs to read records into windows, without the points.
func BenchmarkUnpack(b *testing.B) {
	f := testkit.NewFleet("paris", 20_000, 0.05)
	p := record.NewPacker(record.NewImage())
	var blocks [][]byte
	keep := func(packed []byte) {
		_, block, err := record.Split(packed)
		if err != nil {
			b.Fatal(err)
		}
		blocks = append(blocks, slices.Clone(block))
		p.Keep()
	}
	keep(p.Roll())
	for range 100 {
		packed, _ := p.Pack(f.Cycle(), false)
		keep(packed)
	}
	u := &record.Unpacker{Image: record.NewImage()}
	var w Window
	samples := 0
	b.ReportAllocs()
	for b.Loop() {
		for i, block := range blocks {
			if i%20 == 1 {
				samples += w.Samples
				w.reset(wal.Position{})
			}
			if err := u.Apply(block, &w); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(samples)/b.Elapsed().Seconds()/1e6, "Msamples/s")
}

// columnPoints are a column's points.
func columnPoints(w *Window, i int) []Point { return new(Walk).Runs(w, &w.Columns[i]).Points(nil) }

// A window of series has their points and exemplars. Neighbours share a lane exactly where they have the same times.
func TestOf(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	for range 100 {
		var all []Series
		for ref := range 1 + r.IntN(20) {
			s := Series{Ref: uint32(2 * ref)}
			for i := range 1 + r.IntN(3) {
				s.Points = append(s.Points, Point{int64(10*i + r.IntN(2)), float64(r.IntN(2))})
			}
			for range r.IntN(3) {
				s.Exemplars = append(s.Exemplars, record.Exemplar{T: r.Int64()})
			}
			all = append(all, s)
		}
		w := Of(&record.Dictionary{Series: make([]record.Series, 40)}, all)
		samples := 0
		for i, s := range all {
			samples += len(s.Points)
			var exemplars []record.Exemplar
			for _, o := range w.ExemplarsOf(&w.Columns[i]) {
				exemplars = append(exemplars, o.Exemplar)
			}
			sameTime := func(a, b record.Exemplar) bool { return a.T == b.T }
			if got := columnPoints(w, i); w.Columns[i].Series != s.Ref || !slices.Equal(got, s.Points) || !slices.EqualFunc(exemplars, s.Exemplars, sameTime) {
				t.Fatalf("column %d of %+v has %v and %v", i, s, got, exemplars)
			}
			if i == 0 {
				continue
			}
			alike := slices.EqualFunc(s.Points, all[i-1].Points, func(a, b Point) bool { return a.T == b.T })
			if shared := w.Columns[i].Lane == w.Columns[i-1].Lane; shared != alike {
				t.Fatalf("a lane is shared: %v, of %v and %v", shared, all[i-1].Points, s.Points)
			}
		}
		if w.Samples != samples || len(w.Columns) != len(all) {
			t.Fatalf("%d columns of %d samples, want %d of %d", len(w.Columns), w.Samples, len(all), samples)
		}
	}
}

// A record may take a window over its bound, but not to twice as much: an observation takes 56 bytes, a label 48 and its value.
func TestWindowHolds(t *testing.T) {
	t.Parallel()
	e := record.Exemplar{Labels: []source.Label{{Name: "job_id", Value: "46"}, {Name: "client", Value: "berlin"}}}
	for most, fits := range map[int]int{160*2 - 1: 3, 160 * 2: 4, 160*2 + 79: 4, 160*2 + 80: 5} { // 160 bytes each
		var w Window
		w.reset(wal.Position{})
		w.Most = most
		n := 0
		for w.Exemplar(0, e) == nil {
			n++
		}
		if n != fits || !errors.Is(w.Exemplar(0, e), record.ErrOversized) {
			t.Errorf("%d of them fit into %d bytes, want %d", n, most, fits)
		}
	}
}
