package netbackup

import (
	"strings"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/due"
)

// clientRuns answers what promises ask of the runs of a client under a policy. Times are ms of the server's clock.
type clientRuns struct{ site *Site }

// ready says that the runs are known: jobs are read, and have been to their end.
func (r clientRuns) ready() bool { return !r.site.ledger.idle && r.site.ledger.ReadAt != 0 }

// lastSuccess is the start of the last successful run that keeps the promise of a type; 0 where there was none. It is not known
// where there was no room to remember one.
func (r clientRuns) lastSuccess(k clientKey, _ string) (start int64, known bool) {
	p := r.site.clients.pairs[k]
	switch {
	case p == nil:
		return 0, r.site.clients.room()
	case p.success == nil:
		return 0, true
	}
	return int64(p.success.value * 1000), true
}

// lastAttempt is when the last run ended, whatever its type and its result; 0 where there was none.
func (r clientRuns) lastAttempt(k clientKey) int64 {
	if p := r.site.clients.pairs[k]; p != nil && p.attempt != nil {
		return int64(p.attempt.value * 1000)
	}
	return 0
}

// underWay says that a run which would keep the promise of a type is queued or active.
func (r clientRuns) underWay(k clientKey, scheduleType string) bool {
	for _, running := range r.site.open.running[k] {
		if due.Keeps(running, scheduleType) {
			return true
		}
	}
	return false
}

// searching says that a run of the policy itself is queued or active, which may yet start those of its clients.
func (r clientRuns) searching(policy, scheduleType string) bool {
	return r.underWay(clientKey{"", policy}, scheduleType)
}

// noteRun notes that an open job works for a client, or for the policy as a whole where it is the first of its run.
func noteRun(running map[clientKey][]string, j *api.Job) {
	moving := j.State == api.StateQueued || j.State == api.StateActive || j.State == api.StateRequeued
	if j.Policy == "" || !moving || !backsUp(j.Type) {
		return
	}
	scheduleType := due.TypeOf(j.ScheduleType)
	running[clientKey{j.Client, j.Policy}] = append(running[clientKey{j.Client, j.Policy}], scheduleType)
	if j.ParentID == 0 || j.ParentID == j.ID {
		running[clientKey{"", j.Policy}] = append(running[clientKey{"", j.Policy}], scheduleType)
	}
}

// backsUp says that a job of a type is a part of a backup, its snapshot included.
func backsUp(jobType string) bool {
	return jobType == backup || strings.HasPrefix(jobType, "SNAPSHOT")
}
