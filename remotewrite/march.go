package remotewrite

import "math"

// Nearly all series of a request are in step: they have a sample at each of its times, and all have a value or none has. Their
// samples take the same number of bytes, so that it is known where everything is without noting it:
//
//	head value start time | head time start value | head value start time | head time start value
//	└────────────────── pair ───────────────────┘
//
// What lies between the times is as far from the same of the pair before as a pair is long, and the times are as
// far from those of the series before as that begins from this one. So where no value changes, pairs are the same two copies
// again and again.

// timeBytes is a time's field from 1971 to 2109.
const timeBytes = 7

// march is where the samples of a series in step are.
type march struct {
	at       int // where they begin in the block; -1 where there is no such series
	ofValue  int // how many bytes a value takes
	ofStart  int
	start    int64
	first    uint64 // its first value
	constant bool   // all of its values are the first
	alike    bool   // the series before has the same number of bytes everywhere
	shared   int    // how many bytes of a start are as there
}

// sample is how many bytes one takes.
func (m *march) sample() int { return headBytes + m.ofValue + m.ofStart + timeBytes }

func (m *march) pair() int { return 2 * m.sample() }

// time is where the i-th time is.
func (m *march) time(i int) int {
	at := m.at + i/2*m.pair() + headBytes
	if i&1 == 0 {
		return at + m.ofValue + m.ofStart
	}
	return at + m.sample()
}

// inStep says whether a series is in step with the request's times.
func (s *samples) inStep(points []point, start int64) (m march, ok bool) {
	if !s.modern || len(points) != len(s.clock) || start > points[0].T || start < 0 {
		return march{}, false
	}
	m = march{start: start, ofStart: s.start.size, first: math.Float64bits(points[0].V), constant: true}
	if m.first != 0 {
		m.ofValue = valueBytes
	}
	for i := range points {
		v := math.Float64bits(points[i].V)
		if points[i].T != s.clock[i] || (v == 0) != (m.first == 0) {
			return march{}, false
		}
		m.constant = m.constant && v == m.first
	}
	return m, true
}

// writeInStep writes a series that is in step.
func (s *samples) writeInStep(z *stream, m march, points []point) {
	last := &s.last
	m.at, m.alike = z.size, last.at >= 0 && z.near(last.at) && m.ofValue == last.ofValue && m.ofStart == last.ofStart
	if m.alike && m.start == last.start {
		m.shared = m.ofStart
	}
	if m.alike && m.start == last.start && m.constant && last.constant && m.first == last.first {
		z.repeat(last.at, len(points)*m.sample())
		s.last = m
		return
	}
	for i := 0; i < len(points); i += 2 {
		s.even(z, &m, points, i)
		i += s.steady(z, &m, points, i)
		s.middle(z, &m, i, len(points))
		if i+1 < len(points) {
			s.odd(z, &m, points, i+1)
		}
	}
	s.last = m
}

// steady is how many samples from an even one on are pairs in which nothing is new, and writes them: of each what
// lies from its first time up to that of the next pair.
func (s *samples) steady(z *stream, m *march, p []point, i int) int {
	if z.plain || i < 2 || !m.alike {
		return 0
	}
	n := 0
	for i+n+2 < len(p) && p[i+n+1].same(&p[i+n-1]) && p[i+n+2].same(&p[i+n]) {
		n += 2
	}
	times := 2*timeBytes + headBytes + 2*m.shared
	z.repeatTwo(n/2, m.at-s.last.at, times, m.pair(), m.pair()-times)
	return n
}

// even writes an even sample up to its time, or to its start where that is shared.
func (s *samples) even(z *stream, m *march, p []point, i int) {
	v := math.Float64bits(p[i].V)
	pair := m.pair()
	if i == 0 {
		z.put(fieldSamples<<3|wireBytes, byte(m.sample()-headBytes))
		s.value(z, v, s.last.first, s.last.at+headBytes)
		z.put(s.start.bytes[:m.ofStart-m.shared]...)
		return
	}
	if v == math.Float64bits(p[i-2].V) {
		z.repeat(z.size-pair, headBytes+m.ofValue+m.ofStart-m.shared)
		return
	}
	if z.follows(z.size - pair) {
		z.repeat(z.size-pair, headBytes)
	} else {
		z.put(fieldSamples<<3|wireBytes, byte(m.sample()-headBytes))
	}
	before := math.Float64bits(p[i-1].V)
	if v == before {
		z.repeat(z.size-headBytes-m.ofValue, m.ofValue)
	} else {
		s.value(z, v, before, z.size-headBytes-m.ofValue)
	}
	z.repeat(z.size-pair, m.ofStart-m.shared)
}

// middle writes the time of an even sample and that of the odd one behind it, if there is one, with the head of that
// between them and shared starts around them.
func (s *samples) middle(z *stream, m *march, i, n int) {
	size := m.shared + timeBytes
	if i+1 < n {
		size += headBytes + timeBytes + m.shared
	}
	if m.alike {
		z.repeat(z.size-m.at+s.last.at, size)
		return
	}
	s.clockTime(z, i)
	if i+1 < n {
		z.put(fieldSamples<<3|wireBytes, byte(m.sample()-headBytes))
		s.clockTime(z, i+1)
	}
}

// odd writes an odd sample behind its time, and behind its start where that is shared.
func (s *samples) odd(z *stream, m *march, p []point, i int) {
	v := math.Float64bits(p[i].V)
	pair := m.pair()
	start := pair // how far the same start is
	if i == 1 {
		start = m.ofStart + 2*timeBytes + headBytes
	}
	z.repeat(z.size-start, m.ofStart-m.shared)
	switch before := math.Float64bits(p[i-1].V); {
	case i > 1 && v == math.Float64bits(p[i-2].V):
		z.repeat(z.size-pair, m.ofValue)
	case v == before:
		z.repeat(z.size-pair+m.ofValue+headBytes, m.ofValue)
	default:
		s.value(z, v, before, z.size-pair+m.ofValue+headBytes)
	}
}

// clockTime writes the i-th time, in a series that is in step.
func (s *samples) clockTime(z *stream, i int) {
	if s.last.at >= 0 && z.near(s.last.time(i)) {
		z.repeat(s.last.time(i), timeBytes)
		return
	}
	z.put(s.times[0][i].enc.bytes[:timeBytes]...)
}
