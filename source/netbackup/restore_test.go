package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/nbusim"
)

// TestRestoreCompletesAHistogramThatLacksSeries has one bucket and the count of a histogram
// lost: the buckets must stay ascending, and counting goes on.
func TestRestoreCompletesAHistogramThatLacksSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		job := nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(time.Second, 100*time.Second, 0)}
		r.sim.AddJob(job)
		r.tick()
		r.tick()
		for key, x := range r.store.durable {
			name, edge := x.Series.Name, x.Series.Label("le")
			if (name == "nbu_job_duration_seconds_bucket" && edge == "300.0") || name == "nbu_job_duration_seconds_count" {
				delete(r.store.durable, key)
			}
		}
		l := newLedger(r.cfg, newCatalogue(), r.log, 1, nil)
		if err := l.restore(r.store.checkpoint()); err != nil {
			t.Fatal(err)
		}
		h := l.counters.timings[timingKey{backup, "STANDARD"}].duration
		want := []float64{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
		for i, c := range h.buckets {
			if c.value != want[i] {
				t.Errorf("bucket %d holds %v, want %v", i, c.value, want[i])
			}
		}
		if h.count.value != 1 {
			t.Errorf("the count is %v, want 1", h.count.value)
		}
	})
}

func TestRestoreLeavesOutWhatItDoesNotKnow(t *testing.T) {
	counters := newCounters(newCatalogue(), "paris", defaultJobSeries)
	for name, m := range map[string]*source.Metric{
		"another metric": {Name: "nbu_former_total", Type: source.Counter, Durable: true},
		"no memory":      {Name: "nbu_jobs", Type: source.Gauge},
		"another bucket": {Name: "nbu_job_duration_seconds", Type: source.Histogram, Durable: true},
		"another status": {Name: "nbu_jobs_completed_total", Type: source.Counter, Durable: true},
	} {
		suffix := ""
		if m.Type == source.Histogram {
			suffix = suffixBucket
		}
		s := source.NewSeries(m, suffix, 1, source.Label{Name: "le", Value: "61.0"}, source.Label{Name: "status", Value: "x"})
		if counters.restore(source.Sample{Series: s, Value: 1}) || len(counters.cells) > 0 {
			t.Errorf("%s was restored", name)
		}
	}
}
