package remotewrite

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The fields of a sample, alike in both versions; 1.0 has no start timestamp.
const (
	fieldSamples = 2 // of TimeSeries

	fieldSampleValue = 1
	fieldSampleTime  = 2
	fieldSampleStart = 3
)

// samples writes the points of series. Most values stay, and all series have the same times, so what is new in two
// neighbouring samples of a series is a value here and there. They take a few bytes because of the order of their
// fields, which protobuf leaves open: the first sample ends with its time and the second begins with it. So
// both times, with the starts beside them, are one copy from the series before, and the values between two
// pairs of times are one copy from the pair before:
//
//	head value start time | head time start value | head value start time | head time start value
//	           └───────────────────────────┘ └──────────┘ └───────────────────────────┘
type samples struct {
	times  [2][]instant  // of the request's longest series, for those without a start and with one; an even index comes first in its pair
	stray  instant       // a time that is not among them
	start  wireField     // of the series
	first  valuePlace    // of the last sample that was first in its pair
	other  valuePlace    // and of the last that was not
	starts [2]startPlace // of the same
	known  [1 << knownBits]valuePlace
}

// knownBits is how many values are remembered, by their hash: counts are small numbers, and what is new here was
// often somewhere else.
const knownBits = 11

// maxField is the longest field of a varint.
const maxField = 11

// wireField is an encoded one; it is empty where the number is zero.
type wireField struct {
	bytes [maxField]byte
	size  int
}

func newField(number byte, ms int64) wireField {
	var f wireField
	f.size = len(appendTime(f.bytes[:0], number, ms))
	return f
}

// instant is a time and where it was written last.
type instant struct {
	t     int64
	enc   wireField
	at    int   // -1 where it was not
	start int64 // of the same sample, whose field was beside it; 0 where there was none
	head  byte  // the sample's length, where its head was right in front; else 0
}

// valuePlace is a sample's value and where it was written last.
type valuePlace struct {
	bits uint64
	at   int  // -1 where it was not
	head byte // the sample's length, where its head was right in front; else 0
}

// startPlace is a sample's start and where it was written last.
type startPlace struct {
	start int64
	at    int
}

const (
	headBytes  = 2
	valueBytes = 9
)

// begin prepares for a request of at most so many samples, and counts what it may hold.
func (s *samples) begin(w *window, sp span, most int) (points, columns int) {
	s.first, s.other = valuePlace{at: -1}, valuePlace{at: -1}
	s.starts = [2]startPlace{{at: -1}, {at: -1}}
	clear(s.known[:])
	var longest []point
	for i := sp.from.column; i <= sp.to.column && i < len(w.columns) && points < most; i++ {
		c := &w.columns[i]
		from, to := sp.points(i, len(c.points))
		if to-from > len(longest) {
			longest = c.points[from:to]
		}
		points += to - from
		columns++
	}
	for k := range s.times {
		s.times[k] = s.times[k][:0]
		for _, p := range longest {
			s.times[k] = append(s.times[k], instant{t: p.T, enc: newField(fieldSampleTime, p.T), at: -1})
		}
	}
	return points, columns
}

// size is how many bytes a series' points take. The start is left out where it is not before the sample: the
// zero that announces a counter may be written one interval earlier than the counter's start.
func (s *samples) size(points []point, start int64) int {
	n := headBytes * len(points)
	times, starts := numberSize(uint64(points[0].T)), numberSize(uint64(start))
	even := points[0].T > 0 && times == numberSize(uint64(points[len(points)-1].T)) && start <= points[0].T
	if even {
		n += len(points) * (times + starts)
	}
	for i := range points {
		n += doubleSize(points[i].V)
		if even {
			continue
		}
		n += numberSize(uint64(points[i].T))
		if start <= points[i].T {
			n += starts
		}
	}
	return n
}

// write writes a series' points, which ascend in time.
func (s *samples) write(z *stream, points []point, start int64) {
	s.start = newField(fieldSampleStart, start)
	times, next := s.times[min(s.start.size, 1)], 0
	for i := 0; i < len(points); i++ {
		t, v := points[i].T, math.Float64bits(points[i].V)
		for next < len(times) && times[next].t < t {
			next++
		}
		since := start
		if start > t {
			since = 0
		}
		switch {
		case next == len(times) || times[next].t != t:
			s.stray = instant{t: t, enc: newField(fieldSampleTime, t), at: -1}
			s.valueFirst(z, &s.stray, v, since)
		case next&1 != 0:
			s.timeFirst(z, &times[next], v, since)
		case since == start && i+1 < len(points) && next+1 < len(times) && s.pair(z, times[next:next+2], points[i:i+2], since):
			i++
		default:
			s.valueFirst(z, &times[next], v, since)
		}
	}
}

// pair writes two samples where nothing is new, which is nearly always: both values are the last ones and both
// times are as the series before has them.
func (s *samples) pair(z *stream, times []instant, points []point, start int64) bool {
	t, u := &times[0], &times[1]
	v := math.Float64bits(points[0].V)
	if v != s.first.bits || v != s.other.bits || v != math.Float64bits(points[1].V) || u.t != points[1].T ||
		t.start != start || u.start != start || u.head != s.first.head || u.at != t.at+t.enc.size+headBytes {
		return false
	}
	ofValue, ofStart := s.sizes(v, start)
	from := t.at - ofStart
	if int(u.head) != ofValue+ofStart+u.enc.size || !z.near(from) || !z.near(s.first.at-headBytes) || !z.near(s.other.at) {
		return false
	}
	z.repeat(s.first.at-headBytes, headBytes+ofValue)
	s.first.at = z.size - ofValue
	z.repeat(from, ofStart+t.enc.size+headBytes+u.enc.size+ofStart)
	u.at = z.size - ofStart - u.enc.size
	t.at = u.at - headBytes - t.enc.size
	if ofValue > 0 {
		z.repeat(s.other.at, ofValue)
	}
	s.other.at = z.size - ofValue
	return true
}

// sizes are those of a sample's fields: value and start.
func (s *samples) sizes(v uint64, start int64) (ofValue, ofStart int) {
	if v != 0 {
		ofValue = valueBytes
	}
	if start != 0 {
		ofStart = s.start.size
	}
	return ofValue, ofStart
}

func (s *samples) valueFirst(z *stream, t *instant, v uint64, start int64) {
	ofValue, ofStart := s.sizes(v, start)
	length := byte(ofValue + ofStart + t.enc.size)
	was := &s.first
	known := was.head == length && z.near(was.at-headBytes)
	switch {
	case known && was.bits == v:
		z.repeat(was.at-headBytes, headBytes+ofValue)
	case known && z.follows(was.at-headBytes):
		z.repeat(was.at-headBytes, headBytes)
		s.value(z, v)
	default:
		z.put(fieldSamples<<3|wireBytes, length)
		s.value(z, v)
	}
	s.first = valuePlace{bits: v, at: z.size - ofValue, head: length}
	s.starts[0].at, s.starts[0].start = s.started(z, start, 0, t.start == start && z.near(t.at-ofStart), t.at-ofStart), start
	s.time(z, t)
	t.start, t.head = start, 0
}

func (s *samples) timeFirst(z *stream, t *instant, v uint64, start int64) {
	ofValue, ofStart := s.sizes(v, start)
	length := byte(ofValue + ofStart + t.enc.size)
	behind := t.at + t.enc.size
	beside := t.start == start && z.near(t.at)
	if t.head == length && z.near(t.at-headBytes) {
		z.repeat(t.at-headBytes, headBytes)
	} else {
		z.put(fieldSamples<<3|wireBytes, length)
	}
	s.time(z, t)
	s.starts[1].at, s.starts[1].start = s.started(z, start, 1, beside, behind), start
	s.value(z, v)
	s.other = valuePlace{bits: v, at: z.size - ofValue}
	t.start, t.head = start, length
}

func (s *samples) time(z *stream, t *instant) {
	at := z.size
	if t.enc.size >= minCopy && z.near(t.at) {
		z.repeat(t.at, t.enc.size)
	} else {
		z.put(t.enc.bytes[:t.enc.size]...)
	}
	t.at = at
}

// started writes a start and returns where. Where the time beside it has it too, from there: they are one copy then.
func (s *samples) started(z *stream, start int64, kind int, beside bool, there int) (at int) {
	at = z.size
	own, twin := &s.starts[kind], &s.starts[1-kind]
	switch {
	case start == 0:
	case s.start.size < minCopy: // in the year 1970
		z.put(s.start.bytes[:s.start.size]...)
	case beside:
		z.repeat(there, s.start.size)
	case own.start == start && z.near(own.at):
		z.repeat(own.at, s.start.size)
	case twin.start == start && z.near(twin.at):
		z.repeat(twin.at, s.start.size)
	default:
		z.put(s.start.bytes[:s.start.size]...)
	}
	return at
}

// value writes a value that one of the last two samples may have had, or another.
func (s *samples) value(z *stream, v uint64) {
	if v == 0 {
		return
	}
	known := &s.known[v*0x9E3779B97F4A7C15>>(64-knownBits)]
	at := z.size
	switch {
	case s.other.bits == v && z.near(s.other.at):
		z.repeat(s.other.at, valueBytes)
	case s.first.bits == v && z.near(s.first.at):
		z.repeat(s.first.at, valueBytes)
	case known.bits == v && z.near(known.at):
		z.repeat(known.at, valueBytes)
	case s.first.at > s.other.at:
		s.change(z, v, &s.first)
	default:
		s.change(z, v, &s.other)
	}
	known.bits, known.at = v, at
}

// change writes a value that may begin as another does: small whole numbers differ only in the last of their eight bytes.
func (s *samples) change(z *stream, v uint64, was *valuePlace) {
	var b [valueBytes]byte
	b[0] = fieldSampleValue<<3 | wireFixed64
	binary.LittleEndian.PutUint64(b[1:], v)
	front := 1 + bits.TrailingZeros64(v^was.bits)/8
	if was.bits == 0 || front <= minCopy || !z.near(was.at) {
		z.put(b[:]...)
		return
	}
	z.repeat(was.at, front)
	z.put(b[front:]...)
}
