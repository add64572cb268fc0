package agent

import (
	"slices"
	"sync"
	"time"
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
