// Package testkit makes cycles for the tests of remotewrite: fleets of counters, as a site has them, and sites whose cycles take
// every form, with a model of what has to become of them. It knows nothing of how they are packed, kept or sent.
package testkit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"backwire/source"
)

// kibi is what NetBackup counts bytes by.
const kibi = 1024

// Fleet is a site that produces what the figures are about: counters of backup jobs.
type Fleet struct {
	rand    *rand.Rand
	Site    string
	T       int64
	Series  []*source.Series
	Samples []source.Sample
	bytes   []bool // by series: whether it counts bytes
	waits   []int  // the first series of each histogram
	rate    float64
}

// NewFleet makes n counter series with 9 labels; each cycle the given share of them moves.
func NewFleet(site string, n int, rate float64) *Fleet {
	f := &Fleet{rand: rand.New(rand.NewPCG(1, 2)), Site: site, T: 1_790_000_040_000, rate: rate}
	metrics := []*source.Metric{
		{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs.", Durable: true},
		{Name: "nbu_job_bytes_total", Type: source.Counter, Unit: "bytes", Help: "Bytes that jobs read.", Durable: true},
		{Name: "nbu_job_moved_bytes_total", Type: source.Counter, Unit: "bytes", Help: "Bytes after deduplication.", Durable: true},
		{Name: "nbu_job_files_total", Type: source.Counter, Help: "Files that jobs saved.", Durable: true},
	}
	types := []string{"BACKUP", "RESTORE", "DUPLICATE", "REPLICATION"}
	policies := []string{"STANDARD", "MS_WINDOWS", "VMWARE", "ORACLE", "NDMP"}
	for i := range n {
		group := i / len(metrics)
		metric := i % len(metrics)
		s := source.NewSeries(metrics[metric], "", f.T-int64(group%50)*3_600_000,
			source.Label{Name: "site", Value: site},
			source.Label{Name: "job_type", Value: types[group%4]},
			source.Label{Name: "policy_type", Value: policies[group/16%5]},
			source.Label{Name: "policy", Value: fmt.Sprintf("prod-%s-%04d", policies[group/16%5], group/8)},
			source.Label{Name: "schedule_type", Value: []string{"FULL", "INCR"}[group/2%2]},
			source.Label{Name: "result", Value: []string{"success", "failure"}[group/4%2]},
			source.Label{Name: "status", Value: []string{"0", "1", "6", "58"}[group/4%4]},
			source.Label{Name: "parent", Value: []string{"false", "true"}[group%2]},
			source.Label{Name: "media_server", Value: fmt.Sprintf("media%02d.example.net", group/100%20)},
		)
		f.Series = append(f.Series, s)
		f.bytes = append(f.bytes, metric == 1 || metric == 2)
	}
	f.Samples = make([]source.Sample, n)
	for i, s := range f.Series {
		f.Samples[i] = source.Sample{Series: s, Value: f.start(i)}
	}
	return f
}

// histogramBounds are of a fleet's histograms.
var histogramBounds = []string{"1.0", "60.0", "3600.0", "+Inf"}

// HistogramSeries is how many series each of a fleet's histograms has.
const HistogramSeries = 6

// AddHistograms adds so many classic histograms, which observe something in each cycle.
func (f *Fleet) AddHistograms(n int) {
	m := &source.Metric{Name: "nbu_job_queue_wait_seconds", Type: source.Histogram, Unit: "seconds", Help: "Wait.", Durable: true}
	for i := range n {
		f.waits = append(f.waits, len(f.Samples))
		add := func(suffix string, more ...source.Label) {
			s := source.NewSeries(m, suffix, f.T-60_000, append(more, source.Label{Name: "site", Value: f.Site}, source.Label{Name: "policy", Value: fmt.Sprint("wait-", i)})...)
			f.Series, f.Samples = append(f.Series, s), append(f.Samples, source.Sample{Series: s})
		}
		for _, le := range histogramBounds {
			add("_bucket", source.Label{Name: "le", Value: le})
		}
		add("_sum")
		add("_count")
	}
}

// observe lets each histogram see something.
func (f *Fleet) observe() {
	for _, from := range f.waits {
		of := f.Samples[from:]
		for i := f.rand.IntN(len(histogramBounds)); i < len(histogramBounds); i++ {
			of[i].Value++
		}
		of[4].Value += f.rand.ExpFloat64()
		of[5].Value++
	}
}

func (f *Fleet) start(i int) float64 {
	if f.bytes[i] {
		return kibi * math.Floor(math.Exp(20+10*f.rand.Float64()))
	}
	return math.Floor(math.Exp(9 * f.rand.Float64()))
}

// Cycle is the next one. The samples belong to the fleet, as a real site's do.
func (f *Fleet) Cycle() source.Cycle {
	for i := range f.Samples {
		if f.rand.Float64() >= f.rate || len(f.waits) > 0 && i >= f.waits[0] {
			continue
		}
		switch {
		case f.bytes[i]: // from a megabyte to a terabyte, in kilobytes
			f.Samples[i].Value += kibi * math.Floor(math.Exp(6.9+13.8*f.rand.Float64()))
		case i%4 == 0:
			f.Samples[i].Value++
		default:
			f.Samples[i].Value += math.Floor(math.Exp(12 * f.rand.Float64()))
		}
	}
	f.observe()
	f.T += 60_000
	return source.Cycle{
		Site:    f.Site,
		Batches: []source.Batch{{T: f.T, Samples: f.Samples}},
		Changes: []source.Change{{Key: "watermark", Value: fmt.Appendf(nil, "%d", f.T)}},
	}
}

// Committer takes cycles, as a queue does.
type Committer interface {
	Commit(c source.Cycle) error
}

// Commit commits so many cycles of a fleet.
func Commit(tb testing.TB, to Committer, f *Fleet, n int) {
	tb.Helper()
	for range n {
		if err := to.Commit(f.Cycle()); err != nil {
			tb.Fatal(err)
		}
	}
}
