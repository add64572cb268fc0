package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsOfAStatus(t *testing.T) {
	t.Parallel()
	m := newSelfMetrics("1.2.3", exampleStatus)
	m.observer("paris")(2 * time.Second)
	want := `# HELP backwire_missed_ticks_total Ticks that passed while a cycle ran.
# TYPE backwire_missed_ticks_total counter
backwire_missed_ticks_total{site="paris"} 2
# HELP backwire_queue_bytes Size of the log.
# TYPE backwire_queue_bytes gauge
backwire_queue_bytes 3.145728e+06
# HELP backwire_queue_lost_samples_total Samples given up, by reason.
# TYPE backwire_queue_lost_samples_total counter
backwire_queue_lost_samples_total{endpoint="cloud",reason="max_bytes"} 7
# HELP backwire_sent_batch_duration_seconds How long requests took.
# TYPE backwire_sent_batch_duration_seconds summary
backwire_sent_batch_duration_seconds_sum{endpoint="cloud"} 1.5
backwire_sent_batch_duration_seconds_count{endpoint="cloud"} 5
backwire_sent_batch_duration_seconds_sum{endpoint="local"} 0
backwire_sent_batch_duration_seconds_count{endpoint="local"} 0
# HELP backwire_samples_failed_total Samples refused for good, by status code.
# TYPE backwire_samples_failed_total counter
backwire_samples_failed_total{code="400",endpoint="cloud"} 3
backwire_samples_failed_total{code="422",endpoint="cloud"} 4
# HELP backwire_lag_seconds Age of the oldest batch that is not delivered.
# TYPE backwire_lag_seconds gauge
backwire_lag_seconds{endpoint="cloud"} 61
backwire_lag_seconds{endpoint="local"} 0
# HELP backwire_endpoint_paused 1 while nothing is sent until somebody acts.
# TYPE backwire_endpoint_paused gauge
backwire_endpoint_paused{endpoint="cloud"} 0
backwire_endpoint_paused{endpoint="local"} 1
# HELP backwire_last_commit_timestamp_seconds When a cycle was last committed.
# TYPE backwire_last_commit_timestamp_seconds gauge
backwire_last_commit_timestamp_seconds{site="paris"} 1.79549998e+09
`
	names := []string{}
	for line := range strings.Lines(want) {
		if name, found := strings.CutPrefix(line, "# TYPE "); found {
			names = append(names, strings.Fields(name)[0])
		}
	}
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

// Prometheus's own rules for names, units and help.
func TestMetricsKeepTheConventions(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(newSelfMetrics("1.2.3", exampleStatus).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
