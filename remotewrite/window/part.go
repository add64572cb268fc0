package window

import "slices"

// Part is a window of other columns of the same timeline.
func (w *Window) Part(columns []Column) *Window {
	out := &Window{Dict: w.Dict, Columns: columns, timeline: w.timeline, Exemplars: w.Exemplars}
	for i := range columns {
		out.Samples += columns[i].Len()
	}
	return out
}

// Retain leaves out the columns of series that are not wanted.
func (w *Window) Retain(wanted func(series uint32) bool) {
	w.Columns = slices.DeleteFunc(w.Columns, func(c Column) bool {
		out := !wanted(c.Series)
		if out {
			w.Samples -= c.Len()
		}
		return out
	})
}

// Divide cuts each column before one of its points.
func (w *Window) Divide(at func(column int) int) (first, second *Window) {
	var early, late []Column
	for i, c := range w.Columns {
		n := at(i)
		if n > 0 {
			early = append(early, c.Cut(0, n))
		}
		if n < c.Len() {
			late = append(late, c.Cut(n, c.Len()))
		}
	}
	return w.Part(early), w.Part(late)
}

// MedianTime is a time that has about as many points before it as after it; several is false if all have the same time.
func (w *Window) MedianTime() (middle int64, several bool) {
	times := make([]int64, 0, w.Samples)
	var k Walk
	for i := range w.Columns {
		times = append(times, k.Runs(w, &w.Columns[i]).Times...)
	}
	slices.Sort(times)
	for _, t := range times[len(times)/2:] {
		if t > times[0] {
			return t, true
		}
	}
	return 0, false
}

// Whole is all of the window.
func (w *Window) Whole() Span { return Span{To: Place{Column: len(w.Columns)}} }

// Cutout is a window of a span's columns alone, without what had expired.
func Cutout(w *Window, sp Span, since int64) *Window {
	var columns []Column
	var k Walk
	for i := sp.From.Column; i <= sp.To.Column && i < len(w.Columns); i++ {
		c := &w.Columns[i]
		from, to := sp.Points(i, c.Len())
		for times := k.Runs(w, c).Times; from < to && times[from] < since; {
			from++
		}
		if from < to {
			columns = append(columns, c.Cut(from, to))
		}
	}
	return w.Part(columns)
}

// Expired is a window of what Cutout leaves out.
func Expired(w *Window, sp Span, since int64) *Window {
	var columns []Column
	var k Walk
	for i := sp.From.Column; i <= sp.To.Column && i < len(w.Columns); i++ {
		c := &w.Columns[i]
		from, to := sp.Points(i, c.Len())
		end := from
		for times := k.Runs(w, c).Times; end < to && times[end] < since; {
			end++
		}
		if from < end {
			columns = append(columns, c.Cut(from, end))
		}
	}
	return w.Part(columns)
}

// Parts are windows of the columns one after the other, each of at most so many samples.
func (w *Window) Parts(most int) (parts []*Window) {
	part := w.Part(nil)
	for _, c := range w.Columns {
		for from := 0; from < c.Len(); {
			to := min(c.Len(), from+most-part.Samples)
			part.Append(c.Cut(from, to))
			from = to
			if part.Samples == most {
				parts = append(parts, part)
				part = w.Part(nil)
			}
		}
	}
	if part.Samples > 0 {
		parts = append(parts, part)
	}
	return parts
}

// Append adds a column, or makes the last one longer.
func (w *Window) Append(c Column) {
	w.Samples += c.Len()
	if n := len(w.Columns); n > 0 {
		if last := &w.Columns[n-1]; last.Series == c.Series && last.Lane == c.Lane && last.To == c.From {
			last.To, last.Exemplars = c.To, c.Exemplars
			return
		}
	}
	w.Columns = append(w.Columns, c)
}

// Early is all but the last point of each series.
func (w *Window) Early() *Window {
	early, _ := w.Divide(func(i int) int { return w.Columns[i].Len() - 1 })
	return early
}

// OldestTime is of a window's points.
func (w *Window) OldestTime() int64 {
	oldest := int64(0)
	var k Walk
	for i := range w.Columns {
		if t := k.Runs(w, &w.Columns[i]).Times[0]; oldest == 0 || t < oldest {
			oldest = t
		}
	}
	return oldest
}
