package netbackup

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/nbusim"
	"backwire/source/netbackup/runs"
)

// quick is a job that ends two seconds after it was queued.
func quick(policy string) nbusim.JobSpec {
	return nbusim.JobSpec{Policy: policy, Client: "db-1", Life: nbusim.Run(time.Second, time.Second, 0)}
}

func TestLedgerGoesOnAfterAReset(t *testing.T) {
	for name, jobs := range map[string]int{"many jobs": 700, "few jobs": 30} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				r.sim.AddHistory(nbusim.Workload{Seed: 4}, jobs, time.Hour)
				r.tick()
				r.sim.ResetJobs(1)
				for range 40 {
					r.sim.AddJob(quick("gold"))
				}
				for range 3 {
					r.tick()
				}
				r.want(1, "nbu_job_database_resets_total")
				r.start()
				for range 3 {
					r.sim.AddJob(quick("gold"))
					r.tick()
				}
				r.want(1, "nbu_job_database_resets_total")
				r.wantTruth()
			})
		})
	}
}

func TestLedgerFollowsAServerClockThatJumps(t *testing.T) {
	for name, c := range map[string]struct {
		jump     time.Duration
		warnings int
	}{"forth": {6 * time.Hour, 1}, "back": {-6 * time.Hour, 1}, "back a little": {-time.Minute, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var clock serverClock
				r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: clock.now})
				var log bytes.Buffer
				r.log = slog.New(slog.NewTextHandler(&log, nil))
				r.start()
				jobs := func() {
					for range 5 {
						r.sim.AddJob(quick("gold"))
						r.tick()
					}
				}
				jobs()
				clock.set(c.jump)
				r.sim.AddJob(quick("gold")) // ends long before the next reading
				time.Sleep(9 * minute)
				jobs()
				r.want(c.jump.Seconds(), "nbu_server_clock_skew_seconds")
				r.start()
				clock.set(0)
				r.sim.AddJob(quick("gold"))
				time.Sleep(9 * minute)
				jobs()
				r.tick()
				r.want(17, "nbu_jobs_completed_total")
				if n := strings.Count(log.String(), "server's clock was set back"); n != c.warnings {
					t.Errorf("%d warnings of a clock that was set back, want %d:\n%s", n, c.warnings, &log)
				}
			})
		})
	}
}

func TestLedgerGoesByTheEndWhereTheLastUpdateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.RefuseFilter("lastUpdateTime")})
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 250, time.Hour)
		r.tick()
		r.want(1, "nbu_collector_success", "collector", "jobs")
		late := nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(time.Second, 6*time.Minute, 0)}
		late.Life[1].Late = 5 * time.Minute
		r.sim.AddJob(late)
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 3, MeanRun: time.Minute})
		r.sim.ResetRequests()
		for range 10 {
			r.tick()
		}
		if n := r.sim.Requests("/admin/jobs"); n > 30 {
			t.Errorf("%d requests in ten cycles: the refusal is not remembered", n)
		}
		r.wantTruthAtRest()
	})
}

// TestLedgerFindsWhatIsShownLongAfterItsTime has an ending come up far before all that is read in each
// cycle: by the last update, and by the end where that is refused.
func TestLedgerFindsWhatIsShownLongAfterItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		refused bool
		shown   nbusim.Step
	}{
		"by the last update": {false, nbusim.Step{After: 2 * time.Hour, State: nbusim.Done, Lag: 14 * time.Minute}},
		"by the end":         {true, nbusim.Step{After: 7 * time.Hour, State: nbusim.Done, Late: 5 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				if c.refused {
					r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.RefuseFilter("lastUpdateTime")})
				}
				r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: []nbusim.Step{{After: time.Second, State: nbusim.Active}, c.shown}})
				r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 3, MeanRun: time.Minute})
				for time.Since(r.began) < c.shown.After {
					r.tick()
				}
				for range 61 {
					r.tick()
				}
				r.want(1, "nbu_jobs_completed_total", "policy", "gold")
				r.wantTruthAtRest()
			})
		})
	}
}

func TestLedgerSaysWhatTheServerForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), KeepJobs: 2 * time.Hour})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 0.5, MeanRun: time.Minute})
		for range 30 {
			r.tick()
		}
		if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n != 0 {
			t.Fatalf("%v seconds unseen while the agent was there", n)
		}
		time.Sleep(10 * time.Hour)
		r.start()
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state eq", Skip: 1, Times: 1, Effect: nbusim.Status(http.StatusInternalServerError)})
		r.tick() // what the server still has could not be found out
		if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n != 0 {
			t.Errorf("%v seconds unseen by an answer that failed", n)
		}
		r.tick()
		r.start()
		r.tick()
		if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n < 7.9*3600 || n > 8.1*3600 {
			t.Errorf("%v seconds unseen, want about 8 h", n)
		}
		if n := r.store.sum("nbu_jobs_completed_total"); n == 0 {
			t.Error("nothing was counted")
		}
	})
}

func TestLedgerIsNotAlarmedByAShortAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit(), KeepJobs: 5 * time.Hour})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 2, MeanRun: time.Minute})
		for range 30 {
			r.tick()
		}
		time.Sleep(4 * time.Hour)
		r.start()
		r.wantTruthAtRest()
		if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n != 0 {
			t.Errorf("%v seconds unseen, want none", n)
		}
	})
}

// TestLedgerCountsJobsThatMoveBetweenPages updates jobs while the pages are read.
func TestLedgerCountsJobsThatMoveBetweenPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Client.Concurrency = 2 })
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 900, time.Hour)
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(time.Second)})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for id := int64(1); ctx.Err() == nil; id = id%900 + 1 {
				time.Sleep(10 * time.Millisecond)
				_ = r.sim.Continue(id, nbusim.Step{})
			}
		}()
		r.tick()
		r.tick()
		stop()
		r.tick()
		r.wantTruth()
	})
}

func TestLedgerRemembersThroughLongSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(quick("gold"))
		r.tick()
		time.Sleep(30 * 24 * time.Hour)
		r.start()
		r.tick()
		r.want(1, "nbu_jobs_completed_total", "policy", "gold")
		r.wantTruth()
	})
}

func TestLedgerRefusesAStateItDoesNotKnow(t *testing.T) {
	for name, state := range map[string]map[string][]byte{
		"version":    {"ledger": {9}},
		"truncated":  {"ledger": {2, 0x80}},
		"few":        {"ledger": {2, 2}},
		"chunk":      {"counted/1/0": {7}},
		"chunk name": {"counted/1/x": {2}},
		"epoch":      {"counted/8/0": {2}},
		"pairs":      {"counted/1/late": {1}},
	} {
		r := rig{t: t}
		c := newCatalogue()
		l := newLedger(r.cfg, c, r.log, 1, nil)
		if err := l.restore(source.Checkpoint{State: state}); err == nil {
			t.Errorf("%s: restored without an error", name)
		}
	}
}

// TestLedgerCountsAJobWithAnEventfulLife has one that waits, runs, waits again, is suspended, is given up
// and resumed, fails, and is restarted by hand.
func TestLedgerCountsAJobWithAnEventfulLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		step := func(s nbusim.State, status int) nbusim.Step {
			return nbusim.Step{After: 90 * time.Second, State: s, Status: status}
		}
		r.sim.AddJob(nbusim.JobSpec{
			Policy: "gold", Client: "db-1", Work: nbusim.Work{Kilobytes: 10},
			Life: []nbusim.Step{
				step(nbusim.Active, 0), step(nbusim.Requeued, 84), step(nbusim.Active, 0), step(nbusim.Suspended, 0),
				step(nbusim.Active, 0), step(nbusim.Incomplete, 84), step(nbusim.Active, 0), step(nbusim.Done, 58),
				step(nbusim.Queued, 0), step(nbusim.Active, 0), step(nbusim.Done, 0),
			},
		})
		for range 10 {
			r.tick()
			r.want(none(), "nbu_jobs_completed_total")
			r.want(1, "nbu_jobs")
		}
		for range 3 {
			r.tick()
		}
		r.want(1, "nbu_jobs_completed_total", "status", "58")
		r.start()
		for range 5 {
			r.tick()
		}
		r.want(1, "nbu_jobs_completed_total", "status", "58")
		r.want(1, "nbu_jobs_completed_total", "status", "0")
		r.want(none(), "nbu_jobs")
		r.want(0, "nbu_client_consecutive_failures")
		r.wantTruth()
	})
}

func TestLedgerCountsParentsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		parent := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, 20*time.Second, 1)})
		for range 2 {
			child := quick("gold")
			child.Parent, child.Work = parent, nbusim.Work{Kilobytes: 100, Files: 7}
			r.sim.AddJob(child)
		}
		r.tick()
		r.want(1, "nbu_jobs_completed_total", "parent", "true", "result", "partial")
		r.want(2, "nbu_jobs_completed_total", "parent", "false", "result", "success")
		r.want(200*1024, "nbu_job_bytes_total")
		r.want(2, "nbu_job_duration_seconds_count")
		r.want(1, "nbu_client_last_status", "client", "db-1") // of the run: the worst of its jobs
	})
}

func TestLedgerKeepsTheLastSuccessOfTheCatalogBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		began := time.Now()
		job := nbusim.JobSpec{Type: "DBBACKUP", PolicyType: "NBU_CATALOG", Policy: "catalog", Life: nbusim.Run(time.Second, 9*time.Second, 0)}
		r.sim.AddJob(job)
		r.tick()
		job.Life = nbusim.Run(time.Second, 9*time.Second, 96)
		r.sim.AddJob(job)
		r.tick()
		r.start()
		r.tick()
		r.want(float64(began.Add(10*time.Second).Unix()), "nbu_catalog_backup_last_success_timestamp_seconds")
	})
}

func TestLedgerGivesTheLastJobOfEachIntervalAsExemplar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		var last int64
		for range 3 {
			last = r.sim.AddJob(quick("gold"))
			time.Sleep(time.Second)
		}
		r.tick()
		want := []source.Label{{Name: "job_id", Value: strconv.FormatInt(last, 10)}}
		names := map[string]float64{}
		for _, x := range r.batch.Exemplars {
			names[x.Series.Name] = x.Value
			if !slices.Equal(x.Labels, want) {
				t.Errorf("%s has the exemplar %v, want %v", x.Series.Name, x.Labels, want)
			}
			if x.T <= r.batch.T-minute.Milliseconds() || x.T > r.batch.T {
				t.Errorf("%s: exemplar at %d is not in the interval up to %d", x.Series.Name, x.T, r.batch.T)
			}
			if !slices.ContainsFunc(r.batch.Samples, func(s source.Sample) bool { return s.Series == x.Series }) {
				t.Errorf("%s: the exemplar's series is not in the batch", x.Series.Name)
			}
		}
		if names["nbu_jobs_completed_total"] != 1 || names["nbu_job_duration_seconds_bucket"] != 2 {
			t.Errorf("exemplars %v", names)
		}
		r.tick()
		if len(r.batch.Exemplars) != 0 {
			t.Errorf("exemplars of an interval without jobs: %v", r.batch.Exemplars)
		}
	})
}

func TestLedgerStateStaysSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 20_000, 20*time.Hour)
		r.tick()
		size, seen, policies, run, clients := 0, 0, 0, 0, 0
		for k, v := range r.store.state {
			if strings.HasPrefix(k, runs.KeyPrefix) { // of clients
				run, clients = run+len(k)+len(v), clients+1
				continue
			}
			if strings.HasPrefix(k, seenPrefix) { // of policies, not of jobs
				seen, policies = seen+len(k)+len(v), policies+1
				continue
			}
			size += len(k) + len(v)
			if strings.HasPrefix(k, "counted/") && len(v) > 200 {
				t.Errorf("%s takes %d bytes", k, len(v))
			}
		}
		if size > 4500 {
			t.Errorf("the memory of 20,000 jobs takes %d bytes, want at most 4,500: 40 chunks with three times each, and a day of failures", size)
		}
		if policies == 0 || seen > 32*policies {
			t.Errorf("when policies were first seen takes %d bytes for %d policies, want at most 32 each", seen, policies)
		}
		if clients == 0 || run > 224*clients {
			t.Errorf("the runs of %d clients take %d bytes, want at most 224 each: two types of schedules and the last two successes of each, what failed since, and an hour of trees of jobs", clients, run)
		}
		t.Logf("the memory of 20,000 jobs takes %d bytes, that of runs %d for %d clients", size, run, clients)
	})
}
