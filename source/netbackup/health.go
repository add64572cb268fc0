package netbackup

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// errorKinds tells the errors of the client apart.
type errorKinds struct{}

// NotOffered says that the server does not have what was asked for.
func (errorKinds) NotOffered(err error) bool { return errors.Is(err, api.ErrNotOffered) }

// Key leaves out what is of one request: the text of an error may hold the port of a connection, a cursor, the id of a request.
func (errorKinds) Key(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return string(e.Kind)
	}
	if errors.Is(err, errEmpty) {
		return errEmpty.Error()
	}
	if f, ok := errors.AsType[api.Fault](err); ok {
		return string(f)
	}
	if k, ok := errors.AsType[api.Kind](err); ok {
		return string(k)
	}
	return fmt.Sprintf("%T", err)
}

// proveCredential is asked where no collector asked anything, because what they read stands for a while: is the server
// still there, and does it still accept the credential?
func (s *Site) proveCredential(ctx context.Context) {
	if _, err := s.client.Identity(ctx); err != nil {
		s.log.Warn("the server does not confirm the credential", "error", err)
	}
}

// countUnreadable takes the rows of a collector that could not be read into its counter, and those that say different
// things of what cannot be told apart.
func (s *Site) countUnreadable(c *collect.Active[*workplace]) {
	for _, series := range c.Gauges.TakeContradictions() {
		s.client.Problems().Contradiction(c.Noun, series)
	}
	lost := s.client.Problems().RowsLost(c.Noun)
	if lost > c.Health.LostRows {
		s.ledger.counters.unreadableOf(c.Name).pending += float64(lost - c.Health.LostRows)
	}
	c.Health.LostRows = lost
}

// emit sets the health gauges of a cycle.
func (s *Site) emitHealth() {
	g, c := s.gauges, s.catalogue
	for _, x := range s.collectors {
		if h := &x.Health; h.Known() {
			g.Set(c.collectorSuccess, truth(h.Outcome.Err == nil), x.Name)
			g.Set(c.collectorDuration, h.Outcome.Took.Seconds(), x.Name)
		}
		if at := x.Health.LastSuccess; at != 0 {
			g.Set(c.collectorLastSuccess, float64(at)/1000, x.Name)
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
	s.gauges.Set(s.catalogue.clockSkew, float64(s.ledger.Clock.Skew)/1000)
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
		if c.Name == x.Series.Label("collector") {
			c.Health.LastSuccess = int64(x.Value * 1000)
		}
	}
}
