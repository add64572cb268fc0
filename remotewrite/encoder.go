package remotewrite

import (
	"math"

	"backwire/source"

	"github.com/klauspost/compress/s2"
)

// place is a place between the points of a window, counted along its columns. The place
// behind a column's last point is the one before the next column's first.
type place struct{ column, point int }

func (p place) before(q place) bool {
	return p.column < q.column || p.column == q.column && p.point < q.point
}

// span is a stretch of a window: whole series, or at its ends a part of one. Within it every series' points
// are in order of time, and a series' later points are never in an earlier span.
type span struct{ from, to place }

func (s span) empty() bool { return !s.from.before(s.to) }

// points tells which points of column i, of n points, belong to the span.
func (s span) points(i, n int) (from, to int) {
	if i == s.to.column {
		n = s.to.point
	}
	if i == s.from.column {
		return s.from.point, n
	}
	return 0, n
}

// count is how many points the span has in a window.
func (s span) count(w *window) int {
	n := 0
	for i := s.from.column; i <= s.to.column && i < len(w.columns); i++ {
		from, to := s.points(i, w.columns[i].len())
		n += to - from
	}
	return n
}

// limits are how large a request may become.
type limits struct {
	samples int // at least 1
	bytes   int // before compression; passed by at most one series
}

// request is an encoded stretch of a window. Its body belongs to the encoder and is
// valid until the next one.
type request struct {
	body      []byte
	protocol  protocol
	span      span // what was taken of the span that was asked for
	samples   int
	exemplars int
	expired   int   // left out because they were older than asked for
	newest    int64 // ms since the epoch
	since     int64 // what was older has expired
}

// message is one version of the protocol: how a series is written. Both versions number the
// samples alike, so that only what surrounds them differs.
type message interface {
	// begin starts a request over a window.
	begin(w *window, s span)
	// before appends the fields of a series that come before its samples, after those behind them.
	before(b []byte, s *dictSeries) []byte
	after(b []byte, s *dictSeries, exemplars []observation) []byte
	// field is the number of a series in the request; start is its start timestamp, 0 for none.
	field() byte
	start(s *dictSeries) int64
	// size is what prefix and suffix will take, about; both surround the series.
	size() int
	prefix(b []byte) []byte
	suffix(b []byte) []byte
}

// encoder turns a window into requests. Its buffers are used again and again: once they have grown, nothing
// is allocated, neither for a sample nor for a request. It belongs to one goroutine.
type encoder struct {
	versions [2]message // by protocol
	walk     walk       // over the window
	before   []byte     // what comes before the samples of the series at hand, without its head
	after    []byte     // and what comes behind them
	series   []byte     // all series
	body     []byte     // the request, before compression
	block    []byte     // the request
}

// newEncoder returns an encoder that adds these labels to every series. They are sorted by name.
func newEncoder(external []source.Label) *encoder {
	return &encoder{versions: [2]message{
		protocol1: newMessageV1(external),
		protocol2: newMessageV2(external),
	}}
}

// encode takes as much of a span as the limits allow. Points before since are left out; the others make a request,
// or none where nothing is left. Exemplars travel with the last point of their series.
func (e *encoder) encode(p protocol, w *window, s span, since int64, most limits) request {
	m := e.versions[p]
	e.begin(m, w, s)
	r := request{protocol: p, newest: math.MinInt64, since: since}
	at := s.from
	for at.before(s.to) && (at == s.from || r.samples < most.samples && len(e.series)+m.size() < most.bytes) {
		at = e.column(m, w, s, at, since, most.samples-r.samples, &r)
	}
	r.span = span{s.from, at}
	if r.samples > 0 {
		r.body = e.compress(m)
	}
	return r
}

func (e *encoder) begin(m message, w *window, s span) {
	m.begin(w, s)
	e.series = e.series[:0]
}

// column writes at most room points of the column at a place and returns the place behind them.
func (e *encoder) column(m message, w *window, s span, at place, since int64, room int, r *request) place {
	c := &w.columns[at.column]
	_, to := s.points(at.column, c.len())
	all := e.walk.course(w.timeline, c)
	from := at.point + expired(all.times[at.point:to], since)
	end := from + min(room, to-from)
	r.expired += from - at.point
	var exemplars []observation
	if end == c.len() {
		exemplars = w.exemplarsOf(c)
		at = place{at.column + 1, 0}
	} else {
		at.point = end
	}
	if from == end {
		return at
	}
	e.add(m, &w.dict.series[c.series], e.walk.cut(all, from, end), exemplars)
	r.samples += end - from
	r.exemplars += len(exemplars)
	r.newest = max(r.newest, all.times[end-1])
	return at
}

// expired counts the times before one.
func expired(times []int64, since int64) int {
	n := 0
	for n < len(times) && times[n] < since {
		n++
	}
	return n
}

// add writes a series.
func (e *encoder) add(m message, s *dictSeries, c course, exemplars []observation) {
	start := m.start(s)
	e.before = m.before(e.before[:0], s)
	e.after = m.after(e.after[:0], s, exemplars)
	e.series = appendHead(e.series, m.field(), len(e.before)+samplesSize(c, start)+len(e.after))
	e.series = append(e.series, e.before...)
	e.series = appendSamples(e.series, c, start)
	e.series = append(e.series, e.after...)
}

// compress puts the parts in their order, in snappy's block format. This library makes it in half the time of golang/snappy.
func (e *encoder) compress(m message) []byte {
	e.body = m.prefix(e.body[:0])
	e.body = append(e.body, e.series...)
	e.body = m.suffix(e.body)
	if n := s2.MaxEncodedLen(len(e.body)); n > cap(e.block) {
		e.block = make([]byte, n)
	}
	return s2.EncodeSnappy(e.block[:cap(e.block)], e.body)
}

// abandon leaves the last request's body to whoever still reads it.
func (e *encoder) abandon() { e.block = nil }
