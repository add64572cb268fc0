package queue

import (
	"errors"
	"io"
	"slices"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// Why something was given up.
const (
	reasonBytes    = "max_bytes"      // the oldest segment, for the limit on bytes
	reasonAge      = "max_age"        // the oldest segment, for the limit on age
	reasonDamaged  = "damaged"        // what the disk did not give back
	reasonGone     = "directory_gone" // a log whose directory was replaced by another
	reasonMissing  = "missing"        // segments that somebody else has removed
	reasonAbsent   = "not_configured" // what was queued and passed by the others while the endpoint was not configured
	reasonMemory   = "memory"         // the oldest cycle in memory, while the disk took none
	reasonOrder    = "out_of_order"   // older than what the series had already handed over
	reasonTooLarge = "too_large"      // a cycle beyond what a record holds
)

// losses is what was given up, by whom it was meant for and why.
type losses map[lossKey]record.Totals

// lossKey has no endpoint where the loss was before anything was in the log.
type lossKey struct{ endpoint, reason string }

func (q *Queue) lose(reason string, t record.Totals) { q.loseOf("", reason, t) }

func (q *Queue) loseOf(endpoint, reason string, t record.Totals) {
	if t == (record.Totals{}) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	key := lossKey{endpoint, reason}
	q.losses[key] = q.losses[key].Plus(t)
}

// place is from where on an endpoint is owed something.
type place struct {
	at     wal.Position
	done   record.Totals // of all that was ever written, up to it, and behind it what was given up
	inside record.Totals // of its segment, up to it
	ahead  Reached       // what is being sent
	unsent int64         // time of the oldest batch behind it, or a little before; ms since the epoch
	lost   record.Totals // of given segments behind it
	within record.Totals // of those, what lies before what is being sent
}

// move takes the place to where the endpoint is now.
func (p *place) move(to Reached, given uint64) {
	p.lost, p.within = p.lost.Minus(p.within), record.Totals{}
	if to.Next.Segment > given {
		p.lost = record.Totals{}
	}
	p.at, p.done, p.inside, p.unsent = to.Next, to.Total.Plus(p.lost), to.Inside, to.Newest
}

// holder is an endpoint's claim to the segments from its cursor on.
type holder struct {
	place              // the oldest
	passed   []stretch // behind it, in order; the last one's place goes first
	attached bool      // by a subscription
	known    bool      // it has a place; until then everything is held

	given uint64 // the newest segment that was given up; what has not been read of it is not read any more
}

// settled is from where on the endpoint is owed something, and what lies before.
func (h *holder) settled() (at wal.Position, done record.Totals) {
	p := h.owner(h.given + 1)
	if p.at.Segment <= h.given {
		return wal.Position{Segment: h.given + 1}, p.done
	}
	return p.at, p.done
}

// tidy removes what no cursor holds any more, without waiting: whoever has the turn does it when
// that is given back.
func (q *Queue) tidy() {
	for q.untidy.Load() {
		select {
		case q.turn <- struct{}{}:
			q.untidy.Store(false)
			q.trim(0)
			<-q.turn
		default:
			return
		}
	}
}

// trim removes the oldest segments: those that every endpoint has passed, and those beyond
// the limits when need more bytes come. The newest always stays. It needs the turn.
func (q *Queue) trim(need int64) {
	segments := q.log.Segments()
	total := need
	for _, s := range segments {
		total += s.Bytes
	}
	for i, s := range segments[:max(len(segments)-1, 0)] {
		reason, surplus := q.surplus(s, segments[i+1], total)
		c := q.contents(s, segments[i+1]) // for Stats too, which reads nothing
		if !surplus || !q.remove(s.Number) {
			return
		}
		if reason != "" {
			q.give(c, reason)
			q.takeStock()
		}
		total -= s.Bytes
	}
}

// remove says once that it fails: it is tried again with every commit.
func (q *Queue) remove(segment uint64) bool {
	err := q.log.Remove(segment)
	if err != nil && !q.stuck {
		q.logger.Error("cannot remove the oldest segment", "segment", segment, "error", err)
	}
	q.stuck = err != nil
	if q.log.Has(segment) {
		return false // nothing of it is lost
	}
	q.forget(segment)
	return true
}

// surplus says whether a segment has to go, and why if somebody still wants it.
func (q *Queue) surplus(s, next wal.SegmentInfo, total int64) (reason string, surplus bool) {
	if q.passed(s.Number) {
		return "", true
	}
	if total > q.options.MaxBytes {
		return reasonBytes, true
	}
	if q.options.MaxAge == 0 {
		return "", false
	}
	newest := time.UnixMilli(q.contents(s, next).Newest)
	return reasonAge, q.options.Clock().Sub(newest) > q.options.MaxAge
}

// passed says whether every endpoint has all of a segment. Where there is no endpoint yet,
// nothing is passed.
func (q *Queue) passed(segment uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.holders {
		if h.at.Segment <= segment {
			return false
		}
	}
	return len(q.holders) > 0
}

// give counts what the endpoints lose with a segment that is gone: what they have not read of it.
func (q *Queue) give(c record.Contents, reason string) {
	q.mu.Lock()
	lost := make(map[string]record.Totals)
	for name, h := range q.holders {
		p := h.owner(c.Segment)
		if p.at.Segment > c.Segment {
			continue
		}
		lost[name] = c.Minus(p.read(c.Segment))
		p.done, p.lost = p.done.Plus(lost[name]), p.lost.Plus(lost[name])
		h.given = max(h.given, c.Segment)
	}
	q.mu.Unlock()
	for name, t := range lost {
		if t == (record.Totals{}) {
			continue
		}
		q.loseOf(name, reason, t)
		q.logger.Warn("the oldest segment was deleted before it was delivered", "reason", reason, "endpoint", name,
			"segment", c.Segment, "records", t.Records, "samples", t.Samples)
	}
}

// read is how much of a segment the endpoint has delivered or is about to.
func (p *place) read(segment uint64) record.Totals {
	switch segment {
	case p.ahead.Next.Segment:
		return p.ahead.Inside
	case p.at.Segment:
		return p.inside
	}
	return record.Totals{}
}

// contents is what a segment holds: known from memory, or from the head of the next.
func (q *Queue) contents(s, next wal.SegmentInfo) record.Contents {
	if c, ok := q.remembered(s.Number); ok {
		return c
	}
	c := record.Contents{Segment: s.Number, Newest: next.Created.UnixMilli()}
	c.Records = max(next.FirstSeq, s.FirstSeq+1) - s.FirstSeq - 1
	r := window.NewReader(q.log, wal.Position{Segment: next.Number}, func(window.Loss) {})
	err := r.Step(nil)
	if (err == nil || errors.Is(err, io.EOF)) && r.Past.Segment == s.Number {
		c = r.Past
	}
	if err := r.Close(); err != nil {
		q.logger.Warn("cannot close a segment", "segment", next.Number, "error", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.summary.note(c)
	return c
}

func (q *Queue) remembered(segment uint64) (record.Contents, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.summary.contents, func(c record.Contents) bool { return c.Segment == segment })
	if i < 0 {
		return record.Contents{}, false
	}
	return q.summary.contents[i], true
}

func (q *Queue) forget(segment uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.summary.contents = slices.DeleteFunc(q.summary.contents, func(c record.Contents) bool { return c.Segment <= segment })
}
