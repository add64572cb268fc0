package netbackup

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/nbusim"
)

// wantTrueTimes asserts that in every whole or filled batch the counter of finished jobs
// is the number of jobs that had ended by then. It gives the number of such batches.
func (r *rig) wantTrueTimes(since time.Time) int {
	r.t.Helper()
	truth := r.sim.Truth().Completions
	points := 0
	for _, b := range r.all {
		if b.T < since.UnixMilli() {
			continue
		}
		var got float64
		counters := 0
		for _, x := range b.Samples {
			if x.Series.Name == "nbu_jobs_completed_total" {
				got += x.Value
				counters++
			}
		}
		if counters == 0 || zeros(b) {
			continue
		}
		points++
		want := 0
		for _, c := range truth {
			if c.End.UnixMilli() <= b.T {
				want++
			}
		}
		if got != float64(want) {
			r.t.Errorf("at %v: %v jobs, want %d", time.UnixMilli(b.T).UTC().Format(time.TimeOnly), got, want)
		}
	}
	if points == 0 {
		r.t.Errorf("no point with counters since %v", since)
	}
	return points
}

// zeros says that a batch only begins series.
func zeros(b source.Batch) bool {
	for _, x := range b.Samples {
		if x.Value != 0 {
			return false
		}
	}
	return true
}

func TestGridFillsTheTimeBeforeTheFirstStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 7}, 300, 5*time.Hour)
		began := time.Now()
		r.tick()
		r.wantTruth()
		r.wantTrueTimes(began.Add(-24 * time.Hour))
		first := r.all[0]
		if !first.Partial || !zeros(first) {
			t.Errorf("the first batch is not the zeros that begin the counters: %+v", first)
		}
		if gap := r.all[1].T - first.T; gap != minute.Milliseconds() {
			t.Errorf("the zeros are %d ms before the first counts, want one interval", gap)
		}
	})
}

func TestGridFillsTheGapOfAnAgentThatWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 4, MeanRun: time.Minute})
		r.tick()
		for range 30 {
			r.tick()
		}
		time.Sleep(2 * time.Hour)
		back := time.Now()
		r.start()
		r.tick()
		r.wantTrueTimes(back.Add(-2 * time.Hour))
		if points := (r.store.last - back.Add(-2*time.Hour).UnixMilli()) / minute.Milliseconds(); points < 120 {
			t.Errorf("%d points in the gap, want at least 120", points)
		}
	})
}

func TestGridGoesNoFurtherBackThanTheBackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Backfill = time.Hour })
		r.tick()
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 1, MeanRun: time.Minute})
		time.Sleep(5 * time.Hour)
		at := time.Now()
		r.start()
		r.tick()
		for _, b := range r.all[1:] {
			if b.T < at.Add(-61*minute).UnixMilli() {
				t.Fatalf("batch at %v, more than an hour before %v", time.UnixMilli(b.T).UTC(), at)
			}
		}
		r.wantTruthAtRest()
	})
}

// wantTruthAtRest lets the jobs that are left end, and compares.
func (r *rig) wantTruthAtRest() {
	r.t.Helper()
	r.sim.Work(nbusim.Workload{})
	for range 300 {
		r.tick()
		if open, _ := r.live("nbu_jobs"); open == 0 {
			break
		}
	}
	r.tick()
	r.tick()
	r.wantTruth()
}

func TestGridWithoutBackfillBeginsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Backfill = 0 })
		r.sim.AddHistory(nbusim.Workload{Seed: 7}, 100, time.Hour)
		r.sim.AddJob(quick("silver")) // ends so near the start that it is read
		r.tick()
		if n := r.store.sum("nbu_jobs_completed_total"); n != 0 {
			t.Errorf("%v jobs of the time before the start are counted", n)
		}
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(time.Second, time.Second, 0)})
		r.tick()
		r.want(1, "nbu_jobs_completed_total", "policy", "gold")
		if len(r.all) != 3 { // two ticks, and the zeros before the second
			t.Errorf("%d batches, want 3", len(r.all))
		}
	})
}

// TestGridIsFilledInPartsThatStandAlone kills the agent after each part of a long gap.
func TestGridIsFilledInPartsThatStandAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 5}, 3000, 23*time.Hour)
		began := time.Now()
		parts := 0
		for done := false; !done; parts++ {
			done = r.onePart()
			r.start()
		}
		if parts < 3 {
			t.Fatalf("the history came in %d parts: the test proves nothing", parts)
		}
		r.tick()
		r.wantTruth()
		r.wantTrueTimes(began.Add(-24 * time.Hour))
	})
}

// onePart commits one cycle; it answers true where that was the last one.
func (r *rig) onePart() bool {
	at := time.Now().Truncate(minute).Add(minute)
	time.Sleep(time.Until(at))
	for c := range r.site.Collect(r.t.Context(), at) {
		r.take(c)
		return c.Batches[len(c.Batches)-1].T == at.UnixMilli()
	}
	return true
}

// TestGridGoesOnAfterACallerThatStopped breaks off the iteration and keeps the site.
func TestGridGoesOnAfterACallerThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 5}, 3000, 23*time.Hour)
		began := time.Now()
		for !r.onePart() {
		}
		r.wantTruth()
		r.wantTrueTimes(began.Add(-24 * time.Hour))
	})
}

// TestGridFollowsAFirstReadingThatTakesManyCycles reads 3,000 jobs at a second a page, in
// cycles of four seconds, with a restart in between and with jobs that end meanwhile.
func TestGridFollowsAFirstReadingThatTakesManyCycles(t *testing.T) {
	for _, interval := range []time.Duration{minute, 10 * minute} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
					c.Client.Concurrency, c.Interval = 2, interval
				})
				r.sim.AddHistory(nbusim.Workload{Seed: 5}, 3000, 12*time.Hour)
				r.sim.Work(nbusim.Workload{Seed: 6, JobsPerMinute: 2, MeanRun: time.Second})
				began := time.Now()
				r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(time.Second)})
				r.dir = t.TempDir()
				r.reopen()
				r.wantProgress(2)
				if lost := r.queue.Stats().Losses; len(lost) > 0 {
					t.Errorf("the queue did not take all of it: %v", lost)
				}
				r.closeQueue()
				r.dir, r.queue = "", nil
				r.start()
				r.wantProgress(2)
				for range 8 {
					r.tickFor(slow)
				}
				r.want(1, "nbu_collector_success", "collector", "jobs")
				r.wantTrueTimes(began.Add(-13 * time.Hour))
				r.sim.ClearFaults()
				r.wantTruthAtRest()
			})
		})
	}
}

// TestGridFillsTheTimeBeforeTheFirstStartForAServerThatStartsLater has no history to ask for
// at first.
func TestGridFillsTheTimeBeforeTheFirstStartForAServerThatStartsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 5}, 300, 5*time.Hour)
		began := time.Now()
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		for range 20 {
			r.tickFor(5 * time.Second)
			r.want(0, "nbu_up")
		}
		heal()
		r.tick()
		r.wantTruth()
		if n := r.wantTrueTimes(began.Add(-6 * time.Hour)); n < 290 {
			t.Errorf("the five hours before the start have %d points, want about 300", n)
		}
	})
}

// slow is a cycle in which a few pages are read.
const slow = 4500 * time.Millisecond

// wantProgress asserts that each cycle counts more jobs, while live samples arrive at the tick.
func (r *rig) wantProgress(cycles int) {
	r.t.Helper()
	for i := range cycles {
		before := r.store.sum("nbu_jobs_completed_total")
		r.tickFor(slow)
		if after := r.store.sum("nbu_jobs_completed_total"); after <= before || after >= 3000 {
			r.t.Errorf("cycle %d: %v jobs after %v", i, after, before)
		}
		last := r.all[len(r.all)-1]
		if at := time.Now().Truncate(r.cfg.Interval).UnixMilli(); last.T != at {
			r.t.Errorf("cycle %d: the last batch is at %d, the tick was %d", i, last.T, at)
		}
	}
}

// TestGridKeepsTheGapOpenForAServerThatStarts has the server come up two minutes after
// the agent.
func TestGridKeepsTheGapOpenForAServerThatStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 4, MeanRun: time.Minute})
		for range 10 {
			r.tick()
		}
		time.Sleep(time.Hour)
		back := time.Now()
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.start()
		r.tickFor(5 * time.Second)
		r.tickFor(5 * time.Second)
		heal()
		r.tick()
		r.wantTrueTimes(back.Add(-time.Hour))
	})
}

// TestGridDoesNotWaitForeverForAServer has the server stay away for longer than the agent waits.
func TestGridDoesNotWaitForeverForAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(0, time.Second, 0)})
		r.tick()
		time.Sleep(time.Hour)
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.start()
		for range 12 {
			r.tickFor(5 * time.Second)
		}
		r.want(1, "nbu_jobs_completed_total")
		r.want(0, "nbu_up")
		heal()
		r.wantTruthAtRest()
	})
}

func TestGridTakesNoTickTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.tick()
		at := time.Now().Truncate(minute)
		for _, tick := range []time.Time{at, at.Add(time.Second - minute)} {
			for range r.site.Collect(t.Context(), tick) {
				t.Errorf("a cycle for %v after one for %v", tick, at)
			}
		}
	})
}

// TestGridCountsThePagesBeforeAFailingOne is for an exporter that lost all job metrics to one
// failing page, while its "up" stayed 1.
func TestGridCountsThePagesBeforeAFailingOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Client.Concurrency = 1 })
		r.tick()
		r.sim.Work(nbusim.Workload{Seed: 3, JobsPerMinute: 300, MeanRun: time.Second})
		time.Sleep(minute - time.Second)
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state eq", Skip: 1, Effect: nbusim.Status(http.StatusInternalServerError)})
		r.tick()
		r.want(0, "nbu_collector_success", "collector", "jobs")
		r.want(1, "nbu_up")
		if n, _ := r.live("nbu_jobs_completed_total"); n < 90 || n > 100 {
			t.Errorf("%v jobs are counted, want those of the first page", n)
		}
		r.sim.ClearFaults()
		r.wantTruthAtRest()
	})
}

// More jobs than a reading holds at a time end in one interval, or in an outage that is not filled: the
// reading is counted in parts although there is no aligned time before the tick.
func TestManyJobsInOneInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{}, func(c *SiteConfig) { c.Backfill = 0 })
		r.tick()
		for range 10_500 { // 500 more than a run of a reading holds
			r.sim.AddJob(quick("gold"))
		}
		time.Sleep(time.Hour)
		r.tick()
		r.wantTruth()
		r.tick()
		r.wantTruth()
	})
}

// A history of six hours at an interval of two seconds has a sample of each series a minute, and one more where it changed: of each
// aligned time the last sample at or before it is what was true then, so that nothing is lost between.
func TestHistoryIsSparse(t *testing.T) {
	const interval = 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Interval, c.Backfill = interval, 6*time.Hour })
		r.sim.AddHistory(nbusim.Workload{Seed: 7}, 3000, 6*time.Hour)
		began := time.Now()
		for r.tick(); len(r.all) == 0 || r.all[len(r.all)-1].T < began.UnixMilli(); r.tick() {
			time.Sleep(interval)
		}
		r.wantTruth()
		total := map[string]map[int64]float64{} // by series and time
		for _, b := range r.all {
			for _, x := range b.Samples {
				key := x.Series.Key()
				if total[key] == nil {
					total[key] = map[int64]float64{}
				}
				total[key][b.T] = x.Value
			}
		}
		jobs, samples := map[int64]float64{}, 0 // how much the sum of finished jobs grows, by time
		for key, at := range total {
			samples += len(at)
			times, changes, last := slices.Sorted(maps.Keys(at)), 0, 0.0
			for _, x := range times {
				if at[x] == last {
					continue
				}
				changes++
				if strings.HasPrefix(key, "nbu_jobs_completed_total") {
					jobs[x] += at[x] - last
				}
				last = at[x]
			}
			// The hours of the history, the first point, the one before a series begins, and the tick.
			if most := int(time.Since(began.Add(-6*time.Hour))/time.Minute) + 4 + changes; len(times) > most {
				t.Errorf("%s has %d samples and %d changes, want %d at most", key, len(times), changes, most)
			}
		}
		t.Logf("%d series have %d samples", len(total), samples)
		ended := r.sim.Truth().Completions
		got := 0.0
		for x := began.Add(-6 * time.Hour).Truncate(interval); !x.After(began); x = x.Add(interval) {
			got += jobs[x.UnixMilli()]
			want := 0
			for _, c := range ended {
				if !c.End.After(x) {
					want++
				}
			}
			if got != float64(want) {
				t.Fatalf("at %v: %v jobs, want %d", x.UTC().Format(time.TimeOnly), got, want)
			}
		}
	})
}
