package ledger

import "math"

// span is a range of time [from, to) whose ended events are read in ascending order by
// one reader. Times are ms of the server's clock.
type span struct {
	from, to int64   // to is Open where nothing ends it
	read     int64   // everything before it was read
	begun    int64   // where the reader at it began: there it cannot pause, because it would begin there again
	rows     int     // read since from
	paged    int     // of them in whole pages
	density  float64 // rows a ms: of the last page or of all since from, whichever is less
	kept     []Row   // of those that were read, what is to be counted
	busy     bool    // a reader is at it
	done     bool
	unsorted bool // the server does not keep the order: only the end of the list ends it
}

// Open is the end of a range of time that nothing ends.
const Open int64 = math.MaxInt64

// end is where the span ends for the purpose of estimating: now for an open one.
func (s *span) end(now int64) int64 { return min(s.to, now) }

// remainder estimates how many rows are still to be read.
func (s *span) remainder(now int64) float64 {
	if s.done || s.unsorted {
		return 0
	}
	return s.density * float64(max(s.end(now)-s.read, 0))
}

// measure takes note of a page that was read since a time.
func (s *span) measure(since int64, rows int) {
	s.paged += rows
	s.density = min(float64(rows)/float64(max(s.read-since, 1)), float64(s.paged)/float64(max(s.read-s.from, 1)))
}

// stretch is how many rows a reader is to read on its own, so that what is read is without
// gaps, and can be counted, up to a little before the furthest.
const stretch = 25 * PageRows

// split gives the later half of what is unread to another reader, or more where a stretch is
// less than the half.
func (s *span) split(now int64) *span {
	middle := s.read + (s.end(now)-s.read)/2
	if s.density > 0 {
		middle = min(middle, s.read+int64(stretch/s.density))
	}
	later := &span{from: middle, to: s.to, read: middle, density: s.density}
	s.to = middle
	return later
}

// covered is the time before which everything of the span was read.
func (s *span) covered(now int64) int64 {
	switch {
	case s.done:
		return s.end(now)
	case s.unsorted:
		return s.from
	}
	return s.read
}
