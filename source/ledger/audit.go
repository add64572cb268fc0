package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"backwire/source"
)

// audit finds the ended events that no reading showed in its time. A reading goes by the clocks of the
// server's stamps, and a server may show an event hours after them. But ids are given in ascending order:
// the ids that are neither counted nor open are a short list, and asking for exactly those depends on no
// clock. It asks for each every few minutes, in one request a cycle at most.
//
// It costs no state beside the set of what was counted. Only events that were counted and ran again under
// their id have to be remembered, because nothing is missing among the ids where they end.
type audit struct {
	open      idSet // of the last complete list of open events, nil before it
	before    idSet // of the list before that
	dismissed idSet // shown as finished, and not to be counted

	reopened map[int64]int64 // counted ids that were open after that → agent's clock when last, ms
	changed  bool            // reopened did

	current bool      // the last cycle asked for all that it wanted to know
	round   []IDRange // to be asked for, in this order
	begun   int64     // agent's clock when the round began, ms; 0 before the first
	older   int       // of the ranges that found no room in a round, how many are past
	whole   bool      // all that was missing was asked for in this life of the agent
	refused int64     // agent's clock when the server last refused to filter by ids, ms; 0 where it does not
}

const (
	auditKey     = "audit"
	auditVersion = 1

	roundEvery   = 300_000       // ms between the beginnings of two rounds
	roundLimit   = 600_000       // ms that a round may take, so that each id is asked for within 15 minutes
	rangesAtOnce = 50            // that find room in a request
	mostAtOnce   = 256           // more than find room in any
	maxHoles     = 20_000        // ranges looked at, the highest ids first
	maxReopened  = 4096          // the least recent are given up
	showsLate    = 25 * 3600_000 // ms for which an ending that is not shown is asked for: a day and a little
	maxDismissed = 4096          // chunks
)

func newAudit() audit {
	return audit{dismissed: idSet{}, reopened: map[int64]int64{}}
}

// NoteOpen takes the complete list of the events that have not ended: their ids and starts, in ms of the server's clock, 0
// where a start is not known.
func (l *Ledger) NoteOpen(open iter.Seq2[int64, int64]) {
	a := &l.audit
	a.before, a.open = a.open, idSet{}
	for id, start := range open {
		a.open.add(id)
		l.Counted.seeOpen(id, start, l.Birth.At)
		if l.Counted.HasID(id) {
			_, known := a.reopened[id]
			a.reopened[id] = l.at
			a.changed = a.changed || !known
		}
	}
	a.giveUp(l.at)
}

// giveUp forgets the reopened events that were not shown for long, and those without room.
func (a *audit) giveUp(at int64) {
	n := len(a.reopened)
	maps.DeleteFunc(a.reopened, func(_, seen int64) bool { return at-seen > showsLate })
	for len(a.reopened) > maxReopened {
		least := int64(math.MaxInt64)
		for _, seen := range a.reopened {
			least = min(least, seen)
		}
		maps.DeleteFunc(a.reopened, func(_, seen int64) bool { return seen == least })
	}
	a.changed = a.changed || n != len(a.reopened)
}

// ended notes that an ending was counted.
func (a *audit) ended(id int64) {
	if _, ok := a.reopened[id]; ok && !a.open.has(id) {
		delete(a.reopened, id)
		a.changed = true
	}
}

// Check asks for the events that are in pieces, and for those whose ids are missing. What it finds joins
// the reading. It does nothing while a reading is under way: much is missing then.
func (l *Ledger) Check(ctx context.Context, r *Reading) error {
	if !r.Complete() {
		return nil
	}
	at, a := r.now-l.Clock.Skew, &l.audit
	var err error
	if !a.isRefused(at) {
		if err = l.askAgain(ctx, r); err == nil {
			err = l.askRound(ctx, r, at)
		}
	}
	err = l.tolerate(err)
	for _, row := range l.fragments.overdue(at) {
		if l.judge(row) {
			r.join(row)
		}
	}
	return err
}

// tolerate takes a refusal of filters by ids for what it is: a limit of the server, and no failure.
func (l *Ledger) tolerate(err error) error {
	if err == nil || !l.source.Refuses(err, ByID) {
		return err
	}
	a := &l.audit
	if a.refused == 0 {
		l.log.Warn("the server refuses to filter by job id: late jobs are searched for by reading the last hours again", "error", err)
	}
	a.refused, a.whole, a.round = l.at, false, nil
	return nil
}

// isRefused says that the ids are not to be asked for now; after a while it is tried again.
func (a *audit) isRefused(at int64) bool {
	return a.refused != 0 && at-a.refused < tryAgainAfter && at >= a.refused
}

// askAgain asks for the events in pieces: a page for each minute of the interval, and more where a long history
// was read.
func (l *Ledger) askAgain(ctx context.Context, r *Reading) error {
	if l.audit.isRefused(l.at) {
		return nil
	}
	calm := max(1, int(l.cfg.Interval/60_000))
	most := max(calm, 3*r.gained/PageRows)
	for page := range most + vainAnswers {
		ids := l.fragments.due(PageRows, page >= calm, page >= most)
		if len(ids) == 0 {
			return nil
		}
		ranges := make([]IDRange, len(ids))
		for i, id := range ids {
			ranges[i] = IDRange{From: id, To: id}
		}
		for len(ranges) > 0 {
			var err error
			if ranges, err = l.ask(ctx, r, ranges); err != nil {
				return err
			}
		}
	}
	return nil
}

// askRound asks for some of what is missing among the ids.
func (l *Ledger) askRound(ctx context.Context, r *Reading, at int64) error {
	a := &l.audit
	if a.open == nil || (a.begun == 0 && r.gained > 10*PageRows) { // what is open is not known yet, or enough was asked
		return nil
	}
	if len(a.round) == 0 {
		const slack = 10_000 // ms: a time is known to half of the ping's way, and ticks are multiples of the interval
		if a.begun != 0 && at-a.begun < roundEvery-slack && at >= a.begun {
			return nil
		}
		a.begun = at
		a.round = l.missing(r)
	}
	left, err := l.ask(ctx, r, a.round)
	if err != nil {
		return err
	}
	a.round, a.refused = left, 0
	a.whole = a.whole || (len(left) == 0 && a.older == 0)
	return nil
}

// missing are the ids to be asked for in a round: those highest first that are neither counted nor
// open, as many as a round has time for.
func (l *Ledger) missing(r *Reading) []IDRange {
	a := &l.audit
	known := l.accounted()
	for _, s := range r.spans {
		for _, row := range s.kept {
			known.add(row.Core().ID)
		}
	}
	holes := l.cut(known.holes())
	slices.Reverse(holes)
	holes = holes[:min(len(holes), maxHoles)]
	room := int(max(roundLimit/max(l.cfg.Interval, 60_000), 2)-1) * rangesAtOnce
	if len(holes) > room+rangesAtOnce {
		older := holes[room:]
		from := a.older % len(older)
		a.older = from + rangesAtOnce
		if a.older >= len(older) {
			a.older, a.whole = 0, true
		}
		holes = append(slices.Clone(holes[:room]), older[from:min(from+rangesAtOnce, len(older))]...)
	}
	var again []IDRange
	for id := range a.reopened {
		if !a.open.has(id) {
			again = append(again, IDRange{From: id, To: id})
		}
	}
	return append(again, holes...)
}

// accounted are the ids of which it is known what became of them.
func (l *Ledger) accounted() idSet {
	known := l.Counted.settled()
	for _, s := range []idSet{l.audit.open, l.audit.dismissed} {
		known.addAll(s)
	}
	for id := range l.fragments.byID {
		known.add(id)
	}
	return known
}

// cut divides the holes where another condition begins, see narrow.
func (l *Ledger) cut(holes []IDRange) (out []IDRange) {
	for _, h := range holes {
		for _, edge := range []int64{l.Counted.First, l.Counted.Top + 1} {
			if edge > h.From && edge <= h.To {
				out = append(out, IDRange{From: h.From, To: edge - 1})
				h.From = edge
			}
		}
		out = append(out, h)
	}
	return out
}

// ask asks for as many ranges of ids as one request takes, and gives the rest.
func (l *Ledger) ask(ctx context.Context, r *Reading, ranges []IDRange) (left []IDRange, err error) {
	ids := make([]IDs, min(len(ranges), mostAtOnce))
	for i := range ids {
		ids[i] = l.narrow(ranges[i])
	}
	n := l.source.Fits(ids)
	ids, ranges = ids[:n], ranges[n:]
	for row, err := range l.source.Events(ctx, Query{By: ByID, IDs: ids}) {
		if err != nil {
			return ranges, err
		}
		if r.held >= mostHeld {
			return ranges, ErrTooManyHeld
		}
		id := row.Core().ID
		if ending, ok := l.accept(row); ok {
			r.join(ending)
		} else if l.fragments.byID[id] == nil && len(l.audit.dismissed) < maxDismissed {
			l.audit.dismissed.add(id)
		}
	}
	return ranges, nil
}

// narrow says which events of a range of ids are asked for. Of ids below the first that began after the
// ledger did, only those that ended after that; and after the ids started again those that
// began after that: else the answer would be the whole history of the server.
func (l *Ledger) narrow(h IDRange) IDs {
	n, ids := &l.Counted.Numbering, IDs{IDRange: h}
	switch {
	case h.From == h.To:
	case n.Since != 0 && h.From >= n.First && h.To <= n.Top:
		ids.StartedSince = n.Since - outOfOrderTime
	case n.First == 0 || h.To < n.First || n.Since != 0:
		ids.EndedSince = max(l.Birth.At, l.Counted.Forgotten())
	}
	return ids
}

// Unaccounted is how many ids between the first and the highest the server shows neither as open nor as
// ended; false where not all of them were asked for yet.
func (l *Ledger) Unaccounted() (n int64, ok bool) {
	c, a := l.Counted, &l.audit
	if !a.whole || !a.current || c.First == 0 {
		return 0, false
	}
	known := l.accounted()
	known.addBeside(a.before) // what has just ended may be shown in the next cycle
	return max(c.Top-c.First+1-known.count(c.First, c.Top), 0), true
}

// NoteCycle says whether this cycle asked for all that it wanted to know, of open and of ended events. Without it nothing is
// unaccounted for.
func (l *Ledger) NoteCycle(whole bool) { l.audit.current = whole }

// changes is the key of the reopened events, where they changed.
func (a *audit) changes() []source.Change {
	if !a.changed {
		return nil
	}
	a.changed = false
	if len(a.reopened) == 0 {
		return []source.Change{{Key: auditKey}}
	}
	b := []byte{auditVersion}
	last := int64(0)
	for _, id := range slices.Sorted(maps.Keys(a.reopened)) {
		b = binary.AppendUvarint(b, uint64(id-last))
		last = id
	}
	return []source.Change{{Key: auditKey, Value: b}}
}

// restore takes the reopened events back. They are asked for for another day.
func (a *audit) restore(b []byte, now time.Time) error {
	if len(b) == 0 || b[0] != auditVersion {
		return fmt.Errorf("state key %q has an unknown version", auditKey)
	}
	r, id := source.ReadState(b[1:]), int64(0)
	for r.More() {
		if id += int64(r.Uvarint()); r.Short() {
			return fmt.Errorf("state key %q: truncated", auditKey)
		}
		a.reopened[id] = now.UnixMilli()
	}
	return nil
}
