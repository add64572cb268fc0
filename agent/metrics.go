package agent

import (
	"runtime"
	"time"

	"backwire/agent/page"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// selfMetrics are the agent's metrics about itself. Those of its queue and endpoints come from
// them, while they are open; those of cycles are read from Status, so that page and metrics
// cannot disagree. Only the cycles' durations are kept here.
type selfMetrics struct {
	registry  *prometheus.Registry
	durations *prometheus.HistogramVec
}

func newSelfMetrics(version string, status func() page.Status) *selfMetrics {
	m := &selfMetrics{
		registry: prometheus.NewRegistry(),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "backwire_cycle_duration_seconds",
			Help:    "Duration of cycles.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}, []string{"site"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "backwire_build_info", Help: "Version of the agent, the commit and the version of Go that it was built from.",
		ConstLabels: prometheus.Labels{"version": version, "revision": Revision(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.durations, build, newStatusCollector(status),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// observer is told the durations of a site's cycles.
func (m *selfMetrics) observer(site string) func(time.Duration) {
	observer := m.durations.WithLabelValues(site)
	return func(took time.Duration) { observer.Observe(took.Seconds()) }
}

// statusCollector makes metrics of a Status.
type statusCollector struct {
	status func() page.Status
	ready  *prometheus.Desc
	sites  []siteFact
}

// siteFact is one metric family and where its value is in a site's status.
type siteFact struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*page.SiteStatus) (value float64, known bool)
}

func newStatusCollector(status func() page.Status) *statusCollector {
	return &statusCollector{
		status: status,
		ready:  prometheus.NewDesc("backwire_ready", "1 when every site has finished its first cycle and the queue accepts cycles.", nil, nil),
		sites: []siteFact{
			newSiteCount("cycles_total", "Finished cycles, including failed ones.", func(s *page.SiteStatus) uint64 { return s.Cycles }),
			newSiteCount("cycles_failed_total", "Cycles that panicked, exceeded their time limit or were not committed.", func(s *page.SiteStatus) uint64 { return s.Failed }),
			newSiteCount("cycle_panics_total", "Cycles that ended with a panic.", func(s *page.SiteStatus) uint64 { return s.Panics }),
			newSiteCount("missed_ticks_total", "Cycles skipped because the one before was still running.", func(s *page.SiteStatus) uint64 { return s.Missed }),
			newSiteCount("commits_total", "Cycles written to the queue.", func(s *page.SiteStatus) uint64 { return s.Commits }),
			newSiteCount("commit_errors_total", "Cycles that the queue could not write at once.", func(s *page.SiteStatus) uint64 { return s.Refused }),
			newSiteCount("limits_exceeded_total", "How often an answer, list or text of a primary server exceeded a limit of the agent and was left out.", func(s *page.SiteStatus) uint64 { return s.Limited }),
			{siteDesc("last_commit_timestamp_seconds", "Time of the last committed cycle."), prometheus.GaugeValue, lastCommit},
		},
	}
}

func newSiteCount(name, help string, count func(*page.SiteStatus) uint64) siteFact {
	return siteFact{siteDesc(name, help), prometheus.CounterValue, func(s *page.SiteStatus) (float64, bool) { return float64(count(s)), true }}
}

func siteDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("backwire_"+name, help, []string{"site"}, nil)
}

func lastCommit(s *page.SiteStatus) (seconds float64, known bool) {
	if s.Committed == nil {
		return 0, false
	}
	return float64(s.Committed.UnixMilli()) / 1000, true
}

// Describe implements prometheus.Collector.
func (c *statusCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.ready
	for _, f := range c.sites {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *statusCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.status()
	ready := 0.0
	if s.Unready == "" {
		ready = 1
	}
	ch <- prometheus.MustNewConstMetric(c.ready, prometheus.GaugeValue, ready)
	for i := range s.Sites {
		site := &s.Sites[i]
		for _, f := range c.sites {
			if value, known := f.value(site); known {
				ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, site.Name)
			}
		}
	}
}
