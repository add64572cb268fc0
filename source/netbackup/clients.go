package netbackup

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/due"
	"backwire/source/netbackup/runs"
)

// seriesPerClient is what a client and policy have: one for each schedule type that succeeded, which most often is one, and four more.
const seriesPerClient = 5

// clients tells of the runs of each client under each policy. Its series are in durable cells, so that they outlive a restart however
// long ago a success was; what they are made of is in the state of the runs.
type clients struct {
	t       *counters
	keep    int64 // ms after the last attempt
	book    *runs.Book
	pairs   map[clientKey]*client // that have series
	overCap collect.OverCap
	old     []string // keys of an older version's state, which are to be deleted

	needed func(k clientKey, scheduleType string, now, keep int64) bool // by a policy, although there was no run for so long; nil where nobody knows
}

type clientKey struct{ client, policy string }

func (k clientKey) pair() runs.Pair { return runs.Pair{Client: k.client, Policy: k.policy} }

func keyOf(p runs.Pair) clientKey { return clientKey{p.Client, p.Policy} }

// client is the series of a pair.
type client struct {
	attempt, status, failures, bytes *cell
	successes                        []*cell // by schedule type
	told                             runs.Summary
	forgotten                        bool   // it is not among the pairs any more
	shown                            uint64 // in which overview

	// Most have no more than these. Each piece of memory costs the garbage collector where clients are tens of thousands.
	room  [seriesPerClient]cell
	taken int // of the room
	first [1]*cell
}

func newClient() *client {
	p := &client{}
	p.successes = p.first[:0]
	return p
}

func newClients(t *counters, limit int, keep int64) *clients {
	return &clients{t: t, keep: keep, book: runs.NewBook(limit / seriesPerClient), pairs: map[clientKey]*client{}}
}

// backup is the type of the jobs that back a client up.
const backup = "BACKUP"

// observe takes note of a job that ended. What it means for its client shows when all of a point are observed: see settle.
func (c *clients) observe(e *ending, at clocks) {
	c.book.Believe(at.latest)
	if c.book.Observe(&runs.Job{
		ID: e.ID, Parent: e.under, Type: e.kind.jobType, Policy: e.kind.policy, Client: e.client, ScheduleType: due.TypeOf(e.kind.scheduleType),
		Start: e.Start, End: e.End, Bytes: e.bytes, Status: e.status, Try: e.Try, Children: e.children, Stream: e.stream,
	}) {
		return
	}
	c.overCap.TurnAway(e.client + "/" + e.kind.policy)
	if !e.parent && e.kind.jobType == backup {
		c.t.bump(&c.t.overflow, c.t.c.overflow, 1)
	}
}

// noteOpen takes the complete list of the open jobs; now is the server's clock.
func (c *clients) noteOpen(jobs []runs.Job, now int64) { c.book.Open(jobs, now) }

// openRun is an open job as runs see it.
func openRun(j *api.Job) runs.Job {
	return runs.Job{
		ID: j.ID, Parent: j.ParentID, Type: j.Type, Policy: j.Policy, Client: j.Client, ScheduleType: due.TypeOf(j.ScheduleType),
		Start: milliseconds(j.Start), Try: bounded(j.Try), Status: absent, Bytes: absent,
	}
}

// settle tells of the runs that changed.
func (c *clients) settle(now int64, at clocks) {
	c.book.Believe(at.latest)
	c.tellAll(c.book.Settle(now))
}

func (c *clients) tellAll(pairs []runs.Pair) {
	gone := map[*cell]bool{}
	for _, p := range pairs {
		c.tell(p, gone)
	}
	c.t.drop(gone)
}

// tell sets the series of a pair to what its runs come to. Those that are not known end.
func (c *clients) tell(pair runs.Pair, gone map[*cell]bool) {
	k := keyOf(pair)
	s, known := c.book.Summary(pair)
	p := c.pairs[k]
	if !known {
		c.forget(k, p, gone)
		return
	}
	if p == nil {
		p = newClient()
		c.pairs[k] = p
		c.overCap.Forget(k.client + "/" + k.policy)
	}
	p.told = s
	f := c.t.c
	c.set(p, &p.attempt, f.lastAttempt, float64(s.Attempt)/1000, true, gone, k.client, k.policy)
	c.set(p, &p.status, f.lastStatus, float64(s.Status), s.Status >= 0, gone, k.client, k.policy)
	c.set(p, &p.bytes, f.lastBytes, float64(s.Bytes), s.Bytes >= 0, gone, k.client, k.policy)
	c.set(p, &p.failures, f.failures, float64(s.Failures), s.Failures > 0 || len(s.Successes) > 0, gone, k.client, k.policy)
	c.tellSuccesses(k, p, s.Successes, gone)
}

func (c *clients) tellSuccesses(k clientKey, p *client, successes []runs.Success, gone map[*cell]bool) {
	p.successes = slices.DeleteFunc(p.successes, func(at *cell) bool {
		if slices.ContainsFunc(successes, func(x runs.Success) bool { return x.ScheduleType == scheduleTypeOf(at) }) {
			return false
		}
		gone[at] = true
		return true
	})
	for _, x := range successes {
		at := p.success(x.ScheduleType)
		known := at != nil
		c.set(p, &at, c.t.c.lastSuccess, float64(x.End)/1000, true, gone, k.client, k.policy, x.ScheduleType)
		if !known {
			p.successes = append(p.successes, at)
		}
	}
}

// set gives a series of a pair its value, or ends it.
func (c *clients) set(p *client, place **cell, f *collect.Family, v float64, known bool, gone map[*cell]bool, labels ...string) {
	switch {
	case !known && *place != nil:
		gone[*place] = true
		*place = nil
	case known && *place == nil:
		*place = c.cell(p, f, labels...)
	}
	if known {
		(*place).value = v
	}
}

// cell makes a series of a pair. Those that have no other labels than the pair share them.
func (c *clients) cell(p *client, f *collect.Family, labels ...string) *cell {
	at := p.newCell()
	if alike := p.any(); alike != nil && f != c.t.c.lastSuccess {
		at.series = *alike.series.Of(f.Metric)
	} else {
		at.series = *collect.NewSeries(f, c.t.site, "", 0, labels...)
	}
	c.t.keep(at)
	return at
}

// newCell is memory for one, which for the first ones is the client's.
func (p *client) newCell() *cell {
	if p.taken == len(p.room) {
		return &cell{}
	}
	p.taken++
	return &p.room[p.taken-1]
}

// any is a cell that has the labels of the pair alone; nil where there is none.
func (p *client) any() *cell {
	if p == nil {
		return nil
	}
	return cmp.Or(p.attempt, p.status, p.failures, p.bytes)
}

// success is the cell of a schedule type; nil where there is none.
func (p *client) success(scheduleType string) *cell {
	if p == nil {
		return nil
	}
	if i := indexOfType(p.successes, scheduleType); i >= 0 {
		return p.successes[i]
	}
	return nil
}

func indexOfType(successes []*cell, scheduleType string) int {
	return slices.IndexFunc(successes, func(c *cell) bool { return scheduleTypeOf(c) == scheduleType })
}

func scheduleTypeOf(c *cell) string { return c.series.Label("schedule_type") }

func (c *clients) forget(k clientKey, p *client, gone map[*cell]bool) {
	if p == nil {
		return
	}
	for _, at := range append(p.successes, p.attempt, p.status, p.failures, p.bytes) {
		if at != nil {
			gone[at] = true
		}
	}
	delete(c.pairs, k)
	p.forgotten = true
	c.overCap.RoomMade()
}

// expire forgets who has not been seen for long: the series end. now is ms of the agent's clock. Of the two clocks, the agent's and
// the server's, the one that is behind is taken: one that is wrong for a moment must not cost what is remembered.
func (c *clients) expire(now int64, at clocks) {
	now = min(now, now+at.skew)
	c.tellAll(c.book.Forget(now-c.keep, now, func(p runs.Pair, scheduleType string) bool {
		return c.needed != nil && c.needed(keyOf(p), scheduleType, now, c.keep)
	}))
}

// end makes an end of a client's series at once; now is ms of the server's clock.
func (c *clients) end(k clientKey, now int64) {
	c.book.End(k.pair(), now)
	c.tellAll([]runs.Pair{k.pair()})
}

// The keys of the first releases' state: when backups failed of late, at first in one key.
const (
	oldFailuresKey    = "failures"
	oldFailuresPrefix = "failure/"
)

// restoreKey takes a key of the state back.
func (c *clients) restoreKey(key string, value []byte) (mine bool, err error) {
	switch {
	case key == oldFailuresKey, strings.HasPrefix(key, oldFailuresPrefix):
		c.old = append(c.old, key) // how many they are is in a series
		return true, nil
	case strings.HasPrefix(key, runs.KeyPrefix):
		return true, c.book.Restore(key, value)
	}
	return false, nil
}

func (c *clients) changes(int64) []source.Change {
	changes := c.book.Changes()
	for _, key := range c.old {
		changes = append(changes, source.Change{Key: key})
	}
	c.old = nil
	return changes
}

// restore takes a series of the checkpoint back; it answers false for one that is not a
// client's.
func (c *clients) restore(s source.Sample) bool {
	f := c.t.c.named(s.Series.Metric.Name)
	if f == nil || f.Section != sectionClients || f == c.t.c.overflow {
		return false
	}
	k := clientKey{s.Series.Label("client"), s.Series.Label("policy")}
	p := c.pairs[k]
	if p == nil {
		p = newClient()
		c.pairs[k] = p
	}
	at := c.cell(p, f, labelsOf(f, s.Series)...)
	at.value = s.Value
	switch f {
	case c.t.c.lastSuccess:
		p.successes = append(p.successes, at)
	case c.t.c.lastAttempt:
		p.attempt = at
	case c.t.c.lastStatus:
		p.status = at
	case c.t.c.failures:
		p.failures = at
	default:
		p.bytes = at
	}
	return true
}

// labelsOf are the values of a family's labels; empty for one that the series does not have, as those of older versions.
func labelsOf(f *collect.Family, s *source.Series) (values []string) {
	for _, name := range f.Labels {
		values = append(values, s.Label(name))
	}
	return values
}

// restored is to be called when all keys and series were taken back; now is the server's clock. What only series tell of is from an
// older version, and goes on.
func (c *clients) restored(now int64) {
	c.tellAll(c.book.Restored(now))
	gone := map[*cell]bool{}
	for k, p := range c.pairs {
		c.book.Adopt(k.pair(), p.summary())
		var known bool
		if p.told, known = c.book.Summary(k.pair()); !known {
			c.forget(k, p, gone)
		}
	}
	c.t.drop(gone)
}

// summary is what an older version's series tell of a pair.
func (p *client) summary() runs.Summary {
	s := runs.Summary{Status: absent, Bytes: absent}
	if p.attempt != nil {
		s.Attempt = millis(p.attempt)
	}
	if p.status != nil && p.status.value <= math.MaxInt32 {
		s.Status = int32(p.status.value)
	}
	if p.bytes != nil {
		s.Bytes = int64(p.bytes.value)
	}
	if p.failures != nil {
		s.Failures = int64(p.failures.value)
	}
	for _, at := range p.successes {
		s.Successes = append(s.Successes, runs.Success{Start: millis(at), End: millis(at)})
	}
	return s
}

// lastSuccess is the end of the last success of any type, in seconds; 0 where there is none.
func (p *client) lastSuccess() (end float64) {
	for _, at := range p.successes {
		end = max(end, at.value)
	}
	return end
}

func millis(c *cell) int64 { return int64(math.Round(c.value * 1000)) }
