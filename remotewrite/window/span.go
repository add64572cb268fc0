package window

// Place is a place between the points of a window, counted along its columns. The place
// after the last point of a column is the one before the first point of the next column.
type Place struct{ Column, Point int }

// Before says whether a place comes before another.
func (p Place) Before(q Place) bool {
	return p.Column < q.Column || p.Column == q.Column && p.Point < q.Point
}

// Span is a stretch of a window: whole series, or at its ends a part of one. Within it every series' points
// are in order of time, and a series' later points are never in an earlier span.
type Span struct{ From, To Place }

// Empty says whether the span has no points.
func (s Span) Empty() bool { return !s.From.Before(s.To) }

// Points returns which of the n points of column i belong to the span.
func (s Span) Points(i, n int) (from, to int) {
	if i == s.To.Column {
		n = s.To.Point
	}
	if i == s.From.Column {
		return s.From.Point, n
	}
	return 0, n
}

// Count is how many points the span has in a window.
func (s Span) Count(w *Window) int {
	n := 0
	for i := s.From.Column; i <= s.To.Column && i < len(w.Columns); i++ {
		from, to := s.Points(i, w.Columns[i].Len())
		n += to - from
	}
	return n
}

// Within is what the span has of the columns from one on and before another.
func (s Span) Within(from, to int) Span {
	if first := (Place{Column: from}); s.From.Before(first) {
		s.From = first
	}
	if last := (Place{Column: to}); last.Before(s.To) {
		s.To = last
	}
	return s
}
