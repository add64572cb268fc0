package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// TestReadingOfHistoryIsShared measures the first reading of 10,000 jobs at 100 ms a page:
// page after page it would take 10 s.
func TestReadingOfHistoryIsShared(t *testing.T) {
	for _, c := range []struct {
		readers int
		most    time.Duration
	}{{1, 10500 * time.Millisecond}, {4, 2860 * time.Millisecond}, {8, 1800 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(cfg *SiteConfig) { cfg.Client.Concurrency = c.readers })
			r.sim.AddHistory(nbusim.Workload{Seed: 1}, 10_000, 20*time.Hour)
			r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(100 * time.Millisecond)})
			at := time.Now().Truncate(minute).Add(minute)
			r.tick()
			took := time.Since(at)
			t.Logf("%d readers: %v, %d requests", c.readers, took, r.sim.Requests("/admin/jobs"))
			if took > c.most {
				t.Errorf("%d readers took %v, want at most %v", c.readers, took, c.most)
			}
			r.wantTruth()
			r.tick() // asks for what is missing among the ids
			r.sim.ResetRequests()
			r.sim.AddHistory(nbusim.Workload{Seed: 2}, 50, 0)
			r.tick()
			if n := r.sim.Requests("/admin/jobs"); n > 3 {
				t.Errorf("a steady cycle with 50 new jobs took %d requests", n)
			}
		})
	}
}

// Hours after many jobs that ended at once, a cycle does not cut the silence since then into stretches as busy as they were.
func TestSilenceAfterABurstIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		for range 150 {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, time.Minute, 0)})
		}
		for range 6 * 60 {
			r.tick()
		}
		r.sim.ResetRequests()
		const cycles = 10
		for range cycles {
			r.tick()
		}
		if n := r.sim.Requests("/admin/jobs"); n > 3*r.cfg.Client.Concurrency*cycles {
			t.Errorf("%d requests for jobs in %d cycles of silence", n, cycles)
		}
		r.wantTruth()
	})
}
