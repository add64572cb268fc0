package collect

import (
	"errors"
	"slices"
	"time"
)

// Outcome is what one collector came to in a cycle.
type Outcome struct {
	Rows int
	Err  error
	Took time.Duration
}

// Health is how a collector fares from cycle to cycle.
type Health struct {
	Outcome     Outcome // of the last cycle
	NotOffered  bool    // the server does not have what it asks for, and need not
	Failures    int     // in a row
	LastSuccess int64   // ms since the epoch, agent's clock; 0 is never
	LostRows    uint64  // that could not be read, by the client's count

	said []string // keys of the errors in this row of failures that were told to the log
}

// Known says that the last cycle tells whether the collector succeeds: it is offered, and not in its first reading.
func (h *Health) Known() bool { return !h.NotOffered && !errors.Is(h.Outcome.Err, ErrUnfinished) }

// fresh says whether a kind of error was not told yet in this row of failures. Each is told once: one outage shows as several.
func (h *Health) fresh(key string) bool {
	if slices.Contains(h.said, key) {
		return false
	}
	h.said = append(h.said, key)
	return true
}
