package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"backwire/remotewrite/receiver"
	"backwire/source"
)

// mirror is an agent's own site over metrics of a test.
type mirror struct {
	*selfSite
	registry *prometheus.Registry
}

func newMirror(from source.Checkpoint) mirror {
	registry := prometheus.NewRegistry()
	return mirror{newSelfSite(from, registry, "host-1", time.Minute, slog.New(slog.DiscardHandler)), registry}
}

// tell is what the minute's cycle holds: "time series value", zeros that come before marked so.
func (m mirror) tell(minute int64) []string {
	var told []string
	for c := range m.Collect(context.Background(), time.Unix(60*minute, 0)) {
		for _, b := range c.Batches {
			for _, s := range b.Samples {
				told = append(told, fmt.Sprintf("%d%s %s %v", b.T/60_000, map[bool]string{true: "-"}[b.Partial], spell(s.Series), s.Value))
			}
		}
	}
	return told
}

func spell(s *source.Series) string {
	var b strings.Builder
	b.WriteString(s.Name)
	for _, l := range s.Labels {
		if l.Name != "job" && l.Name != "instance" {
			b.WriteString(" " + l.Name + "=" + l.Value)
		}
	}
	return b.String()
}

func wantTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestSelfTellsEveryKindOfMetric(t *testing.T) {
	t.Parallel()
	m := newMirror(source.Checkpoint{})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "backwire_took_seconds", Buckets: []float64{.5, 1}})
	m.registry.MustRegister(took, collectors.NewGoCollector(),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "process_threads", ConstLabels: prometheus.Labels{"site": "paris"}}, func() float64 { return 7 }))
	took.Observe(.75)
	wantTold(t, m.tell(10),
		"10 backwire_took_seconds_bucket le=0.5 0", "10 backwire_took_seconds_bucket le=1.0 1",
		"10 backwire_took_seconds_bucket le=+Inf 1", "10 backwire_took_seconds_sum 0.75", "10 backwire_took_seconds_count 1",
		"10 process_threads site=paris 7")
	for key, s := range m.series {
		if s.Label("job") != "backwire" || s.Label("instance") != "host-1" {
			t.Errorf("%q has job %q and instance %q", key, s.Label("job"), s.Label("instance"))
		}
		if counts := s.Metric.Type == source.Histogram; counts != (s.Start > 0) || counts != (s.Metric.Unit == "seconds") {
			t.Errorf("%s: type %s, start %d, unit %q", s.Name, s.Metric.Type, s.Start, s.Metric.Unit)
		}
	}
}

// A counter that appears while the agent runs begins with 0, one interval earlier.
func TestSelfBeginsANewCounterWithZero(t *testing.T) {
	t.Parallel()
	m := newMirror(source.Checkpoint{})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "backwire_refused_total"}, []string{"reason"})
	m.registry.MustRegister(refused)
	count := func(reason string) { refused.WithLabelValues(reason).Inc() }
	count("a")
	wantTold(t, m.tell(10), "10 backwire_refused_total reason=a 1") // it may have been going on before the start
	m.tell(11)
	count("b")
	wantTold(t, m.tell(12), "11- backwire_refused_total reason=b 0", "12 backwire_refused_total reason=a 1", "12 backwire_refused_total reason=b 1")
	wantTold(t, m.tell(13), "13 backwire_refused_total reason=a 1", "13 backwire_refused_total reason=b 1")
}

// Where a series ended with the first batch, a zero at that very time would contradict its end.
// A counter that is absent for a cycle has ended there: it gets no zero at the time of its end, nor at any, because it goes on.
func TestSelfWritesNoZeroForACounterThatComesBack(t *testing.T) {
	t.Parallel()
	for _, absent := range []int64{1, 2, 5} {
		m := newMirror(source.Checkpoint{})
		sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "backwire_sent_total"}, []string{"to"})
		m.registry.MustRegister(sent)
		sent.WithLabelValues("a").Inc()
		sent.WithLabelValues("b").Add(5)
		m.tell(10)
		m.tell(11)
		sent.DeleteLabelValues("b")
		for i := range absent {
			m.tell(12 + i)
		}
		sent.WithLabelValues("b").Add(7)
		wantTold(t, m.tell(12+absent), fmt.Sprint(12+absent, " backwire_sent_total to=a 1"), fmt.Sprint(12+absent, " backwire_sent_total to=b 7"))
	}
}

func TestSelfWritesNoZeroAtTheTimeOfItsFirstBatch(t *testing.T) {
	t.Parallel()
	m := newMirror(source.Checkpoint{})
	refused := prometheus.NewCounter(prometheus.CounterOpts{Name: "backwire_refused_total"})
	m.tell(10)
	m.registry.MustRegister(refused)
	wantTold(t, m.tell(11), "11 backwire_refused_total 0")
}

// The interval of a restart has its batch already.
func TestSelfTellsATickOnce(t *testing.T) {
	t.Parallel()
	m := newMirror(source.Checkpoint{T: time.Unix(600, 0).UnixMilli()})
	m.registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "backwire_x_total"}))
	wantTold(t, m.tell(10))
	wantTold(t, m.tell(11), "11 backwire_x_total 0")
	wantTold(t, m.tell(11))
}

// A clock that was set back an hour does not make the agent silent for an hour.
func TestSelfGoesOnWhenAClockIsSetBack(t *testing.T) {
	t.Parallel()
	m := newMirror(source.Checkpoint{})
	m.registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "backwire_x"}))
	var times []int64
	for _, minute := range []int64{100, 40, 41, 101} {
		m.tell(minute)
		times = append(times, m.last/1000)
	}
	if want := []int64{6000, 6001, 6002, 6060}; !slices.Equal(times, want) {
		t.Errorf("batches at %v, want %v", times, want)
	}
}

func TestTheAgentPushesItsOwnMetrics(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	a := s.agent(t, "BACKWIRE_INSTANCE=host-1")
	s.runUntil(t, a, func() bool {
		series := s.received.Select("backwire_cycles_total", receiver.Label{Name: "site", Value: "paris"})
		return len(series) == 1 && len(s.received.Select("backwire_lag_seconds", receiver.Label{Name: "endpoint", Value: "default"})) == 1
	})
	for _, series := range s.received.Series() {
		if series.Name() == "backwire_canary" { // the endpoint's, not the agent's
			if series.Label("instance") != "host-1" {
				t.Errorf("%v", series.Labels)
			}
			continue
		}
		own := strings.HasPrefix(series.Name(), "backwire_") || strings.HasPrefix(series.Name(), "process_")
		if own != (series.Label("instance") == "host-1") || own != (series.Label("job") == "backwire") {
			t.Errorf("%v", series.Labels)
		}
	}
	if built := s.received.Select("backwire_build_info"); len(built) != 1 || built[0].Label("site") != "" {
		t.Errorf("build info %v: want one series, of no site", built)
	}
	if n := len(a.Status().Sites); n != 1 {
		t.Errorf("the page shows %d sites, the agent itself is none", n)
	}
}

func TestTheAgentKeepsItsOwnMetricsToItself(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.await(t, s.agent(t, "BACKWIRE_SELF_METRICS=false"))
	for _, series := range s.received.Series() {
		if strings.HasPrefix(series.Name(), "backwire_") {
			t.Errorf("%v arrived", series.Labels)
		}
	}
}
