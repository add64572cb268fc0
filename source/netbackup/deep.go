package netbackup

import "backwire/source/netbackup/api"

// deep is the plain way to find what is shown late, for a server that refuses to filter by ids: now and
// then a reading begins so far back that its depth is more than the time between two of them. How far
// depends on how many jobs there are, because it may cost a page a cycle and no more.
type deep struct {
	at    int64 // agent's clock when the last one began, ms; 0 before the first
	depth int64 // ms
}

const (
	deepEvery = 840_000        // ms, so that what comes up is read within 15 minutes
	shallow   = 1_200_000      // ms: the least depth
	deepest   = 25 * 3_600_000 // ms: a day and a little
	deeperBy  = 4              // at most, from one to the next
)

// due says that a deep reading is to be made; at is the agent's clock, ms.
func (d *deep) due(at int64) bool { return d.at == 0 || at-d.at >= deepEvery || at < d.at }

// made notes one that brought so many rows, and how deep the next one is.
func (d *deep) made(at, interval int64, rows int) {
	worth := api.JobsPage * max(deepEvery/interval, 1) // rows of a page a cycle
	next := float64(d.depth) * float64(worth) / float64(max(rows, 1))
	d.at = at
	d.depth = int64(min(max(next, shallow), float64(d.depth)*deeperBy, deepest))
}
