package netbackup

import (
	"backwire/source"
	"backwire/source/collect"
)

// copyAges remember when a job last copied something for a client and policy: a duplication, a replication or an import. The series
// outlive a restart.
type copyAges struct {
	t       *counters
	limit   int   // of series
	keep    int64 // ms after the last copy
	cells   map[copyKey]*cell
	overCap collect.OverCap
}

type copyKey struct{ client, policy, jobType string }

func newCopyAges(t *counters, limit int, keep int64) *copyAges {
	return &copyAges{t: t, limit: limit, keep: keep, cells: map[copyKey]*cell{}}
}

// copies says that jobs of a type copy images (admin.yaml, jobType).
func copies(jobType string) bool {
	switch jobType {
	case "DUPLICATE", "REPLICATE", "REPLICA_IMPORT", "SNAPDUPE", "SNAPREPLICATE", "CLOUD_SNAPSHOT_REPLICATE":
		return true
	}
	return false
}

func (a *copyAges) observe(e *ending, c clocks) {
	if !copies(e.kind.jobType) || e.parent || !e.succeeded() || e.End == 0 {
		return
	}
	k := copyKey{e.client, e.kind.policy, e.kind.jobType}
	at := a.cells[k]
	if at == nil {
		if len(a.cells) >= a.limit {
			a.overCap.TurnAway(k.client + "/" + k.policy)
			return
		}
		at = a.add(k)
		a.overCap.Forget(k.client + "/" + k.policy)
	}
	if end := float64(e.End) / 1000; end > at.value || !c.believes(at) {
		at.value = end
	}
}

func (a *copyAges) add(k copyKey) *cell {
	at := a.t.add(collect.NewSeries(a.t.c.lastCopy, a.t.site, "", 0, k.client, k.policy, k.jobType))
	a.cells[k] = at
	return at
}

func (*copyAges) settle(int64, clocks) {}

// expire ends the series of what was not copied for long. Of the two clocks the one that is behind is taken, as for clients.
func (a *copyAges) expire(now int64, c clocks) {
	gone := map[*cell]bool{}
	for k, at := range a.cells {
		if millis(at) < min(now, now+c.skew)-a.keep {
			gone[at] = true
			delete(a.cells, k)
		}
	}
	if len(gone) > 0 {
		a.overCap.RoomMade()
	}
	a.t.drop(gone)
}

// restore takes a series of the checkpoint back; it answers false for one of somebody else.
func (a *copyAges) restore(s source.Sample) bool {
	f := a.t.c.lastCopy
	if s.Series.Metric.Name != f.Name {
		return false
	}
	v := labelsOf(f, s.Series)
	a.add(copyKey{v[0], v[1], v[2]}).value = s.Value
	return true
}
