package agent

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"backwire/agent/page"
	"backwire/source"
)

// played is a site whose cycles each do what they are to, after a time.
type played []struct {
	takes  time.Duration
	yields int
	panics bool
}

func (p *played) Collect(_ context.Context, tick time.Time) iter.Seq[source.Cycle] {
	act := (*p)[0]
	*p = (*p)[1:]
	return func(yield func(source.Cycle) bool) {
		time.Sleep(act.takes)
		if act.panics {
			panic("played")
		}
		for range act.yields {
			yield(source.Cycle{Batches: []source.Batch{{T: tick.UnixMilli()}}})
		}
	}
}

// refusing is a queue that refuses some of the cycles, by their number.
type refusing struct {
	refuses map[int]bool
	asked   int
}

func (r *refusing) Commit(source.Cycle) error {
	r.asked++
	if r.refuses[r.asked] {
		return errors.New("no room")
	}
	return nil
}

// Every number that the agent tells of its cycles, after cycles of which it is known what they came to. A cycle that commits one
// part and is refused the next counts as both; a panic is a failure of its own; a cycle without anything to say is none.
func TestMetricsAfterAKnownHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := &played{
			{takes: 125 * time.Millisecond, yields: 1},
			{takes: 250 * time.Millisecond, yields: 2}, // the second is refused
			{panics: true},
			{takes: 25 * time.Second, yields: 1}, // over the ticks at 40 s and 50 s; ends at 55 s
			{yields: 1},                          // refused
			{takes: 500 * time.Millisecond},
		}
		s := newScheduler(site, &refusing{refuses: map[int]bool{3: true, 5: true}}, 10*time.Second)
		var status page.Status
		m := newSelfMetrics("1.2.3", func() page.Status { return status })
		s.cycle.history.observe = m.observer("paris")
		runFor(75*time.Second, s)
		told := s.cycle.history.status()
		told.Name = "paris"
		status = page.Status{Unready: "not yet", Sites: []page.SiteStatus{told}}
		wantMetrics(t, m, `
			# HELP backwire_build_info Version of the agent, the commit and the version of Go that it was built from.
			# TYPE backwire_build_info gauge
			backwire_build_info{goversion="`+runtime.Version()+`",revision="unknown",version="1.2.3"} 1
			# HELP backwire_commit_errors_total Cycles that the queue could not write at once.
			# TYPE backwire_commit_errors_total counter
			backwire_commit_errors_total{site="paris"} 2
			# HELP backwire_commits_total Cycles written to the queue.
			# TYPE backwire_commits_total counter
			backwire_commits_total{site="paris"} 3
			# HELP backwire_cycle_duration_seconds Duration of cycles.
			# TYPE backwire_cycle_duration_seconds histogram
			backwire_cycle_duration_seconds_bucket{site="paris",le="0.1"} 2
			backwire_cycle_duration_seconds_bucket{site="paris",le="0.25"} 4
			backwire_cycle_duration_seconds_bucket{site="paris",le="0.5"} 5
			backwire_cycle_duration_seconds_bucket{site="paris",le="1"} 5
			backwire_cycle_duration_seconds_bucket{site="paris",le="2.5"} 5
			backwire_cycle_duration_seconds_bucket{site="paris",le="5"} 5
			backwire_cycle_duration_seconds_bucket{site="paris",le="10"} 5
			backwire_cycle_duration_seconds_bucket{site="paris",le="30"} 6
			backwire_cycle_duration_seconds_bucket{site="paris",le="60"} 6
			backwire_cycle_duration_seconds_bucket{site="paris",le="120"} 6
			backwire_cycle_duration_seconds_bucket{site="paris",le="300"} 6
			backwire_cycle_duration_seconds_bucket{site="paris",le="+Inf"} 6
			backwire_cycle_duration_seconds_sum{site="paris"} 25.875
			backwire_cycle_duration_seconds_count{site="paris"} 6
			# HELP backwire_cycle_panics_total Cycles that ended with a panic.
			# TYPE backwire_cycle_panics_total counter
			backwire_cycle_panics_total{site="paris"} 1
			# HELP backwire_cycles_failed_total Cycles that panicked, exceeded their time limit or were not committed.
			# TYPE backwire_cycles_failed_total counter
			backwire_cycles_failed_total{site="paris"} 3
			# HELP backwire_cycles_total Finished cycles, including failed ones.
			# TYPE backwire_cycles_total counter
			backwire_cycles_total{site="paris"} 6
			# HELP backwire_last_commit_timestamp_seconds Time of the last committed cycle.
			# TYPE backwire_last_commit_timestamp_seconds gauge
			backwire_last_commit_timestamp_seconds{site="paris"} 946684855
			# HELP backwire_limits_exceeded_total How often an answer, list or text of a primary server exceeded a limit of the agent and was left out.
			# TYPE backwire_limits_exceeded_total counter
			backwire_limits_exceeded_total{site="paris"} 0
			# HELP backwire_missed_ticks_total Cycles skipped because the one before was still running.
			# TYPE backwire_missed_ticks_total counter
			backwire_missed_ticks_total{site="paris"} 2
			# HELP backwire_ready 1 when every site has finished its first cycle and the queue accepts cycles.
			# TYPE backwire_ready gauge
			backwire_ready 0
		`)
	})
}

// wantMetrics wants these of the agent's own metrics and no others.
func wantMetrics(t *testing.T, m *selfMetrics, want string) {
	t.Helper()
	names := map[string]bool{}
	for line := range strings.Lines(want) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "# TYPE "); found {
			names[strings.Fields(name)[0]] = true
		}
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "backwire_") {
			continue
		}
		all = append(all, f.GetName())
		if !names[f.GetName()] {
			t.Errorf("%s: this test does not say what it is to be", f.GetName())
		}
	}
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), all...); err != nil {
		t.Error(err)
	}
}
