package window

import (
	"math"
	"slices"

	"backwire/remotewrite/record"
	"backwire/source"
)

// Group is series of a lane that make sense only together, such as those of a histogram. Each has a role, and several may have the same
// one after the other: what counts began again, under another start or description.
type Group struct {
	Series []uint32
	Roles  []int // by series
	Count  int   // of roles
}

// Moment is what a group had in one batch.
type Moment struct {
	T      int64     // ms since the epoch
	Whole  bool      // each series that goes on has a sample in it
	Values []float64 // by role; a stale marker where nothing has it, or ends. It is valid until the next moment
}

// Moments reads groups. Its memory is used again; it belongs to one goroutine.
type Moments struct {
	state  []uint64 // by series of the group: its last value, as the bits of a float64
	going  []bool   // by series: it has begun and has not ended
	values []float64
}

// Each goes through the points of a column from one on and before another, which are points of its series in the window, and says
// what the group had in the same batches. A value is never taken from another batch.
func (m *Moments) Each(w *Window, c *Column, from, to int, g *Group, each func(Moment)) {
	h := w.timeline
	m.begin(h, g)
	l := &h.lanes[c.Lane]
	lists := l.lists
	from, to = from+int(c.From), to+int(c.From)
	for i, n := 0, 0; i < len(l.batches) && n < to; i++ {
		for ; len(lists) > 0 && lists[0].batch <= uint32(i); lists = lists[1:] {
			m.change(h, &lists[0], g)
		}
		whole := m.see(h, l.batches[i].set, g)
		if !h.has(l.batches[i].set, c.Series) {
			continue
		}
		if n >= from {
			each(Moment{l.batches[i].t, whole, m.values})
		}
		n++
	}
}

func (m *Moments) begin(h *timeline, g *Group) {
	m.state, m.going = m.state[:0], m.going[:0]
	for _, ref := range g.Series {
		value, going := record.StaleBits, false
		if int(ref) < len(h.before) { // or it came after the window
			value, going = h.before[ref], h.going.Has(ref)
		}
		m.state, m.going = append(m.state, value), append(m.going, going)
	}
	m.values = slices.Grow(m.values[:0], g.Count)[:g.Count]
}

// change takes the group's values from a list.
func (m *Moments) change(h *timeline, l *list, g *Group) {
	for k, ref := range g.Series {
		if at := h.find(l, ref); at < l.to && h.series[at>>pieceBits][at%pieceSize] == ref {
			m.state[k] = h.values[at>>pieceBits][at%pieceSize]
		}
	}
}

// see takes the values of the series that are in a batch, and reports whether these are all that go on.
func (m *Moments) see(h *timeline, set uint32, g *Group) (whole bool) {
	for role := range m.values {
		m.values[role] = source.Stale()
	}
	for k, ref := range g.Series {
		if !h.has(set, ref) {
			continue
		}
		if m.going[k] = m.state[k] != record.StaleBits; m.going[k] {
			m.values[g.Roles[k]] = math.Float64frombits(m.state[k])
		}
	}
	whole = true
	for k, ref := range g.Series {
		if !m.going[k] || h.has(set, ref) {
			continue
		}
		if source.IsStale(m.values[g.Roles[k]]) {
			whole = false
		} else {
			m.going[k] = false // another one has its role now
		}
	}
	return whole
}
