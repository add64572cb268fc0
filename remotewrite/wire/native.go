package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// A native histogram is made of the series of a classic one, at each point of its _count that all of them share: nothing is taken from
// another time. It has the same buckets ("custom buckets", schema -53; https://prometheus.io/docs/specs/native_histograms/), the name
// without a suffix, and only 2.0 carries it. What makes no valid one is left out: the classic series say it as ever. Native histograms go in
// requests of their own, so that whatever a receiver makes of them says nothing of samples.

// Fields of io.prometheus.write.v2.Histogram and BucketSpan.
const (
	v2SeriesHistograms = 3

	histogramCount        = 1
	histogramSum          = 3
	histogramSchema       = 4
	histogramSpans        = 11
	histogramDeltas       = 12
	histogramTime         = 15
	histogramCustomValues = 16
	histogramStart        = 17

	spanLength = 2
)

// customSchema is -53, zigzag as a sint32.
const customSchema = 105

// wholeCounts is up to where a float64 holds every whole number.
const wholeCounts = 1 << 53

// family is the series of one classic histogram by what they are: its count, its sum, and its buckets by their bounds, which ascend.
type family struct {
	roles []role
	group window.Group
}

// role is what a series is in a histogram. Several series may be the same one after the other, see window.Group.
type role struct {
	le     float64 // of a bucket; NaN, which comes first, is one that is no bound
	text   uint32  // symbol of the bound
	series []uint32
}

const (
	roleCount = iota
	roleSum
	roleBuckets // from here on
)

// natives finds the families of a dictionary and writes their points. It belongs to an encoder.
type natives struct {
	dict     *record.Dictionary
	known    int // series of it
	families map[string]*family
	byCount  map[uint32]*family

	moments window.Moments
	points  []byte
	bounds  []byte // of the point at hand, without +Inf
	deltas  []byte
	message []byte
	key     []byte
}

// learn takes in the series that are new in a dictionary.
func (n *natives) learn(d *record.Dictionary) {
	if n.dict != d {
		n.dict, n.known = d, 0
		n.families, n.byCount = map[string]*family{}, map[uint32]*family{}
	}
	for ; n.known < len(d.Series); n.known++ {
		s := &d.Series[n.known]
		if metric := &d.Metrics[s.Metric]; metric.Kind == source.Histogram {
			n.add(uint32(n.known), s, d.Symbol(s.Name)[min(len(d.Symbol(metric.Name)), len(d.Symbol(s.Name))):])
		}
	}
}

func (n *natives) add(ref uint32, s *record.Series, suffix string) {
	f, le := n.familyOf(s)
	at := roleCount
	switch {
	case suffix == "_count" && le == 0:
		n.byCount[ref] = f
	case suffix == "_sum" && le == 0:
		at = roleSum
	case suffix == "_bucket" && le != 0:
		at = f.bucket(le-1, n.dict.Symbol(le-1))
	default:
		return
	}
	f.roles[at].series = append(f.roles[at].series, ref)
	f.group = window.Group{Series: f.group.Series[:0], Roles: f.group.Roles[:0], Count: len(f.roles)}
	for i := range f.roles {
		for _, ref := range f.roles[i].series {
			f.group.Series, f.group.Roles = append(f.group.Series, ref), append(f.group.Roles, i)
		}
	}
}

// familyOf finds a series' family by its metric and its labels, and its bound: the symbol of label le plus one, 0 where there is none.
func (n *natives) familyOf(s *record.Series) (f *family, le uint32) {
	names, values := n.dict.Labels(s)
	n.key = fmt.Append(n.key[:0], n.dict.Metrics[s.Metric].Name)
	for i, name := range names {
		if n.dict.Symbol(name) == "le" {
			le = values[i] + 1
			continue
		}
		n.key = fmt.Appendf(n.key, " %d=%d", name, values[i])
	}
	if f = n.families[string(n.key)]; f == nil {
		f = &family{roles: make([]role, roleBuckets)}
		n.families[string(n.key)] = f
	}
	return f, le
}

// bucket finds or makes the place of a bucket.
func (f *family) bucket(text uint32, bound string) (at int) {
	le, err := strconv.ParseFloat(bound, 64)
	if err != nil || math.IsInf(le, -1) {
		le = math.NaN()
	}
	f.roles = append(f.roles, role{le: le, text: text})
	for at = len(f.roles) - 1; at > roleBuckets; at-- {
		below := &f.roles[at-1]
		if below.text == text {
			f.roles = append(f.roles[:at], f.roles[at+1:]...)
			return at - 1
		}
		if cmp.Less(below.le, le) {
			break
		}
		f.roles[at], f.roles[at-1] = f.roles[at-1], f.roles[at]
	}
	return at
}

// histograms writes the native points beside those of a column of _count, and returns how many there are.
func (n *natives) histograms(w *window.Window, c *window.Column, f *family, from, end int, start int64, r *Request) (count int) {
	n.points = n.points[:0]
	n.moments.Each(w, c, from, end, &f.group, func(m window.Moment) {
		switch {
		case m.T < r.Since:
			return
		case source.IsStale(m.Values[roleCount]):
			n.stale(m.T)
		case !m.Whole || !n.valid(f, m.Values):
			return
		default:
			n.point(m, start)
		}
		count++
		r.Newest = m.T
	})
	return count
}

// EncodeNatives makes a request of the native histograms of a span, as much of it as the limits allow; it has no body where there are
// none. Histograms are limited as samples are, and as large a series as the limit of bytes allows is cut.
func (e *Encoder) EncodeNatives(w *window.Window, s window.Span, since int64, most Limits) Request {
	m := e.versions[V2]
	e.begin(m, w, s)
	e.natives.learn(w.Dict)
	r := Request{Protocol: V2, Newest: math.MinInt64, Since: since}
	at, series := s.From, 0
	for at.Before(s.To) {
		c := &w.Columns[at.Column]
		f := e.natives.byCount[c.Series]
		if f == nil {
			at = window.Place{Column: at.Column + 1}
			continue
		}
		if series > 0 && (at.Point > 0 || !most.leave(r.Natives, series, len(e.series)+m.size())) {
			break
		}
		from, to := at.Point, c.Len()
		if at.Column == s.To.Column {
			to = s.To.Point
		}
		end := from + min(to-from, most.Samples-r.Natives, 1+most.Bytes/f.pointSize())
		if at.Point = end; end == c.Len() {
			at = window.Place{Column: at.Column + 1}
		}
		if n := e.addNative(m, w, c, f, from, end, &r); n > 0 {
			r.Natives, series = r.Natives+n, series+1
		}
	}
	r.Span = window.Span{From: s.From, To: at}
	if r.Natives > 0 {
		r.Body = e.compress(m)
	}
	return r
}

// addNative writes the native histogram of some points of a _count, and returns how many it has.
func (e *Encoder) addNative(m message, w *window.Window, c *window.Column, f *family, from, end int, r *Request) int {
	s := w.Dict.Series[c.Series]
	n := e.natives.histograms(w, c, f, from, end, m.start(&s), r)
	if n == 0 {
		return 0
	}
	s.Name = w.Dict.Metrics[s.Metric].Name
	e.open(m, &s, nil, len(e.natives.points))
	e.series = append(append(e.series, e.natives.points...), e.after...)
	return n
}

// pointSize is about how many bytes a point takes.
func (f *family) pointSize() int { return 64 + 12*len(f.roles) }

// valid takes the buckets of a point, and reports whether they make a histogram.
func (n *natives) valid(f *family, values []float64) bool {
	n.bounds, n.deltas = n.bounds[:0], n.deltas[:0]
	below, last, le := int64(0), int64(0), math.Inf(-1)
	for i, v := range values[roleBuckets:] {
		if source.IsStale(v) {
			continue // it has ended
		}
		bound := f.roles[roleBuckets+i].le
		if !(bound > le) || !whole(v) || int64(v) < below { // one that is no number is not more either
			return false
		}
		here := int64(v) - below
		n.deltas = binary.AppendVarint(n.deltas, here-last) // zigzag, as protobuf's sint64
		below, last = int64(v), here
		if le = bound; !math.IsInf(le, 1) {
			n.bounds = binary.LittleEndian.AppendUint64(n.bounds, math.Float64bits(le))
		}
	}
	count := values[roleCount]
	return math.IsInf(le, 1) && whole(count) && int64(count) == below && !source.IsStale(values[roleSum])
}

// whole says whether a value is a number of observations.
func whole(v float64) bool { return v >= 0 && v <= wholeCounts && v == math.Trunc(v) }

// point writes the point whose buckets are at hand.
func (n *natives) point(m window.Moment, start int64) {
	b := n.begin(m.Values[roleCount], m.Values[roleSum])
	b = appendField(b, histogramSchema, wireVarint, customSchema)
	length := uint64(len(n.bounds)/8 + 1)
	b = appendField(b, histogramSpans, wireBytes, uint64(numberSize(length)))
	b = appendField(b, spanLength, wireVarint, length)
	b = append(appendField(b, histogramDeltas, wireBytes, uint64(len(n.deltas))), n.deltas...)
	if len(n.bounds) > 0 {
		b = append(appendField(b, histogramCustomValues, wireBytes, uint64(len(n.bounds))), n.bounds...)
	}
	if start != 0 && start <= m.T {
		b = appendField(b, histogramStart, wireVarint, uint64(start))
	}
	n.end(b, m.T)
}

// stale writes the end of a series, as Prometheus does: no buckets, and the sum is the stale marker's value.
func (n *natives) stale(t int64) { n.end(n.begin(0, source.Stale()), t) }

// begin writes the count, which is of a choice of fields, so that zero counts too, and the sum.
func (n *natives) begin(count, sum float64) []byte {
	b := appendField(n.message[:0], histogramCount, wireVarint, uint64(count))
	return appendDouble(b, histogramSum, sum)
}

func (n *natives) end(message []byte, t int64) {
	n.message = appendField(message, histogramTime, wireVarint, uint64(t))
	n.points = append(appendField(n.points, v2SeriesHistograms, wireBytes, uint64(len(n.message))), n.message...)
}

// appendField appends a field of any number up to its content, where that is no number itself.
//
//go:noinline // it is called often and seldom runs: inlined it is two kilobytes
func appendField(b []byte, field, kind byte, v uint64) []byte {
	for _, n := range [...]uint64{uint64(field)<<3 | uint64(kind), v} {
		b = appendVarint(b, n)
	}
	return b
}
