package source

import (
	"math"
	"slices"
	"testing"
)

func TestNewSeriesSortsAndLeavesEmptyLabelsOut(t *testing.T) {
	given := []Label{{"site", "paris"}, {"policy", ""}, {"job_type", "BACKUP"}}
	s := NewSeries(&Metric{Name: "nbu_jobs"}, "", 0, given...)
	want := []Label{{"job_type", "BACKUP"}, {"site", "paris"}}
	if !slices.Equal(s.Labels, want) {
		t.Errorf("labels are %v, want %v", s.Labels, want)
	}
	if given[0].Name != "site" {
		t.Error("the caller's labels were reordered")
	}
	if s.Label("site") != "paris" || s.Label("policy") != "" {
		t.Errorf("site is %q, policy %q", s.Label("site"), s.Label("policy"))
	}
}

func TestOfKeepsTheLabels(t *testing.T) {
	due := NewSeries(&Metric{Name: "nbu_client_due_timestamp_seconds"}, "", 0, Label{"site", "paris"}, Label{"client", "db-1"})
	rpo := &Metric{Name: "nbu_client_rpo_seconds"}
	want := NewSeries(rpo, "", 0, Label{"client", "db-1"}, Label{"site", "paris"})
	if got := due.Of(rpo); got.Key() != want.Key() || got.Metric != rpo {
		t.Errorf("the series is %q of %v", got.Key(), got.Metric)
	}
	if n := testing.AllocsPerRun(100, func() { _ = due.Of(rpo) }); n > 1 {
		t.Errorf("%v allocations, want one at most", n)
	}
}

func TestKeyTellsSeriesApart(t *testing.T) {
	m := &Metric{Name: "nbu_job_duration_seconds", Type: Histogram}
	keys := map[string]string{}
	for name, s := range map[string]*Series{
		"no label":            NewSeries(m, "", 0),
		"a suffix":            NewSeries(m, "_sum", 0),
		"a label":             NewSeries(m, "", 0, Label{"a", "b"}),
		"another value":       NewSeries(m, "", 0, Label{"a", "bc"}),
		"value in two labels": NewSeries(m, "", 0, Label{"a", "b"}, Label{"c", "d"}),
		"value run together":  NewSeries(m, "", 0, Label{"a", "bcd"}),
	} {
		if other, taken := keys[s.Key()]; taken {
			t.Errorf("%q and %q have the same key", name, other)
		}
		keys[s.Key()] = name
	}
	one := NewSeries(m, "", 1, Label{"a", "1"}, Label{"b", "2"})
	same := NewSeries(m, "", 2, Label{"b", "2"}, Label{"a", "1"})
	if one.Key() != same.Key() {
		t.Error("the order of labels and the start are no part of a series' identity")
	}
}

// Tens of thousands of series are held for as long as the program runs. Each is two pieces of memory: itself and its labels.
func TestSeriesIsLight(t *testing.T) {
	m := &Metric{Name: "nbu_client_last_status", Type: Gauge}
	labels := []Label{{"site", "paris"}, {"client", "db-1"}, {"policy", "gold"}}
	var kept *Series
	if n := testing.AllocsPerRun(100, func() { kept = NewSeries(m, "", 0, labels...) }); n > 2 {
		t.Errorf("%v allocations a series, want 2 at most", n)
	}
	if kept.Label("client") != "db-1" {
		t.Errorf("labels %v", kept.Labels)
	}
}

// The forms are those that OpenMetrics 1.0 names as canonical.
func TestBucketBound(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{"0.005": 0.005, "1.0": 1, "60.0": 60, "1000000.0": 1e6, "+Inf": math.Inf(1)} {
		if got := BucketBound(v); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
