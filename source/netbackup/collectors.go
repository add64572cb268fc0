package netbackup

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/guard"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/compat"
)

// collector is one part of what a site reads. Its file gives it as a value: how it is chosen and checked, what the documents
// say of it, of its metrics and of the role that it needs, and when its failure is none all follow from that.
type collector struct {
	name    string // by which it is chosen, and shown
	noun    string // of its rows, by which those are counted that cannot be read
	section string // of the page of metrics, where its own are
	cached  bool   // its gauges stay between two readings: it resets them itself
	needed  bool   // every primary server offers what it asks for: that it does not is a failure
	role    role
	first   question                // asks for the first row of what it reads, for a check; nil where there is nothing to ask for
	start   func(*workplace) reader // for one site; it declares its metrics and does not talk to the server yet
}

// reader reads in one cycle; now is the server's clock, ms.
type reader func(ctx context.Context, now int64) (rows int, err error)

// question says how many rows came of those that were asked for: one where there are any.
type question func(context.Context, *api.Client) (rows int, err error)

// role is what the role of the credential must allow.
type role struct {
	namespace string // that may be seen (the documents' "Access Control")
	operation string // empty is |OPERATIONS|VIEW|
	screen    string // where it is in the web UI
	without   string // what is missing without it, as the page of the role says it
	always    bool   // every server has rows: none means that the role is missing
}

// collectors are all there are, in the order in which they are shown.
func collectors() []collector {
	return []collector{
		serverCollector(), storageUnitCollector(), diskPoolCollector(), storageServerCollector(), tapeDriveCollector(),
		jobCollector(), policyCollector(), alertCollector(), malwareCollector(), imageCollector(), sloCollector(),
		tapeMediumCollector(), volumePoolCollector(), robotCollector(), mediaServerCollector(),
	}
}

// Collectors are the names that SiteConfig.Collect may hold.
func Collectors() (names []string) {
	for _, c := range collectors() {
		names = append(names, c.name)
	}
	return names
}

// workplace is what a collector of one site works with.
type workplace struct {
	collect.Group                 // where it declares its metrics
	site          *Site           // it is being made
	board         *collect.Gauges // of this collector alone
}

// client is that of the site.
func (w *workplace) client() *api.Client { return w.site.client }

// compat has the metrics of another exporter, nil where they are not wanted.
func (w *workplace) compat() *compat.Exporter { return w.site.catalogue.compat }

// activeCollector is a collector of one site. It fails alone.
type activeCollector struct {
	collector
	gauges *collect.Gauges
	read   reader
	health collectorHealth
}

func (s *Site) start(c collector) *activeCollector {
	board := collect.NewGauges(s.cfg.Client.Site)
	read := c.start(&workplace{collect.NewGroup(&s.catalogue.all, c.section, c.name), s, board})
	return &activeCollector{collector: c, gauges: board, read: read, health: collectorHealth{name: c.name, needed: c.needed}}
}

// run reads. What was set before a panic is not to be relied on.
func (c *activeCollector) run(ctx context.Context, now int64, clock func() time.Time) (o outcome) {
	began := clock()
	o.err = guard.Run(func() (err error) {
		if o.rows, err = c.read(ctx, now); err == nil {
			err = c.gauges.Beyond()
		}
		return err
	})
	if guard.Panicked(o.err) || c.gauges.Beyond() != nil {
		c.gauges.Reset()
	}
	o.took = clock().Sub(began)
	return o
}

// appendTo gives the samples of this cycle: what stands from an earlier one ends where the server
// does not answer.
func (c *activeCollector) appendTo(samples []source.Sample) []source.Sample {
	if c.cached && c.health.outcome.err != nil {
		return samples
	}
	return c.gauges.AppendTo(samples)
}

// firstOf is the question for the first of some rows.
func firstOf[T any](rows func(*api.Client, context.Context) iter.Seq2[T, error]) question {
	return func(ctx context.Context, c *api.Client) (int, error) {
		for _, err := range rows(c, ctx) {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}
		return 0, nil
	}
}

// allows is the operation that the role must allow.
func (r role) allows() string { return cmp.Or(r.operation, "|OPERATIONS|VIEW|") }

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
		if active := s.start(c); wanted(c.name) {
			s.collectors = append(s.collectors, active)
		}
	}
	s.ledger.idle = !wanted(collectorJobs)
	s.ledger.listed, s.clients.needed = nil, nil
	if wanted(collectorPolicies) {
		s.ledger.listed, s.clients.needed = s.policies.lists, s.policies.needs
	}
	return nil
}
