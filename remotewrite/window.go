package remotewrite

import (
	"math"
	"math/bits"
	"slices"

	"backwire/remotewrite/wal"
	"backwire/source"
)

// window is a stretch of the log turned on its side: each series once, with all its points.
// It never crosses a segment. Its memory belongs to the subscription that filled it and is
// used again by the next fill.
type window struct {
	dict    *dictionary
	columns []column
	next    wal.Position // where the cursor goes once all of this has its verdict
	records int          // log records read, those without samples included
	samples int          // points in all columns, stale markers included
	oldest  int64        // the lowest time of a point, ms since the epoch; 0 if there is none
	newest  int64        // the highest

	repeated bool   // a run that ended may have sent it, or some of it
	note     []byte // that it left about what had no verdict yet; nil if it left none

	places []uint32 // by series: where its column is, plus one
	limit  int      // how many points fill wants at least; 0 where nobody says
	room   int      // for how many points a column is made
}

// column is what one series did in a window.
type column struct {
	series    uint32     // index into dict.series
	points    []point    // ascending in time
	exemplars []exemplar // in the order in which they were observed
}

// point is one sample; a stale marker is a point whose value source.IsStale.
type point struct {
	T int64 // ms since the epoch
	V float64
}

// exemplar is an observation behind a series. Its labels are not in the dictionary:
// a job's id occurs once and would only make it grow.
type exemplar struct {
	Labels []source.Label // sorted by name
	T      int64          // ms since the epoch
	V      float64
}

// reset empties the window and keeps its memory, columns' points included.
func (w *window) reset(from wal.Position) {
	for _, c := range w.columns {
		w.places[c.series] = 0
	}
	*w = window{columns: w.columns[:0], next: from, places: w.places}
}

// begin makes room for a batch at t of up to length series. If all of them are in every batch, no column will
// have more points than its room: columns that double would keep half as much again of memory.
func (w *window) begin(t int64, length int) {
	w.room = w.limit/max(length, 1) + 1
	for len(w.places) < length {
		w.places = append(w.places, 0)
	}
	if w.oldest == 0 || t < w.oldest {
		w.oldest = t
	}
	w.newest = max(w.newest, t)
}

// column is the series' column, made where it has none yet.
func (w *window) column(ref uint32) *column {
	if at := w.places[ref]; at != 0 {
		return &w.columns[at-1]
	}
	if len(w.columns) < cap(w.columns) {
		w.columns = w.columns[:len(w.columns)+1]
	} else {
		w.columns = append(w.columns, column{})
	}
	w.places[ref] = uint32(len(w.columns))
	c := &w.columns[len(w.columns)-1]
	*c = column{series: ref, points: c.points[:0], exemplars: c.exemplars[:0]}
	return c
}

// addValues adds a point at t for each of the set. It takes the set bit by bit, without the
// calls of an iterator: the speed of a backlog is that of this loop.
func (w *window) addValues(set refSet, values []uint64, t int64) {
	for i, word := range set {
		for ; word != 0; word &= word - 1 {
			ref := uint32(i<<6 + bits.TrailingZeros64(word))
			c := w.column(ref)
			if len(c.points) == cap(c.points) {
				c.points = slices.Grow(c.points, max(w.room-len(c.points), 1))
			}
			c.points = append(c.points, point{t, math.Float64frombits(values[ref])})
			w.samples++
		}
	}
}

// addStale ends each of the set at t.
func (w *window) addStale(set refSet, t int64) {
	for ref := range set.all() {
		c := w.column(ref)
		c.points = append(c.points, point{t, source.Stale()})
		w.samples++
	}
}

// retain leaves out the columns of series that are not wanted. Their memory stays with the window.
func (w *window) retain(wanted func(series uint32) bool) {
	kept := 0
	for i := range w.columns {
		c := w.columns[i]
		if !wanted(c.series) {
			w.places[c.series] = 0
			w.samples -= len(c.points)
			continue
		}
		w.columns[kept], w.columns[i] = c, w.columns[kept]
		kept++
		w.places[c.series] = uint32(kept)
	}
	w.columns = w.columns[:kept]
}

func (w *window) addExemplar(ref uint32, e exemplar) {
	c := w.column(ref)
	c.exemplars = append(c.exemplars, e)
}
