package netbackup

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// outcome is how one collector fared in a cycle.
type outcome struct {
	rows int
	err  error
	took time.Duration
}

// collectorHealth remembers how a collector fares.
type collectorHealth struct {
	name        string
	needed      bool // every primary server offers it
	outcome     outcome
	failures    int      // in a row
	said        []string // keys of the errors in this row that were told to the log
	lastSuccess int64    // ms since the epoch, agent's clock; 0 is never
	lostRows    uint64   // that could not be read, by the client's count
}

// notOffered says that the server does not have what the collector asks for, which is no
// failure but of what every primary server has.
func (h *collectorHealth) notOffered() bool {
	return errors.Is(h.outcome.err, api.ErrNotOffered) && !h.needed
}

// note takes an outcome and tells of what changes, and not of what goes on. Each kind of error is told once in a row of
// failures: one outage shows as several.
func (h *collectorHealth) note(o outcome, at int64, r *report) {
	h.outcome = o
	if o.err == nil {
		if h.failures > 0 {
			r.recover(h.name, h.failures)
		}
		h.failures, h.lastSuccess, h.said = 0, at, nil
		return
	}
	if errors.Is(o.err, collect.ErrUnfinished) {
		return
	}
	h.failures++
	key := errorKey(o.err)
	if !slices.Contains(h.said, key) {
		h.said = append(h.said, key)
		r.fail(key, h.name, o.err, h.notOffered())
	}
}

// proveCredential is asked where no collector asked anything, because what they read stands for a while: is the server
// still there, and does it still accept the credential?
func (s *Site) proveCredential(ctx context.Context) {
	if _, err := s.client.Identity(ctx); err != nil {
		s.log.Warn("no request was due, and the server does not confirm the credential", "error", err)
	}
}

// countUnreadable takes the rows of a collector that could not be read into its counter, and those that say different
// things of what cannot be told apart.
func (s *Site) countUnreadable(c *activeCollector) {
	for _, series := range c.gauges.TakeContradictions() {
		s.client.Problems().Contradiction(c.noun, series)
	}
	lost := s.client.Problems().RowsLost(c.noun)
	if lost > c.health.lostRows {
		s.ledger.counters.unreadableOf(c.name).pending += float64(lost - c.health.lostRows)
	}
	c.health.lostRows = lost
}

// emit sets the health gauges of a cycle.
func (s *Site) emitHealth() {
	g, c := s.gauges, s.catalogue
	for _, x := range s.collectors {
		h := &x.health
		if !h.notOffered() && !errors.Is(h.outcome.err, collect.ErrUnfinished) {
			g.Set(c.collectorSuccess, truth(h.outcome.err == nil), h.name)
			g.Set(c.collectorDuration, h.outcome.took.Seconds(), h.name)
		}
		if h.lastSuccess != 0 {
			g.Set(c.collectorLastSuccess, float64(h.lastSuccess)/1000, h.name)
		}
	}
	g.Set(c.up, truth(s.accepted))
	s.emitServer()
}

func (s *Site) emitServer() {
	if s.ping.APIVersion == "" {
		return
	}
	info := s.facts.info
	s.gauges.Set(s.catalogue.clockSkew, float64(s.ledger.clock.Skew)/1000)
	if end := s.ping.TrustEnds; !end.IsZero() {
		s.gauges.Set(s.catalogue.certificateExpiry, float64(end.Unix()))
	}
	s.gauges.Set(s.catalogue.serverInfo, 1,
		cmp.Or(info.Name, s.cfg.Client.URL.Hostname()),
		cmp.Or(info.Version, api.Release(s.ping.APIVersion)),
		s.ping.APIVersion)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// restoreHealth takes the time of a collector's last success back.
func (s *Site) restoreHealth(x source.Sample) {
	if x.Series.Metric.Name != s.catalogue.collectorLastSuccess.Name {
		return
	}
	for _, c := range s.collectors {
		if c.name == x.Series.Label("collector") {
			c.health.lastSuccess = int64(x.Value * 1000)
		}
	}
}
