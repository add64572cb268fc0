package runs

import (
	"cmp"
	"slices"
	"strings"
)

// history is what is known of a pair: the runs that may still change, and what is left of those before them.
type history struct {
	Pair
	runs []*run
	closed
	backedUp int64 // of a policy: when a backup last succeeded in it, ms of the server's clock; to the day
	told     Summary
	known    bool // told says something
}

// closed is what is left of the runs that cannot change any more.
type closed struct {
	attempt, bytes int64 // 0 where there was none
	status         int32
	tracks         []track // by schedule type
}

// track is what is left of the runs of one schedule type.
type track struct {
	schedule   string
	start, end int64 // of the last success; 0 where there was none
	attempt    int64 // end of the last run
	failures   int64 // that no success has made good
	failed     int64 // end of the last of them
}

// Success is the last successful run of a schedule type. Times are ms of the server's clock.
type Success struct {
	ScheduleType string
	Start, End   int64
}

// Summary is what the runs of a pair come to.
type Summary struct {
	Attempt   int64     // end of the last run, ms of the server's clock
	Status    int32     // its worst; negative where it is not known
	Bytes     int64     // of all of it; negative where that is not known
	Failures  int64     // failed runs that no later success of their schedule type, or of a full backup, has made good
	Successes []Success // by schedule type
}

func (h *history) remove(r *run) {
	h.runs = slices.DeleteFunc(h.runs, func(o *run) bool { return o == r })
}

// track is that of a schedule type. Beyond some the rest have one together.
func (c *closed) track(schedule string) *track {
	const other, most = "(other)", 8
	for {
		i, found := slices.BinarySearchFunc(c.tracks, schedule, func(t track, s string) int { return cmp.Compare(t.schedule, s) })
		if found {
			return &c.tracks[i]
		}
		if len(c.tracks) < most || schedule == other {
			c.tracks = slices.Insert(c.tracks, i, track{schedule: schedule})
			return &c.tracks[i]
		}
		schedule = other
	}
}

// add closes a run: what it came to becomes part of the numbers.
func (c *closed) add(o outcome) {
	c.attemptBy(o)
	t := c.track(o.schedule)
	t.attempt = max(t.attempt, o.end)
	switch {
	case Succeeded(o.status):
		t.succeed(o)
		c.replaceAdopted(o)
		for i := range c.tracks {
			if isFull(o.schedule) || c.tracks[i].schedule == o.schedule {
				c.tracks[i].makeGood(o.end)
			}
		}
	case Failed(o.status) && o.end >= c.goodUntil(t):
		t.failures, t.failed = t.failures+1, max(t.failed, o.end)
	}
}

// adopted is the schedule type of what an older version remembered without one. The first success that is not before it takes its place.
const adopted = "\x00"

func (c *closed) replaceAdopted(o outcome) {
	c.tracks = slices.DeleteFunc(c.tracks, func(t track) bool { return t.schedule == adopted && o.end >= t.end })
}

// attemptBy keeps the last of the runs. Of two that ended at once it is the worse one, then the one with more bytes, so that it does
// not matter which is told first.
func (c *closed) attemptBy(o outcome) {
	if cmp.Or(cmp.Compare(o.end, c.attempt), cmp.Compare(o.status, c.status), cmp.Compare(o.bytes, c.bytes)) > 0 {
		c.attempt, c.status, c.bytes = o.end, o.status, o.bytes
	}
}

func (t *track) succeed(o outcome) {
	if o.end > t.end {
		t.start, t.end = o.start, o.end
	}
}

// makeGood takes away the failures before a success.
func (t *track) makeGood(success int64) {
	if success > t.failed {
		t.failures = 0
	}
}

// goodUntil is the last success that makes failures of a track good.
func (c *closed) goodUntil(t *track) (end int64) {
	end = t.end
	for i := range c.tracks {
		if isFull(c.tracks[i].schedule) {
			end = max(end, c.tracks[i].end)
		}
	}
	return end
}

// unbelieve forgets times that cannot be: a server whose clock was wrong for an hour may have left some of a year to come.
func (c *closed) unbelieve(latest int64) {
	if c.attempt > latest {
		c.attempt, c.status, c.bytes = 0, 0, 0
	}
	for i := range c.tracks {
		t := &c.tracks[i]
		if t.end > latest {
			t.start, t.end = 0, 0
		}
		if t.failed > latest {
			t.failures, t.failed = 0, 0
		}
		t.attempt = min(t.attempt, latest)
	}
}

// summarize puts the runs that may still change on top of the closed ones.
func (b *Book) summarize(h *history, now int64) (s Summary, known bool) {
	h.unbelieve(b.latest)
	sum := h.closed
	sum.tracks = slices.Clone(h.tracks)
	for _, o := range b.outcomes(h, now) {
		sum.add(o)
	}
	s = Summary{Attempt: sum.attempt, Status: sum.status, Bytes: sum.bytes}
	for _, t := range sum.tracks {
		s.Failures += t.failures
		if t.end != 0 {
			s.Successes = append(s.Successes, Success{strings.TrimSuffix(t.schedule, adopted), t.start, t.end})
		}
	}
	s.Successes = slices.CompactFunc(s.Successes, func(x, y Success) bool { return x.ScheduleType == y.ScheduleType })
	return s, s.Attempt != 0
}

// outcomes are what is known of the runs that may still change, in the order of their ends. Of two that ended at once the success
// comes first: a failure is never made good by what did not come after it.
func (b *Book) outcomes(h *history, now int64) []outcome {
	known := make([]outcome, 0, len(h.runs))
	for _, r := range h.runs {
		if o, ok := b.judge(r, now); ok {
			known = append(known, o)
		}
	}
	slices.SortFunc(known, func(x, y outcome) int {
		return cmp.Or(cmp.Compare(x.end, y.end), cmp.Compare(x.status, y.status), cmp.Compare(x.bytes, y.bytes))
	})
	return known
}

func (s *Summary) equal(o *Summary) bool {
	return s.Attempt == o.Attempt && s.Status == o.Status && s.Bytes == o.Bytes && s.Failures == o.Failures &&
		slices.Equal(s.Successes, o.Successes)
}
