package wire

import (
	"math"
	"slices"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"

	"github.com/klauspost/compress/s2"
)

// Limits are how large a request may become.
type Limits struct {
	Samples int // at least 1
	Series  int // at least 1
	Bytes   int // before compression; passed by at most one series
}

// leave says that there is room for another series.
func (l Limits) leave(samples, series, bytes int) bool {
	return samples < l.Samples && series < l.Series && bytes < l.Bytes
}

// Request is an encoded stretch of a window. Its body belongs to the encoder and is
// valid until the next one.
type Request struct {
	Body      []byte
	Protocol  Protocol
	Span      window.Span // what was taken of the span that was asked for
	Samples   int
	Exemplars int
	Natives   int   // points of native histograms, which are not among the samples
	Expired   int   // left out because they were older than asked for
	Newest    int64 // ms since the epoch
	Since     int64 // what was older has expired
}

// message is one version of the protocol: how a series is written. Both versions number the
// samples alike, so that only what surrounds them differs.
type message interface {
	// begin starts a request over a window.
	begin(w *window.Window, s window.Span)
	// before appends the fields of a series that come before its samples, after those that follow them.
	Before(b []byte, s *record.Series) []byte
	after(b []byte, s *record.Series, exemplars []window.Observation) []byte
	// field is the number of a series in the request; start is its start timestamp, 0 for none.
	field() byte
	start(s *record.Series) int64
	// size is what prefix and suffix will take, about; both surround the series.
	size() int
	prefix(b []byte) []byte
	suffix(b []byte) []byte
}

// Encoder turns a window into requests. Its buffers are used again and again: once they have grown, nothing
// is allocated, neither for a sample nor for a request. It belongs to one goroutine.
type Encoder struct {
	versions [2]message  // by protocol
	walk     window.Walk // over the window
	before   []byte      // what comes before the samples of the series at hand, without its head
	after    []byte      // and what follows them
	series   []byte      // all series, and in the end the request before compression
	prefix   []byte      // what comes before them
	block    []byte      // the request
	natives  natives
}

// NewEncoder returns an encoder that adds these labels to every series. They are sorted by name.
func NewEncoder(external []source.Label) *Encoder {
	return &Encoder{versions: [2]message{
		V1: newMessageV1(external),
		V2: newMessageV2(external),
	}}
}

// Encode takes as much of a span as the limits allow. Points before since are left out; the others make a request,
// or none where nothing is left. Exemplars travel with the last point of their series.
func (e *Encoder) Encode(p Protocol, w *window.Window, s window.Span, since int64, most Limits) Request {
	m := e.versions[p]
	e.begin(m, w, s)
	r := Request{Protocol: p, Newest: math.MinInt64, Since: since}
	at := s.From
	for at.Before(s.To) && (at == s.From || most.leave(r.Samples, at.Column-s.From.Column, len(e.series)+m.size())) {
		at = e.column(m, w, s, at, since, most.Samples-r.Samples, &r)
	}
	r.Span = window.Span{From: s.From, To: at}
	if r.Samples > 0 {
		r.Body = e.compress(m)
	}
	return r
}

func (e *Encoder) begin(m message, w *window.Window, s window.Span) {
	m.begin(w, s)
	e.series = e.series[:0]
}

// column writes at most room points of the column at a place and returns the place after them.
func (e *Encoder) column(m message, w *window.Window, s window.Span, at window.Place, since int64, room int, r *Request) window.Place {
	c := &w.Columns[at.Column]
	_, to := s.Points(at.Column, c.Len())
	all := e.walk.Runs(w, c)
	from := at.Point
	for from < to && all.Times[from] < since {
		from++
	}
	end := from + min(room, to-from)
	r.Expired += from - at.Point
	var exemplars []window.Observation
	if end == c.Len() {
		exemplars = w.ExemplarsOf(c)
		at = window.Place{Column: at.Column + 1, Point: 0}
	} else {
		at.Point = end
	}
	if from == end {
		return at
	}
	e.add(m, &w.Dict.Series[c.Series], e.walk.Cut(all, from, end), exemplars)
	r.Samples += end - from
	r.Exemplars += len(exemplars)
	r.Newest = max(r.Newest, all.Times[end-1])
	return at
}

// add writes a series.
func (e *Encoder) add(m message, s *record.Series, c window.Runs, exemplars []window.Observation) {
	start := m.start(s)
	e.open(m, s, exemplars, samplesSize(c, start))
	e.series = appendSamples(e.series, c, start)
	e.series = append(e.series, e.after...)
}

// open writes what comes before the samples of a series, which take so many bytes, and prepares what follows them.
func (e *Encoder) open(m message, s *record.Series, exemplars []window.Observation, size int) {
	e.before = m.Before(e.before[:0], s)
	e.after = m.after(e.after[:0], s, exemplars)
	e.series = appendHead(e.series, m.field(), len(e.before)+size+len(e.after))
	e.series = append(e.series, e.before...)
}

// compress puts the parts in their order, in snappy's block format. This library makes it in half the time of golang/snappy.
func (e *Encoder) compress(m message) []byte {
	e.prefix = m.prefix(e.prefix[:0])
	e.series = m.suffix(slices.Insert(e.series, 0, e.prefix...))
	if n := s2.MaxEncodedLen(len(e.series)); n > cap(e.block) {
		e.block = make([]byte, n+n/16) // the next request may be a little larger
	}
	return s2.EncodeSnappy(e.block[:cap(e.block)], e.series)
}

// Abandon leaves the body of the last request to the reader that still uses it.
func (e *Encoder) Abandon() { e.block = nil }
