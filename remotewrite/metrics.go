package remotewrite

import (
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector gives a queue's and its endpoints' figures to Prometheus, in the words of Prometheus's own
// remote storage metrics where there are such.
type Collector struct {
	queue     Queued
	endpoints []Sender
	metrics   endpointMetrics
	stock     queueMetrics
}

// Queued is a queue, with its figures.
type Queued interface {
	Stats() queue.Stats
}

// Sender is an endpoint of either kind, with its figures.
type Sender interface {
	Stats() send.Stats
}

// NewCollector returns the collector of a queue and of the endpoints that read from it.
func NewCollector(q Queued, endpoints ...Sender) *Collector {
	return &Collector{queue: q, endpoints: endpoints, metrics: newEndpointMetrics(), stock: newQueueMetrics()}
}

// endpointMetrics are what is told of each endpoint.
type endpointMetrics struct {
	samples, exemplars, failed, retried, rejected, dropped, filtered *prometheus.Desc
	inFlight, parked, highest, protocol, state, paused, window       *prometheus.Desc
	bytes, requests, duration, expiry                                *prometheus.Desc
}

func newEndpointMetrics() endpointMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backwire_"+name, help, append([]string{"endpoint"}, labels...), nil)
	}
	return endpointMetrics{
		samples:   desc("samples_total", "Samples accepted by the receiver."),
		exemplars: desc("exemplars_total", "Exemplars accepted by the receiver."),
		failed:    desc("samples_failed_total", "Samples rejected by the receiver."),
		retried:   desc("samples_retried_total", "Samples sent again after a failure. Each retry counts."),
		rejected:  desc("samples_rejected_total", "Samples rejected by the receiver, by status code.", "reason"),
		dropped:   desc("samples_dropped_total", "Samples that were dropped and not sent, by reason.", "reason"),
		filtered:  desc("samples_filtered_total", "Samples not sent because KEEP or DROP excludes their metrics."),
		inFlight:  desc("samples_in_flight", "Samples read from the queue that are being sent."),
		parked:    desc("samples_parked", "Parked samples: the receiver fails on them but accepts others. They are sent again for a day."),
		state:     desc("endpoint_state", "1 for the current state of the endpoint, 0 for the other states: sending, catching_up, waiting, paused (wrong address or credentials), refusing (the receiver refuses everything).", "state"),
		highest:   desc("queue_highest_sent_timestamp_seconds", "Time of the newest sample accepted by the receiver since the agent started."),
		protocol:  desc("protocol_info", "Version of remote write in use.", "version"),
		paused:    desc("paused", "1 when sending is paused until somebody corrects the address, the credentials or the receiver, 0 otherwise."),
		window:    desc("receiver_window_seconds", "How late a sample may be for the receiver to accept it, as measured; at least this much where nothing was refused. Absent if it is not known."),
		bytes:     desc("bytes_total", "Bytes of request bodies sent, after compression."),
		requests:  desc("requests_total", "Requests by status code of the answer; error if there was no answer.", "code"),
		duration:  desc("sent_batch_duration_seconds", "Time from a request to its answer."),
		expiry:    desc("certificate_expiry_timestamp_seconds", "Time at which the first certificate in the receiver's chain expires."),
	}
}

func (m *endpointMetrics) all() []*prometheus.Desc {
	return []*prometheus.Desc{
		m.samples, m.exemplars, m.failed, m.retried, m.rejected, m.dropped, m.filtered, m.inFlight, m.parked, m.highest,
		m.protocol, m.state, m.paused, m.window, m.bytes, m.requests, m.duration, m.expiry,
	}
}

// queueMetrics are what is told of the queue; the last ones have an endpoint.
type queueMetrics struct {
	bytes, maxBytes, segments, records, samples *prometheus.Desc
	oldest, newest, unwritten, failures         *prometheus.Desc
	lost, pending, lag                          *prometheus.Desc
}

func newQueueMetrics() queueMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backwire_"+name, help, labels, nil)
	}
	return queueMetrics{
		bytes:     desc("queue_bytes", "Size of the queue on disk."),
		maxBytes:  desc("queue_max_bytes", "Maximum size of the queue on disk."),
		segments:  desc("queue_segments", "Number of segments in the queue."),
		records:   desc("queue_records_total", "Records committed to the queue since it was created."),
		samples:   desc("queue_samples_total", "Samples committed to the queue since it was created."),
		oldest:    desc("queue_oldest_timestamp_seconds", "Time of the oldest sample on disk."),
		newest:    desc("queue_newest_timestamp_seconds", "Time of the newest sample on disk."),
		unwritten: desc("queue_unwritten_samples", "Samples kept in memory because the disk cannot be written."),
		failures:  desc("queue_failed_commits", "Failed commits since the last successful one."),
		lost:      desc("queue_lost_records_total", "Records that were dropped or could not be read, by reason.", "endpoint", "reason"),
		pending:   desc("samples_pending", "Samples in the queue that the receiver has not accepted yet.", "endpoint"),
		lag:       desc("lag_seconds", "Age of the oldest samples in the queue that the receiver has not accepted yet; 0 if there are none.", "endpoint"),
	}
}

func (m *queueMetrics) all() []*prometheus.Desc {
	return []*prometheus.Desc{
		m.bytes, m.maxBytes, m.segments, m.records, m.samples, m.oldest, m.newest, m.unwritten, m.failures,
		m.lost, m.pending, m.lag,
	}
}

// Describe names all metrics.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range append(c.metrics.all(), c.stock.all()...) {
		ch <- d
	}
}

// Collect takes a snapshot of each endpoint and of the queue.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, e := range c.endpoints {
		c.metrics.collect(ch, e.Stats())
	}
	s := c.queue.Stats()
	c.stock.collect(ch, s, time.Now())
	for _, l := range s.Losses {
		ch <- counter(c.metrics.dropped, l.Samples, l.Endpoint, l.Reason)
		ch <- counter(c.stock.lost, l.Records, l.Endpoint, l.Reason)
	}
}

func (m *endpointMetrics) collect(ch chan<- prometheus.Metric, s send.Stats) {
	failed := uint64(0)
	for reason, n := range s.Rejected {
		failed += n
		ch <- counter(m.rejected, n, s.Endpoint, reason)
	}
	for reason, n := range s.Dropped {
		ch <- counter(m.dropped, n, s.Endpoint, reason)
	}
	for code, n := range s.Requests {
		ch <- counter(m.requests, n, s.Endpoint, code)
	}
	ch <- counter(m.failed, failed, s.Endpoint)
	ch <- counter(m.samples, s.Samples, s.Endpoint)
	ch <- counter(m.exemplars, s.Exemplars, s.Endpoint)
	ch <- counter(m.retried, s.Retried, s.Endpoint)
	ch <- counter(m.filtered, s.Filtered, s.Endpoint)
	ch <- counter(m.bytes, s.Bytes, s.Endpoint)
	ch <- gauge(m.inFlight, float64(s.Pending), s.Endpoint)
	ch <- gauge(m.parked, float64(s.Parked), s.Endpoint)
	for _, state := range send.States() {
		is := 0.0
		if state == s.State {
			is = 1
		}
		ch <- gauge(m.state, is, s.Endpoint, string(state))
	}
	ch <- gauge(m.protocol, 1, s.Endpoint, s.Protocol)
	ch <- gauge(m.paused, float64(min(len(s.Paused), 1)), s.Endpoint)
	ch <- prometheus.MustNewConstHistogram(m.duration, s.Durations.Count, s.Durations.Sum, s.Durations.ByBound(), s.Endpoint)
	if s.Expires != 0 {
		ch <- gauge(m.expiry, seconds(s.Expires), s.Endpoint)
	}
	if s.Window != 0 {
		ch <- gauge(m.window, s.Window.Seconds(), s.Endpoint)
	}
	if s.HighestSent != 0 {
		ch <- gauge(m.highest, seconds(s.HighestSent), s.Endpoint)
	}
}

func (m *queueMetrics) collect(ch chan<- prometheus.Metric, s queue.Stats, now time.Time) {
	ch <- gauge(m.bytes, float64(s.Bytes))
	ch <- gauge(m.maxBytes, float64(s.MaxBytes))
	ch <- gauge(m.segments, float64(s.Segments))
	ch <- counter(m.records, s.Written.Records)
	ch <- counter(m.samples, s.Written.Samples)
	ch <- gauge(m.unwritten, float64(s.Pending.Samples))
	ch <- gauge(m.failures, float64(s.Failures))
	if s.Oldest != 0 {
		ch <- gauge(m.oldest, seconds(s.Oldest))
	}
	if s.Newest != 0 {
		ch <- gauge(m.newest, seconds(s.Newest))
	}
	for _, c := range s.Cursors {
		ch <- gauge(m.pending, float64(c.Lag.Samples), c.Endpoint)
		ch <- gauge(m.lag, c.Behind(now).Seconds(), c.Endpoint)
	}
}

func counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }
