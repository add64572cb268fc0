package nbusim

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func TestHistoryIsFinishedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(72 * time.Hour)
		s := newServer(t, Options{Storage: NewEstate(8)})
		s.AddHistory(Workload{Seed: 7, Turbulence: 0.5}, 2000, 24*time.Hour)
		tr := s.Truth()
		if len(tr.Completions) != 2000 || len(tr.Clients) < 20 {
			t.Fatalf("%d completions of %d clients", len(tr.Completions), len(tr.Clients))
		}
		now := time.Now()
		for _, c := range tr.Completions {
			if c.End.After(now) || c.End.Before(now.Add(-24*time.Hour)) || c.Start.After(c.End) {
				t.Fatalf("job %d runs from %s to %s", c.ID, c.Start, c.End)
			}
		}
		ids := everyJob(t, s, "sort", "lastUpdateTime", "page[limit]", "100", "filter", "state eq 'DONE'")
		if len(ids) != 2000 {
			t.Errorf("the pages have %d jobs", len(ids))
		}
	})
}

func TestWorkloadIsTheSameForTheSameSeed(t *testing.T) {
	truths := make([]Truth, 0, 3)
	for _, seed := range []uint64{1, 1, 2} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Options{})
			s.Work(Workload{Seed: seed, JobsPerMinute: 60, MeanRun: time.Minute, Turbulence: 0.3, RestartAfter: 10 * time.Minute})
			for range 30 {
				time.Sleep(time.Minute)
				get(t, s, "/admin/jobs")
			}
			s.Work(Workload{})
			time.Sleep(2 * time.Hour)
			if ids := everyJob(t, s, "filter", "state ne 'DONE'"); len(ids) != 0 {
				t.Errorf("jobs never end: %v", ids)
			}
			truths = append(truths, s.Truth())
		})
	}
	if !reflect.DeepEqual(truths[0], truths[1]) {
		t.Error("the same seed gave two truths")
	}
	if reflect.DeepEqual(truths[0].Completed, truths[2].Completed) {
		t.Error("two seeds gave the same truth")
	}
	if n := len(truths[0].Completions); n < 1400 || n > 2300 {
		t.Errorf("%d completions in 30 minutes at 60 a minute", n)
	}
}

func BenchmarkPage(b *testing.B) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := New(Options{Clock: func() time.Time { return at }})
	if err != nil {
		b.Fatal(err)
	}
	s.AddHistory(Workload{Seed: 1}, 100_000, 48*time.Hour)
	for name, q := range map[string]string{
		"steady":  query("filter", "state eq 'DONE' and lastUpdateTime ge 2026-03-01T11:59:00.000Z", "sort", "lastUpdateTime", "page[limit]", "100"),
		"open":    query("filter", "state ne 'DONE'", "page[limit]", "100"),
		"history": query("filter", "state eq 'DONE' and lastUpdateTime ge 2026-02-28T00:00:00.000Z", "sort", "lastUpdateTime", "page[limit]", "100"),
		"chosen":  query("sort", "policyName", "page[limit]", "100"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				get(b, s, "/admin/jobs"+q)
			}
		})
	}
}
