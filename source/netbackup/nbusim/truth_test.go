package nbusim

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTruthCountsEveryTryThatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		spec := JobSpec{Policy: "p", Client: "c", Work: Work{Kilobytes: 100, Moved: 10, Files: 3}}
		spec.Life = []Step{
			{After: 5 * time.Second, State: Active},
			{After: time.Minute, State: Requeued, Status: 84},
			{After: 10 * time.Second, State: Active},
			{After: time.Minute, State: Incomplete, Status: 13},
			{After: time.Minute, State: Active},
			{After: time.Minute, State: Suspended},
			{After: time.Minute, State: Active},
			{After: 30 * time.Second}, // progress
			{After: 30 * time.Second, State: Done, Status: 1},
			{After: time.Minute}, // a late update
		}
		id := s.AddJob(spec)
		time.Sleep(time.Hour)
		tr := s.Truth()
		key := CompletedKey{"BACKUP", "STANDARD", "p", "FULL_BACKUP", "partial", 1, false}
		if len(tr.Completed) != 1 || tr.Completed[key] != 1 {
			t.Errorf("completed: %v", tr.Completed)
		}
		if w := tr.Work[WorkKey{"BACKUP", "STANDARD", "p"}]; w != (Amount{100 << 10, 10 << 10, 3, 3}) {
			t.Errorf("work: %+v", w)
		}
		if err := s.Continue(id, Step{State: Queued}, Step{After: time.Second, State: Active},
			Step{After: time.Second, State: Done, Status: 50}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		tr = s.Truth()
		c := tr.Clients[ClientKey{"c", "p"}]
		if c.ConsecutiveFailures != 1 || c.LastStatus != 50 || len(c.LastSuccess) != 0 {
			t.Errorf("client: %+v", c)
		}
		if w := tr.Work[WorkKey{"BACKUP", "STANDARD", "p"}]; w.Retries != 4 {
			t.Errorf("retries: %d", w.Retries)
		}
		if first := tr.Completions[0]; first.Gone.IsZero() {
			t.Error("the first completion is not marked as gone")
		}
	})
}

func TestParentsAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		parent := s.AddJob(JobSpec{Policy: "p", Client: "c", Life: Run(0, time.Minute, 0)})
		s.AddJob(JobSpec{Parent: parent, Policy: "p", Client: "c", Work: Work{Kilobytes: 1}, Life: Run(0, 30*time.Second, 0)})
		time.Sleep(2 * time.Minute)
		tr := s.Truth()
		key := CompletedKey{"BACKUP", "STANDARD", "p", "FULL_BACKUP", "success", 0, true}
		if tr.Completed[key] != 1 || len(tr.Completed) != 2 {
			t.Errorf("completed: %v", tr.Completed)
		}
		if d := tr.Durations[DurationKey{"BACKUP", "STANDARD"}]; len(d.Run) != 1 || d.Run[0] != 30 {
			t.Errorf("durations: %v", d)
		}
		a := get(t, s, "/admin/jobs/1").body
		if string(a) == "" {
			t.Error("no job")
		}
	})
}

func TestJobsAgeOutAndTheTruthStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{KeepJobs: time.Hour})
		s.AddJob(JobSpec{Life: Run(0, time.Minute, 0)})
		open := s.AddJob(JobSpec{})
		time.Sleep(62 * time.Minute)
		if ids := everyJob(t, s); len(ids) != 1 {
			t.Errorf("left are %v", ids)
		}
		s.ResetJobs(1)
		if id := s.AddJob(JobSpec{Life: Run(0, time.Minute, 0)}); id != 1 {
			t.Errorf("the first job after a reset has id %d", id)
		}
		if _, ok := s.Job(open); ok {
			t.Error("a job outlived the reset")
		}
		time.Sleep(time.Minute)
		if n := len(s.Truth().Completions); n != 2 {
			t.Errorf("%d completions, want 2", n)
		}
	})
}
