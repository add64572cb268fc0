package netbackup

import "math"

// span is a range of time [from, to) whose finished jobs are read in ascending order by
// one reader. Times are ms of the server's clock.
type span struct {
	from, to int64 // to is open where nothing ends it
	read     int64 // everything before it was read
	density  float64
	busy     bool // a reader is at it
	done     bool
	unsorted bool // the server does not keep the order: only the end of the list ends it
}

const open int64 = math.MaxInt64

// end is where the span ends for the purpose of estimating: now for an open one.
func (s *span) end(now int64) int64 { return min(s.to, now) }

// remainder estimates how many jobs are still to be read.
func (s *span) remainder(now int64) float64 {
	if !s.busy || s.unsorted {
		return 0
	}
	return s.density * float64(max(s.end(now)-s.read, 0))
}

// measure takes note of a page that was read since a time.
func (s *span) measure(since int64, jobs int) {
	s.density = float64(jobs) / float64(max(s.read-since, 1))
}

// split gives the later half of what is unread to another reader.
func (s *span) split(now int64) *span {
	middle := s.read + (s.end(now)-s.read)/2
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
