package netbackup

import (
	"context"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/guard"
	"backwire/source/ledger"
)

// Collect reads everything at once and yields the cycles up to the tick: one, or several
// where a gap is filled. A cycle that was yielded counts as accepted: it is the caller's
// to commit it, now or later; the memory of its samples is used again by the next Collect. A panic costs the part that it happened in,
// where it was not the caller's.
func (s *Site) Collect(ctx context.Context, tick time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		t, ok := s.follow(tick.UnixMilli())
		if !ok {
			return
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		g := &giving{yield: func(c source.Cycle) bool {
			c.Changes = append(append(c.Changes, s.policies.changes()...), s.paused.changes()...)
			return yield(c)
		}, stop: stop}
		s.collect(ctx, func(r *ledger.Reading) error { return g.give(s.ledger.cycles(r, nil, t)) })
		if !g.stopped {
			s.finish(g, t)
		}
		if g.cause != nil {
			panic(g.cause)
		}
	}
}

// finish counts what was read, and gives the samples of the tick.
func (s *Site) finish(g *giving, t int64) {
	err := s.broken
	s.policies.tellBackups()
	if err == nil {
		err = g.give(s.ledger.cycles(s.reading, s.samples, t))
	}
	if guard.Panicked(err) {
		s.failed(collectorJobs, err)
		if err = s.startAgain(err); err == nil {
			err = g.give(s.ledger.cycles(nil, s.samples, t))
		}
		if guard.Panicked(err) {
			g.cause = err
		}
	}
	if err == nil {
		s.protect("overview", func() { s.makeOverview(t) })
		s.sayOverCaps()
	}
}

// stepBehind is how far time goes on in a cycle, in ms, while the agent's clock is behind what was
// emitted: no receiver takes a sample that is older than its series.
const stepBehind = 1000

// follow is the time of this cycle's samples: the tick, or just after the last one where the
// agent's clock was set back, until it has caught up. It answers false for a tick that is
// emitted already, as after a restart within an interval.
func (s *Site) follow(tick int64) (t int64, ok bool) {
	last := s.ledger.Newest
	switch {
	case tick > last:
		if s.behind {
			s.log.Info("the agent's clock has caught up")
		}
		s.behind = false
		return tick, true
	case !s.behind && last-tick < s.ledger.interval:
		return 0, false
	case !s.behind:
		s.log.Warn("the agent's clock was set back: sample times advance in small steps until the clock has caught up. "+
			"If it was wrong before, and receivers refuse samples with future times, start with an empty BACKWIRE_QUEUE_DIR",
			"clock", instant(tick), "last_sample", instant(last))
	}
	s.behind = true
	return last + stepBehind, true
}

// collect runs the collectors. What is read of a long history is given to part on the way, by
// this goroutine.
func (s *Site) collect(ctx context.Context, part func(*ledger.Reading) error) {
	s.reading, s.broken = nil, nil
	s.jobLimits.begin(s.now())
	s.parts, s.counted = make(chan *ledger.Reading), make(chan error)
	askedBefore, acceptedBefore := s.client.Questions()
	now, err := s.askTime(ctx)
	outcomes := make([]collect.Outcome, len(s.collectors))
	var group errgroup.Group
	for i, c := range s.collectors {
		if c.Every == 0 {
			c.Gauges.Reset()
		}
		if err != nil {
			outcomes[i] = collect.Outcome{Err: err}
			continue
		}
		group.Go(func() error {
			outcomes[i] = c.Run(ctx, now, s.now)
			return nil // its error is its own: the others go on
		})
	}
	ended := make(chan struct{})
	go func() {
		_ = group.Wait()
		close(ended)
	}()
	s.serveParts(part, ended)
	if asked, _ := s.client.Questions(); err == nil && asked == askedBefore {
		s.proveCredential(ctx)
	}
	_, accepted := s.client.Questions()
	s.accepted = accepted != acceptedBefore
	s.noteOutcomes(outcomes)
}

func (s *Site) noteOutcomes(outcomes []collect.Outcome) {
	at, report := s.now().UnixMilli(), collect.NewReport(errorKinds{})
	for i, c := range s.collectors {
		if outcomes[i].Err != nil {
			c.Gauges.DropSums() // over a part of the rows they would be wrong
		}
		s.countUnreadable(c)
		c.Note(outcomes[i], at, report)
	}
	report.Say(s.log)
	s.tellHealth()
}

func (s *Site) tellHealth() {
	s.gauges.Reset()
	s.emitHealth()
	s.publish()
}

// failed notes what befell a collector after its reading.
func (s *Site) failed(name string, err error) {
	report := collect.NewReport(errorKinds{})
	for _, c := range s.collectors {
		if c.Name == name && c.Health.Outcome.Err == nil {
			c.Gauges.Reset()
			c.Note(collect.Outcome{Err: err, Took: c.Health.Outcome.Took}, s.now().UnixMilli(), report)
		}
	}
	report.Say(s.log)
	s.tellHealth()
}

// serveParts answers the collector of jobs until all collectors have ended.
func (s *Site) serveParts(part func(*ledger.Reading) error, ended <-chan struct{}) {
	for {
		select {
		case r := <-s.parts:
			s.counted <- part(r)
		case <-ended:
			return
		}
	}
}

// samples are those of the tick alone. It is asked once the jobs are counted. Their memory is used again in the next cycle.
func (s *Site) samples() []source.Sample {
	if err := guard.Run(func() error { s.policies.emit(); return nil }); err != nil {
		s.failed(collectorPolicies, err)
	}
	if err := guard.Run(func() error { s.hosts.emit(); return nil }); err != nil {
		s.failed(collectorHosts, err)
	}
	if n, ok := s.ledger.Unaccounted(); ok {
		s.open.gauges.Set(s.catalogue.unaccounted, float64(n))
	}
	s.tellStatusCodes()
	// The dates of the clients are most of the samples, and the same ones in each cycle. They come first: the queue makes a new
	// list of all that follows the first series that was not there before.
	samples := s.live[:0]
	for _, first := range []bool{true, false} {
		for _, c := range s.collectors {
			if first == (c.Name == collectorPolicies) {
				samples = c.AppendTo(samples)
			}
		}
	}
	samples = s.gauges.AppendTo(samples)
	s.protect("compatibility names", s.emitCompat)
	samples = s.compatGauges.AppendTo(samples)
	s.live = samples
	return samples
}

// pingLimit is how long a server may take to say its time before it counts as down in this
// cycle: retries included, so that nbu_up 0 is not late.
const pingLimit = 10 * time.Second

// askTime pings the server: its clock, in ms, is the cycle's time for all that it stamps.
func (s *Site) askTime(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	ping, err := s.client.Ping(ctx)
	s.ping = ping
	if err != nil {
		return 0, err
	}
	s.ledger.Version = ping.APIVersion
	s.ledger.Clock.Skew = ping.ServerTime.Add(ping.RoundTrip/2).UnixMilli() - s.now().UnixMilli()
	return ping.ServerTime.UnixMilli(), nil
}
