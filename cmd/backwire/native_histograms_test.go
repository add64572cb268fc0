package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/send"
	"backwire/source"
)

// messageV2 is what a Prometheus calls Remote-Write 2.0.
const messageV2 = "io.prometheus.write.v2.Request"

// receivesV2 says whether the installed Prometheus receives Remote-Write 2.0: Debian's does not.
func receivesV2(t *testing.T) bool {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), needProgram(t, "prometheus"), "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(strings.Join(strings.Fields(string(help)), ""), messageV2)
}

// startNewPrometheus starts one that receives Remote-Write 2.0, as the Prometheus of the module's own version does.
func startNewPrometheus(t *testing.T, more ...string) *prometheus {
	t.Helper()
	if !receivesV2(t) {
		t.Skip("left out: the installed Prometheus does not receive Remote-Write 2.0; make receivers runs it")
	}
	return startPrometheus(t, t.TempDir(), append(more,
		"--web.remote-write-receiver.accepted-protobuf-messages=prometheus.WriteRequest",
		"--web.remote-write-receiver.accepted-protobuf-messages="+messageV2)...)
}

// value is the one number that a query gives.
func (p *prometheus) value(t *testing.T, promql string) float64 {
	t.Helper()
	rows, err := p.query(promql)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 {
		t.Fatalf("%s gives %d series: %v", promql, len(rows), rows)
	}
	text, _ := rows[0].Value[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s gives %v", promql, rows[0].Value)
	}
	return v
}

// near compares with what floats may differ by.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(math.Abs(a)+math.Abs(b)) }

// waits is a classic histogram of known observations, as a site counts it.
type waits struct {
	metric  *source.Metric
	labels  []source.Label
	start   int64
	bounds  []float64
	counts  []float64 // cumulative, with +Inf
	sum     float64
	samples []source.Sample
}

func newWaits(start time.Time, labels ...source.Label) *waits {
	return &waits{
		metric: &source.Metric{Name: "test_wait_seconds", Type: source.Histogram, Unit: "seconds", Help: "Made up.", Durable: true},
		labels: labels, start: start.UnixMilli(), bounds: []float64{1, 60, 300, 900, 3600}, counts: make([]float64, 6),
	}
}

func (h *waits) observe(v float64) {
	for i, b := range append(h.bounds, math.Inf(1)) {
		if v <= b {
			h.counts[i]++
		}
	}
	h.sum += v
}

// quantile is as PromQL defines it: the observations of a bucket are spread over it evenly.
func (h *waits) quantile(q float64) float64 {
	rank, lower, below := q*h.counts[len(h.bounds)], 0.0, 0.0
	for i, upper := range h.bounds {
		if h.counts[i] >= rank {
			return lower + (upper-lower)*(rank-below)/(h.counts[i]-below)
		}
		lower, below = upper, h.counts[i]
	}
	return lower
}

func (h *waits) restart(at time.Time) {
	h.start, h.sum, h.counts, h.samples = at.UnixMilli(), 0, make([]float64, 6), nil
}

func (h *waits) sampled() []source.Sample {
	if h.samples == nil {
		for _, b := range append(h.bounds, math.Inf(1)) {
			h.samples = append(h.samples, source.Sample{Series: source.NewSeries(h.metric, "_bucket", h.start, append(h.labels, source.Label{Name: "le", Value: source.BucketBound(b)})...)})
		}
		h.samples = append(h.samples, source.Sample{Series: source.NewSeries(h.metric, "_sum", h.start, h.labels...)},
			source.Sample{Series: source.NewSeries(h.metric, "_count", h.start, h.labels...)})
	}
	for i := range h.counts {
		h.samples[i].Value = h.counts[i]
	}
	h.samples[6].Value, h.samples[7].Value = h.sum, h.counts[5]
	return slices.Clone(h.samples)
}

// A real Prometheus makes of the native histogram what it makes of the classic one: quantiles, counts and sums over observations that are
// known, over a gap and a counter reset; and it ends when that ends.
func TestPrometheusTakesNativeHistograms(t *testing.T) {
	t.Parallel()
	prom := startNewPrometheus(t)
	s := newSending(t, send.Config{URL: prom.url + "/api/v1/write", Natives: true})
	now := time.Now().Truncate(time.Minute)
	began := now.Add(-50 * time.Minute)
	here, gone := newWaits(began, source.Label{Name: "site", Value: "here"}), newWaits(began, source.Label{Name: "site", Value: "gone"})
	r := rand.New(rand.NewPCG(9, 9))
	samples, observed := 0, map[int][]float64{} // by minute
	for at := began; !at.After(now); at = at.Add(time.Minute) {
		minute := int(at.Sub(began) / time.Minute)
		if minute >= 20 && minute < 28 {
			continue // the agent is down
		}
		if minute == 35 {
			here.restart(at)
		}
		for range r.IntN(10) {
			if minute > 0 { // each begins with zeros
				v := math.Exp(r.NormFloat64()*1.5 + 4)
				observed[minute] = append(observed[minute], v)
				here.observe(v)
				gone.observe(30)
			}
		}
		b := source.Batch{T: at.UnixMilli(), Samples: here.sampled()}
		samples += 8
		if minute < 48 {
			b.Samples = append(b.Samples, gone.sampled()...)
			samples += 8
		} else if minute == 48 {
			samples += 8 // stale markers
		}
		if err := s.queue.Commit(source.Cycle{Site: "here", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	got := s.settled(t, uint64(samples))
	if got.Samples != uint64(samples) || got.Natives != "sent" || got.NativeRefused > 0 {
		t.Fatalf("%d samples: %+v\n%s", samples, got, s.log)
	}
	at := fmt.Sprintf(" @ %d", now.Unix())
	const native, bucket = `test_wait_seconds{site="here"}`, `test_wait_seconds_bucket{site="here"}`
	for _, q := range []string{"0.5", "0.9", "0.99"} {
		for span, first := range map[string]int{"[50m]": 1, "[30m]": 28, "[10m]": 41} { // the minute of the first point in it
			is := prom.value(t, "histogram_quantile("+q+", rate("+native+span+at+"))")
			classic := prom.value(t, "histogram_quantile("+q+", rate("+bucket+span+at+"))")
			want := newWaits(began)
			for minute := first + 1; minute <= 50; minute++ {
				for _, v := range observed[minute] {
					want.observe(v)
				}
			}
			share, _ := strconv.ParseFloat(q, 64)
			// Of the classic one each bucket is extrapolated by itself, and at times to where it would be zero.
			if exact := want.quantile(share); !near(is, exact) || math.Abs(is-exact) > math.Abs(classic-exact)+1e-9*exact {
				t.Errorf("quantile %s over %s: %v natively, %v of the classic histogram, want %v", q, span, is, classic, exact)
			}
		}
	}
	for _, c := range [][2]string{
		{"histogram_count(increase(" + native + "[50m]" + at + "))", `increase(test_wait_seconds_count{site="here"}[50m]` + at + ")"},
		{"histogram_sum(increase(" + native + "[10m]" + at + "))", `increase(test_wait_seconds_sum{site="here"}[10m]` + at + ")"},
		{"histogram_count(" + native + at + ")", `test_wait_seconds_count{site="here"}` + at},
		{"count_over_time(" + native + "[50m]" + at + ")", `count_over_time(test_wait_seconds_count{site="here"}[50m]` + at + ")"},
		{`count(last_over_time(test_wait_seconds{site="gone"}[50m]` + at + "))", "vector(1)"},
	} {
		if is, classic := prom.value(t, c[0]), prom.value(t, c[1]); !near(is, classic) {
			t.Errorf("%s is %v, and %s is %v", c[0], is, c[1], classic)
		}
	}
	if rows, err := prom.query(`test_wait_seconds{site="gone"}` + at); err != nil || len(rows) > 0 {
		t.Errorf("a histogram that ended is still there: %v, %v", rows, err)
	}
}

// The same through the program, with the jobs of a primary server and their history: the setting is all that it takes.
func TestPrometheusHasNativeHistogramsOfJobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	prom := startNewPrometheus(t)
	primary := startPrimary(t, dir, "--history", "300", "--history-span", "30m", "--jobs-per-minute", "0")
	env := append(agentEnv(t, dir, primary, prom.url+"/api/v1/write"), "BACKWIRE_NATIVE_HISTOGRAMS=true")
	start(t, env, buildPrograms(t).backwire, "run")
	awaitTruth(t, prom, primary)
	for _, metric := range []string{"nbu_job_duration_seconds", "nbu_job_queue_wait_seconds"} {
		await(t, "the native "+metric+" says what the classic one says", func() error {
			rows, err := prom.query("histogram_count(sum(" + metric + ")) == sum(" + metric + "_count)")
			if err == nil && len(rows) != 1 {
				err = fmt.Errorf("%v", rows)
			}
			return err
		})
		for _, q := range []string{"0.5", "0.9"} {
			at := fmt.Sprintf(" @ %d", time.Now().Unix()-2)
			is := prom.value(t, "histogram_quantile("+q+", sum(rate("+metric+"[1h]"+at+")))")
			classic := prom.value(t, "histogram_quantile("+q+", sum by (le) (rate("+metric+"_bucket[1h]"+at+")))")
			// Between two whole minutes of its history a native histogram has no points, so that the last one may lack the newest jobs.
			if math.Abs(is-classic) > 0.02*classic {
				t.Errorf("quantile %s of %s is %v natively, %v of the classic histogram", q, metric, is, classic)
			}
		}
	}
	check := start(t, env, buildPrograms(t).backwire, "check")
	<-check.ended
	if said := strings.Join(strings.Fields(check.output()), " "); !strings.Contains(said, "native histograms accepted; the receiver reports that it stored it") {
		t.Errorf("check says %s", check.output())
	}
}

// A counter and a histogram whose first points are not zero begin at their starts at a Prometheus that makes zeros of start timestamps.
func TestPrometheusBeginsAtStartTimestamps(t *testing.T) {
	t.Parallel()
	prom := startNewPrometheus(t, "--enable-feature=created-timestamp-zero-ingestion")
	s := newSending(t, send.Config{URL: prom.url + "/api/v1/write", Natives: true})
	now := time.Now().Truncate(time.Second)
	started := now.Add(-20 * time.Minute)
	jobs := source.NewSeries(&source.Metric{Name: "test_jobs_total", Type: source.Counter, Help: "Made up.", Durable: true}, "", started.UnixMilli())
	h := newWaits(started)
	for range 5 {
		h.observe(30)
	}
	samples := 0
	for at := now.Add(-10 * time.Minute); !at.After(now); at = at.Add(time.Minute) {
		b := source.Batch{T: at.UnixMilli(), Samples: append(h.sampled(), source.Sample{Series: jobs, Value: 5})}
		if err := s.queue.Commit(source.Cycle{Site: "here", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
		samples += 9
	}
	s.settled(t, uint64(samples))
	span := fmt.Sprintf("[1h] @ %d)", now.Unix())
	for _, promql := range []string{
		"increase(test_jobs_total" + span,
		"increase(test_wait_seconds_count" + span,
		"histogram_count(increase(test_wait_seconds" + span + ")",
	} {
		if got := prom.value(t, promql); !near(got, 5) {
			t.Errorf("%s is %v, want 5", promql, got)
		}
	}
	rows, err := prom.query("test_jobs_total" + strings.TrimSuffix(span, ")"))
	if err != nil || len(rows) != 1 || number(rows[0].Values[0]) != 0 || rows[0].Values[0][0] != float64(started.Unix()) {
		t.Errorf("the counter begins with %v, want 0 at %d: %v", rows, started.Unix(), err)
	}
}
