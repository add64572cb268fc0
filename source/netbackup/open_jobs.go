package netbackup

import (
	"context"
	"iter"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/runs"
)

// openJobs reads the jobs that are not done.
type openJobs struct {
	c         *catalogue
	gauges    *collect.Gauges
	transfers map[int64]transfer // of the active jobs, by id
	waits     map[int64]wait     // of the jobs that wait again after a try, by id
	listed    []openJob          // in this cycle
	backups   []runs.Job         // of which runs are made, in this cycle

	running map[clientKey][]string // types of schedules of the backups that are queued or active, as last read to the end

	problems jobProblems        // of the rows
	limit    int                // of series by policy
	policies map[activeKey]bool // that have one in this cycle
	overCap  collect.OverCap
}

// wait is since when a job waits again.
type wait struct {
	try   int64
	since int64 // server's clock, ms
	seen  bool  // in this cycle
}

// activeKey is what the oldest of the active jobs is told of.
type activeKey struct{ jobType, policy string }

// openJob is what the audit needs of an open job: its id, and its start in ms of the server's clock, 0 where
// it is not known.
type openJob struct{ id, start int64 }

// transfer is when a job was last seen to transfer bytes.
type transfer struct {
	try   int64
	bytes int64 // KiB
	since int64 // server's clock, ms
	seen  bool  // in this cycle
}

// stalledAfter is how long a job transfers no bytes before it counts as stalled, in ms.
const stalledAfter = 1_800_000

func newOpenJobs(c *catalogue, board *collect.Gauges, limit int, found *api.Problems) *openJobs {
	return &openJobs{
		c: c, gauges: board, transfers: map[int64]transfer{}, waits: map[int64]wait{},
		problems: jobProblems{found: found}, limit: limit, policies: map[activeKey]bool{},
	}
}

// read asks for the open jobs; now is the server's clock. It says how many there are.
func (o *openJobs) read(ctx context.Context, jobs jobLister, now int64) (int, error) {
	o.gauges.Reset()
	clear(o.policies)
	seen, running := map[int64]bool{}, map[clientKey][]string{}
	o.listed, o.backups = o.listed[:0], o.backups[:0]
	for j, err := range jobs(ctx, api.JobQuery{Filter: "state ne 'DONE'", Sort: "jobId"}) {
		if err != nil {
			return len(seen), err
		}
		if j.State == api.StateDone || seen[j.ID] {
			continue // it ended while the pages were read, or came to another page
		}
		seen[j.ID] = true
		o.problems.leaveOutImpossible(&j, now+aheadMost)
		o.note(&j, now)
		run := openRun(&j)
		if noteRun(running, &j, &run); run.Works() && len(o.backups) < runs.MostOpen {
			o.backups = append(o.backups, run)
		}
		if err := o.gauges.Beyond(); err != nil {
			return len(seen), err
		}
	}
	o.forget()
	o.running = running
	return len(seen), nil
}

func (o *openJobs) note(j *api.Job, now int64) {
	g, c := o.gauges, o.c
	o.listed = append(o.listed, openJob{j.ID, milliseconds(j.Start)})
	g.Count(c.open, j.Type, j.PolicyType, j.State)
	if unit := unitOf(j); unit != "" {
		g.Count(c.unitJobs, unit, j.State)
	}
	c.compat.OpenJob(g, j)
	switch j.State {
	case api.StateQueued, api.StateRequeued:
		g.Count(c.queued, j.Type, reason(j.QueueReason))
		if since := o.waitingSince(j, now); since != 0 {
			g.Least(c.oldestQueued, float64(since)/1000, j.Type)
		}
	case api.StateSuspended, api.StateIncomplete:
		if since := milliseconds(j.Start); since != 0 {
			g.Least(c.oldestHeld, float64(since)/1000, j.Type, j.State)
		}
	case api.StateActive:
		if since := max(milliseconds(j.Start), milliseconds(j.ActiveTryStart)); since != 0 {
			k := o.admit(activeKey{j.Type, j.Policy})
			g.Least(c.oldestActive, float64(since)/1000, k.jobType, k.policy)
		}
		if !isParent(j) {
			o.noteWork(j, now)
		}
	}
}

// admit gives a policy a series of its own while there is room, and the others one together.
func (o *openJobs) admit(k activeKey) activeKey {
	switch {
	case o.policies[k]:
	case len(o.policies) < o.limit:
		o.policies[k] = true
	default:
		o.overCap.TurnAway(k.policy)
		k.policy = otherPolicies
	}
	return k
}

// waitingSince is when a job that waits began to: when it was started, or, where it has worked before, when its last try
// ended. For that the server has no date. It is no later than the last change of the job, as it was when the job was
// first seen to wait again, and than now.
func (o *openJobs) waitingSince(j *api.Job, now int64) int64 {
	start := milliseconds(j.Start)
	_, worked := o.transfers[j.ID] // as it was seen in the cycle before
	w, known := o.waits[j.ID]
	if !worked && !known && j.State != api.StateRequeued && j.Try <= 1 && milliseconds(j.ActiveTryStart) <= start {
		return start
	}
	if !known || w.try != j.Try {
		w = wait{try: j.Try, since: now}
		if changed := milliseconds(j.LastUpdate); changed != 0 && changed < now {
			w.since = max(changed, start, milliseconds(j.ActiveTryStart))
		}
	}
	w.seen = true
	o.waits[j.ID] = w
	return w.since
}

// noteWork looks at an active job that works by itself.
func (o *openJobs) noteWork(j *api.Job, now int64) {
	g, c := o.gauges, o.c
	if o.stalled(j, now) {
		g.Count(c.stalled, j.Type)
	}
	server := j.MediaServer()
	if server == "" {
		return
	}
	g.Count(c.mediaJobs, server)
	rate := j.TransferRate // in kilobytes
	g.AddGiven(c.mediaRate, float64(rate.Value)*bytesPerKilobyte, rate.Given && rate.Value >= 0, server)
}

// unitOf is the storage unit that a leaf job writes to or waits for; empty where it names none.
func unitOf(j *api.Job) string {
	switch {
	case isParent(j):
		return ""
	case j.State == api.StateActive:
		return j.StorageUnit
	case j.State != api.StateQueued && j.State != api.StateRequeued:
		return ""
	case j.StorageUnit != "":
		return j.StorageUnit
	}
	switch reason(j.QueueReason) {
	case "max storage unit jobs", "storageunit job counts throttled", "drives in storage unit in use":
		return j.WaitsFor
	}
	return ""
}

// starts are the ids of the open jobs and their starts.
func (o *openJobs) starts() iter.Seq2[int64, int64] {
	return func(yield func(id, start int64) bool) {
		for _, j := range o.listed {
			if !yield(j.id, j.start) {
				return
			}
		}
	}
}

// stalled says that the job has transferred nothing for long. A job that is seen for the first
// time has transferred when its try started, if it has transferred nothing at all, else now.
func (o *openJobs) stalled(j *api.Job, now int64) bool {
	bytes := max(j.KilobytesTransferred.Value, j.KilobytesDataTransferred.Value)
	m, known := o.transfers[j.ID]
	switch {
	case known && m.try == j.Try && m.bytes == bytes:
	case bytes == 0 && !j.ActiveTryStart.IsZero():
		m.since = milliseconds(j.ActiveTryStart)
	default:
		m.since = now
	}
	m.try, m.bytes, m.seen = j.Try, bytes, true
	o.transfers[j.ID] = m
	return now-m.since >= stalledAfter
}

// forget drops the jobs that are not active, or do not wait, any more.
func (o *openJobs) forget() {
	for id, w := range o.waits {
		if !w.seen {
			delete(o.waits, id)
			continue
		}
		w.seen = false
		o.waits[id] = w
	}
	for id, m := range o.transfers {
		if !m.seen {
			delete(o.transfers, id)
			continue
		}
		m.seen = false
		o.transfers[id] = m
	}
}

// reason is a jobQueueReason in words (admin.yaml, jobQueueReason).
func reason(code int64) string {
	words := [...]string{
		1:  "media in use",
		2:  "drives in use",
		3:  "media server offline",
		4:  "robot down",
		5:  "max storage unit jobs",
		6:  "media request delay",
		7:  "local drives down",
		8:  "media in drive in use",
		9:  "physical drive unavailable",
		10: "cleaning media unavailable",
		11: "drive scan host offline",
		12: "disk media server offline",
		13: "no master media connectivity",
		14: "media server non active mode",
		15: "storageunit job counts throttled",
		16: "job history drives in use",
		17: "disk volume unavailable",
		18: "max concurrent volume readers",
		19: "disk group unavailable",
		20: "fat pipe in use",
		21: "disk volume unmounting",
		22: "disk volume in use",
		23: "max partial media",
		24: "logical resource",
		25: "drives in storage unit in use",
		26: "stop drive scan",
		27: "disk volume mounting",
		28: "mount file exists",
		29: "pending action",
		30: "disk volume stream limit",
		31: "media server jobs throttled",
	}
	if code < 1 || code >= int64(len(words)) {
		return "unknown"
	}
	return words[code]
}
