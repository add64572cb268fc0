package agent

import (
	"context"
	"iter"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"backwire/source"
)

// selfSite is what the agent is to itself: a site whose batches are its own metrics, so that they
// take the same way as all others and are there also where nobody scrapes. Its name is
// empty, which no primary server's is, and its series carry what a scrape would
// add: job and instance. What is of one site has that site's label, the rest has none.
type selfSite struct {
	metrics  prometheus.Gatherer
	labels   []source.Label
	interval time.Duration
	log      *slog.Logger

	last   int64                     // time of the newest batch, ms since the epoch; 0 before the first
	first  int64                     // time of the first batch since the start; 0 before it
	series map[string]*source.Series // of the newest batch
	seen   map[string]bool           // every series since the start, by key
}

// selfName is the queue's name for the agent's own batches.
const selfName = ""

func newSelfSite(from source.Checkpoint, metrics prometheus.Gatherer, instance string, interval time.Duration, log *slog.Logger) *selfSite {
	return &selfSite{
		metrics: metrics, interval: interval, log: log, last: from.T, seen: make(map[string]bool),
		labels: []source.Label{{Name: "job", Value: "backwire"}, {Name: "instance", Value: instance}},
	}
}

// setBackStep is how far batches are apart while a clock that was set back has not caught up: no receiver takes what is
// older than its series.
const setBackStep = time.Second

// Collect yields one cycle. A tick that has its batch already, as after a quick restart, gets no second
// one: the values would differ.
func (s *selfSite) Collect(_ context.Context, tick time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		t := tick.UnixMilli()
		if t <= s.last-s.interval.Milliseconds() {
			t = s.last + setBackStep.Milliseconds()
		}
		if t <= s.last {
			return
		}
		families, err := s.metrics.Gather()
		if err != nil {
			s.log.Warn("some of the agent's own metrics cannot be collected", "error", err)
		}
		yield(source.Cycle{Site: selfName, Batches: s.batches(families, t)})
	}
}

// batches are the truth at t and before it the zeros of counters that have appeared, so that increase()
// sees their first step. At the start nothing has appeared: counters go on or begin again. One that was absent for
// a while goes on too, and where it was is its end.
func (s *selfSite) batches(families []*dto.MetricFamily, t int64) []source.Batch {
	taker := &sampler{labels: s.labels, known: s.series, seen: s.seen, series: make(map[string]*source.Series, len(s.series))}
	for _, f := range families {
		taker.family(f)
	}
	zeros := source.Zeros(t-s.interval.Milliseconds(), taker.fresh)
	afterFirst := s.first != 0 && zeros.T > s.first && zeros.T >= s.last
	s.series, s.last = taker.series, t
	if s.first == 0 {
		s.first = t
	}
	whole := source.Batch{T: t, Samples: taker.samples}
	if afterFirst && len(zeros.Samples) > 0 {
		return []source.Batch{zeros, whole}
	}
	return []source.Batch{whole}
}

// sampler makes samples of metric families. A series that is known is used again.
type sampler struct {
	labels  []source.Label
	known   map[string]*source.Series
	seen    map[string]bool
	series  map[string]*source.Series
	samples []source.Sample
	fresh   []*source.Series // counting ones that were never seen
}

// family takes what the agent says of itself and of its process; the Go runtime's
// details are for who looks at /metrics.
func (s *sampler) family(f *dto.MetricFamily) {
	if !strings.HasPrefix(f.GetName(), "backwire_") && !strings.HasPrefix(f.GetName(), "process_") {
		return
	}
	metric := &source.Metric{Name: f.GetName(), Help: f.GetHelp(), Unit: unitOf(f.GetName())}
	for _, m := range f.GetMetric() {
		labels := s.labelsOf(m)
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			metric.Type = source.Counter
			s.add(metric, "", m.GetCounter().GetCreatedTimestamp().AsTime(), m.GetCounter().GetValue(), labels)
		case dto.MetricType_GAUGE:
			metric.Type = source.Gauge
			s.add(metric, "", time.Time{}, m.GetGauge().GetValue(), labels)
		case dto.MetricType_HISTOGRAM:
			metric.Type = source.Histogram
			s.histogram(metric, m.GetHistogram(), labels)
		}
	}
}

func (s *sampler) labelsOf(m *dto.Metric) []source.Label {
	labels := append(make([]source.Label, 0, len(s.labels)+len(m.GetLabel())+1), s.labels...)
	for _, l := range m.GetLabel() {
		labels = append(labels, source.Label{Name: l.GetName(), Value: l.GetValue()})
	}
	return labels
}

func (s *sampler) histogram(metric *source.Metric, h *dto.Histogram, labels []source.Label) {
	start := h.GetCreatedTimestamp().AsTime()
	bucket := func(bound string, count uint64) {
		s.add(metric, "_bucket", start, float64(count), append(labels, source.Label{Name: "le", Value: bound}))
	}
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) {
			bucket(source.BucketBound(b.GetUpperBound()), b.GetCumulativeCount())
		}
	}
	bucket(source.BucketBound(math.Inf(1)), h.GetSampleCount())
	s.add(metric, "_sum", start, h.GetSampleSum(), labels)
	s.add(metric, "_count", start, float64(h.GetSampleCount()), labels)
}

// add takes one sample; start is when it began to count, the epoch where that is not known.
func (s *sampler) add(metric *source.Metric, suffix string, start time.Time, v float64, labels []source.Label) {
	began := int64(0)
	if start.Unix() > 0 {
		began = start.UnixMilli()
	}
	series := source.NewSeries(metric, suffix, began, labels...)
	if known, ok := s.known[series.Key()]; ok && known.Start == series.Start {
		series = known
	} else if metric.Type != source.Gauge && !s.seen[series.Key()] {
		s.fresh = append(s.fresh, series)
	}
	s.seen[series.Key()] = true
	s.series[series.Key()] = series
	s.samples = append(s.samples, source.Sample{Series: series, Value: v})
}

// unitOf is the base unit that a metric's name ends with, if it does.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, unit := range []string{"seconds", "bytes"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}
