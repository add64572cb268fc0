package window

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

// Window is a part of the log, regrouped: each series once, with all its points.
// It never crosses a segment. Its memory belongs to the subscription that filled it and is
// used again by the next fill. Once it is filled several goroutines may read it.
type Window struct {
	Dict    *record.Dictionary
	Columns []Column     // by lane, and within one by series
	Next    wal.Position // where the cursor goes once all of this has its verdict
	Records int          // log records read, those without samples included
	Samples int          // points in all columns, stale markers included
	Oldest  int64        // the lowest time of a point, ms since the epoch; 0 if there is none
	Newest  int64        // the highest

	Last     bool   // there was nothing behind it when it was filled
	Past     bool   // newer samples of its series were sent before
	Earlier  bool   // a run before this one may have delivered it
	Repeated bool   // a run that ended may have sent it, or some of it
	Note     []byte // that it left about what had no verdict yet; nil if it left none

	Most         int // bytes of the timeline at which it is full, whatever is requested; 0 is no limit
	observedSize int // bytes that the exemplars take

	Depth     int // wanted points per series, in addition to the minimum of samples; 0 is none
	timeline  *timeline
	Exemplars []Observation // by series; of one in the order in which they were observed
}

// Column is what one series did in a window, or some of it.
type Column struct {
	Series    uint32 // index into dict.series
	Lane      uint32 // of the timeline
	From, To  uint32 // which of the series' points
	Exemplars uint32 // where the series' exemplars begin in the window's, plus one; 0 is none
}

// Len is how many points the column has.
func (c *Column) Len() int { return int(c.To - c.From) }

// Cut is the column's points from one on and before another. Exemplars travel with the series' last one.
func (c Column) Cut(from, to int) Column {
	if to < c.Len() {
		c.Exemplars = 0
	}
	c.From, c.To = c.From+uint32(from), c.From+uint32(to)
	return c
}

// Point is one sample; a stale marker is a point whose value source.IsStale.
type Point struct {
	T int64 // ms since the epoch
	V float64
}

// same says whether two points have the same value, bit by bit.
func (p *Point) same(o *Point) bool { return math.Float64bits(p.V) == math.Float64bits(o.V) }

// Bytes of memory of an observation, and of each of its labels without the text of the value.
const (
	observationSize = 56
	labelSize       = 48
)

// Observation is an exemplar and its series.
type Observation struct {
	series uint32
	record.Exemplar
}

// What a window holds at most, beside the least that is asked for. More points of a series share its labels, which are
// a quarter of what is sent at 20 and an eighth at 50. A change takes 12 bytes of memory.
const (
	MaxSamples = 1 << 20
	maxChanges = 1 << 19
	Depth      = 50
)

// reset empties the window and keeps its memory.
func (w *Window) reset(from wal.Position) {
	h := w.timeline
	if h == nil {
		h = new(timeline)
	}
	clear(w.Exemplars)
	*w = Window{Columns: w.Columns[:0], Next: from, Depth: w.Depth, Most: w.Most, timeline: h, Exemplars: w.Exemplars[:0]}
}

// full says whether the window has at least so many samples, and is as deep as it wants and has room for.
func (w *Window) full(least int) bool {
	if w.Dict != nil && w.Most > 0 && w.timeline.size() >= w.Most {
		return true
	}
	if w.Samples < least || w.Dict == nil {
		return false
	}
	return w.Samples >= min(w.Depth*len(w.Dict.Series), MaxSamples) || w.timeline.changes >= maxChanges
}

// Enter implements Sink: it makes room for what an image knows. The first record, and the first of a segment, begin the timeline.
func (w *Window) Enter(u *record.Image) {
	if w.Dict != u.Dict {
		w.Dict = u.Dict
		w.timeline.begin(u.Values)
		w.timeline.going = record.Present(u, w.timeline.going)
	}
	w.timeline.grow(len(u.Dict.Series), 0)
}

// Batch implements Sink.
func (w *Window) Batch(b record.Batch) error {
	h := w.timeline
	h.grow(0, b.Site+1)
	from := h.changes
	for _, ref := range b.Changed {
		h.change(ref, b.Values[ref])
	}
	h.list(b.Site, from)
	if b.Points.Len()+b.Ended.Len() > 0 {
		h.renew(b.Site, b.Added, b.Values)
		w.add(b.Site, b.T, b.Points, b.Ended)
	}
	return w.holds()
}

// Exemplar implements Sink.
func (w *Window) Exemplar(series uint32, e record.Exemplar) error {
	w.AddExemplar(series, e)
	return w.holds()
}

// holds says whether there is room for what a record has put into the window.
func (w *Window) holds() error {
	if w.Most > 0 && w.timeline.size()+w.observedSize > 2*w.Most {
		return fmt.Errorf("%w: a record with too many batches", record.ErrOversized)
	}
	return nil
}

// add adds a batch of a lane.
func (w *Window) add(lane int, t int64, present, ended record.Set) {
	w.timeline.add(lane, t, present, ended)
	w.Samples += present.Len() + ended.Len()
	w.cover(t)
}

// cover makes the window reach to a time.
func (w *Window) cover(t int64) {
	if w.Oldest == 0 || t < w.Oldest {
		w.Oldest = t
	}
	w.Newest = max(w.Newest, t)
}

// AddExemplar adds an exemplar of a series.
func (w *Window) AddExemplar(series uint32, e record.Exemplar) {
	w.Exemplars = append(w.Exemplars, Observation{series, e})
	w.observedSize += observationSize
	for _, l := range e.Labels {
		w.observedSize += labelSize + len(l.Value)
	}
}

// makeColumns makes the columns, once all batches are in.
func (w *Window) makeColumns() {
	if w.Dict == nil {
		return // nothing was read
	}
	h := w.timeline
	slices.SortStableFunc(w.Exemplars, func(a, b Observation) int { return cmp.Compare(a.series, b.series) })
	for at := range h.lanes {
		low, high := h.count(&h.lanes[at])
		w.Columns = slices.Grow(w.Columns, int(high-min(low, high)))
		for ref := low; ref < high; ref++ {
			if n := h.counts[ref]; n > 0 {
				h.counts[ref] = 0
				w.Columns = append(w.Columns, Column{Series: ref, Lane: uint32(at), To: n, Exemplars: w.observed(ref)})
			}
		}
	}
}

// observed is where a series' exemplars begin, plus one.
func (w *Window) observed(series uint32) uint32 {
	if len(w.Exemplars) == 0 {
		return 0
	}
	at, found := slices.BinarySearchFunc(w.Exemplars, series, func(o Observation, s uint32) int { return cmp.Compare(o.series, s) })
	if !found {
		return 0
	}
	return uint32(at) + 1
}

// ExemplarsOf are a column's exemplars.
func (w *Window) ExemplarsOf(c *Column) []Observation {
	if c.Exemplars == 0 {
		return nil
	}
	of := w.Exemplars[c.Exemplars-1:]
	n := 0
	for n < len(of) && of[n].series == c.Series {
		n++
	}
	return of[:n]
}

// Series is a series with all of its points, which ascend in time.
type Series struct {
	Ref       uint32
	Points    []Point
	Exemplars []record.Exemplar
}

// Of is a window of series that do not come in batches. They ascend; neighbours that have the same times share a lane.
func Of(d *record.Dictionary, all []Series) *Window {
	w := &Window{Dict: d, timeline: new(timeline)}
	w.timeline.grow(len(d.Series), 0)
	for len(all) > 0 {
		n := 1
		for n < len(all) && slices.EqualFunc(all[n].Points, all[0].Points, func(a, b Point) bool { return a.T == b.T }) {
			n++
		}
		w.lane(all[:n])
		all = all[n:]
	}
	return w
}

// lane adds the columns of a lane whose series have the same times.
func (w *Window) lane(of []Series) {
	h, at := w.timeline, len(w.timeline.lanes)
	h.grow(0, at+1)
	set := record.Set(nil).Grown(len(w.Dict.Series))
	for _, d := range of {
		set.Add(d.Ref)
		c := Column{Series: d.Ref, Lane: uint32(at), To: uint32(len(d.Points))}
		if len(d.Exemplars) > 0 {
			c.Exemplars = uint32(len(w.Exemplars)) + 1
		}
		for _, e := range d.Exemplars {
			w.AddExemplar(d.Ref, e)
		}
		w.Columns = append(w.Columns, c)
	}
	for i, p := range of[0].Points {
		from := h.changes
		for _, d := range of {
			if v := d.Points[i]; i == 0 || !v.same(&d.Points[i-1]) {
				h.change(d.Ref, math.Float64bits(v.V))
			}
		}
		h.list(at, from)
		w.add(at, p.T, set, nil)
	}
}
