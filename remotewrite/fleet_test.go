package remotewrite

import (
	"fmt"
	"math"
	"math/rand/v2"

	"backwire/source"
)

// fleet is a site that produces what the figures are about: counters of backup jobs.
type fleet struct {
	rand    *rand.Rand
	site    string
	t       int64
	series  []*source.Series
	samples []source.Sample
	bytes   []bool // by series: whether it counts bytes
	rate    float64
}

// newFleet makes n counter series with 9 labels; each cycle the given share of them moves.
func newFleet(site string, n int, rate float64) *fleet {
	f := &fleet{rand: rand.New(rand.NewPCG(1, 2)), site: site, t: 1_790_000_040_000, rate: rate}
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
		s := source.NewSeries(metrics[metric], "", f.t-int64(group%50)*3_600_000,
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
		f.series = append(f.series, s)
		f.bytes = append(f.bytes, metric == 1 || metric == 2)
	}
	f.samples = make([]source.Sample, n)
	for i, s := range f.series {
		f.samples[i] = source.Sample{Series: s, Value: f.start(i)}
	}
	return f
}

func (f *fleet) start(i int) float64 {
	if f.bytes[i] {
		return kilo * math.Floor(math.Exp(20+10*f.rand.Float64()))
	}
	return math.Floor(math.Exp(9 * f.rand.Float64()))
}

// cycle is the next one. The samples belong to the fleet, as a real site's do.
func (f *fleet) cycle() source.Cycle {
	for i := range f.samples {
		if f.rand.Float64() >= f.rate {
			continue
		}
		switch {
		case f.bytes[i]: // from a megabyte to a terabyte, in kilobytes
			f.samples[i].Value += kilo * math.Floor(math.Exp(6.9+13.8*f.rand.Float64()))
		case i%4 == 0:
			f.samples[i].Value++
		default:
			f.samples[i].Value += math.Floor(math.Exp(12 * f.rand.Float64()))
		}
	}
	f.t += 60_000
	return source.Cycle{
		Site:    f.site,
		Batches: []source.Batch{{T: f.t, Samples: f.samples}},
		Changes: []source.Change{{Key: "watermark", Value: fmt.Appendf(nil, "%d", f.t)}},
	}
}
