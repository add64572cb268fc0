package agent

import (
	"strings"
	"testing"
	"time"

	"backwire/agent/page"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// parisStatus is of an agent that is well and has missed two ticks.
func parisStatus() page.Status {
	committed := time.UnixMilli(1_795_499_980_000)
	return page.Status{Sites: []page.SiteStatus{{Name: "paris", State: "up", Cycles: 1560, Missed: 2, Committed: &committed}}}
}

func TestMetricsOfAStatus(t *testing.T) {
	t.Parallel()
	m := newSelfMetrics("1.2.3", parisStatus)
	m.observer("paris")(2 * time.Second)
	want := `# HELP backwire_missed_ticks_total Cycles skipped because the one before was still running.
# TYPE backwire_missed_ticks_total counter
backwire_missed_ticks_total{site="paris"} 2
# HELP backwire_ready 1 when every site has finished its first cycle and the queue accepts cycles.
# TYPE backwire_ready gauge
backwire_ready 1
# HELP backwire_last_commit_timestamp_seconds Time of the last committed cycle.
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
	problems, err := testutil.GatherAndLint(newSelfMetrics("1.2.3", parisStatus).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The queue and the endpoints tell of themselves while they are open, and may be opened again.
func TestMetricsOfAnOpenRuntime(t *testing.T) {
	t.Parallel()
	a := newFixture(t).agent(t)
	names := []string{"backwire_queue_bytes", "backwire_lag_seconds", "backwire_samples_total", "backwire_sent_batch_duration_seconds"}
	gathers := func(want int) {
		t.Helper()
		if n, err := testutil.GatherAndCount(a.metrics.registry, names...); n != want || err != nil {
			t.Errorf("%d metrics, want %d: %v", n, want, err)
		}
	}
	for range 2 {
		p, err := a.openRuntime(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gathers(len(names))
		for _, e := range p.endpoints {
			if err := e.close(); err != nil {
				t.Error(err)
			}
		}
		if err := p.close(); err != nil {
			t.Error(err)
		}
		gathers(0)
	}
}
