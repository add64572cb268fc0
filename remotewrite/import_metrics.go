package remotewrite

import (
	"strings"

	"backwire/remotewrite/bundle"

	"github.com/prometheus/client_golang/prometheus"
)

// importMetrics are the figures of an import that follows a directory.
type importMetrics struct {
	follower                                          Followed
	done, waiting, stuck, failing                     *prometheus.Desc
	gaps, newest, samples, rejected, dropped, sending *prometheus.Desc
}

// Followed is an import that takes bundles as they come, with its figures.
type Followed interface {
	Stats() bundle.FollowStats
}

// ImportMetrics are the metrics of an import that takes bundles as they come.
func ImportMetrics(f Followed) prometheus.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newImportMetrics(f))
	return registry
}

func newImportMetrics(f Followed) *importMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backwire_import_"+name, help, labels, nil)
	}
	return &importMetrics{
		follower: f,
		done:     desc("bundles_total", "Bundles that every endpoint has received."),
		waiting:  desc("bundles_waiting", "Bundles that are there and not sent to every endpoint."),
		stuck:    desc("bundles_stuck", "Bundles that have not become whole for ten minutes, or are not what their manifest or the key says."),
		failing:  desc("failing", "1 when the directory cannot be read or written, 0 otherwise."),
		gaps:     desc("gaps", "Gaps between the bundles of an agent: one or more bundles are missing in each.", "agent"),
		newest:   desc("newest_bundle_timestamp_seconds", "When the newest bundle was made that every endpoint has received.", "agent"),
		samples:  desc("samples_total", "Samples accepted by the receiver.", "endpoint"),
		rejected: desc("samples_rejected_total", "Samples rejected by the receiver.", "endpoint"),
		dropped:  desc("samples_dropped_total", "Samples that were not sent.", "endpoint"),
		sending:  desc("endpoint_failing", "1 when the last bundle could not be sent to the endpoint, 0 otherwise.", "endpoint"),
	}
}

// Describe implements prometheus.Collector.
func (m *importMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.done, m.waiting, m.stuck, m.failing, m.gaps, m.newest, m.samples, m.rejected, m.dropped, m.sending} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *importMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	s := m.follower.Stats()
	stuck := 0
	for _, w := range s.Waiting {
		if w.Stuck {
			stuck++
		}
	}
	counter(m.done, s.Done)
	gauge(m.waiting, float64(len(s.Waiting)))
	gauge(m.stuck, float64(stuck))
	gauge(m.failing, asFloat(s.Trouble != ""))
	for _, a := range s.Agents {
		agent := strings.ToValidUTF8(a.Agent, "?")
		gauge(m.gaps, float64(len(a.Gaps)), agent)
		if !a.Newest.IsZero() {
			gauge(m.newest, float64(a.Newest.UnixMilli())/1000, agent)
		}
	}
	for _, e := range s.Endpoints {
		counter(m.samples, e.Samples, e.Endpoint)
		counter(m.rejected, e.Rejected, e.Endpoint)
		counter(m.dropped, e.Dropped, e.Endpoint)
		gauge(m.sending, asFloat(e.Error != ""), e.Endpoint)
	}
}

func asFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
