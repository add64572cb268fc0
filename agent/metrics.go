package agent

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// selfMetrics are the agent's metrics about itself. All but the cycles' durations are read
// from Status when somebody asks, so that page and metrics cannot disagree.
type selfMetrics struct {
	registry  *prometheus.Registry
	durations *prometheus.HistogramVec
}

func newSelfMetrics(version string, status func() Status) *selfMetrics {
	m := &selfMetrics{
		registry: prometheus.NewRegistry(),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "backwire_cycle_duration_seconds",
			Help:    "How long cycles took.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}, []string{"site"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "backwire_build_info", Help: "The running version.", ConstLabels: prometheus.Labels{"version": version},
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
	status    func() Status
	ready     fact[Status]
	sites     []fact[SiteStatus]
	queue     []fact[QueueStatus]
	endpoints []fact[EndpointStatus]
	losses    []fact[LossStatus]
	requests  *prometheus.Desc
	protocol  *prometheus.Desc
}

// fact is one metric family and where its values are in a status: one, or by a label.
type fact[T any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	one  func(*T) (value float64, known bool)
	each func(*T) map[string]uint64
}

func newFact[T any](kind prometheus.ValueType, name, help string, labels []string, one func(*T) (float64, bool)) fact[T] {
	return fact[T]{desc: prometheus.NewDesc("backwire_"+name, help, labels, nil), kind: kind, one: one}
}

func newFactByLabel[T any](name, help string, labels []string, each func(*T) map[string]uint64) fact[T] {
	return fact[T]{desc: prometheus.NewDesc("backwire_"+name, help, labels, nil), kind: prometheus.CounterValue, each: each}
}

func (f fact[T]) collect(ch chan<- prometheus.Metric, of *T, labels ...string) {
	if f.each != nil {
		for label, n := range f.each(of) {
			ch <- prometheus.MustNewConstMetric(f.desc, f.kind, float64(n), append(labels[:len(labels):len(labels)], label)...)
		}
		return
	}
	if value, known := f.one(of); known {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
	}
}

func known(value float64) (float64, bool) { return value, true }

func timestamp(t *time.Time) (float64, bool) {
	if t == nil {
		return 0, false
	}
	return float64(t.UnixMilli()) / 1000, true
}

func flag(on bool) (float64, bool) {
	if on {
		return 1, true
	}
	return 0, true
}

const (
	gaugeValue   = prometheus.GaugeValue
	counterValue = prometheus.CounterValue
)

func newStatusCollector(status func() Status) *statusCollector {
	return &statusCollector{
		status: status,
		ready: newFact(gaugeValue, "ready", "1 once every site had its first cycle and the queue takes cycles.", nil,
			func(s *Status) (float64, bool) { return flag(s.Unready == "") }),
		sites: siteFacts(), queue: queueFacts(), endpoints: endpointFacts(), losses: lossFacts(),
		requests: prometheus.NewDesc("backwire_sent_batch_duration_seconds", "How long requests took.", []string{"endpoint"}, nil),
		protocol: prometheus.NewDesc("backwire_endpoint_info", "The protocol in use.", []string{"endpoint", "protocol"}, nil),
	}
}

func lossFacts() []fact[LossStatus] {
	labels := []string{"endpoint", "reason"}
	return []fact[LossStatus]{
		newFact(counterValue, "queue_lost_records_total", "Records given up, by reason.", labels,
			func(l *LossStatus) (float64, bool) { return known(float64(l.Records)) }),
		newFact(counterValue, "queue_lost_samples_total", "Samples given up, by reason.", labels,
			func(l *LossStatus) (float64, bool) { return known(float64(l.Samples)) }),
	}
}

func siteFacts() []fact[SiteStatus] {
	site := []string{"site"}
	return []fact[SiteStatus]{
		newFact(counterValue, "cycles_total", "Finished cycles, failed ones included.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Cycles)) }),
		newFact(counterValue, "cycles_failed_total", "Cycles that panicked, ran out of time or were not committed.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Failed)) }),
		newFact(counterValue, "cycle_panics_total", "Cycles that ended by a panic.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Panics)) }),
		newFact(counterValue, "missed_ticks_total", "Ticks that passed while a cycle ran.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Missed)) }),
		newFact(counterValue, "commits_total", "Cycles written to the queue.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Commits)) }),
		newFact(counterValue, "commit_errors_total", "Cycles that the queue could not write when they were made.", site,
			func(s *SiteStatus) (float64, bool) { return known(float64(s.Refused)) }),
		newFact(gaugeValue, "last_commit_timestamp_seconds", "When a cycle was last committed.", site,
			func(s *SiteStatus) (float64, bool) { return timestamp(s.Committed) }),
	}
}

func queueFacts() []fact[QueueStatus] {
	return []fact[QueueStatus]{
		newFact(gaugeValue, "queue_bytes", "Size of the log.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.Bytes)) }),
		newFact(gaugeValue, "queue_max_bytes", "Limit of the log.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.MaxBytes)) }),
		newFact(gaugeValue, "queue_segments", "Segments of the log.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.Segments)) }),
		newFact(counterValue, "queue_records_total", "Records written since the queue began.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.Records)) }),
		newFact(counterValue, "queue_samples_total", "Samples written since the queue began.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.Samples)) }),
		newFact(gaugeValue, "queue_oldest_timestamp_seconds", "Time of the oldest batch in the log.", nil,
			func(q *QueueStatus) (float64, bool) { return timestamp(q.Oldest) }),
		newFact(gaugeValue, "queue_pending_records", "Records in memory, because the disk takes nothing.", nil,
			func(q *QueueStatus) (float64, bool) { return known(float64(q.PendingRecords)) }),
	}
}

// endpointFacts keep the words of Prometheus's own remote storage behind the prefix.
func endpointFacts() []fact[EndpointStatus] {
	endpoint := []string{"endpoint"}
	return []fact[EndpointStatus]{
		newFact(counterValue, "samples_total", "Samples delivered.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return known(float64(e.Samples)) }),
		newFact(counterValue, "samples_retried_total", "Samples sent again, each time counted.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return known(float64(e.Retried)) }),
		newFactByLabel("samples_failed_total", "Samples refused for good, by status code.", []string{"endpoint", "code"},
			func(e *EndpointStatus) map[string]uint64 { return e.Rejected }),
		newFactByLabel("samples_dropped_total", "Samples not sent, by reason.", []string{"endpoint", "reason"},
			func(e *EndpointStatus) map[string]uint64 { return e.Dropped }),
		newFactByLabel("requests_total", "Requests, by status code; error where there was no answer.", []string{"endpoint", "code"},
			func(e *EndpointStatus) map[string]uint64 { return e.Requests }),
		newFact(gaugeValue, "samples_pending", "Samples read from the log and without a final verdict.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return known(float64(e.Pending)) }),
		newFact(gaugeValue, "queue_highest_sent_timestamp_seconds", "Newest time of a delivered sample.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return timestamp(e.HighestSent) }),
		newFact(gaugeValue, "lag_seconds", "Age of the oldest batch that is not delivered.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return known(e.Lag) }),
		newFact(counterValue, "bytes_total", "Bytes of request bodies, those of retries included.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return known(float64(e.Bytes)) }),
		newFact(gaugeValue, "endpoint_paused", "1 while nothing is sent until somebody acts.", endpoint,
			func(e *EndpointStatus) (float64, bool) { return flag(e.Paused != "") }),
	}
}

// Describe sends nothing: what a status has changes with the plant, so the collector is unchecked.
func (c *statusCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *statusCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.status()
	c.ready.collect(ch, &s)
	for i := range s.Sites {
		for _, f := range c.sites {
			f.collect(ch, &s.Sites[i], s.Sites[i].Name)
		}
	}
	for _, f := range c.queue {
		f.collect(ch, &s.Queue)
	}
	for i := range s.Queue.Losses {
		for _, f := range c.losses {
			f.collect(ch, &s.Queue.Losses[i], s.Queue.Losses[i].Endpoint, s.Queue.Losses[i].Reason)
		}
	}
	for i := range s.Endpoints {
		c.collectEndpoint(ch, &s.Endpoints[i])
	}
}

func (c *statusCollector) collectEndpoint(ch chan<- prometheus.Metric, e *EndpointStatus) {
	for _, f := range c.endpoints {
		f.collect(ch, e, e.Name)
	}
	var requests uint64
	for _, n := range e.Requests {
		requests += n
	}
	ch <- prometheus.MustNewConstSummary(c.requests, requests, e.RequestSeconds, nil, e.Name)
	ch <- prometheus.MustNewConstMetric(c.protocol, prometheus.GaugeValue, 1, e.Name, e.Protocol)
}
