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
	lane   uint32        // the one at hand; math.MaxUint32 in front of the first
	modern bool          // each of its times takes timeBytes
	times  [2][]instant  // of the lane, for series without a start and with one; an even index comes first in its pair
	stray  instant       // a time that is not among them
	of     int64         // the series' start
	start  wireField     // and its field
	first  valuePlace    // of the last sample that was first in its pair
	other  valuePlace    // and of the last that was not
	starts [2]startPlace // of the same
	last   march         // the last series of the lane that was in step
	known  [1 << knownBits]knownValue

	course  course // of the series that was prepared
	marches bool   // it is in step, and so
	march   march
	points  []point // or else these are its samples
}

// knownBits is how many values are remembered, by their hash: counts are small numbers, and what is new here was
// often somewhere else.
const knownBits = 10

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

// knownValue is a value and where it was written last; a request is far smaller than 2 GiB.
type knownValue struct {
	bits uint64
	at   int32
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

// head writes the head of a sample of so many bytes.
func (z *stream) head(size int) {
	binary.LittleEndian.PutUint16(z.slot(headBytes), uint16(fieldSamples<<3|wireBytes)|uint16(size)<<8)
}

// begin prepares for a request of at most so many samples, and counts what it may hold.
func (s *samples) begin(w *window, sp span, most int) (points, columns int) {
	s.first, s.other = valuePlace{at: -1}, valuePlace{at: -1}
	s.starts = [2]startPlace{{at: -1}, {at: -1}}
	clear(s.known[:])
	for i := sp.from.column; i <= sp.to.column && i < len(w.columns) && points < most; i++ {
		from, to := sp.points(i, w.columns[i].len())
		points += to - from
		columns++
	}
	s.lane = math.MaxUint32
	return points, columns
}

// enter prepares for the series of a lane, which have the same times, give or take some.
func (s *samples) enter(lane uint32, clock []int64) {
	if lane == s.lane {
		return
	}
	s.lane, s.last = lane, march{at: -1}
	s.modern = true
	for k := range s.times {
		s.times[k] = s.times[k][:0]
		for _, t := range clock {
			s.times[k] = append(s.times[k], instant{t: t, enc: newField(fieldSampleTime, t), at: -1})
			s.modern = s.modern && s.times[k][len(s.times[k])-1].enc.size == timeBytes
		}
	}
}

// prepare takes a series to be written, and returns how many bytes its samples will take.
func (s *samples) prepare(c course, start int64) int {
	if start != s.of {
		s.of, s.start = start, newField(fieldSampleStart, start)
	}
	s.course = c
	if s.march, s.marches = s.inStep(c, start); s.marches {
		return len(c.times) * s.march.sample()
	}
	s.points = c.points(s.points[:0])
	return s.size(s.points, start)
}

// size is how many bytes points take. The start is left out where it is not before the sample: the
// zero that announces a counter may be written one interval earlier than the counter's start.
func (s *samples) size(points []point, start int64) int {
	n := headBytes * len(points)
	starts := numberSize(uint64(start))
	for _, p := range points {
		n += doubleSize(p.V) + numberSize(uint64(p.T))
		if start <= p.T {
			n += starts
		}
	}
	return n
}

// write writes the series that was prepared.
func (s *samples) write(z *stream) {
	if s.marches {
		s.writeInStep(z, s.march, s.course)
		return
	}
	times, next := s.times[min(s.start.size, 1)], 0
	for _, p := range s.points {
		t, v := p.T, math.Float64bits(p.V)
		for next < len(times) && times[next].t < t {
			next++
		}
		since := s.of
		if since > t {
			since = 0
		}
		switch {
		case next == len(times) || times[next].t != t:
			s.stray = instant{t: t, enc: newField(fieldSampleTime, t), at: -1}
			s.valueFirst(z, &s.stray, v, since)
		case next&1 != 0:
			s.timeFirst(z, &times[next], v, since)
		default:
			s.valueFirst(z, &times[next], v, since)
		}
	}
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
		s.freshValue(z, v)
	default:
		z.head(int(length))
		s.freshValue(z, v)
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
		z.head(int(length))
	}
	s.time(z, t)
	s.starts[1].at, s.starts[1].start = s.started(z, start, 1, beside, behind), start
	s.freshValue(z, v)
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

// freshValue writes a value that may be that of one of the last two samples.
func (s *samples) freshValue(z *stream, v uint64) {
	near, far := &s.other, &s.first
	if far.at > near.at {
		near, far = far, near
	}
	if v != 0 && v == far.bits && z.near(far.at) {
		z.repeat(far.at, valueBytes)
		return
	}
	s.value(z, v, near.bits, near.at)
}

// value writes a value where another was at a place not long ago.
func (s *samples) value(z *stream, v, was uint64, wasAt int) {
	if v == 0 {
		return
	}
	if v == was && z.near(wasAt) {
		z.repeat(wasAt, valueBytes)
		return
	}
	known := &s.known[v*0x9E3779B97F4A7C15>>(64-knownBits)]
	at := z.size
	if known.bits == v && z.near(int(known.at)) {
		z.repeat(int(known.at), valueBytes)
	} else {
		s.change(z, v, was, wasAt)
	}
	*known = knownValue{v, int32(at)}
}

// change writes a value that may begin as another does: small whole numbers differ only in the last of their eight bytes.
func (s *samples) change(z *stream, v, was uint64, wasAt int) {
	front := 1 + bits.TrailingZeros64(v^was)/8
	if was == 0 || front <= minCopy || !z.near(wasAt) {
		slot := z.slot(valueBytes)
		slot[0] = fieldSampleValue<<3 | wireFixed64
		binary.LittleEndian.PutUint64(slot[1:], v)
		return
	}
	z.patch(wasAt, front, v>>(8*(front-1)), valueBytes-front)
}
