package remotewrite

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

// times is how many bytes lie between the values of a pair, without starts of its own.
func (m *march) times() int { return 2*m.shared + 2*timeBytes + headBytes }

// time is where the i-th time is.
func (m *march) time(i int) int {
	at := m.at + i/2*m.pair() + headBytes
	if i&1 == 0 {
		return at + m.ofValue + m.ofStart
	}
	return at + m.sample()
}

// inStep says whether a series is in step with the request's times.
func (s *samples) inStep(c course, start int64) (m march, ok bool) {
	if !s.modern || !c.whole || start > c.times[0] || start < 0 {
		return march{}, false
	}
	m = march{start: start, ofStart: s.start.size, first: c.runs[0].bits, constant: len(c.runs) == 1}
	if m.first != 0 {
		m.ofValue = valueBytes
	}
	for _, r := range c.runs[1:] {
		if (r.bits == 0) != (m.first == 0) {
			return march{}, false
		}
	}
	return m, true
}

// writeInStep writes a series that is in step. Where a run begins its value is new, and so is that of the sample behind,
// which is compared with the one two before.
func (s *samples) writeInStep(z *stream, m march, c course) {
	last, n := &s.last, len(c.times)
	m.at, m.alike = z.size, last.at >= 0 && z.near(last.at) && m.ofValue == last.ofValue && m.ofStart == last.ofStart
	if m.alike && m.start == last.start {
		m.shared = m.ofStart
	}
	if m.alike && m.start == last.start && m.constant && last.constant && m.first == last.first {
		z.repeat(last.at, n*m.sample())
		s.last = m
		return
	}
	next, before := 0, last.first
	for k, r := range c.runs {
		end := n
		if k+1 < len(c.runs) {
			end = int(c.runs[k+1].from)
		}
		s.steady(z, &m, next, int(r.from))
		next = min(int(r.from)+2, end)
		s.fresh(z, &m, int(r.from), r.bits, before)
		if int(r.from)+1 < next {
			s.fresh(z, &m, next-1, r.bits, r.bits)
		}
		before = r.bits
	}
	s.steady(z, &m, next, n)
	if n&1 != 0 {
		s.between(z, &m, n-1, m.shared+timeBytes)
	}
	s.last = m
}

// steady writes the samples from one on and before another, all with the values of the pair before.
func (s *samples) steady(z *stream, m *march, i, until int) {
	if i >= until {
		return
	}
	pair, own := m.pair(), m.ofStart-m.shared
	if i&1 == 0 {
		z.repeat(z.size-pair, headBytes+m.ofValue+own)
		i++
	}
	times := m.times()
	if n := (until - i) / 2; m.alike && !z.plain {
		z.repeatTwo(n, m.at-s.last.at, times, pair, pair-times)
		i += 2 * n
	}
	for ; i+1 < until; i += 2 {
		s.between(z, m, i-1, times)
		z.repeat(z.size-pair, pair-times)
	}
	if i < until {
		s.between(z, m, i-1, times)
		z.repeat(z.size-pair, own+m.ofValue)
	}
}

// fresh writes a sample whose value is not that of the pair before: an even one up to its time, or to its start where that is shared.
func (s *samples) fresh(z *stream, m *march, i int, v, before uint64) {
	pair, own := m.pair(), m.ofStart-m.shared
	switch {
	case i&1 != 0:
		s.between(z, m, i-1, m.times())
		start := pair // how far the same start is
		if i == 1 {
			start = m.ofStart + 2*timeBytes + headBytes
		}
		z.repeat(z.size-start, own)
		s.value(z, v, before, z.size-pair+m.ofValue+headBytes)
	case i == 0:
		z.head(m.sample() - headBytes)
		s.value(z, v, before, s.last.at+headBytes)
		z.put(s.start.bytes[:own]...)
	default:
		if z.follows(z.size - pair) {
			z.repeat(z.size-pair, headBytes)
		} else {
			z.head(m.sample() - headBytes)
		}
		s.value(z, v, before, z.size-headBytes-m.ofValue)
		z.repeat(z.size-pair, own)
	}
}

// between writes what lies between the value of an even sample and that of the odd one behind it: times, the head between them,
// and shared starts around them. Of the last sample it is less.
func (s *samples) between(z *stream, m *march, i, size int) {
	if m.alike {
		z.repeat(z.size-m.at+s.last.at, size)
		return
	}
	s.clockTime(z, i)
	if size > timeBytes {
		z.head(m.sample() - headBytes)
		s.clockTime(z, i+1)
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
