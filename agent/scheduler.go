package agent

import (
	"context"
	"log/slog"
	"time"
)

// scheduler gives one site its ticks, one cycle at a time. Ticks are the multiples of the
// interval since the epoch by the wall clock, so that two agents agree on them.
type scheduler struct {
	cycle    *cycle
	interval time.Duration
	clock    func() time.Time // the wall clock, which may jump either way; waiting is monotonic
	log      *slog.Logger
	late     bool // the last cycle took longer than there was time, and that was said
}

// glance is the longest wait before the clock is looked at again: after a jump, or a sleep
// of the machine, the next tick is at most this late.
const glance = 5 * time.Second

// run starts the first cycle at once and each next one on its tick, until ctx ends. A cycle
// that is under way then goes on until work ends.
func (s *scheduler) run(ctx, work context.Context) {
	tick := floor(s.clock(), s.interval)
	for ctx.Err() == nil {
		phase := s.clock().Sub(tick)
		began := time.Now()
		s.cycle.run(work, tick)
		s.countMissed(phase, time.Since(began))
		tick = s.wait(ctx, tick)
	}
}

// countMissed counts the ticks that passed while a cycle ran, by its monotonic length: a
// clock that jumps meanwhile makes no ticks. The phase is how long after its tick it began, as the
// first cycle does.
func (s *scheduler) countMissed(phase, took time.Duration) {
	missed := max(0, phase+took-1) / s.interval
	if missed == 0 {
		if s.late {
			s.log.Info("cycles are on time again")
		}
		s.late = false
		return
	}
	s.cycle.history.miss(uint64(missed))
	if s.late {
		return // the counter goes on
	}
	s.late = true
	s.log.Warn("cycles skipped: the one before was still running", "missed", int(missed), "took", took, "interval", s.interval)
}

// wait returns the next tick when it has come, or earlier when ctx ends.
func (s *scheduler) wait(ctx context.Context, last time.Time) time.Time {
	next := nextTick(s.clock(), last, s.interval)
	for ctx.Err() == nil {
		now := s.clock()
		s.cycle.history.look()
		if !now.Before(next) {
			return floor(now, s.interval) // later than next where the clock has jumped ahead
		}
		if next.Sub(now) > s.interval {
			next = nextTick(now, last, s.interval) // the clock was set back
		}
		sleep(ctx, min(next.Sub(now), glance))
	}
	return last
}

// nextTick is the first tick at or after now that is not last again. A clock that was set
// back by less than an interval would give last once more: the tick after it is next. Set
// back by more, the time is taken as it is: waiting it out would stall the site.
func nextTick(now, last time.Time, interval time.Duration) time.Time {
	next := floor(now.Add(interval-1), interval)
	if !next.After(last) && last.Sub(next) < interval {
		return last.Add(interval)
	}
	return next
}

// floor is the tick at or before t.
func floor(t time.Time, interval time.Duration) time.Time {
	ns := t.UnixNano()
	return time.Unix(0, ns-ns%int64(interval))
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
