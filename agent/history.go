package agent

import (
	"slices"
	"strings"
	"sync"
	"time"

	"backwire/source"
)

// history is what a site's cycles came to. The scheduler writes it, the page and the
// metrics read it.
type history struct {
	observe func(time.Duration) // told each cycle's duration

	mu        sync.Mutex
	running   time.Time // when the cycle under way began; zero between cycles
	last      outcome
	cycles    uint64 // finished
	failed    uint64
	panics    uint64
	missed    uint64
	commits   uint64
	refused   uint64
	committed time.Time // when a cycle was last committed
	health    health
	recent    []outcome // the newest last
	inARow    uint64    // failed cycles in a row
}

// recentCycles is how many cycles the page shows.
const recentCycles = 20

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

// see keeps what the newest batch says of the site's health.
func (h *history) see(c source.Cycle) {
	for i := range slices.Backward(c.Batches) {
		if c.Batches[i].Partial {
			continue
		}
		seen := healthOf(c.Batches[i])
		h.mu.Lock()
		h.health = seen
		h.mu.Unlock()
		return
	}
}

// health is what a batch says of its source: whether it answers, and each collector's lot.
type health struct {
	known      bool
	up         bool
	collectors []collectorHealth
}

type collectorHealth struct {
	name        string
	success     bool
	duration    time.Duration
	lastSuccess time.Time // zero if never
}

// healthOf reads the families that every site of whatever kind has: up, and
// collector_success, collector_duration_seconds and collector_last_success_timestamp_seconds
// by the label collector, behind the source's own prefix.
func healthOf(b source.Batch) health {
	h := health{known: true}
	byName := map[string]*collectorHealth{}
	for _, s := range b.Samples {
		_, family, _ := strings.Cut(s.Series.Name, "_")
		if family == "up" && len(s.Series.Labels) == 1 {
			h.up = s.Value == 1
		}
		fact, found := strings.CutPrefix(family, "collector_")
		name := s.Series.Label("collector")
		if !found || name == "" {
			continue
		}
		if byName[name] == nil {
			byName[name] = &collectorHealth{name: name}
		}
		byName[name].take(fact, s.Value)
	}
	for _, c := range byName {
		h.collectors = append(h.collectors, *c)
	}
	slices.SortFunc(h.collectors, func(a, b collectorHealth) int { return strings.Compare(a.name, b.name) })
	return h
}

func (c *collectorHealth) take(fact string, value float64) {
	switch fact {
	case "success":
		c.success = value == 1
	case "duration_seconds":
		c.duration = time.Duration(value * float64(time.Second))
	case "last_success_timestamp_seconds":
		c.lastSuccess = time.UnixMilli(int64(value * 1000))
	}
}
