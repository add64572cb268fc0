package netbackup

import (
	"context"
	"fmt"
	"iter"

	"backwire/source"
	"backwire/source/guard"
)

// giving hands cycles over to the caller of Collect. It tells a panic of the caller from one of the counting: the first is
// handed back in the end, the second is an error.
type giving struct {
	yield   func(source.Cycle) bool
	stop    func() // ends the readings
	stopped bool   // the caller takes no more
	cause   any    // of the caller's panic
}

func (g *giving) give(cycles iter.Seq[source.Cycle]) (err error) {
	if g.stopped {
		return context.Canceled
	}
	return guard.Run(func() error {
		for c := range cycles {
			if !g.take(c) {
				return context.Canceled
			}
		}
		return nil
	})
}

// take is one cycle; it answers false where the caller has enough.
func (g *giving) take(c source.Cycle) (more bool) {
	defer func() {
		if g.cause = recover(); g.cause != nil {
			more = false
		}
		if !more {
			g.stopped = true
			g.stop()
		}
	}()
	return g.yield(c)
}

// startAgain replaces the ledger by one that knows what the log remembers: after a panic nothing in its memory is to
// be relied on. What was counted and not committed is read and counted again.
func (s *Site) startAgain(cause error) error {
	if s.cfg.Checkpoint == nil {
		return cause
	}
	before := s.clients
	l := s.newLedger()
	s.clients.needed = before.needed
	clear(s.policies.dates) // they point to the clients of before
	s.tellSearches()
	l.Idle, l.Clock.Skew, l.listed, l.problems.counted = s.ledger.Idle, s.ledger.Clock.Skew, s.ledger.listed, s.ledger.problems.counted
	if err := s.restoreLedger(l, s.cfg.Checkpoint()); err != nil {
		return fmt.Errorf("restart counting after %w: %w", cause, err)
	}
	s.ledger, s.reading = l, nil
	s.log.Warn("counting restarts from the state in the queue")
	return nil
}

// tellSearches lets the runs know which policies search for their clients, where policies are read.
func (s *Site) tellSearches() {
	if s.ledger.listed != nil {
		s.clients.book.Searches(s.policies.searches)
	}
}

func (s *Site) newLedger() *jobLedger {
	l := newLedger(s.cfg, s.catalogue, s.log, s.readers, s.ended)
	l.problems.found = s.client.Problems()
	s.clients = newClients(l.counters, s.cfg.MaxClientSeries, s.cfg.ForgetClients.Milliseconds())
	s.copies = newCopyAges(l.counters, s.cfg.MaxClientSeries/seriesPerClient, s.cfg.ForgetClients.Milliseconds())
	s.hours, s.trends = newHours(), trends{}
	l.observers = []observer{s.clients, s.copies, s.hours, catalogBackups{l.counters}}
	l.memories = []memory{
		pageHistory{s.log, hoursPrefix, s.hours.changes, s.hours.restore},
		pageHistory{s.log, trendPrefix, s.trends.changes, s.trends.restore},
		s.clients,
	}
	l.durable = []func(source.Sample) bool{s.copies.restore, s.clients.restore}
	return l
}

// protect runs what is only shown.
func (s *Site) protect(what string, f func()) {
	if err := guard.Run(func() error { f(); return nil }); err != nil {
		s.log.Error("left out after a panic", "part", what, "error", err)
	}
}
