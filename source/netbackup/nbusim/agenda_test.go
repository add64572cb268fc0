package nbusim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLifeFollowsTheClockHoweverSeldomAnybodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		id := s.AddJob(JobSpec{Work: Work{Kilobytes: 1000, Moved: 100, Files: 10}, Life: []Step{
			{After: 10 * time.Second, State: Active},
			{After: 100 * time.Second, State: Done, Status: 1, Late: 3 * time.Second, Lag: time.Second},
		}})
		if j, _ := s.Job(id); j.State != Queued || j.Try != 0 || j.End.UnixMilli() != 0 {
			t.Errorf("at first: %+v", j)
		}
		time.Sleep(60 * time.Second)
		a := get(t, s, "/admin/jobs/1").body
		for _, want := range []string{
			`"state":"ACTIVE"`, `"kilobytesTransferred":500,`, `"numberOfFiles":5,`, `"percentComplete":50,`,
			`"endTime":"1970-01-01T00:00:00.000Z"`, `"elapsedTime":"PT1M"`, `"activeElapsedTime":"PT50S"`, `"transferRate":10,`,
		} {
			if !strings.Contains(string(a), want) {
				t.Errorf("%s is not in %s", want, a)
			}
		}
		began := time.Now().Add(-60 * time.Second)
		time.Sleep(time.Hour)
		j, _ := s.Job(id)
		if j.State != Done || j.Status != 1 || j.Try != 1 {
			t.Errorf("at last: %+v", j)
		}
		if end, updated := j.End.Sub(began), j.LastUpdate.Sub(began); end != 107*time.Second || updated != 109*time.Second {
			t.Errorf("ended after %s, updated after %s", end, updated)
		}
	})
}

func TestContinueReplacesWhatWasPlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		id := s.AddJob(JobSpec{Life: Run(0, time.Minute, 0)})
		time.Sleep(time.Second)
		if err := s.Continue(id, Step{State: Suspended}, Step{After: time.Hour, State: Active}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		if j, _ := s.Job(id); j.State != Suspended {
			t.Errorf("the job is %s", j.State)
		}
		time.Sleep(time.Hour)
		if j, _ := s.Job(id); j.State != Active || j.Try != 2 {
			t.Errorf("the job is %s in try %d", j.State, j.Try)
		}
		if err := s.Continue(99); err == nil {
			t.Error("a job that is not there went on")
		}
		s.DeleteJob(id)
		time.Sleep(time.Hour)
		if ids := everyJob(t, s); len(ids) != 0 {
			t.Errorf("left are %v", ids)
		}
	})
}

func TestStalledTryMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		id := s.AddJob(JobSpec{Work: Work{Kilobytes: 100}, Life: []Step{
			{State: Active, Stalled: true}, {After: time.Hour, State: Done, Status: 150},
		}})
		time.Sleep(59 * time.Minute)
		if a := get(t, s, "/admin/jobs/1").body; !strings.Contains(string(a), `"kilobytesTransferred":0,`) {
			t.Errorf("it moves: %s", a)
		}
		time.Sleep(time.Hour)
		tr := s.Truth()
		if tr.Completions[0].ID != id || tr.Completions[0].Work != (Work{}) {
			t.Errorf("counted %+v", tr.Completions[0])
		}
	})
}

func TestSkewedClockIsTheServersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Clock: func() time.Time { return time.Now().Add(5 * time.Minute) }})
		id := s.AddJob(JobSpec{Life: Run(time.Second, time.Second, 0)})
		time.Sleep(time.Minute)
		if j, _ := s.Job(id); time.Until(j.End) != 4*time.Minute+2*time.Second {
			t.Errorf("ended at %s", j.End)
		}
	})
}
