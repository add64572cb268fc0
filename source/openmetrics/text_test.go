package openmetrics

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"backwire/source"
)

var (
	completed = &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished \"jobs\",\neach once: C:\\.", Durable: true}
	moved     = &source.Metric{Name: "nbu_job_bytes_total", Type: source.Counter, Unit: "bytes", Help: "Bytes."}
	took      = &source.Metric{Name: "nbu_job_duration_seconds", Type: source.Histogram, Unit: "seconds", Help: "Duration."}
	open      = &source.Metric{Name: "nbu_jobs", Type: source.Gauge, Help: "Open jobs."}
	server    = &source.Metric{Name: "nbu_server_info", Type: source.Info, Help: "The server."}
	odd       = &source.Metric{Name: "nbu_odd", Type: source.Gauge, Unit: "bytes"}
)

func label(name, value string) source.Label { return source.Label{Name: name, Value: value} }

func exampleBatches() []source.Batch {
	paris := label("site", "paris")
	counter := source.NewSeries(completed, "", 500, paris, label("policy", "a\\b\"c\nd"))
	bucket := func(le string) *source.Series {
		return source.NewSeries(took, "_bucket", 1000, paris, label("le", le))
	}
	gauge := source.NewSeries(open, "", 0, paris)
	ended := source.NewSeries(open, "", 0, label("site", "lyon"))
	return []source.Batch{
		{T: 1000, Partial: true, Samples: []source.Sample{{Series: counter, Value: 0}}},
		{
			T: 61500,
			Samples: []source.Sample{
				{Series: source.NewSeries(took, "_sum", 1000, paris), Value: 100.5},
				{Series: bucket("+Inf"), Value: 3},
				{Series: gauge, Value: math.NaN()},
				{Series: counter, Value: 2},
				{Series: bucket("3600"), Value: 3},
				{Series: source.NewSeries(took, "_count", 1000, paris), Value: 3},
				{Series: bucket("60"), Value: 1},
				{Series: ended, Value: source.Stale()},
				{Series: source.NewSeries(server, "", 0, paris, label("nbu_version", "11.0")), Value: 1},
				{Series: source.NewSeries(moved, "", 0), Value: 1 << 52},
				{Series: source.NewSeries(odd, "", 0), Value: math.Inf(-1)},
			},
			Exemplars: []source.Exemplar{
				{Series: counter, Labels: []source.Label{label("job_id", "17")}, Value: 1, T: 60250},
				{Series: bucket("60"), Value: 42.5, T: 60000},
			},
		},
	}
}

func TestOpenMetricsText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Write(&b, exampleBatches()); err != nil {
		t.Fatal(err)
	}
	want := `# TYPE nbu_job_bytes counter
# UNIT nbu_job_bytes bytes
# HELP nbu_job_bytes Bytes.
nbu_job_bytes_total 4503599627370496 61.5
# TYPE nbu_job_duration_seconds histogram
# UNIT nbu_job_duration_seconds seconds
# HELP nbu_job_duration_seconds Duration.
nbu_job_duration_seconds_bucket{le="60",site="paris"} 1 61.5 # {} 42.5 60
nbu_job_duration_seconds_bucket{le="3600",site="paris"} 3 61.5
nbu_job_duration_seconds_bucket{le="+Inf",site="paris"} 3 61.5
nbu_job_duration_seconds_count{site="paris"} 3 61.5
nbu_job_duration_seconds_sum{site="paris"} 100.5 61.5
nbu_job_duration_seconds_created{site="paris"} 1 61.5
# TYPE nbu_jobs gauge
# HELP nbu_jobs Open jobs.
nbu_jobs{site="paris"} NaN 61.5
# TYPE nbu_jobs_completed counter
# HELP nbu_jobs_completed Finished \"jobs\",\neach once: C:\\.
nbu_jobs_completed_total{policy="a\\b\"c\nd",site="paris"} 0 1
nbu_jobs_completed_created{policy="a\\b\"c\nd",site="paris"} 0.5 1
nbu_jobs_completed_total{policy="a\\b\"c\nd",site="paris"} 2 61.5 # {job_id="17"} 1 60.25
nbu_jobs_completed_created{policy="a\\b\"c\nd",site="paris"} 0.5 61.5
# TYPE nbu_odd gauge
nbu_odd -Inf 61.5
# TYPE nbu_server info
# HELP nbu_server The server.
nbu_server_info{nbu_version="11.0",site="paris"} 1 61.5
# EOF
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// Prometheus's own parser reads back what went in.
func TestOpenMetricsIsReadByPrometheus(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Write(&b, exampleBatches()); err != nil {
		t.Fatal(err)
	}
	p := textparse.NewOpenMetricsParser([]byte(b.String()), labels.NewSymbolTable(), textparse.WithOMParserSTSeriesSkipped())
	counted := labels.FromStrings("__name__", "nbu_jobs_completed_total", "site", "paris", "policy", "a\\b\"c\nd")
	samples, counter := 0, []float64{}
	var exemplars []exemplar.Exemplar
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		samples++
		var set labels.Labels
		p.Labels(&set)
		_, at, value := p.Series()
		if at == nil {
			t.Errorf("%v has no timestamp", set)
		}
		var e exemplar.Exemplar
		for p.Exemplar(&e) {
			exemplars = append(exemplars, e)
		}
		if labels.Equal(set, counted) {
			counter = append(counter, value)
			if start := p.StartTimestamp(); start != 500 {
				t.Errorf("start %d, want 500", start)
			}
		}
	}
	if samples != 11 || len(exemplars) != 2 {
		t.Errorf("%d samples and %d exemplars, want 11 and 2", samples, len(exemplars))
	}
	if !cmp.Equal(counter, []float64{0, 2}) {
		t.Errorf("the counter read back as %v", counter)
	}
}

func TestOpenMetricsOfNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Write(&b, nil); err != nil || b.String() != "# EOF\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// A gap's cycles may say one time twice; the later one is right.
func TestOpenMetricsKeepsTheLaterOfTwo(t *testing.T) {
	t.Parallel()
	s := source.NewSeries(open, "", 0)
	at := func(v float64) source.Batch {
		return source.Batch{T: 1, Samples: []source.Sample{{Series: s, Value: v}}}
	}
	var b strings.Builder
	if err := Write(&b, []source.Batch{at(1), at(2)}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "nbu_jobs 2 0.001\n") || strings.Contains(text, "nbu_jobs 1 ") {
		t.Error(text)
	}
}
