package netbackup

import (
	"slices"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/due"
	"backwire/source/netbackup/runs"
)

// clientRuns answers what promises ask of the runs of a client under a policy. Times are ms of the server's clock.
type clientRuns struct{ site *Site }

// ready says that the runs are known: jobs are read, and have been to their end.
func (r clientRuns) ready() bool { return !r.site.ledger.Idle && r.site.ledger.ReadAt != 0 }

// lastSuccess is the start of the last successful run that keeps the promise of a type; 0 where there was none. It is not known where
// there was no room to remember any.
func (r clientRuns) lastSuccess(k clientKey, scheduleType string) (start int64, known bool) {
	s, told := r.site.clients.book.Summary(k.pair())
	return started(s.Successes, scheduleType), told || r.room(k)
}

// room says that runs of a client would be remembered if there were any.
func (r clientRuns) room(k clientKey) bool {
	book := r.site.clients.book
	return book.Room() || book.Has(k.pair())
}

// started is when the last of these runs that keeps the promise of a type started; 0 where there is none. A success whose type is not
// known, as those that the first releases remembered, stands in for one.
func started(successes []runs.Success, scheduleType string) (start int64) {
	untyped := int64(0)
	for _, x := range successes {
		switch {
		case due.Keeps(x.ScheduleType, scheduleType):
			start = max(start, x.Start)
		case x.ScheduleType == "":
			untyped = x.Start
		}
	}
	if start == 0 {
		start = untyped
	}
	return start
}

// lastSeen is when the last job of any run ended, whatever came of it; 0 where there was none.
func (r clientRuns) lastSeen(k clientKey) int64 { return r.site.clients.book.Seen(k.pair()) }

// underWay says that a run which would keep the promise of a type is queued or active, or has ended and lacks a job that may still be
// shown.
func (r clientRuns) underWay(k clientKey, scheduleType string, now int64) bool {
	keeps := func(running string) bool { return due.Keeps(running, scheduleType) }
	if slices.ContainsFunc(r.site.open.running[k], keeps) {
		return true
	}
	return r.site.clients.book.Waits(k.pair(), now, keeps)
}

// searching says that a run of the policy itself is queued or active, which may yet start those of its clients.
func (r clientRuns) searching(policy, scheduleType string, now int64) bool {
	return r.underWay(clientKey{"", policy}, scheduleType, now)
}

// noteRun notes that an open job works for a client, or for the policy as a whole where it is the first of its run.
func noteRun(running map[clientKey][]string, j *api.Job, r *runs.Job) {
	moving := j.State == api.StateQueued || j.State == api.StateActive || j.State == api.StateRequeued
	if !moving || !r.Works() {
		return
	}
	running[clientKey{j.Client, j.Policy}] = append(running[clientKey{j.Client, j.Policy}], r.ScheduleType)
	if j.ParentID == 0 || j.ParentID == j.ID {
		running[clientKey{"", j.Policy}] = append(running[clientKey{"", j.Policy}], r.ScheduleType)
	}
}
