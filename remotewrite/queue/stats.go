package queue

import (
	"cmp"
	"slices"
	"time"

	"backwire/remotewrite/record"
)

// Stats is how a queue is doing.
type Stats struct {
	Segments int
	Bytes    int64
	MaxBytes int64
	Written  record.Totals // since the queue began, in whatever process
	Pending  record.Totals // in memory, because the disk takes nothing
	Oldest   int64         // time of the oldest sample on disk, ms since the epoch; 0 if not known
	Newest   int64
	Failures int // commits that were not written since the last that was
	Cursors  []CursorStats
	Losses   []Loss
}

// CursorStats is how far an endpoint is.
type CursorStats struct {
	Endpoint string
	Lag      record.Totals
	Unsent   int64         // time of the oldest batch that has no verdict, or a little before; 0 if there is none
	Past     record.Totals // of Lag, what is sent after the newest: none where the endpoint has one place
	Newest   int64         // as Unsent, in the lane that goes first
}

// Behind is how old the oldest batch is that has no verdict; 0 if there is none. It comes from the log,
// so it says the same after a restart.
func (c *CursorStats) Behind(now time.Time) time.Duration {
	if c.Unsent == 0 {
		return 0
	}
	return max(now.Sub(time.UnixMilli(c.Unsent)), 0)
}

// Cursor is an endpoint's.
func (s *Stats) Cursor(endpoint string) CursorStats {
	for _, c := range s.Cursors {
		if c.Endpoint == endpoint {
			return c
		}
	}
	return CursorStats{Endpoint: endpoint}
}

// Loss is what was given up since the queue was opened.
type Loss struct {
	Endpoint string // empty for what never was in the log
	Reason   string
	record.Totals
}

// Stats is a snapshot.
func (q *Queue) Stats() Stats {
	segments := q.log.Segments()
	s := Stats{Segments: len(segments), MaxBytes: q.options.MaxBytes}
	for _, segment := range segments {
		s.Bytes += segment.Bytes
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.Written, s.Pending, s.Failures = q.summary.totals, q.summary.pending, q.summary.failures
	for _, c := range q.summary.contents {
		s.Newest = max(s.Newest, c.Newest)
	}
	if len(q.summary.contents) > 0 && len(segments) > 0 && q.summary.contents[0].Segment == segments[0].Number {
		s.Oldest = q.summary.contents[0].Oldest
	}
	for name, h := range q.holders {
		s.Cursors = append(s.Cursors, h.stats(name, s.Written, s.Oldest))
	}
	for key, t := range q.losses {
		s.Losses = append(s.Losses, Loss{key.endpoint, key.reason, t})
	}
	slices.SortFunc(s.Cursors, func(a, b CursorStats) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	slices.SortFunc(s.Losses, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Reason, b.Reason))
	})
	return s
}

// written is how much was ever written.
func (q *Queue) written() record.Totals {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.summary.totals
}

// stats takes what is left of the queue into account: where segments were given up, what was
// unsent there is gone.
func (h *holder) stats(name string, written record.Totals, oldest int64) CursorStats {
	first := h.newest()
	ahead := written.Minus(first.done)
	e := CursorStats{Endpoint: name, Lag: written.Minus(h.total()), Unsent: max(h.unsent, oldest), Newest: max(first.unsent, oldest)}
	e.Past = e.Lag.Minus(ahead)
	if e.Lag == (record.Totals{}) {
		e.Unsent = 0
	}
	if ahead == (record.Totals{}) {
		e.Newest = 0
	}
	return e
}
