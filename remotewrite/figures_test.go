package remotewrite

import (
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/send"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
)

// told are metrics as a function tells them.
type told func(chan<- prometheus.Metric)

func (told) Describe(chan<- *prometheus.Desc) {}

func (f told) Collect(ch chan<- prometheus.Metric) { f(ch) }

// wantFigures wants these lines and no others: a figure that is new says here what it is.
func wantFigures(t *testing.T, f told, want string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(f)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		text, err := testutil.CollectAndFormat(f, expfmt.TypeTextPlain, family.GetName())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
				got = append(got, line)
			}
		}
	}
	has := map[string]bool{}
	for _, line := range got {
		has[line] = true
	}
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !has[line] {
			t.Errorf("not told: %s", line)
		}
		delete(has, line)
	}
	for line := range has {
		t.Errorf("told beside: %s", line)
	}
}

// Each figure of an endpoint has a value of its own, so that one in the place of another is seen.
func TestFiguresOfAnEndpoint(t *testing.T) {
	s := send.Stats{
		Endpoint: "cloud", Samples: 101, Exemplars: 102, Retried: 103, Bytes: 104, Filtered: 105, Pending: 106, Parked: 107, State: send.StateRefusing,
		Rejected: map[string]uint64{"400": 7, "422": 11}, Dropped: map[string]uint64{"old": 13, "repeated": 17},
		Requests: map[string]uint64{"200": 19, "503": 23, "error": 29}, HighestSent: 1_790_000_000_500, Protocol: "2.0",
		Paused: "401 Unauthorized", Expires: 1_800_000_000_000, Window: 2 * time.Hour, TooLate: 2*time.Hour + 5*time.Second,
	}
	for _, took := range []time.Duration{5 * time.Millisecond, 5*time.Millisecond + 1, 250 * time.Millisecond, 30 * time.Second, 30*time.Second + 1} {
		s.Durations.Observe(took)
	}
	s.Durations.Sum = 60.5
	m := newEndpointMetrics()
	wantFigures(t, func(ch chan<- prometheus.Metric) { m.collect(ch, s) }, `
		backwire_samples_total{endpoint="cloud"} 101
		backwire_exemplars_total{endpoint="cloud"} 102
		backwire_samples_retried_total{endpoint="cloud"} 103
		backwire_bytes_total{endpoint="cloud"} 104
		backwire_samples_filtered_total{endpoint="cloud"} 105
		backwire_samples_in_flight{endpoint="cloud"} 106
		backwire_samples_parked{endpoint="cloud"} 107
		backwire_receiver_window_seconds{endpoint="cloud"} 7200
		backwire_endpoint_state{endpoint="cloud",state="sending"} 0
		backwire_endpoint_state{endpoint="cloud",state="catching_up"} 0
		backwire_endpoint_state{endpoint="cloud",state="waiting"} 0
		backwire_endpoint_state{endpoint="cloud",state="paused"} 0
		backwire_endpoint_state{endpoint="cloud",state="refusing"} 1
		backwire_samples_rejected_total{endpoint="cloud",reason="400"} 7
		backwire_samples_rejected_total{endpoint="cloud",reason="422"} 11
		backwire_samples_failed_total{endpoint="cloud"} 18
		backwire_samples_dropped_total{endpoint="cloud",reason="old"} 13
		backwire_samples_dropped_total{endpoint="cloud",reason="repeated"} 17
		backwire_requests_total{code="200",endpoint="cloud"} 19
		backwire_requests_total{code="503",endpoint="cloud"} 23
		backwire_requests_total{code="error",endpoint="cloud"} 29
		backwire_queue_highest_sent_timestamp_seconds{endpoint="cloud"} 1.7900000005e+09
		backwire_protocol_info{endpoint="cloud",version="2.0"} 1
		backwire_paused{endpoint="cloud"} 1
		backwire_certificate_expiry_timestamp_seconds{endpoint="cloud"} 1.8e+09
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.005"} 1
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.01"} 2
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.025"} 2
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.05"} 2
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.1"} 2
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.25"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.5"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="1"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="2.5"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="5"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="10"} 3
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="30"} 4
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="+Inf"} 5
		backwire_sent_batch_duration_seconds_sum{endpoint="cloud"} 60.5
		backwire_sent_batch_duration_seconds_count{endpoint="cloud"} 5
	`)
}

// What is not known is absent, and never the year 1970.
func TestFiguresOfAnEndpointThatHasDoneNothing(t *testing.T) {
	m := newEndpointMetrics()
	s := send.Stats{Endpoint: "cloud", Protocol: "1.0", State: send.StateWaiting}
	wantFigures(t, func(ch chan<- prometheus.Metric) { m.collect(ch, s) }, `
		backwire_samples_total{endpoint="cloud"} 0
		backwire_exemplars_total{endpoint="cloud"} 0
		backwire_samples_retried_total{endpoint="cloud"} 0
		backwire_bytes_total{endpoint="cloud"} 0
		backwire_samples_filtered_total{endpoint="cloud"} 0
		backwire_samples_in_flight{endpoint="cloud"} 0
		backwire_samples_parked{endpoint="cloud"} 0
		backwire_samples_failed_total{endpoint="cloud"} 0
		backwire_paused{endpoint="cloud"} 0
		backwire_protocol_info{endpoint="cloud",version="1.0"} 1
		backwire_endpoint_state{endpoint="cloud",state="sending"} 0
		backwire_endpoint_state{endpoint="cloud",state="catching_up"} 0
		backwire_endpoint_state{endpoint="cloud",state="waiting"} 1
		backwire_endpoint_state{endpoint="cloud",state="paused"} 0
		backwire_endpoint_state{endpoint="cloud",state="refusing"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.005"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.01"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.025"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.05"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.1"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.25"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="0.5"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="1"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="2.5"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="5"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="10"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="30"} 0
		backwire_sent_batch_duration_seconds_bucket{endpoint="cloud",le="+Inf"} 0
		backwire_sent_batch_duration_seconds_sum{endpoint="cloud"} 0
		backwire_sent_batch_duration_seconds_count{endpoint="cloud"} 0
	`)
}

func TestFiguresOfTheQueue(t *testing.T) {
	now := time.UnixMilli(testwindow.Time)
	s := queue.Stats{
		Segments: 3, Bytes: 1001, MaxBytes: 1002, Written: record.Totals{Records: 1003, Samples: 1004}, Pending: record.Totals{Records: 1005, Samples: 1006},
		Oldest: testwindow.Time - 61_000, Newest: testwindow.Time - 1_500, Failures: 5,
		Cursors: []queue.CursorStats{
			{Endpoint: "behind", Lag: record.Totals{Records: 7, Samples: 8}, Unsent: testwindow.Time - 60_250},
			{Endpoint: "current"},
			{Endpoint: "ahead of the clock", Lag: record.Totals{Records: 1, Samples: 1}, Unsent: testwindow.Time + 1},
		},
	}
	m := newQueueMetrics()
	wantFigures(t, func(ch chan<- prometheus.Metric) { m.collect(ch, s, now) }, `
		backwire_queue_segments 3
		backwire_queue_bytes 1001
		backwire_queue_max_bytes 1002
		backwire_queue_records_total 1003
		backwire_queue_samples_total 1004
		backwire_queue_unwritten_samples 1006
		backwire_queue_failed_commits 5
		backwire_queue_oldest_timestamp_seconds 1.789999939e+09
		backwire_queue_newest_timestamp_seconds 1.7899999985e+09
		backwire_samples_pending{endpoint="behind"} 8
		backwire_samples_pending{endpoint="current"} 0
		backwire_samples_pending{endpoint="ahead of the clock"} 1
		backwire_lag_seconds{endpoint="behind"} 60.25
		backwire_lag_seconds{endpoint="current"} 0
		backwire_lag_seconds{endpoint="ahead of the clock"} 0
	`)
}
