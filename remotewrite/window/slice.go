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
// behind each. Within a slice columns keep their order. A window that spans no more is one slice, and is returned itself.
func (w *Window) Sliced(most time.Duration) (out *Window, ends []int) {
	if w.Newest-w.Oldest <= most.Milliseconds() {
		return w, []int{len(w.Columns)}
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
