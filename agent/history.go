package agent

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"backwire/agent/page"
)

// history is what a site's cycles came to. The scheduler writes it, the page and the
// metrics read it.
type history struct {
	observe func(time.Duration) // told each cycle's duration

	mu        sync.Mutex
	looked    time.Time // when the scheduler last looked at the clock; zero before it began
	running   time.Time // when the cycle under way began; zero between cycles
	last      outcome
	cycles    uint64 // finished
	failed    uint64
	panics    uint64
	missed    uint64
	commits   uint64
	refused   uint64
	committed time.Time // when a cycle was last committed
	recent    []outcome // the newest last
	inARow    uint64    // failed cycles in a row
}

// recentCycles is how many cycles the page shows.
const recentCycles = 20

// look says that the scheduler goes on.
func (h *history) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looked = time.Now()
}

func (h *history) start(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = at
}

func (h *history) finish(out outcome) {
	h.observe(out.duration)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = time.Time{}
	h.looked = time.Now()
	h.last = out
	h.cycles++
	h.commits += uint64(out.commits)
	h.refused += uint64(out.refused)
	h.inARow++
	if out.err == nil {
		h.inARow = 0
	} else {
		h.failed++
	}
	if out.panicked {
		h.panics++
	}
	if out.commits > 0 {
		h.committed = out.began.Add(out.duration)
	}
	h.recent = append(h.recent, out)
	h.recent = slices.Delete(h.recent, 0, max(0, len(h.recent)-recentCycles))
}

func (h *history) miss(ticks uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missed += ticks
}

// status is the part of a site's status that its cycles make.
func (h *history) status() page.SiteStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := page.SiteStatus{
		Running: page.Instant(h.running), Committed: page.Instant(h.committed),
		Cycles: h.cycles, Failed: h.failed, Panics: h.panics, Missed: h.missed,
		Commits: h.commits, Refused: h.refused,
	}
	for i := len(h.recent) - 1; i >= 0; i-- {
		s.Recent = append(s.Recent, h.recent[i].status())
	}
	return s
}

func (o *outcome) status() page.CycleStatus {
	c := page.CycleStatus{Tick: o.tick, Seconds: o.duration.Seconds(), Batches: o.batches, Samples: o.samples}
	if o.err != nil {
		c.Error = o.err.Error()
	}
	return c
}

// stuckAfter is how far beyond its time limit a cycle is stuck, because it ignores its end, and so is a scheduler
// that does not look at the clock: it does so every few seconds.
const stuckAfter = 30 * time.Second

// healthy says that the site's loop goes on. That the site itself answers is not asked:
// an outage is no reason to start the agent again.
func (h *history) healthy(limit time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running.IsZero() {
		return h.looking()
	}
	if took := time.Since(h.running); took > limit+stuckAfter {
		return fmt.Errorf("a cycle is stuck: it has been running for %v, its limit is %v", took.Round(time.Second), limit)
	}
	return nil
}

// looking says that the scheduler goes on between two cycles.
func (h *history) looking() error {
	if silent := time.Since(h.looked); !h.looked.IsZero() && silent > stuckAfter {
		return fmt.Errorf("the scheduler is stuck: it has not run for %v", silent.Round(time.Second))
	}
	return nil
}

// ready says that the site had its first cycle, whatever came of it, and that what its last
// cycle yielded was committed.
func (h *history) ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.cycles == 0:
		return errors.New("its first cycle is not finished")
	case h.last.refused > 0:
		return fmt.Errorf("its last cycle was not committed: %w", h.last.err)
	}
	return nil
}
