package netbackup

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Policies come and go. One that is gone gives its room to another, over restarts; where it comes back its counters begin at 0.
func TestPoliciesThatAreGoneMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.MaxJobSeries, c.ForgetPolicies, c.Collect = 100, 48*time.Hour, []string{collectorJobs}
		})
		r.dir = t.TempDir()
		r.start()
		defer r.closeQueue()
		night := func(generation int) {
			for i := range 10 {
				r.sim.AddJob(quick(fmt.Sprintf("policy-%d-%d", generation, i)))
			}
			r.tick()
			r.tick()
		}
		for generation := range 6 {
			night(generation)
			for i := range 10 {
				r.want(1, "nbu_jobs_completed_total", "policy", fmt.Sprintf("policy-%d-%d", generation, i))
			}
			if _, n := r.live("nbu_jobs_completed_total"); n != 10 {
				t.Errorf("generation %d: counters of %d policies, want the 10 of today", generation, n)
			}
			time.Sleep(73 * time.Hour)
			r.start()
			r.tick()
		}
		r.want(none(), "nbu_job_overflow_total")
		before := len(r.all)
		night(0) // they are back
		for i := range 10 {
			r.want(1, "nbu_jobs_completed_total", "policy", fmt.Sprintf("policy-0-%d", i))
		}
		zeros := 0
		for _, b := range r.all[before:] {
			for _, x := range b.Samples {
				if x.Series.Name == "nbu_jobs_completed_total" && x.Value == 0 && x.Series.Start == b.T {
					zeros++
				}
			}
		}
		if zeros != 10 {
			t.Errorf("%d counters begin with 0, want 10", zeros)
		}
	})
}

// A policy whose counters end in one batch may have a job in the next: its 0 lies behind the stale marker.
func TestAPolicyIsBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.ForgetPolicies, c.Collect = 48*time.Hour, []string{collectorJobs}
		})
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.want(1, "nbu_jobs_completed_total", "policy", "gold")
		for _, restart := range []bool{false, true} {
			for _, n := r.live("nbu_jobs_completed_total"); n > 0; _, n = r.live("nbu_jobs_completed_total") {
				r.tick()
			}
			if restart {
				r.start()
			}
			r.sim.AddJob(quick("gold"))
			r.tick()
			r.want(1, "nbu_jobs_completed_total", "policy", "gold") // the store refuses one that does not begin with 0
			r.want(1, "nbu_job_duration_seconds_count")
		}
	})
}

// What the server lists is kept, however seldom it runs; so it is until the list was read, and not where the server refuses it.
func TestPoliciesOfTheListAreKept(t *testing.T) {
	for _, x := range []struct {
		name string
		list int // status of the answer
		kept []string
	}{
		{"listed", 200, []string{"yearly"}},
		{"not answered", 500, []string{"gone", "yearly"}},
		{"refused", 403, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.ForgetPolicies = 48 * time.Hour })
			r.sim.AddPolicy(nbusim.Policy{Name: "yearly", Type: "Standard", Clients: []string{"db-1"}})
			r.sim.AddJob(quick("yearly"))
			r.sim.AddJob(quick("gone"))
			r.tick()
			if x.list != 200 {
				r.sim.Inject(nbusim.Fault{Path: "/config/policies/", Effect: nbusim.Status(x.list)})
			}
			time.Sleep(73 * time.Hour)
			r.start()
			r.tick()
			r.tick()
			kept := 0
			for _, name := range []string{"yearly", "gone"} {
				if _, n := r.live("nbu_jobs_completed_total", "policy", name); n > 0 {
					kept++
				}
			}
			if kept != len(x.kept) {
				t.Errorf("%s: %d policies are kept, want %v", x.name, kept, x.kept)
			}
			if x.name != "not answered" {
				return
			}
			for range 26 { // a day is long enough to wait
				time.Sleep(time.Hour)
				r.tick()
			}
			r.want(none(), "nbu_jobs_completed_total")
		})
	}
}

// An older agent has left no days: the time of its policies begins when its log ends.
func TestPoliciesOfAnOlderLogAreForgottenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.ForgetPolicies, c.Collect = 48*time.Hour, []string{collectorJobs}
		})
		r.sim.AddJob(quick("gold"))
		r.tick()
		delete(r.store.state, policyPrefix+"gold")
		r.start()
		r.tick()
		r.want(1, "nbu_jobs_completed_total")
		if r.store.state[policyPrefix+"gold"] == nil {
			t.Error("the day is not written")
		}
		time.Sleep(73 * time.Hour)
		r.tick()
		r.want(none(), "nbu_jobs_completed_total")
		if v, ok := r.store.state[policyPrefix+"gold"]; ok {
			t.Errorf("the state still has the day: %x", v)
		}
	})
}

// What is over the cap is said each day for as long as it goes on, and in the status.
func TestOverflowIsSaidAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.MaxJobSeries, c.MaxClientSeries, c.Collect = 100, 50, []string{collectorJobs}
		})
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		for hour := range 73 {
			for i := range 30 {
				r.sim.AddJob(quick(fmt.Sprintf("policy-%d", i)))
			}
			r.tick()
			time.Sleep(time.Hour - minute)
			if hour == 0 {
				continue
			}
			if s := r.site.Status(); s.PoliciesWithoutSeries != 30-14 || s.ClientsWithoutSeries != 20 {
				t.Fatalf("hour %d: the status says %d policies and %d clients, want 16 and 20", hour, s.PoliciesWithoutSeries, s.ClientsWithoutSeries)
			}
		}
		wantSaid(t, &log, 4, "limit on job series is reached: jobs")
		wantSaid(t, &log, 4, "limit on client series is reached: backups")
		time.Sleep(25 * time.Hour)
		r.tick()
		if s := r.site.Status(); s.PoliciesWithoutSeries != 0 {
			t.Errorf("a day later the status still says %d policies", s.PoliciesWithoutSeries)
		}
	})
}

// The gauges by policy have a cap: what has no room is shown together.
func TestGaugesByPolicyHaveACap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxJobSeries, c.Collect = 100, []string{collectorJobs} })
		first := time.Now()
		for i := range 150 {
			r.sim.AddJob(nbusim.JobSpec{Policy: fmt.Sprintf("policy-%d", i), Client: "db-1", Life: nbusim.Run(0, 300*minute, 0)})
			time.Sleep(time.Second)
		}
		for range 3 {
			r.tick()
			if _, n := r.live("nbu_jobs_oldest_active_timestamp_seconds"); n != 101 {
				t.Errorf("%d series, want 101", n)
			}
			r.want(float64(first.Add(100*time.Second).Unix()), "nbu_jobs_oldest_active_timestamp_seconds", "policy", otherPolicies)
		}
	})
}
