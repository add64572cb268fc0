package netbackup

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/api"
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

// listed answers every query with these jobs, whatever was asked, and then fails or not.
func listed(fail error, updates ...int64) jobLister {
	return func(context.Context, api.JobQuery) iter.Seq2[api.Job, error] {
		return func(yield func(api.Job, error) bool) {
			for i, at := range updates {
				j := api.Job{ID: int64(i) + 1, State: api.StateDone, LastUpdate: time.UnixMilli(at), End: time.UnixMilli(at)}
				if !yield(j, nil) {
					return
				}
			}
			if fail != nil {
				yield(api.Job{}, fail)
			}
		}
	}
}

func newReading(now int64, jobs jobLister) *reading {
	return &reading{
		waits: func() int { return 0 }, tidy: func(*api.Job) {},
		progress: progress{log: slog.New(slog.DiscardHandler)},
		by:       byLastUpdate, now: now, readers: 1, jobs: jobs, spans: []*span{{from: 1000, to: open, read: 1000}},
		accept: func(j *api.Job) (ending, bool) { return newEnding(j, nil) },
	}
}

func TestReadingCoversWhatItReadInOrder(t *testing.T) {
	broken := errors.New("broken off")
	for name, c := range map[string]struct {
		jobs     jobLister
		covered  int64
		complete bool
	}{
		"all":                      {listed(nil, 2000, 3000), 9000, true},
		"none":                     {listed(nil), 9000, true},
		"broken off":               {listed(broken, 2000, 3000), 3000, false},
		"broken off at once":       {listed(broken), 1000, false},
		"out of order, broken off": {listed(broken, 3000, 2000), 1000, false},
		"out of order":             {listed(nil, 3000, 2000), 9000, true},
	} {
		r := newReading(9000, c.jobs)
		if err := r.run(t.Context()); (err == nil) != c.complete {
			t.Errorf("%s: %v", name, err)
		}
		if r.covered() != c.covered || r.complete() != c.complete {
			t.Errorf("%s: covered up to %d, complete %v; want %d, %v", name, r.covered(), r.complete(), c.covered, c.complete)
		}
	}
}

// TestReadingThatIsExtendedReadsWhatCameMeanwhile had read to the end of the list, although
// not all before it.
func TestReadingThatIsExtendedReadsWhatCameMeanwhile(t *testing.T) {
	r := newReading(200_000, listed(nil, 100_000))
	r.spans = []*span{{from: 1000, to: 150_000, read: 50_000}, {from: 150_000, to: open, read: 150_000, done: true}}
	r.extend(300_000)
	if r.covered() != 50_000 {
		t.Errorf("covered up to %d, want 50000", r.covered())
	}
	last := r.spans[len(r.spans)-1]
	if last.done || last.to != open || last.from > 200_000-byLastUpdate.overlap() {
		t.Errorf("the last span is %+v: what came after 200000 is not read", last)
	}
	if err := r.run(t.Context()); err != nil || !r.complete() || r.covered() != 300_000 {
		t.Errorf("%v, complete %v, covered up to %d", err, r.complete(), r.covered())
	}
}
