package nbusim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// The truth of runs is told from their definition, from the root of each tree down, once everything is over:
//
//   - A run is what one policy did for one client at one time: all jobs of one tree, backups and snapshots, that work for that client.
//   - A job is what its last try came to. A stream that another job began again, under the same parent, is what that one came to.
//   - A job that has children for others than its own client is work of the policy, as is one of the client MEDIA_SERVER, or of none.
//     It belongs to no run.
//   - A run has failed when one of its jobs has, its parent included. Else it was partial when one of them was.
//   - Snapshots alone are a success where their policy takes no backups. Where it does they are none, and no failure. It does where a
//     schedule copies its snapshots to a storage unit, or where a backup of it was made.
//   - A success makes the failures before it good that are of a schedule type which holds no more.

// RunTruth is a run and what it came to.
type RunTruth struct {
	ClientKey
	ScheduleType string // of its first job
	Start, End   time.Time
	Status       int // 0 or 1 where it succeeded
	Bytes        int64
}

// Succeeded says that all of the run's jobs have, be it partly.
func (r RunTruth) Succeeded() bool { return r.Status <= 1 }

// ClientTruth is what is known of a client's runs under a policy.
type ClientTruth struct {
	LastSuccess         map[string]RunTruth // by schedule type
	LastAttempt         time.Time
	LastStatus          int
	LastBytes           int64
	ConsecutiveFailures int
}

type jobKey struct {
	generation int
	id         int64
}

// job of a tree.
type treeJob struct {
	Completion
	above    *treeJob
	children []*treeJob
}

func (j *treeJob) isWork() bool {
	return (j.Type == "BACKUP" || j.Type == "SNAPSHOT") && j.Policy != ""
}

func (j *treeJob) worksFor() ClientKey { return ClientKey{j.Client, j.Policy} }

// isPolicyWork says so of a job that belongs to no client.
func (j *treeJob) isPolicyWork() bool {
	return j.Own || j.Client == "" || strings.EqualFold(j.Client, "MEDIA_SERVER") ||
		slices.ContainsFunc(j.children, func(c *treeJob) bool { return c.isWork() && c.worksFor() != j.worksFor() })
}

// isBegunAgain says that a later job took over its stream.
func (j *treeJob) isBegunAgain() bool {
	return j.above != nil && j.Stream != 0 && len(j.children) == 0 && slices.ContainsFunc(j.above.children, func(o *treeJob) bool {
		return o.Stream == j.Stream && o.Start.After(j.End)
	})
}

// each calls a function with all jobs of the tree.
func (j *treeJob) each(visit func(*treeJob)) {
	visit(j)
	for _, c := range j.children {
		c.each(visit)
	}
}

// copying are the policies that copy what they make to a storage unit; s.mu is held.
func (s *Server) copying() map[string]bool {
	all := map[string]bool{}
	for _, p := range s.policies {
		all[p.Name] = !p.Inactive && slices.ContainsFunc(p.Schedules, func(x Schedule) bool {
			return !x.SnapshotOnly && !strings.HasPrefix(x.BackupType, "User ") && x.BackupType != "Application Backup"
		})
	}
	return all
}

// runsOf are the runs that completed jobs make, by their end.
func runsOf(cs []Completion, copying map[string]bool) (runs []RunTruth) {
	backsUp := maps.Clone(copying)
	for _, c := range cs {
		stood := c.ParentID == 0 && c.Status > 1 && c.Work.Kilobytes == 0 // perhaps to take a snapshot
		backsUp[c.Policy] = backsUp[c.Policy] || c.Type == "BACKUP" && !c.Parent && !c.Own && !stood
	}
	for _, root := range trees(cs) {
		members := map[ClientKey][]*treeJob{}
		root.each(func(j *treeJob) {
			if j.isWork() && !j.isPolicyWork() && !j.isBegunAgain() {
				members[j.worksFor()] = append(members[j.worksFor()], j)
			}
		})
		for k, jobs := range members {
			if r := runOf(k, jobs); !r.Succeeded() || !backsUp[k.Policy] || !snapshotsAlone(jobs) {
				runs = append(runs, r)
			}
		}
	}
	slices.SortFunc(runs, func(a, b RunTruth) int {
		return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Bytes, b.Bytes),
			cmp.Compare(a.Client, b.Client), cmp.Compare(a.Policy, b.Policy), a.Start.Compare(b.Start), cmp.Compare(a.ScheduleType, b.ScheduleType))
	})
	return runs
}

// trees are the roots of the jobs that completed.
func trees(cs []Completion) (roots []*treeJob) {
	jobs := map[jobKey]*treeJob{}
	for _, c := range cs {
		k := jobKey{c.Generation, c.ID}
		if jobs[k] == nil || c.Try >= jobs[k].Try {
			jobs[k] = &treeJob{Completion: c}
		}
	}
	missing := map[jobKey]*treeJob{} // parents that never completed
	for _, j := range jobs {
		if j.ParentID == 0 || j.ParentID == j.ID {
			roots = append(roots, j)
			continue
		}
		k := jobKey{j.Generation, j.ParentID}
		if before := (jobKey{j.Generation - 1, j.ParentID}); jobs[k] == nil && jobs[before] != nil {
			k = before // the ids began again between the two
		}
		if j.above = cmp.Or(jobs[k], missing[k]); j.above == nil {
			j.above = &treeJob{}
			missing[k] = j.above
			roots = append(roots, j.above)
		}
		j.above.children = append(j.above.children, j)
	}
	return roots
}

func snapshotsAlone(jobs []*treeJob) bool {
	snapshots := false
	for _, j := range jobs {
		if j.Type == "SNAPSHOT" {
			snapshots = true
		} else if len(j.children) == 0 {
			return false
		}
	}
	return snapshots
}

func runOf(k ClientKey, jobs []*treeJob) RunTruth {
	slices.SortFunc(jobs, func(a, b *treeJob) int { return cmp.Compare(a.ID, b.ID) })
	r := RunTruth{ClientKey: k, ScheduleType: jobs[0].ScheduleType, Start: jobs[0].Start}
	for _, j := range jobs {
		if j.Start.Before(r.Start) {
			r.Start = j.Start
		}
		if j.End.After(r.End) {
			r.End = j.End
		}
		if len(j.children) == 0 && !j.furtherCopy() {
			r.Bytes += j.Work.Kilobytes * 1024
		}
	}
	worst := slices.MaxFunc(jobs, func(a, b *treeJob) int {
		return cmp.Or(cmp.Compare(badness(a.Status), badness(b.Status)), cmp.Compare(min(len(b.children), 1), min(len(a.children), 1)), cmp.Compare(a.Status, b.Status))
	})
	r.Status = worst.Status
	return r
}

// badness orders what jobs come to: success, partial success, cancelled on purpose, failure.
func badness(status int) int {
	switch status {
	case 0, 1:
		return status
	case 150:
		return 2
	}
	return 3
}

// clientsOf are the clients' truths.
func clientsOf(runs []RunTruth) map[ClientKey]ClientTruth {
	clients := map[ClientKey]ClientTruth{}
	for i, r := range runs {
		t := clients[r.ClientKey]
		if t.LastSuccess == nil {
			t.LastSuccess = map[string]RunTruth{}
		}
		t.LastAttempt, t.LastStatus, t.LastBytes = r.End, r.Status, r.Bytes
		if r.Succeeded() {
			t.LastSuccess[r.ScheduleType] = r
		} else if !slices.ContainsFunc(runs[i+1:], func(later RunTruth) bool {
			return later.ClientKey == r.ClientKey && later.Succeeded() && later.End.After(r.End) && holds(later.ScheduleType, r.ScheduleType)
		}) {
			t.ConsecutiveFailures++
		}
		clients[r.ClientKey] = t
	}
	return clients
}

// holds says that a backup of one schedule type holds what one of another would have: a full backup all, a cumulative one what
// incremental ones do. Log backups are alike. FULL and INCR are what irregular servers say.
func holds(done, failed string) bool {
	ranks := map[string]int{
		"FULL_BACKUP": 4, "FULL": 4, "AUTOMATIC_FULL_BACKUP": 4, "AUTOMATIC_BACKUP": 4,
		"CUMULATIVE_INCREMENTAL_BACKUP": 3, "AUTOMATIC_CUMULATIVE_INCREMENTAL_BACKUP": 3,
		"DIFFERENTIAL_INCREMENTAL_BACKUP": 2, "INCR": 2, "AUTOMATIC_DIFFERENTIAL_INCREMENTAL_BACKUP": 2, "AUTOMATIC_INCREMENTAL_BACKUP": 2,
		"ARCHIVE_REDO_LOG_BACKUP": 1, "TRANSACTION_LOG_BACKUP": 1,
	}
	have, want := ranks[done], ranks[failed]
	return done == failed || want > 1 && have >= want || want == 1 && have == 1
}
