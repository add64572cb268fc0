package remotewrite

import (
	"math"
	"sort"
)

// walk makes points of a timeline's changes. It goes along all lists of a lane at once, so it is fast where series
// ascend, and right in any order. It belongs to one goroutine.
type walk struct {
	timeline *timeline
	epoch    uint32 // of the timeline
	lane     uint32
	series   uint32  // the last one
	stands   []stand // by list of the lane
	plain    bool    // each batch has the same series, and one list of its own
}

// stand is a list's first change that is not of a series before the last one.
type stand struct {
	value  uint64
	series uint32 // math.MaxUint32 behind the end
	at     uint32 // its place among all changes
}

// points appends a column's points, which ascend in time.
func (k *walk) points(dst []point, h *timeline, c *column) []point {
	if k.timeline != h || k.epoch != h.epoch || k.lane != c.lane || c.series < k.series {
		k.begin(h, c)
	}
	k.series = c.series
	l := &h.lanes[c.lane]
	if k.plain && c.from == 0 && c.len() == len(l.batches) {
		return k.all(dst, h, l, c.series)
	}
	value, next := h.before[c.series], 0
	set, in, n := uint32(math.MaxUint32), false, uint32(0)
	for i := range l.batches {
		for next < len(l.lists) && l.lists[next].batch <= uint32(i) {
			s := &k.stands[next]
			for s.series < c.series {
				*s = h.stand(&l.lists[next], s.at+1)
			}
			if s.series == c.series {
				value = s.value
			}
			next++
		}
		b := &l.batches[i]
		if b.set != set {
			set, in = b.set, h.has(b.set, c.series)
		}
		if !in {
			continue
		}
		if n++; n > c.to {
			break
		}
		if n > c.from {
			dst = append(dst, point{b.t, math.Float64frombits(value)})
		}
	}
	return dst
}

// all appends the points of a series of a plain lane: nearly all are, and this loop is a sixth of a drain.
func (k *walk) all(dst []point, h *timeline, l *lane, series uint32) []point {
	value := h.before[series]
	stands := k.stands[:len(l.batches)]
	for i := range l.batches {
		s := &stands[i]
		for s.series < series {
			*s = h.stand(&l.lists[i], s.at+1)
		}
		if s.series == series {
			value = s.value
		}
		dst = append(dst, point{l.batches[i].t, math.Float64frombits(value)})
	}
	return dst
}

// begin looks up where a column is in each list.
func (k *walk) begin(h *timeline, c *column) {
	k.timeline, k.epoch, k.lane, k.stands = h, h.epoch, c.lane, k.stands[:0]
	for i := range h.lanes[c.lane].lists {
		l := &h.lanes[c.lane].lists[i]
		n := sort.Search(int(l.to-l.from), func(n int) bool { return h.stand(l, l.from+uint32(n)).series >= c.series })
		k.stands = append(k.stands, h.stand(l, l.from+uint32(n)))
	}
	k.plain = h.lanes[c.lane].plain()
}

// stand is a list's change at a place.
func (h *timeline) stand(l *list, at uint32) stand {
	if at >= l.to {
		return stand{series: math.MaxUint32, at: l.to}
	}
	piece, i := at>>pieceBits, at&(pieceSize-1)
	return stand{h.values[piece][i], h.series[piece][i], at}
}

// plain says whether each batch has the same series, and one list of its own.
func (l *lane) plain() bool {
	for i, b := range l.batches {
		if b.set != l.batches[0].set || len(l.lists) != len(l.batches) || l.lists[i].batch != uint32(i) {
			return false
		}
	}
	return true
}
