package agent

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
)

// scripted is a site whose cycles take as long as the test says.
type scripted struct {
	name  string
	takes func(n int) time.Duration
	mu    sync.Mutex
	ticks []time.Time
	began []time.Time
}

func (s *scripted) Collect(ctx context.Context, tick time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		s.mu.Lock()
		n := len(s.ticks)
		s.ticks, s.began = append(s.ticks, tick), append(s.began, time.Now())
		s.mu.Unlock()
		if s.takes != nil {
			sleep(ctx, s.takes(n))
		}
		yield(source.Cycle{Site: s.name, Batches: []source.Batch{{T: tick.UnixMilli()}}})
	}
}

// seconds are the ticks as seconds since from.
func (s *scripted) seconds(from time.Time) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var seconds []int
	for _, tick := range s.ticks {
		seconds = append(seconds, int(tick.Sub(from)/time.Second))
	}
	return seconds
}

// kept remembers what was committed.
type kept struct {
	mu     sync.Mutex
	cycles []source.Cycle
	err    error
}

func (k *kept) Commit(c source.Cycle) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cycles = append(k.cycles, c)
	return k.err
}

func newScheduler(s site, queue committer, interval time.Duration) *scheduler {
	log := slog.New(slog.DiscardHandler)
	return &scheduler{
		cycle: &cycle{
			site: s, queue: queue, limit: cycleLimit(interval), log: log,
			history: &history{observe: func(time.Duration) {}},
		},
		interval: interval, clock: time.Now, log: log,
	}
}

// during runs lives side by side for a while, ends them and waits for their end.
func during(d time.Duration, lives ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, live := range lives {
		wg.Go(func() { live(ctx) })
	}
	time.Sleep(d)
	cancel()
	wg.Wait()
}

func runFor(d time.Duration, schedulers ...*scheduler) {
	var lives []func(context.Context)
	for _, s := range schedulers {
		lives = append(lives, func(ctx context.Context) { s.run(ctx, context.Background()) })
	}
	during(d, lives...)
}

// jumping is a scheduler whose clock jumps a while after now.
func jumping(s site, after, by time.Duration) *scheduler {
	begin := time.Now()
	sched := newScheduler(s, &kept{}, time.Minute)
	sched.clock = func() time.Time {
		if now := time.Now(); now.Sub(begin) <= after {
			return now
		}
		return time.Now().Add(by)
	}
	return sched
}

// The bubble's clock begins at midnight, 2000-01-01 UTC: a multiple of every interval here.
func TestFirstCycleAtOnceThenOnMultiples(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Now()
		time.Sleep(25 * time.Second)
		s := &scripted{}
		runFor(130*time.Second, newScheduler(s, &kept{}, time.Minute))
		if got, want := s.seconds(midnight), []int{0, 60, 120}; !slices.Equal(got, want) {
			t.Errorf("ticks %v, want %v", got, want)
		}
		if at := s.began[0].Sub(midnight); at != 25*time.Second {
			t.Errorf("the first cycle began after %v, want at once", at-25*time.Second)
		}
		if at := s.began[1].Sub(midnight); at != time.Minute {
			t.Errorf("the second cycle began at %v, want 1m", at)
		}
	})
}

func TestTicksThatPassDuringACycleAreMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Now()
		s := &scripted{takes: func(n int) time.Duration { return []time.Duration{25 * time.Second, 10 * time.Second, 0, 0}[min(n, 3)] }}
		sched := newScheduler(s, &kept{}, 10*time.Second)
		runFor(45*time.Second, sched)
		// 0 runs over 10 and 20; 30 ends exactly on 40, which is not missed.
		if got, want := s.seconds(midnight), []int{0, 30, 40}; !slices.Equal(got, want) {
			t.Errorf("ticks %v, want %v", got, want)
		}
		if missed := sched.cycle.history.missed; missed != 2 {
			t.Errorf("missed %d, want 2", missed)
		}
	})
}

func TestClockSetAheadGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Now()
		s := &scripted{}
		sched := jumping(s, 70*time.Second-1, time.Hour)
		runFor(140*time.Second, sched)
		// At 70 s the clock says 1:01:10: the tick of 1:01 is taken within a glance.
		if got, want := s.seconds(midnight), []int{0, 60, 3660, 3720}; !slices.Equal(got, want) {
			t.Errorf("ticks %v, want %v", got, want)
		}
		if late := s.began[2].Sub(midnight) - 70*time.Second; late > glance {
			t.Errorf("the jump was seen after %v", late)
		}
		if missed := sched.cycle.history.missed; missed != 0 {
			t.Errorf("missed %d: a jump makes no ticks", missed)
		}
	})
}

func TestClockSetBackNeitherStallsNorDoubles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		back, at time.Duration // at: since midnight
		want     []int
	}{
		// The first four while the cycle of 60 runs, the others while the next tick is waited for.
		"a blink":                {50 * time.Millisecond, 60010 * time.Millisecond, []int{0, 60, 120, 180}},
		"half":                   {30 * time.Second, 60010 * time.Millisecond, []int{0, 60, 120, 180}},
		"an hour":                {time.Hour, 60010 * time.Millisecond, []int{0, 60, 120 - 3600, 180 - 3600}},
		"one tick":               {time.Minute, 60010 * time.Millisecond, []int{0, 60, 120, 180}},
		"a blink in the waiting": {50 * time.Millisecond, 90 * time.Second, []int{0, 60, 120, 180}},
		"an hour in the waiting": {time.Hour, 90 * time.Second, []int{0, 60, 120 - 3600, 180 - 3600}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				midnight := time.Now()
				s := &scripted{}
				sched := jumping(s, c.at, -c.back)
				s.takes = func(int) time.Duration { return 20 * time.Millisecond }
				runFor(245*time.Second, sched)
				got := s.seconds(midnight)
				if len(got) < 4 || !slices.Equal(got[:4], c.want) {
					t.Errorf("ticks %v, want %v", got, c.want)
				}
				for i := 1; i < len(s.began); i++ {
					if gap := s.began[i].Sub(s.began[i-1]); gap > 2*time.Minute {
						t.Errorf("stalled for %v", gap)
					}
				}
			})
		})
	}
}

func TestTicksOfTwoAgentsAgree(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 5, 37, 49, 123456789, time.UTC)
	for _, interval := range []time.Duration{time.Second, 7 * time.Second, 45 * time.Second, time.Minute, 24 * time.Hour} {
		tick := floor(at, interval)
		if tick.After(at) || at.Sub(tick) >= interval || tick.UnixNano()%int64(interval) != 0 {
			t.Errorf("floor(%v, %v) = %v", at, interval, tick)
		}
	}
}

func TestSitesAreIndependent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := &scripted{name: "hanging", takes: func(int) time.Duration { return 24 * time.Hour }}
		well := &scripted{name: "well"}
		queue := &kept{}
		sick := newScheduler(hanging, queue, time.Minute)
		runFor(5*time.Minute+time.Second, sick, newScheduler(well, queue, time.Minute))
		if len(well.ticks) != 6 {
			t.Errorf("the other site had %d cycles, want 6", len(well.ticks))
		}
		// Its time limit ends each of its cycles: the interval.
		if len(hanging.ticks) != 6 || sick.cycle.history.missed != 0 {
			t.Errorf("the hanging site had %d cycles and missed %d", len(hanging.ticks), sick.cycle.history.missed)
		}
	})
}

func TestCycleLimit(t *testing.T) {
	t.Parallel()
	if got := cycleLimit(time.Second); got != 30*time.Second {
		t.Errorf("limit of a short interval %v, want 30s", got)
	}
	if got := cycleLimit(5 * time.Minute); got != 5*time.Minute {
		t.Errorf("limit of a long interval %v, want the interval", got)
	}
}

func TestPanicIsOneCyclesFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &scripted{takes: func(n int) time.Duration {
			if n == 0 {
				panic("broken")
			}
			return 0
		}}
		queue := &kept{}
		sched := newScheduler(s, queue, time.Minute)
		sched.cycle.log = slog.New(slog.NewTextHandler(&log, nil))
		runFor(time.Minute+time.Second, sched)
		h := sched.cycle.history
		if h.panics != 1 || h.failed != 1 || h.cycles != 2 || len(queue.cycles) != 1 {
			t.Errorf("panics %d, failed %d, cycles %d, committed %d", h.panics, h.failed, h.cycles, len(queue.cycles))
		}
		if !strings.Contains(log.String(), "broken") || !strings.Contains(log.String(), "scheduler_test.go") {
			t.Errorf("log without cause or stack: %s", log.String())
		}
	})
}

func TestCommitErrorDoesNotEndTheCycle(t *testing.T) {
	t.Parallel()
	queue := &kept{err: errors.New("no space left on device")}
	c := newScheduler(&gap{}, queue, time.Minute).cycle
	c.run(t.Context(), time.Now())
	if len(queue.cycles) != 3 {
		t.Errorf("offered %d cycles, want all 3", len(queue.cycles))
	}
	if c.history.refused != 3 || c.history.failed != 1 || c.history.commits != 0 {
		t.Errorf("refused %d, failed %d, commits %d", c.history.refused, c.history.failed, c.history.commits)
	}
	if err := c.history.last.err; err == nil || !strings.Contains(err.Error(), "commit a cycle: no space left") {
		t.Errorf("outcome %v", err)
	}
}

// What goes wrong cycle after cycle is one line in the log, and one when it is over.
func TestFailuresOfManyCyclesAreSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &kept{err: errors.New("no space left on device")}
		slow := &scripted{takes: func(n int) time.Duration {
			return []time.Duration{25 * time.Second, 15 * time.Second, 35 * time.Second, 0}[min(n, 3)]
		}}
		s := newScheduler(slow, queue, 10*time.Second)
		var log bytes.Buffer
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		s.cycle.log = s.log
		runFor(115*time.Second, s)
		queue.err = nil
		s.cycle.run(t.Context(), time.Now())
		for _, line := range []string{"cycles skipped", "cycles are on time again", "cycle failed", "cycle succeeded again"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%q stands %d times in:\n%s", line, n, log.String())
			}
		}
	})
}

// gap yields three cycles at once, as a site does that fills a gap.
type gap struct{ during func() }

func (g *gap) Collect(context.Context, time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		for range 3 {
			if g.during != nil {
				g.during()
			}
			if !yield(source.Cycle{}) {
				return
			}
		}
	}
}

// A cycle that the end has cut short would say that the site does not answer.
func TestNothingIsCommittedOnceWorkHasEnded(t *testing.T) {
	t.Parallel()
	work, cancel := context.WithCancel(t.Context())
	queue := &kept{}
	c := newScheduler(&gap{during: cancel}, queue, time.Minute).cycle
	c.run(work, time.Now())
	if len(queue.cycles) != 0 || !errors.Is(c.history.last.err, errAbandoned) {
		t.Errorf("committed %d, outcome %v", len(queue.cycles), c.history.last.err)
	}
}
