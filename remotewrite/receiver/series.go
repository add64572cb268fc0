package receiver

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Label is one name and its value.
type Label struct{ Name, Value string }

// Point is a value at a time.
type Point struct {
	T     int64 // ms since the epoch
	V     float64
	Start int64 // start timestamp in ms, 0 where none was sent
}

// Stale reports whether the point is a stale marker.
func (p Point) Stale() bool { return math.Float64bits(p.V) == 0x7ff0000000000002 }

// Exemplar is one observation behind a series.
type Exemplar struct {
	Labels []Label
	T      int64 // ms since the epoch
	V      float64
}

// Metadata is what was said of a metric. 1.0 names a family, 2.0 says it of a series.
type Metadata struct {
	Family           string
	Type, Help, Unit string
}

// Series is one series and all that was stored of it, in the order it came.
type Series struct {
	Labels     []Label
	Points     []Point
	Histograms []Histogram
	Exemplars  []Exemplar
	Metadata   Metadata
}

// Name is the value of __name__.
func (s *Series) Name() string { return s.Label("__name__") }

// Label is the value of one label, empty where there is none.
func (s *Series) Label(name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// Last is the newest point; the zero Point where there is none.
func (s *Series) Last() Point {
	if len(s.Points) == 0 {
		return Point{}
	}
	return s.Points[len(s.Points)-1]
}

// Key writes the series as PromQL would: name{a="b",c="d"}.
func (s *Series) Key() string {
	var b strings.Builder
	b.WriteString(s.Name())
	b.WriteByte('{')
	first := true
	for _, l := range s.Labels {
		if l.Name == "__name__" {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(l.Name + "=" + strconv.Quote(l.Value))
	}
	b.WriteByte('}')
	return b.String()
}

// sort puts points in order that came in any, the same one once.
func (s *Series) sort() {
	slices.SortStableFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.T, b.T) })
	s.Points = slices.CompactFunc(s.Points, func(a, b Point) bool {
		return a.T == b.T && math.Float64bits(a.V) == math.Float64bits(b.V)
	})
}

// store is everything that was accepted.
type store struct {
	series   map[string]*Series
	families map[string]Metadata
	newest   int64 // time of the newest point of all; 0 before the first
}

func newStore() store {
	return store{series: map[string]*Series{}, families: map[string]Metadata{}}
}

// add keeps one valid series of a request.
func (st *store) add(key string, s Series) {
	have := st.series[key]
	if have == nil {
		have = &Series{Labels: s.Labels}
		st.series[key] = have
	}
	have.Points = append(have.Points, s.Points...)
	for _, p := range s.Points {
		st.newest = max(st.newest, p.T)
	}
	have.Histograms = append(have.Histograms, s.Histograms...)
	for i := range s.Histograms {
		st.newest = max(st.newest, s.Histograms[i].T)
	}
	have.Exemplars = append(have.Exemplars, s.Exemplars...)
	if s.Metadata != (Metadata{}) {
		have.Metadata = s.Metadata
	}
}

// last is the newest stored point of a series.
func (st *store) last(key string) (Point, bool) {
	s := st.series[key]
	if s == nil || len(s.Points) == 0 {
		return Point{}, false
	}
	return s.Last(), true
}

// holds says whether a series has a point with that time and that very value.
func (st *store) holds(key string, p Point) bool {
	s := st.series[key]
	return s != nil && slices.ContainsFunc(s.Points, func(have Point) bool {
		return have.T == p.T && math.Float64bits(have.V) == math.Float64bits(p.V)
	})
}

// snapshot copies the series, sorted by key.
func (st *store) snapshot() []Series {
	out := make([]Series, 0, len(st.series))
	for _, key := range slices.Sorted(maps.Keys(st.series)) {
		s := *st.series[key]
		s.Points = slices.Clone(s.Points)
		s.Histograms = slices.Clone(s.Histograms)
		s.Exemplars = slices.Clone(s.Exemplars)
		out = append(out, s)
	}
	return out
}
