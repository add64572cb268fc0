package netbackup

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"backwire/source"
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
	outcome     outcome
	failures    int   // in a row
	lastSuccess int64 // ms since the epoch, agent's clock; 0 is never
}

// notOffered says that the server does not have what the collector asks for, which is no
// failure: but every primary server has jobs.
func (h *collectorHealth) notOffered() bool {
	return errors.Is(h.outcome.err, ErrNotOffered) && h.name != collectorJobs
}

// note takes an outcome; it tells the log when things change, and not in every cycle.
func (h *collectorHealth) note(o outcome, at int64, log *slog.Logger) {
	before := h.outcome.err
	h.outcome = o
	if o.err == nil {
		if h.failures > 0 {
			log.Info("collector succeeded again", "collector", h.name, "failures", h.failures)
		}
		h.failures, h.lastSuccess = 0, at
		return
	}
	h.failures++
	if before != nil && before.Error() == o.err.Error() {
		return
	}
	if h.notOffered() {
		log.Info("collector is not offered by this server", "collector", h.name, "error", o.err)
		return
	}
	log.Warn("collector failed", "collector", h.name, "error", o.err)
}

// answered says that the server accepted the credential and answered a question.
func (o outcome) answered() bool {
	return o.err == nil || o.rows > 0 || errors.Is(o.err, errEmpty)
}

// emit sets the health gauges of a cycle.
func (s *Site) emitHealth() {
	g, c := s.gauges, s.catalogue
	up := 0.0
	for _, x := range s.collectors {
		h := &x.health
		if h.outcome.answered() && !x.anonymous {
			up = 1
		}
		if !h.notOffered() {
			g.set(c.collectorSuccess, truth(h.outcome.err == nil), h.name)
			g.set(c.collectorDuration, h.outcome.took.Seconds(), h.name)
		}
		if h.lastSuccess != 0 {
			g.set(c.collectorLastSuccess, float64(h.lastSuccess)/1000, h.name)
		}
	}
	g.set(c.up, up)
	s.emitServer()
}

func (s *Site) emitServer() {
	if s.ping.APIVersion == "" {
		return
	}
	info := s.facts.info
	s.gauges.set(s.catalogue.clockSkew, float64(s.ledger.skew)/1000)
	if end := s.ping.TrustEnds; !end.IsZero() {
		s.gauges.set(s.catalogue.certificateExpiry, float64(end.Unix()))
	}
	s.gauges.set(s.catalogue.serverInfo, 1,
		cmp.Or(info.Name, s.cfg.Client.URL.Hostname()),
		cmp.Or(info.Version, release(s.ping.APIVersion)),
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
