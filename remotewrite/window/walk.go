package window

import (
	"math"
	"slices"
	"sort"
)

// Runs is what a series did: when it had samples, and which values. Most values stay, so that it is shorter than its
// points are.
type Runs struct {
	Times  []int64 // of the samples, ms since the epoch; they ascend
	Values []run   // the first begins with the first sample
	whole  bool    // it has a sample at each time of its lane
}

// run is a value that a series keeps from one sample on until the next run.
type run struct {
	Bits uint64 // of the value
	From uint32
}

// Points appends the runs sample by sample.
func (c Runs) Points(dst []Point) []Point {
	for i, r := range c.Values {
		end := uint32(len(c.Times))
		if i+1 < len(c.Values) {
			end = c.Values[i+1].From
		}
		for _, t := range c.Times[r.From:end] {
			dst = append(dst, Point{t, math.Float64frombits(r.Bits)})
		}
	}
	return dst
}

// Walk makes runs of a timeline's changes. It takes some series at a time and goes along each list of their lane once for
// all of them, so it is fast where series ascend, and right in any order. It belongs to one goroutine.
type Walk struct {
	timeline *timeline
	epoch    uint32 // of the timeline
	lane     uint32
	clock    []int64  // the times of the lane, in order
	plain    bool     // each of its batches has the same series, and they are in order
	stands   []uint32 // by list of the lane: its first change that is not of a series before end

	first, end uint32 // the series at hand
	stride     int    // how many runs each has room for
	runs       []run
	counts     [walkSeries]uint32 // how many runs each has

	times []int64 // of runs that are not their lane's
	some  []run
}

// How many series are at hand at most, and how many runs they have room for: as much memory as a processor keeps near.
const (
	walkSeries = 64
	walkRuns   = 4096
)

// Runs is a column's. It is valid until the next call.
func (k *Walk) Runs(w *Window, c *Column) Runs {
	h := w.timeline
	if k.timeline != h || k.epoch != h.epoch || k.lane != c.Lane {
		k.enter(h, c.Lane)
	}
	if c.Series < k.first || c.Series >= k.end {
		k.gather(c.Series)
	}
	i := int(c.Series - k.first)
	at := i * k.stride
	out := Runs{k.clock, k.runs[at : at+int(k.counts[i])], true}
	if !k.plain {
		out = k.attended(c.Series, out.Values)
	}
	return k.Cut(out, int(c.From), int(c.To))
}

// Cut is the samples of runs from one on and before another.
func (k *Walk) Cut(c Runs, from, to int) Runs {
	if from == 0 && to == len(c.Times) {
		return c
	}
	some := k.some[:0]
	for i, r := range c.Values {
		if int(r.From) >= to {
			break
		}
		if i+1 < len(c.Values) && int(c.Values[i+1].From) <= from {
			continue
		}
		some = append(some, run{r.Bits, uint32(max(0, int(r.From)-from))})
	}
	k.some = some
	return Runs{c.Times[from:to], some, false}
}

// attended is the runs of a series whose lane has batches without it, or not in their order.
func (k *Walk) attended(series uint32, runs []run) Runs {
	k.times, k.some = k.times[:0], k.some[:0]
	h, at := k.timeline, 0
	set, in := uint32(math.MaxUint32), false
	for i, b := range h.lanes[k.lane].batches {
		for at+1 < len(runs) && runs[at+1].From <= uint32(i) {
			at++
		}
		if b.set != set {
			set, in = b.set, h.has(b.set, series)
		}
		if !in {
			continue
		}
		if n := len(k.some); n == 0 || k.some[n-1].Bits != runs[at].Bits {
			k.some = append(k.some, run{runs[at].Bits, uint32(len(k.times))})
		}
		k.times = append(k.times, b.t)
	}
	return Runs{k.times, k.some, slices.Equal(k.times, k.clock)}
}

// enter begins with a lane.
func (k *Walk) enter(h *timeline, lane uint32) {
	k.timeline, k.epoch, k.lane, k.first, k.end = h, h.epoch, lane, 0, 0
	l := &h.lanes[lane]
	k.clock, k.plain = h.times(k.clock[:0], l), l.plain()
	k.stands = k.stands[:0]
	for i := range l.lists {
		k.stands = append(k.stands, l.lists[i].from)
	}
	k.stride = len(l.lists) + 1
	k.runs = longer(k.runs, max(k.stride, walkRuns))
}

// gather takes the series at hand from one on.
func (k *Walk) gather(first uint32) {
	l := &k.timeline.lanes[k.lane]
	if first < k.end {
		k.seek(l, first)
	}
	k.first = first
	k.end = min(first+uint32(min(walkSeries, len(k.runs)/k.stride)), uint32(len(k.timeline.before)))
	for i, value := range k.timeline.before[first:k.end] {
		k.runs[i*k.stride], k.counts[i] = run{Bits: value}, 1
	}
	for i := range l.lists {
		if l.lists[i].batch == uint32(len(l.batches)) {
			break // no series had a sample since
		}
		k.stands[i] = k.take(&l.lists[i], k.stands[i])
	}
}

// seek goes back in each list.
func (k *Walk) seek(l *lane, series uint32) {
	for i := range l.lists {
		k.stands[i] = k.timeline.find(&l.lists[i], series)
	}
}

// find is the first change of a list that is not of a series before one.
func (h *timeline) find(l *list, series uint32) uint32 {
	return l.from + uint32(sort.Search(int(l.to-l.from), func(n int) bool {
		at := l.from + uint32(n)
		return h.series[at>>pieceBits][at%pieceSize] >= series
	}))
}

// take makes runs of a list's changes from one on, and returns the first that is of none of the series at hand.
func (k *Walk) take(l *list, at uint32) uint32 {
	first, width := k.first, k.end-k.first
	for at < l.to {
		series, values := k.timeline.series[at>>pieceBits], k.timeline.values[at>>pieceBits]
		for until := min(l.to, (at|(pieceSize-1))+1); at < until; at++ {
			i := series[at%pieceSize] - first
			if i >= width {
				if series[at%pieceSize] < first {
					continue // not requested
				}
				return at
			}
			n := k.counts[i]
			runs := k.runs[int(i)*k.stride:]
			if runs[n-1].From == l.batch {
				runs[n-1].Bits = values[at%pieceSize]
				continue
			}
			runs[n] = run{values[at%pieceSize], l.batch}
			k.counts[i] = n + 1
		}
	}
	return at
}

// plain says whether each batch has the same series and is later than the one before.
func (l *lane) plain() bool {
	for i, b := range l.batches {
		if b.set != l.batches[0].set || i > 0 && b.t <= l.batches[i-1].t {
			return false
		}
	}
	return true
}
