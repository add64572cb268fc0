package runs

import (
	"cmp"
	"slices"
	"strings"

	"backwire/source/netbackup/due"
)

// history is what is known of a pair: the runs that may still change, and what is left of those before them.
type history struct {
	Pair
	runs []*run
	closed
	backedUp int64 // of a policy: when a backup last succeeded in it, ms of the server's clock; to the day
	seen     int64 // end of the last job, whatever came of it, ms of the server's clock
	told     Summary
	ended    int64 // when it was ended, ms of the server's clock; 0 where it was not
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
	ScheduleType string // empty where it is not known, as for what an older version remembered
	Start, End   int64
}

// Summary is what the runs of a pair come to.
type Summary struct {
	Attempt   int64     // end of the last run, ms of the server's clock; 0 where none is known
	Status    int32     // its worst; negative where it is not known
	Bytes     int64     // of all of it; negative where that is not known
	Failures  int64     // failed runs that no later success of a type that holds as much has made good
	Successes []Success // by schedule type
	Failure   *Failure  // the last of the failed runs; nil where there is none
}

// Failure is a failed run that no success has made good. Times are ms of the server's clock.
type Failure struct {
	ScheduleType string // empty where it is not known
	Status       int32  // its worst; negative where it is not known
	Start, End   int64  // the start is 0 where it is not known
	Tries        int32  // the most that one of its jobs had; 0 where it is not known
}

// judged is a run and what it came to.
type judged struct {
	outcome
	run *run
}

func (h *history) remove(r *run) {
	h.runs = slices.DeleteFunc(h.runs, func(o *run) bool { return o == r })
}

// empty says that nothing is known.
func (h *history) empty() bool { return len(h.runs) == 0 && h.attempt == 0 && len(h.tracks) == 0 }

// succeeded says that a success is remembered among what is closed.
func (c *closed) succeeded() bool {
	return slices.ContainsFunc(c.tracks, func(t track) bool { return t.end != 0 })
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

// add closes a run: what it came to becomes part of the numbers. The failure of a run of the past was made good already.
func (c *closed) add(o outcome, past bool) {
	c.attemptBy(o)
	t := c.track(o.schedule)
	t.attempt = max(t.attempt, o.end)
	switch {
	case Succeeded(o.status):
		if o.end > t.end {
			t.start, t.end = o.start, o.end
		}
		c.replaceAdopted(o)
		for i := range c.tracks {
			if makesGood(o.schedule, c.tracks[i].schedule) {
				c.tracks[i].makeGood(o.end)
			}
		}
	case Failed(o.status) && !past && o.end >= c.goodUntil(t.schedule):
		t.failures, t.failed = t.failures+1, max(t.failed, o.end)
	}
}

// adopted is the schedule type of what an older version remembered without one. The first success that is not before it takes its place.
const adopted = "\x00"

// scheduleType is empty where it is not known.
func (t *track) scheduleType() string { return strings.TrimSuffix(t.schedule, adopted) }

func (c *closed) replaceAdopted(o outcome) {
	c.tracks = slices.DeleteFunc(c.tracks, func(t track) bool { return t.schedule == adopted && o.end >= t.end })
}

// makesGood says that a success of one schedule type makes the failures of another good: it holds what they would have.
func makesGood(done, failed string) bool {
	return done == failed || due.Keeps(done, failed) && failed != ""
}

// attemptBy keeps the last of the runs. Of two that ended at once it is the worse one, then the one with more bytes, so that it does
// not matter which is told first.
func (c *closed) attemptBy(o outcome) {
	if cmp.Or(cmp.Compare(o.end, c.attempt), cmp.Compare(o.status, c.status), cmp.Compare(o.bytes, c.bytes)) > 0 {
		c.attempt, c.status, c.bytes = o.end, o.status, o.bytes
	}
}

// makeGood takes away the failures before a success.
func (t *track) makeGood(success int64) {
	if success > t.failed {
		t.failures = 0
	}
}

// goodUntil is the end of the last closed success that makes failures of a schedule type good.
func (c *closed) goodUntil(schedule string) (end int64) {
	for i := range c.tracks {
		if makesGood(c.tracks[i].schedule, schedule) {
			end = max(end, c.tracks[i].end)
		}
	}
	return end
}

// hasBehind says that a time is behind the latest that is believed.
func (c *closed) hasBehind(latest int64) bool {
	return c.attempt > latest || slices.ContainsFunc(c.tracks, func(t track) bool { return max(t.attempt, t.end, t.failed) > latest })
}

// unbelieve forgets times that cannot be: a server whose clock was wrong for an hour may have left some of a year to come. It says
// whether there were any.
func (c *closed) unbelieve(latest int64) bool {
	if !c.hasBehind(latest) {
		return false
	}
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
		if t.attempt > latest {
			t.attempt = 0
		}
	}
	return true
}

// summarize puts the runs that may still change on top of the closed ones.
func (h *history) summarize(known []judged) Summary {
	sum := h.closed
	sum.tracks = slices.Clone(h.tracks)
	for _, x := range known {
		sum.add(x.outcome, false)
	}
	s := Summary{Attempt: sum.attempt, Status: sum.status, Bytes: sum.bytes}
	for _, t := range sum.tracks {
		s.Failures += t.failures
		if t.end != 0 {
			s.Successes = append(s.Successes, Success{t.scheduleType(), t.start, t.end})
		}
	}
	s.Failure = sum.failure(known)
	s.Successes = slices.CompactFunc(s.Successes, func(x, y Success) bool { return x.ScheduleType == y.ScheduleType })
	return s
}

// failure is the last failed run that nothing has made good, of those that may still change and of what is left of the others.
func (c *closed) failure(known []judged) (last *Failure) {
	for i := range c.tracks {
		t := &c.tracks[i]
		if t.failures == 0 || last != nil && t.failed <= last.End {
			continue
		}
		last = &Failure{ScheduleType: t.scheduleType(), Status: -1, End: t.failed}
		if t.failed == c.attempt {
			last.Status = c.status
		}
	}
	for _, x := range known {
		if last != nil && x.end == last.End && Failed(x.status) {
			last = &Failure{x.schedule, x.status, x.start, x.end, x.tries}
		}
	}
	return last
}

// outcomes are what is known of the runs that may still change, in the order of their ends. It notes those that wait.
func (b *Book) outcomes(h *history, now int64) []judged {
	before := make([]verdict, len(h.runs))
	for i, r := range h.runs {
		before[i] = r.verdict
	}
	known := b.judgeAll(h.runs, now)
	for i, r := range h.runs {
		if r.verdict != before[i] {
			b.changed[h.Pair] = true
		}
		if r.verdict == waits {
			b.waiting[h] = true
		}
	}
	return known
}

// judgeAll judges runs and gives what those came to of which it is known, in the order of their ends. Of two that ended at once the
// success comes first: a failure is never made good by what did not come after it.
func (b *Book) judgeAll(runs []*run, now int64) []judged {
	known := make([]judged, 0, len(runs))
	for _, r := range runs {
		o, v := b.judge(r, now)
		if r.verdict = v; v == told {
			known = append(known, judged{o, r})
		}
	}
	slices.SortFunc(known, func(x, y judged) int {
		return cmp.Or(cmp.Compare(x.end, y.end), cmp.Compare(x.status, y.status), cmp.Compare(x.bytes, y.bytes))
	})
	return known
}

func (s *Summary) equal(o *Summary) bool {
	return s.Attempt == o.Attempt && s.Status == o.Status && s.Bytes == o.Bytes && s.Failures == o.Failures &&
		slices.Equal(s.Successes, o.Successes) && (s.Failure == o.Failure || s.Failure != nil && o.Failure != nil && *s.Failure == *o.Failure)
}
