package remotewrite

import "backwire/source"

// position is a place in the log, as the log itself names it.
type position = struct{ Segment, Offset uint64 }

// window is a stretch of the log turned on its side: each series once, with all its points.
// It never crosses a segment. Its memory belongs to the subscription that filled it and is
// used again by the next fill.
type window struct {
	dict    *dictionary
	columns []column
	next    position // where the cursor goes once all of this has its verdict
	records int          // log records read, those without samples included
	samples int          // points in all columns, stale markers included
	oldest  int64        // time of the first batch, ms since the epoch; 0 if there is none
	newest  int64        // the highest time of a point, ms since the epoch
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
