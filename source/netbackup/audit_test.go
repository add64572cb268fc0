package netbackup

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

func jobsOnly(c *SiteConfig) { c.Collect = []string{collectorJobs} }

// An ending that the server shows up to a day after its time is counted within 15 minutes of being shown: whether it
// was listed as active until then or not at all, in every phase of the hour, over a restart of the agent.
func TestAuditFindsWhatIsShownLate(t *testing.T) {
	lates := []time.Duration{20 * time.Second, minute, 14 * minute, 3 * time.Hour, 24 * time.Hour}
	if testing.Short() {
		lates = lates[:4]
	}
	for _, late := range lates {
		for _, hidden := range []bool{false, true} {
			for phase := range time.Duration(3) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 7000}, jobsOnly)
					ends := time.Hour + phase*17*minute + 10*time.Second
					job := nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, ends, 0)}
					if hidden {
						job.Hidden = ends + late + time.Second
					} else {
						job.Life[1].After += late
						job.Life[1].Late, job.Life[1].Lag = late, late
					}
					r.sim.AddJob(job)
					r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: 20 * time.Second})
					shown := r.began.Add(ends + late + 2*time.Second)
					for time.Since(shown) < 0 {
						r.tick()
					}
					if phase == 1 {
						r.start()
					}
					for range 14 {
						r.tick()
					}
					if got := r.store.sum("nbu_jobs_completed_total", "policy", "gold"); got != 1 {
						t.Errorf("%v late, hidden %v, phase %d: counted %v times within 15 minutes of being shown, want once", late, hidden, phase, got)
					}
				})
			}
		}
	}
}

// An ending that is shown late and whose id is below the first that was ever read: it began before the ledger did,
// and ended after that.
func TestAuditFindsWhatBeganBeforeTheFirstId(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 500}, jobsOnly)
		r.cfg.Backfill = 10 * minute
		r.start()
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Hidden: 5 * time.Hour, Life: nbusim.Run(time.Second, 70*minute, 0)})
		r.sim.AddJob(nbusim.JobSpec{Policy: "old", Client: "db-1", Hidden: 5 * time.Hour, Life: nbusim.Run(time.Second, 20*minute, 0)})
		time.Sleep(time.Hour)
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: 20 * time.Second})
		for range 4*60 + 15 {
			r.tick()
		}
		if got := r.store.sum("nbu_jobs_completed_total", "policy", "gold"); got != 1 {
			t.Errorf("counted %v times, want once", got)
		}
		if got := r.store.sum("nbu_jobs_completed_total", "policy", "old"); got != 0 {
			t.Errorf("what ended before the ledger began is counted %v times", got)
		}
	})
}

// A job that was counted and runs again under its id is missing nowhere among the ids; its second end is found as well.
func TestAuditFindsTheSecondEndOfAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		late := nbusim.Step{After: 2*time.Hour + 10*minute, State: nbusim.Done, Late: 2 * time.Hour, Lag: 2 * time.Hour}
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: append(nbusim.Run(time.Second, minute, 13), nbusim.Step{After: 5 * minute, State: nbusim.Queued},
			nbusim.Step{After: minute, State: nbusim.Active}, late)})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: 20 * time.Second})
		for range 30 {
			r.tick()
		}
		r.start() // it runs; what is asked for stays known
		time.Sleep(118 * minute)
		for range 15 {
			r.tick()
		}
		if got := r.store.sum("nbu_jobs_completed_total", "policy", "gold"); got != 2 {
			t.Errorf("counted %v times, want each of the two ends once", got)
		}
	})
}

// What the audit cannot account for is a number: ids that were skipped, jobs that are hidden, one that was deleted
// while it ran. It is absent until each id was asked for, and a job that is shown after all is counted.
func TestAuditSaysWhatItCannotAccountFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 3, MeanRun: 20 * time.Second})
		cycles := func(n int) {
			for range n {
				r.tick()
			}
		}
		cycles(15)
		r.want(0, "nbu_jobs_unaccounted")
		r.sim.SkipIDs(40)
		cycles(5)
		r.want(40, "nbu_jobs_unaccounted")
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Hidden: 30 * minute, Life: nbusim.Run(time.Second, minute, 0)})
		deleted := r.sim.AddJob(nbusim.JobSpec{Policy: "gone", Life: nbusim.Run(time.Second, time.Hour, 0)})
		cycles(5)
		r.want(41, "nbu_jobs_unaccounted")
		r.sim.DeleteJob(deleted)
		cycles(5)
		r.want(42, "nbu_jobs_unaccounted")
		cycles(30)
		r.want(41, "nbu_jobs_unaccounted")
		r.want(1, "nbu_jobs_completed_total", "policy", "gold")
		r.start()
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.RefuseFilter("jobId")})
		cycles(10)
		r.want(none(), "nbu_jobs_unaccounted")
		r.want(1, "nbu_collector_success", "collector", "jobs")
	})
}

// The audit costs a page a cycle at most, on average: on a tidy server, where ids jump, and where every second id is
// never shown.
func TestAuditCostsAPageACycle(t *testing.T) {
	for name, c := range map[string]struct {
		jumps  int64
		sparse bool
		most   float64 // pages a cycle beside the two that each cycle needs
	}{"tidy": {0, false, 0.25}, "ids jump": {100_000, false, 0.3}, "every second id": {0, true, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
			r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: 20 * time.Second, Jumps: c.jumps})
			const cycles = 600
			state, keys := 0, 0
			for range cycles {
				r.tick()
				if c.sparse {
					r.sim.SkipIDs(1)
					r.sim.AddJob(quick("gold"))
					r.sim.SkipIDs(1)
					r.sim.AddJob(quick("gold"))
				}
			}
			for key, value := range r.store.state {
				if strings.HasPrefix(key, "counted/") || key == "audit" {
					state, keys = state+len(key)+len(value), keys+1
				}
			}
			extra := float64(r.sim.Requests("/admin/jobs"))/cycles - 2
			t.Logf("%s: %.2f pages a cycle beside two, %d bytes of state in %d keys", name, extra, state, keys)
			if extra > c.most {
				t.Errorf("%s: %.2f pages a cycle beside two, want at most %v", name, extra, c.most)
			}
			r.wantTruthAtRest()
		})
	}
}

// A ping that takes now longer, now less time moves what the agent takes for the time by seconds. A round of the audit is due at
// every fifth tick all the same.
func TestAuditKeepsItsPaceBesideASlowPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		r.sim.AddJob(quick("gold"))
		for tick := range 60 {
			heal := r.sim.Inject(nbusim.Fault{Path: "/ping", Effect: nbusim.Delay(time.Duration(tick%2) * 7 * time.Second)})
			r.tick()
			heal()
		}
		rounds := 0
		for _, q := range r.sim.RequestLog() {
			if asked, err := url.QueryUnescape(q.Query); err == nil && strings.Contains(asked, "jobId ge") {
				rounds++
			}
		}
		if rounds != 12 {
			t.Errorf("%d rounds in an hour, want one every five minutes", rounds)
		}
	})
}

// Where the server refuses to filter by ids, the last hours are read again, at the same cost.
func TestAuditThatIsRefusedReadsDeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.RefuseFilter("jobId")})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 0.7, MeanRun: 20 * time.Second})
		for _, late := range []time.Duration{14 * minute, 5 * time.Hour, 24 * time.Hour} {
			run := nbusim.Run(time.Second, 2*minute+late, 0)
			run[1].Late, run[1].Lag = late, late
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold" + late.String(), Client: "db", Life: run})
		}
		for range 24*60 + 20 {
			r.tick()
		}
		for _, late := range []time.Duration{14 * minute, 5 * time.Hour, 24 * time.Hour} {
			if got := r.store.sum("nbu_jobs_completed_total", "policy", "gold"+late.String()); got != 1 {
				t.Errorf("%v late: counted %v times, want once", late, got)
			}
		}
		if extra := float64(r.sim.Requests("/admin/jobs"))/(24*60+20) - 2; extra > 1.1 {
			t.Errorf("%.2f pages a cycle beside two, want one", extra)
		}
	})
}

// Any field may be missing from every answer of some cycles, as null or without a trace. What is counted is what the
// job was, once, and nothing is taken for a reset.
func TestFragmentsAreCountedWhole(t *testing.T) {
	for _, field := range []string{
		"jobId", "parentJobId", "jobType", "state", "policyType", "policyName", "scheduleType", "clientName", "status", "try", "childCount",
		"startTime", "endTime", "activeTryStartTime", "lastUpdateTime", "kilobytesTransferred", "numberOfFiles",
	} {
		for _, cycles := range []int{1, 4} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 40}, jobsOnly)
				r.tick()
				for status := range 3 {
					r.sim.AddJob(nbusim.JobSpec{
						Policy: fmt.Sprint("p", status), Client: "c", PolicyType: "STANDARD", Work: nbusim.Work{Kilobytes: 5, Moved: 3, Files: 2},
						Life: []nbusim.Step{{After: time.Second, State: nbusim.Active}, {After: time.Second, State: nbusim.Requeued, Status: 84}, {After: time.Second, State: nbusim.Active}, {After: 20 * time.Second, State: nbusim.Done, Status: status}},
					})
				}
				r.sim.LeaveOut(1, field)
				for range cycles {
					r.tick()
				}
				r.sim.LeaveOut(0)
				for range 10 {
					r.tick()
				}
				r.wantTruth()
				if n := r.store.sum("nbu_job_database_resets_total"); n != 0 || t.Failed() {
					t.Errorf("%s is missing for %d cycles: %v resets", field, cycles, n)
				}
			})
		}
	}
}

// On a server that leaves every field out of a fifth of its answers, counts are exact.
func TestFragmentsOfAForgetfulServer(t *testing.T) {
	for _, fields := range [][]string{{"try", "startTime", "parentJobId"}, nil} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
			r.sim.LeaveOut(0.2, fields...)
			r.sim.AddHistory(nbusim.Workload{Seed: 5, Turbulence: 0.5}, 1402, 20*time.Hour)
			r.tick()
			r.sim.Work(nbusim.Workload{Seed: 6, JobsPerMinute: 3, MeanRun: minute, Turbulence: 0.3})
			for range 60 {
				r.tick()
			}
			r.sim.Work(nbusim.Workload{})
			for range 45 {
				r.tick()
			}
			r.wantTruth()
			if n := r.store.sum("nbu_job_database_resets_total"); n != 0 {
				t.Errorf("%v resets", n)
			}
		})
	}
}

// What is never given is waited for a while, and the job is counted once with what is known. A server that never gives
// a field is soon not asked for it any more.
func TestFragmentsThatStaySo(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
			r.sim.LeaveOut(1, "status")
			r.sim.AddJob(quick("gold"))
			for range 14 {
				r.tick()
			}
			if restart {
				r.start()
			}
			for range 20 {
				r.tick()
			}
			r.want(1, "nbu_jobs_completed_total", "policy", "gold", "result", "unknown")
			r.sim.LeaveOut(0)
			for range 10 {
				r.tick()
			}
			r.want(1, "nbu_jobs_completed_total", "policy", "gold")
			r.sim.LeaveOut(1, "status")
			for range 12 {
				r.sim.AddJob(quick("silver"))
			}
			for range 15 {
				r.tick()
			}
			r.want(12, "nbu_jobs_completed_total", "policy", "silver", "result", "unknown")
			r.sim.AddJob(quick("bronze"))
			r.tick()
			r.want(1, "nbu_jobs_completed_total", "policy", "bronze", "result", "unknown")
		})
	}
}

// A refusal of lastUpdateTime while a reading is under way is met without a restart.
func TestSelectionOfAReadingThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 250, time.Hour)
		heal := r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state eq", Skip: 1, Effect: nbusim.Status(500)})
		r.tick()
		heal()
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.RefuseFilter("lastUpdateTime")})
		r.tick()
		r.tick()
		r.wantTruth()
	})
}

// Only NetBackup's own refusal of the filter changes by what is read, and not for life.
func TestSelectionIsNotForLife(t *testing.T) {
	by := func(r *rig) (s string) {
		for _, q := range r.sim.RequestLog() {
			for _, name := range []string{"lastUpdateTime", "endTime"} {
				if q.Path == "/admin/jobs" && len(q.Query) > 0 && containsSort(q.Query, name) {
					s = name
				}
			}
		}
		return s
	}
	for name, c := range map[string]struct {
		effect nbusim.Effect
		want   string
	}{
		"a proxy's 408":    {nbusim.Status(http.StatusRequestTimeout), "lastUpdateTime"},
		"a proxy's page":   {nbusim.ProxyPage(), "lastUpdateTime"},
		"a proxy's 403":    {nbusim.Status(http.StatusForbidden), "lastUpdateTime"},
		"the server's own": {nbusim.RefuseFilter("lastUpdateTime"), "endTime"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, jobsOnly)
			r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: 20 * time.Second})
			r.tick()
			heal := r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "lastUpdateTime", Effect: c.effect})
			r.tick()
			heal()
			r.sim.ResetRequests()
			r.tick()
			if got := by(r); got != c.want {
				t.Errorf("%s: reads by %s, want %s", name, got, c.want)
			}
			for range 61 {
				r.tick()
			}
			if got := by(r); got != "lastUpdateTime" {
				t.Errorf("%s: an hour later it reads by %s", name, got)
			}
			r.wantTruthAtRest()
		})
	}
}

func containsSort(query, name string) bool {
	for i := range len(query) - len("sort="+name) + 1 {
		if query[i:i+len("sort="+name)] == "sort="+name {
			return true
		}
	}
	return false
}

// The server's clock is wrong at the very first ping. From when it is right, jobs count, whether the agent is
// started again meanwhile or not.
func TestBirthIsCorrected(t *testing.T) {
	for _, wrong := range []time.Duration{30 * 24 * time.Hour, time.Hour * 30, -30 * 24 * time.Hour} {
		for _, backfill := range []time.Duration{0, 24 * time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				var clock serverClock
				clock.set(wrong)
				r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: clock.now}, jobsOnly)
				r.cfg.Backfill = backfill
				r.start()
				r.tick()
				clock.set(0)
				if wrong != 30*time.Hour {
					r.start()
				}
				r.tick()
				for n := range 20 {
					r.sim.AddJob(quick("gold"))
					r.tick()
					r.want(float64(n+1), "nbu_jobs_completed_total", "policy", "gold")
				}
			})
		}
	}
}

// The server's clock is wrong for one reading: nothing is forgotten, and nothing counts twice.
func TestClockThatIsWrongForOneReading(t *testing.T) {
	for _, wrong := range []time.Duration{60 * 24 * time.Hour, -60 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var clock serverClock
			r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: clock.now}, jobsOnly)
			for range 5 {
				r.sim.AddJob(quick("gold"))
				r.tick()
			}
			r.site.ledger.expired = 0 // the clients are looked through in the next cycle
			clock.set(wrong)
			r.tick()
			clock.set(0)
			for range 5 {
				r.sim.AddJob(quick("gold"))
				r.tick()
			}
			r.want(10, "nbu_jobs_completed_total", "policy", "gold")
			if _, n := r.live("nbu_client_last_success_timestamp_seconds"); n == 0 {
				t.Errorf("%v: every client is forgotten", wrong)
			}
			if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n > 120 {
				t.Errorf("%v: %v seconds count as unseen", wrong, n)
			}
		})
	}
}

// Ids wrap, then a long job from before the wrap ends, then a new one: five jobs are five.
func TestWrapOfIdsAroundALongJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 1<<31 - 13}, jobsOnly)
		jobs := 0
		add := func(run time.Duration) {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "c", Life: nbusim.Run(time.Second, run, 0)})
			jobs++
			r.tick()
		}
		for range 10 {
			add(10 * time.Second)
		}
		add(30 * minute)
		add(90 * minute) // the last before the wrap
		for range 3 {
			add(10 * time.Second)
		}
		for range 32 {
			r.tick()
		}
		add(10 * time.Second)
		for range 60 {
			r.tick()
		}
		for range 3 {
			add(10 * time.Second)
		}
		r.tick()
		r.want(float64(jobs), "nbu_jobs_completed_total", "policy", "gold")
		r.start()
		r.tick()
		r.want(float64(jobs), "nbu_jobs_completed_total", "policy", "gold")
	})
}

// A server that shows the jobs of a year is not asked again for those whose ids are let go of.
func TestAuditDoesNotAskForWhatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 7000, KeepJobs: 365 * 24 * time.Hour}, jobsOnly, func(c *SiteConfig) { c.Interval = 6 * time.Hour })
		const each = 60 // jobs in six hours, which are 21,600 in ninety days
		for range 4 * 110 {
			for range each {
				r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, time.Minute, 0)})
			}
			r.tick()
		}
		r.wantTruth()
		if r.site.ledger.Counted.Forgotten() == 0 {
			t.Fatal("nothing was let go of in 110 days")
		}
		r.cfg.Interval = minute
		r.start()
		r.sim.ResetRequests()
		const cycles = 12 // at least two rounds; the first reads the last hour again
		for range cycles {
			r.tick()
		}
		if n := r.sim.Requests("/admin/jobs"); n > 3*cycles {
			t.Errorf("%d requests for jobs in %d cycles without a new one", n, cycles)
		}
		r.wantTruth()
	})
}
