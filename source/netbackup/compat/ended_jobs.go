package compat

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// Job is what is told of a job that ended.
type Job struct {
	ID                               int64
	End                              int64 // server's clock, ms
	Type, PolicyType, Policy, Client string
	Status                           int32 // absent where negative, as are the next two
	Bytes, Files                     int64
	DedupRatio                       api.Optional[float64]
}

// Window is how far back jobs are counted that have ended, in ms.
const Window = 3_600_000

// EndedJobs holds the jobs that ended in the last hour, parents too. It is no state: after a restart the first reading goes
// back so far. A nil one holds none. It is used by one goroutine at a time.
type EndedJobs struct {
	jobs  map[int64]Job // by id
	since int64         // server's clock, ms: what ended before is left out
}

// NewEndedJobs holds no job yet.
func NewEndedJobs() *EndedJobs { return &EndedJobs{jobs: map[int64]Job{}} }

// Begin forgets what is older than an hour now, which is the server's clock in ms: a first reading of a year keeps no more
// than that.
func (e *EndedJobs) Begin(now int64) {
	if e == nil {
		return
	}
	e.since = now - Window
	maps.DeleteFunc(e.jobs, func(_ int64, j Job) bool { return j.End <= e.since })
}

// Note keeps a job that has ended, or sees it again.
func (e *EndedJobs) Note(j Job) {
	if e != nil && j.End > e.since {
		e.jobs[j.ID] = j
	}
}

// All are the jobs in the order of their ids, so that sums come out the same to the bit.
func (e *EndedJobs) All() []Job {
	if e == nil {
		return nil
	}
	list := make([]Job, 0, len(e.jobs))
	for _, id := range slices.Sorted(maps.Keys(e.jobs)) {
		list = append(list, e.jobs[id])
	}
	return list
}

// Backup is a successful backup of a client under a policy; the last of several counts.
type Backup struct {
	Client, Policy string
	End            float64 // seconds since the epoch, server's clock
}

// Jobs sets the gauges of the jobs that ended in the last hour, and of clients as many as the limit allows.
func (x *Exporter) Jobs(g *collect.Gauges, ended []Job, backups []Backup, clientLimit int) {
	for i := range ended {
		x.job(g, &ended[i])
	}
	x.dedupRatios(g, ended)
	x.clients(g, ended, backups, clientLimit)
}

func (x *Exporter) job(g *collect.Gauges, j *Job) {
	g.Count(x.jobs, j.Type, j.PolicyType, j.status())
	g.Count(x.byStatus, j.Type, j.status())
	g.Count(x.byState, j.Type, api.StateDone)
	g.AddGiven(x.bytes, float64(j.Bytes), j.Bytes >= 0, j.Type, j.PolicyType, j.status())
	g.AddGiven(x.files, float64(j.Files), j.Files >= 0, j.Type, j.PolicyType)
}

// status is a label.
func (j *Job) status() string {
	if j.Status < 0 {
		return ""
	}
	return strconv.Itoa(int(j.Status))
}

// dedupRatios sets the means, over the jobs that give a ratio.
func (x *Exporter) dedupRatios(g *collect.Gauges, ended []Job) {
	type kind struct{ jobType, policyType string }
	type sum struct{ ratios, jobs float64 }
	sums := map[kind]sum{}
	for _, j := range ended {
		if j.DedupRatio.Given {
			k := kind{j.Type, j.PolicyType}
			sums[k] = sum{sums[k].ratios + j.DedupRatio.Value, sums[k].jobs + 1}
		}
	}
	for k, s := range sums {
		g.Set(x.dedup, s.ratios/s.jobs, k.jobType, k.policyType)
	}
}

// clientWork is a type of job of a client under a policy.
type clientWork struct{ client, policy, action string }

func (k clientWork) compare(o clientWork) int {
	return cmp.Or(cmp.Compare(k.client, o.client), cmp.Compare(k.policy, o.policy), cmp.Compare(k.action, o.action))
}

// backup is the type of the jobs that back a client up.
const backup = "BACKUP"

// clients sets the gauges of clients, until the limit on series is reached.
func (x *Exporter) clients(g *collect.Gauges, ended []Job, backups []Backup, limit int) {
	last := map[clientWork]float64{}
	for _, b := range backups {
		k := clientWork{b.Client, b.Policy, backup}
		last[k] = max(last[k], b.End)
	}
	for i := range ended {
		j := &ended[i]
		if j.Client == "" {
			continue
		}
		if limit--; limit >= 0 {
			g.Count(x.clientJobs, j.Client, j.Type, j.status())
		}
		if k := (clientWork{j.Client, j.Policy, j.Type}); j.Status == 0 {
			last[k] = max(last[k], float64(j.End)/1000)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(last), clientWork.compare) {
		if limit--; limit < 0 {
			return
		}
		g.Set(x.clientJobSuccess, last[k], k.client, k.policy, k.action)
		if k.action == backup {
			at := g.At(x.clientSuccess, k.client)
			*at = max(*at, last[k])
		}
	}
}
