package remotewrite

import (
	"cmp"
	"math"
	"slices"

	"backwire/remotewrite/wal"
	"backwire/source"
)

// window is a stretch of the log turned on its side: each series once, with all its points.
// It never crosses a segment. Its memory belongs to the subscription that filled it and is
// used again by the next fill. Once it is filled several goroutines may read it.
type window struct {
	dict    *dictionary
	columns []column     // by lane, and within one by series
	next    wal.Position // where the cursor goes once all of this has its verdict
	records int          // log records read, those without samples included
	samples int          // points in all columns, stale markers included
	oldest  int64        // the lowest time of a point, ms since the epoch; 0 if there is none
	newest  int64        // the highest

	earlier  bool   // a run before this one may have delivered it
	repeated bool   // a run that ended may have sent it, or some of it
	note     []byte // that it left about what had no verdict yet; nil if it left none

	most         int // bytes of the timeline at which it is full, whatever is asked for; 0 where nobody minds
	observedSize int // bytes that the exemplars take

	depth     int // how many points of a series it wants, beside the least of samples; 0 where nobody minds
	timeline  *timeline
	exemplars []observation // by series; of one in the order in which they were observed
}

// column is what one series did in a window, or some of it.
type column struct {
	series    uint32 // index into dict.series
	lane      uint32 // of the timeline
	from, to  uint32 // which of the series' points
	exemplars uint32 // where the series' exemplars begin in the window's, plus one; 0 is none
}

// len is how many points the column has.
func (c *column) len() int { return int(c.to - c.from) }

// cut is the column's points from one on and before another. Exemplars travel with the series' last one.
func (c column) cut(from, to int) column {
	if to < c.len() {
		c.exemplars = 0
	}
	c.from, c.to = c.from+uint32(from), c.from+uint32(to)
	return c
}

// point is one sample; a stale marker is a point whose value source.IsStale.
type point struct {
	T int64 // ms since the epoch
	V float64
}

// same says whether two points have the same value, bit by bit.
func (p *point) same(o *point) bool { return math.Float64bits(p.V) == math.Float64bits(o.V) }

// exemplar is an observation behind a series. Its labels are not in the dictionary:
// a job's id occurs once and would only make it grow.
type exemplar struct {
	Labels []source.Label // sorted by name
	T      int64          // ms since the epoch
	V      float64
}

// Bytes of memory that an observation takes, and each of its labels beside the value's text.
const (
	observationSize = 56
	labelSize       = 48
)

// observation is an exemplar and its series.
type observation struct {
	series uint32
	exemplar
}

// What a window holds at most, beside the least that is asked for. More points of a series share its labels, which are
// a quarter of what is sent at 20 and an eighth at 50. A change takes 12 bytes of memory.
const (
	maxWindowSamples = 1 << 20
	maxWindowChanges = 1 << 19
	windowDepth      = 50
)

// reset empties the window and keeps its memory.
func (w *window) reset(from wal.Position) {
	h := w.timeline
	if h == nil {
		h = new(timeline)
	}
	clear(w.exemplars)
	*w = window{columns: w.columns[:0], next: from, depth: w.depth, most: w.most, timeline: h, exemplars: w.exemplars[:0]}
}

// full says whether the window has at least so many samples, and is as deep as it wants and has room for.
func (w *window) full(least int) bool {
	if w.dict != nil && w.most > 0 && w.timeline.size() >= w.most {
		return true
	}
	if w.samples < least || w.dict == nil {
		return false
	}
	return w.samples >= min(w.depth*len(w.dict.series), maxWindowSamples) || w.timeline.changes >= maxWindowChanges
}

// follow makes room for what an image knows. The first record, and the first of a segment, begin the timeline.
func (w *window) follow(u *image) {
	if w.dict != u.dict {
		w.dict = u.dict
		w.timeline.begin(u.values)
	}
	w.timeline.grow(len(u.dict.series), len(u.sites))
}

// add adds a batch of a lane.
func (w *window) add(lane int, t int64, present, ended refSet) {
	w.timeline.add(lane, t, present, ended)
	w.samples += present.len() + ended.len()
	w.cover(t)
}

// cover makes the window reach to a time.
func (w *window) cover(t int64) {
	if w.oldest == 0 || t < w.oldest {
		w.oldest = t
	}
	w.newest = max(w.newest, t)
}

func (w *window) addExemplar(series uint32, e exemplar) {
	w.exemplars = append(w.exemplars, observation{series, e})
	w.observedSize += observationSize
	for _, l := range e.Labels {
		w.observedSize += labelSize + len(l.Value)
	}
}

// turn makes the columns, once all batches are in.
func (w *window) turn() {
	if w.dict == nil {
		return // nothing was read
	}
	h := w.timeline
	slices.SortStableFunc(w.exemplars, func(a, b observation) int { return cmp.Compare(a.series, b.series) })
	for at := range h.lanes {
		low, high := h.count(&h.lanes[at])
		w.columns = slices.Grow(w.columns, int(high-min(low, high)))
		for ref := low; ref < high; ref++ {
			if n := h.counts[ref]; n > 0 {
				h.counts[ref] = 0
				w.columns = append(w.columns, column{series: ref, lane: uint32(at), to: n, exemplars: w.observed(ref)})
			}
		}
	}
}

// observed is where a series' exemplars begin, plus one.
func (w *window) observed(series uint32) uint32 {
	if len(w.exemplars) == 0 {
		return 0
	}
	at, found := slices.BinarySearchFunc(w.exemplars, series, func(o observation, s uint32) int { return cmp.Compare(o.series, s) })
	if !found {
		return 0
	}
	return uint32(at) + 1
}

// exemplarsOf are a column's exemplars.
func (w *window) exemplarsOf(c *column) []observation {
	if c.exemplars == 0 {
		return nil
	}
	of := w.exemplars[c.exemplars-1:]
	n := 0
	for n < len(of) && of[n].series == c.series {
		n++
	}
	return of[:n]
}

// part is a window of other columns of the same timeline.
func (w *window) part(columns []column) *window {
	out := &window{dict: w.dict, columns: columns, timeline: w.timeline, exemplars: w.exemplars}
	for i := range columns {
		out.samples += columns[i].len()
	}
	return out
}

// retain leaves out the columns of series that are not wanted.
func (w *window) retain(wanted func(series uint32) bool) {
	w.columns = slices.DeleteFunc(w.columns, func(c column) bool {
		out := !wanted(c.series)
		if out {
			w.samples -= c.len()
		}
		return out
	})
}

// drawn is a series with all of its points, which ascend in time.
type drawn struct {
	series    uint32
	points    []point
	exemplars []exemplar
}

// windowOf is a window of series that do not come in batches. They ascend; neighbours that have the same times share a lane.
func windowOf(d *dictionary, all []drawn) *window {
	w := &window{dict: d, timeline: new(timeline)}
	w.timeline.grow(len(d.series), 0)
	for len(all) > 0 {
		n := 1
		for n < len(all) && slices.EqualFunc(all[n].points, all[0].points, func(a, b point) bool { return a.T == b.T }) {
			n++
		}
		w.lane(all[:n])
		all = all[n:]
	}
	return w
}

// lane adds the columns of a lane whose series have the same times.
func (w *window) lane(of []drawn) {
	h, at := w.timeline, len(w.timeline.lanes)
	h.grow(0, at+1)
	set := refSet(nil).grown(len(w.dict.series))
	for _, d := range of {
		set.add(d.series)
		c := column{series: d.series, lane: uint32(at), to: uint32(len(d.points))}
		if len(d.exemplars) > 0 {
			c.exemplars = uint32(len(w.exemplars)) + 1
		}
		for _, e := range d.exemplars {
			w.addExemplar(d.series, e)
		}
		w.columns = append(w.columns, c)
	}
	for i, p := range of[0].points {
		from := h.changes
		for _, d := range of {
			if v := d.points[i]; i == 0 || !v.same(&d.points[i-1]) {
				h.change(d.series, math.Float64bits(v.V))
			}
		}
		h.list(at, from)
		w.add(at, p.T, set, nil)
	}
}
