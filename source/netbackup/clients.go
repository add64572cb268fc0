package netbackup

import (
	"cmp"
	"math"

	"backwire/source"
	"backwire/source/collect"
)

// seriesPerClient is what a client and policy may have at most.
const seriesPerClient = 5

// clients keeps what is remembered of each client under each policy. All of it is in
// durable cells, so that it outlives a restart however long ago a success was.
type clients struct {
	t       *counters
	limit   int   // of series
	clocks        // when it was last told of an ending
	keep    int64 // ms after the last attempt
	pairs   map[clientKey]*client
	overCap collect.OverCap
	recent  *recentFailures

	needed func(k clientKey, now, keep int64) bool // by a policy, although there was no attempt for so long; nil where nobody knows
}

type clientKey struct{ client, policy string }

func (k clientKey) compare(o clientKey) int {
	return cmp.Or(cmp.Compare(k.client, o.client), cmp.Compare(k.policy, o.policy))
}

type client struct{ success, attempt, status, failures, bytes *cell }

func newClients(t *counters, limit int, keep int64) *clients {
	return &clients{t: t, limit: limit, clocks: clocks{latest: math.MaxInt64}, keep: keep, pairs: map[clientKey]*client{}, recent: newRecentFailures()}
}

// backup is the type of the jobs that back a client up.
const backup = "BACKUP"

// observe takes note of a leaf job that backed a client up.
func (c *clients) observe(e *ending, at clocks) {
	c.clocks = at
	k := clientKey{e.client, e.kind.policy}
	if e.parent || k.client == "" || k.policy == "" || e.kind.jobType != backup {
		return
	}
	p := c.pair(k)
	if p == nil {
		c.t.bump(&c.t.overflow, c.t.c.overflow, 1)
		return
	}
	c.note(p, k, e)
}

// room says whether another pair may have series.
func (c *clients) room() bool { return (len(c.pairs)+1)*seriesPerClient <= c.limit }

func (c *clients) pair(k clientKey) *client {
	if p := c.pairs[k]; p != nil {
		return p
	}
	if !c.room() {
		c.overCap.TurnAway(k.client + "/" + k.policy)
		return nil
	}
	c.overCap.Forget(k.client + "/" + k.policy)
	p := &client{}
	c.pairs[k] = p
	return p
}

// note keeps the later of what is known and what is told: endings may come out of order.
func (c *clients) note(p *client, k clientKey, e *ending) {
	end := float64(e.End) / 1000
	if p.precedes(e, end) || !c.believes(p.attempt) {
		c.set(&p.attempt, c.t.c.lastAttempt, k, end)
		if e.status >= 0 {
			c.set(&p.status, c.t.c.lastStatus, k, float64(e.status))
		}
		if e.bytes >= 0 {
			c.set(&p.bytes, c.t.c.lastBytes, k, float64(e.bytes))
		}
	}
	switch {
	case e.succeeded() && (p.success == nil || end > p.success.value || !c.believes(p.success)):
		c.set(&p.success, c.t.c.lastSuccess, k, end)
		c.set(&p.failures, c.t.c.failures, k, float64(c.recent.after(k, e.End)))
	case e.status > 1 && (p.success == nil || end >= p.success.value || !c.believes(p.success)):
		var failed float64
		if p.failures != nil {
			failed = p.failures.value
		}
		c.set(&p.failures, c.t.c.failures, k, failed+1)
		c.recent.add(k, e.End)
	}
}

// precedes says that the ending is later than the last attempt. Of two in the same second the
// one with the greater status is the last, then the one with more bytes: so it does not matter
// which is told first.
func (p *client) precedes(e *ending, end float64) bool {
	if p.attempt == nil {
		return true
	}
	return cmp.Or(
		cmp.Compare(end, p.attempt.value),
		cmp.Compare(float64(e.status), valueOrAbsent(p.status)),
		cmp.Compare(float64(e.bytes), valueOrAbsent(p.bytes)),
	) > 0
}

func valueOrAbsent(c *cell) float64 {
	if c == nil {
		return absent
	}
	return c.value
}

func (c *clients) set(place **cell, f *collect.Family, k clientKey, v float64) {
	if *place == nil {
		*place = c.t.add(collect.NewSeries(f, c.t.site, "", 0, k.client, k.policy))
	}
	(*place).value = v
}

// expire forgets who has not been seen for long, and times that cannot be: the series end. now is ms of the agent's clock. Of the
// two clocks, the agent's and the server's, the one that is behind is taken: one that is wrong for a moment must not cost what
// is remembered.
func (c *clients) expire(now int64, at clocks) {
	c.clocks = at
	gone := map[*cell]bool{}
	before := float64(min(now, now+at.skew) - c.keep)
	for k, p := range c.pairs {
		if !c.believes(p.success) {
			gone[p.success], p.success = true, nil
		}
		if c.believes(p.attempt) && (p.attempt != nil && p.attempt.value*1000 > before || c.needed != nil && c.needed(k, min(now, now+at.skew), c.keep)) {
			continue
		}
		c.forget(k, gone)
	}
	delete(gone, nil)
	c.t.drop(gone)
	c.recent.forget(min(now, now+at.skew))
}

// end forgets a client at once: its series end.
func (c *clients) end(k clientKey) {
	gone := map[*cell]bool{}
	c.forget(k, gone)
	delete(gone, nil)
	c.t.drop(gone)
}

func (c *clients) forget(k clientKey, gone map[*cell]bool) {
	if p := c.pairs[k]; p != nil {
		for _, cell := range []*cell{p.success, p.attempt, p.status, p.failures, p.bytes} {
			gone[cell] = true
		}
		delete(c.pairs, k)
		c.overCap.RoomMade()
	}
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
		p = &client{}
		c.pairs[k] = p
	}
	c.set(p.place(c.t.c, f), f, k, s.Value)
	return true
}

func (p *client) place(c *catalogue, f *collect.Family) **cell {
	switch f {
	case c.lastSuccess:
		return &p.success
	case c.lastAttempt:
		return &p.attempt
	case c.lastStatus:
		return &p.status
	case c.failures:
		return &p.failures
	}
	return &p.bytes
}
