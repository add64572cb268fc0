package window

import (
	"slices"
	"time"
)

// MaxSpan is how much time a window's slice spans at most, and a window where records allow it. A database without an out-of-order window
// refuses what is an hour behind its newest sample of any series (Prometheus: half of a block of two hours), so that samples
// have to come in order of time across series too. Half of that leaves room for other senders.
const MaxSpan = 30 * time.Minute

// Sliced is the window with its columns cut into slices of at most so much time, which go forward in time, and the number of the column
// behind each. Within a slice columns keep their order, and a receiver's series is in one of them. A window that spans no more is one
// slice, and is returned itself.
func (w *Window) Sliced(most time.Duration) (out *Window, ends []int) {
	var parts [][]Column
	for _, part := range w.byTime(most) {
		parts = append(parts, w.byStart(part)...)
	}
	if len(parts) == 1 {
		return w, []int{len(w.Columns)}
	}
	sliced := *w
	sliced.Columns = nil
	for _, part := range parts {
		if len(part) > 0 {
			sliced.Columns = append(sliced.Columns, part...)
			ends = append(ends, len(sliced.Columns))
		}
	}
	return &sliced, ends
}

// byStart divides columns of which several are one series to a receiver: what counts began again, and has the same labels under another
// start or another description. What comes after a start is sent after what came before it.
func (w *Window) byStart(columns []Column) [][]Column {
	if !w.Dict.Renewed {
		return [][]Column{columns}
	}
	twins, seen := w.Dict.Twins(), map[string]int{}
	var key []byte
	part := func(c Column) (n int) { // of a column, in their order
		if twins[c.Series] {
			key = w.Dict.AppendIdentity(key[:0], c.Series)
			n = seen[string(key)]
			seen[string(key)] = n + 1
		}
		return n
	}
	if !slices.ContainsFunc(columns, func(c Column) bool { return part(c) > 0 }) {
		return [][]Column{columns}
	}
	clear(seen)
	parts := make([][]Column, 1)
	for _, c := range columns {
		n := part(c)
		if n == len(parts) {
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], c)
	}
	return parts
}

// byTime cuts the columns into slices of at most so much time.
func (w *Window) byTime(most time.Duration) [][]Column {
	if w.Newest-w.Oldest <= most.Milliseconds() {
		return [][]Column{w.Columns}
	}
	begins := w.begins(most.Milliseconds())
	parts := make([][]Column, len(begins))
	var k Walk
	for _, c := range w.Columns {
		times, from := k.Runs(w, &c).Times, 0
		for i := range begins {
			to := len(times)
			if i+1 < len(begins) {
				to, _ = slices.BinarySearch(times, begins[i+1])
			}
			if from < to {
				parts[i] = append(parts[i], c.Cut(from, to))
			}
			from = to
		}
	}
	return parts
}

// begins are the times at which slices of at most so many milliseconds begin.
func (w *Window) begins(most int64) (begins []int64) {
	var times []int64
	for i := range w.timeline.lanes {
		times = append(times, w.timeline.times(nil, &w.timeline.lanes[i])...)
	}
	slices.Sort(times)
	for _, t := range times {
		if n := len(begins); n == 0 || t-begins[n-1] > most {
			begins = append(begins, t)
		}
	}
	return begins
}

// Following are the series, by their identity, of which the window has something behind a place.
func (w *Window) Following(behind Place) map[string]bool {
	all := map[string]bool{}
	var key []byte
	for i := behind.Column; i < len(w.Columns); i++ {
		key = w.Dict.AppendIdentity(key[:0], w.Columns[i].Series)
		if !all[string(key)] {
			all[string(key)] = true
		}
	}
	return all
}
