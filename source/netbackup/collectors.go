package netbackup

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/compat"
)

// collector is one of a primary server: a file of this package each.
type collector = collect.Collector[*workplace]

// collectors are all there are, in the order in which they are shown.
func collectors() []collector {
	return []collector{
		serverCollector(), storageUnitCollector(), diskPoolCollector(), storageServerCollector(), tapeDriveCollector(),
		jobCollector(), policyCollector(), pausedClientCollector(), alertCollector(), malwareCollector(), imageCollector(), sloCollector(),
		tapeMediumCollector(), volumePoolCollector(), robotCollector(), mediaServerCollector(), slpCollector(), slpActiveCollector(),
		anomalyCollector(), eventCollector(), certificateCollector(), licenseCollector(), frontEndCollector(),
		hostCollector(), auditCollector(), kmsKeyCollector(), serviceCollector(),
	}
}

// Collectors are the names that SiteConfig.Collect may hold.
func Collectors() (names []string) {
	for _, c := range collectors() {
		names = append(names, c.Name)
	}
	return names
}

// workplace is what a collector of one site works with.
type workplace struct {
	collect.Place
	site *Site // it is being made
}

// client is that of the site.
func (w *workplace) client() *api.Client { return w.site.client }

// compat has the metrics of another exporter, nil where they are not wanted.
func (w *workplace) compat() *compat.Exporter { return w.site.catalogue.compat }

func (s *Site) start(c collector) *collect.Active[*workplace] {
	return c.Begin(s.cfg.Client.Site, &s.catalogue.all, func(p collect.Place) *workplace { return &workplace{p, s} })
}

// firstOf is the question for the first of some rows.
func firstOf[T any](rows func(*api.Client, context.Context) iter.Seq2[T, error]) collect.Question[*workplace] {
	return func(ctx context.Context, w *workplace) (int, error) {
		for _, err := range rows(w.client(), ctx) {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}
		return 0, nil
	}
}

// choose sets up the collectors that are wanted.
func (s *Site) choose(names []string) error {
	for _, n := range names {
		if bare := strings.TrimPrefix(n, "-"); bare != "all" && !slices.Contains(Collectors(), bare) {
			return fmt.Errorf("site %q: unknown collector %q; collectors: %s",
				s.cfg.Client.Site, bare, strings.Join(Collectors(), ", "))
		}
	}
	wanted := func(name string) bool {
		if slices.Contains(names, "-"+name) {
			return false
		}
		positive := slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, "-") })
		return !positive || slices.Contains(names, "all") || slices.Contains(names, name)
	}
	for _, c := range collectors() {
		if active := s.start(c); wanted(c.Name) {
			s.collectors = append(s.collectors, active)
		}
	}
	s.ledger.Idle = !wanted(collectorJobs)
	s.ledger.listed, s.clients.needed = nil, nil
	if wanted(collectorPolicies) {
		s.ledger.listed, s.clients.needed = s.policies.lists, s.policies.needs
	}
	s.tellSearches()
	return nil
}
