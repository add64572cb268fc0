package netbackup

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"backwire/source"
	"backwire/source/ledger"
	"backwire/source/netbackup/api"
)

// audit finds the finished jobs that no reading showed in its time. A reading goes by the clocks of the
// server's stamps, and a server may show a job hours after them. But ids are given in ascending order:
// the ids that are neither counted nor open are a short list, and asking for exactly those depends on no
// clock. It asks for each every few minutes, in one request a cycle at most.
//
// It costs no state beside the set of what was counted. Only jobs that were counted and ran again under
// their id have to be remembered, because nothing is missing among the ids where they end.
type audit struct {
	open      ledger.IDSet // of the last complete list of open jobs, nil before it
	before    ledger.IDSet // of the list before that
	dismissed ledger.IDSet // shown as finished, and not to be counted

	reopened map[int64]int64 // counted ids that were open after that → agent's clock when last, ms
	changed  bool            // reopened did

	current bool             // the last cycle asked for all that it wanted to know
	round   []ledger.IDRange // to be asked for, in this order
	begun   int64            // agent's clock when the round began, ms; 0 before the first
	older   int              // of the ranges that found no room in a round, how many are past
	whole   bool             // all that was missing was asked for in this life of the agent
	refused int64            // agent's clock when the server last refused to filter by ids, ms; 0 where it does not
}

const (
	auditKey     = "audit"
	auditVersion = 1

	roundEvery   = 300_000       // ms between the beginnings of two rounds
	roundLimit   = 600_000       // ms that a round may take, so that each id is asked for within 15 minutes
	longestAsk   = 3_000         // bytes of a filter before it is encoded: servers take a request line of 8 KiB
	rangesAtOnce = 50            // that find room in it
	maxHoles     = 20_000        // ranges looked at, the highest ids first
	maxReopened  = 4096          // the least recent are given up
	showsLate    = 25 * 3600_000 // ms for which an ending that is not shown is asked for: a day and a little
	maxDismissed = 4096          // chunks
)

func newAudit() audit {
	return audit{dismissed: ledger.IDSet{}, reopened: map[int64]int64{}}
}

// noteOpen takes the complete list of open jobs; at is the agent's clock, ms.
func (l *jobLedger) noteOpen(jobs []openJob, at int64) {
	a := &l.audit
	a.before, a.open = a.open, ledger.IDSet{}
	for _, j := range jobs {
		a.open.Add(j.id)
		l.counted.SeeOpen(j.id, j.start, l.Birth.At)
		if l.counted.HasID(j.id) {
			_, known := a.reopened[j.id]
			a.reopened[j.id] = at
			a.changed = a.changed || !known
		}
	}
	a.giveUp(at)
}

// giveUp forgets the reopened jobs that were not shown for long, and those without room.
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
	if _, ok := a.reopened[id]; ok && !a.open.Has(id) {
		delete(a.reopened, id)
		a.changed = true
	}
}

// check asks for the jobs that are in pieces, and for those whose ids are missing. What it finds joins
// the reading. It does nothing while a reading is under way: much is missing then.
func (l *jobLedger) check(ctx context.Context, r *reading) error {
	if !r.complete() {
		return nil
	}
	at, a := r.now-l.clock.Skew, &l.audit
	var err error
	if !a.isRefused(at) {
		if err = l.askAgain(ctx, r); err == nil {
			err = l.askRound(ctx, r, at)
		}
	}
	err = l.tolerate(err)
	for _, j := range l.fragments.overdue(at) {
		if e, ok := l.judge(&j); ok {
			r.join(e)
		}
	}
	return err
}

// tolerate takes a refusal of filters by ids for what it is: a limit of the server, and no failure.
func (l *jobLedger) tolerate(err error) error {
	if !refuses(err, "jobId") {
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

// askAgain asks for the jobs in pieces: a page for each minute of the interval, and more where a long history
// was read.
func (l *jobLedger) askAgain(ctx context.Context, r *reading) error {
	if l.audit.isRefused(l.at) {
		return nil
	}
	calm := max(1, int(l.interval/60_000))
	most := max(calm, 3*r.gained/api.JobsPage)
	for page := range most + vainAnswers {
		ids := l.fragments.due(api.JobsPage, page >= calm, page >= most)
		if len(ids) == 0 {
			return nil
		}
		ranges := make([]ledger.IDRange, len(ids))
		for i, id := range ids {
			ranges[i] = ledger.IDRange{From: id, To: id}
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
func (l *jobLedger) askRound(ctx context.Context, r *reading, at int64) error {
	a := &l.audit
	if a.open == nil || (a.begun == 0 && r.gained > 10*api.JobsPage) { // what is open is not known yet, or enough was asked
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
func (l *jobLedger) missing(r *reading) []ledger.IDRange {
	a := &l.audit
	known := l.accounted()
	for _, s := range r.spans {
		for _, block := range s.kept.blocks {
			for i := range block {
				known.Add(block[i].ID)
			}
		}
	}
	holes := l.cut(known.Holes())
	slices.Reverse(holes)
	holes = holes[:min(len(holes), maxHoles)]
	room := int(max(roundLimit/max(l.interval, 60_000), 2)-1) * rangesAtOnce
	if len(holes) > room+rangesAtOnce {
		older := holes[room:]
		from := a.older % len(older)
		a.older = from + rangesAtOnce
		if a.older >= len(older) {
			a.older, a.whole = 0, true
		}
		holes = append(slices.Clone(holes[:room]), older[from:min(from+rangesAtOnce, len(older))]...)
	}
	var again []ledger.IDRange
	for id := range a.reopened {
		if !a.open.Has(id) {
			again = append(again, ledger.IDRange{From: id, To: id})
		}
	}
	return append(again, holes...)
}

// accounted are the ids of which it is known what became of them.
func (l *jobLedger) accounted() ledger.IDSet {
	known := l.counted.Settled()
	for _, s := range []ledger.IDSet{l.audit.open, l.audit.dismissed} {
		known.AddAll(s)
	}
	for id := range l.fragments.byID {
		known.Add(id)
	}
	return known
}

// cut divides the holes where another condition begins, see clause.
func (l *jobLedger) cut(holes []ledger.IDRange) (out []ledger.IDRange) {
	for _, h := range holes {
		for _, edge := range []int64{l.counted.First, l.counted.Top + 1} {
			if edge > h.From && edge <= h.To {
				out = append(out, ledger.IDRange{From: h.From, To: edge - 1})
				h.From = edge
			}
		}
		out = append(out, h)
	}
	return out
}

// ask asks for as many ranges of ids as one request takes, and gives the rest.
func (l *jobLedger) ask(ctx context.Context, r *reading, ranges []ledger.IDRange) (left []ledger.IDRange, err error) {
	var clauses []string
	size := 0
	for len(ranges) > 0 && size < longestAsk {
		c := l.clause(ranges[0])
		clauses, size, ranges = append(clauses, c), size+len(c)+len(" or "), ranges[1:]
	}
	filter := fmt.Sprintf("state eq '%s' and (%s)", api.StateDone, strings.Join(clauses, " or "))
	for j, err := range r.jobs(ctx, api.JobQuery{Filter: filter, Sort: "jobId"}) {
		if err != nil {
			return ranges, err
		}
		if r.held >= mostHeld {
			return ranges, errTooManyHeld
		}
		l.tidy(&j)
		if e, ok := l.accept(&j); ok {
			r.join(e)
		} else if l.fragments.byID[j.ID] == nil && len(l.audit.dismissed) < maxDismissed {
			l.audit.dismissed.Add(j.ID)
		}
	}
	return ranges, nil
}

// clause is a range of ids as the server's filter takes it. Ids below the first that began after the
// ledger did are asked for only where they ended after that, and after the ids started again those that
// began after that: else the answer would be the whole job database.
func (l *jobLedger) clause(h ledger.IDRange) string {
	n := &l.counted.Numbering
	var c string
	switch h.To {
	case h.From:
		return fmt.Sprintf("jobId eq %d", h.From)
	case math.MaxInt64:
		c = fmt.Sprintf("jobId ge %d", h.From)
	default:
		c = fmt.Sprintf("jobId ge %d and jobId le %d", h.From, h.To)
	}
	switch {
	case n.Since != 0 && h.From >= n.First && h.To <= n.Top:
		c += " and startTime ge " + stamp(n.Since-ledger.OutOfOrderTime)
	case n.First == 0 || h.To < n.First || n.Since != 0:
		c += " and endTime ge " + stamp(max(l.Birth.At, l.counted.Forgotten()))
	}
	return "(" + c + ")"
}

// unaccounted is how many ids between the first and the highest the server shows neither as open nor as
// ended; false where not all of them were asked for yet.
func (l *jobLedger) unaccounted() (n int64, ok bool) {
	c, a := l.counted, &l.audit
	if !a.whole || !a.current || c.First == 0 {
		return 0, false
	}
	known := l.accounted()
	known.AddBeside(a.before) // what has just ended may be shown in the next cycle
	return max(c.Top-c.First+1-known.Count(c.First, c.Top), 0), true
}

// changes is the key of the reopened jobs, where they changed.
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

// restore takes the reopened jobs back. They are asked for for another day.
func (a *audit) restore(b []byte, now time.Time) error {
	if len(b) == 0 || b[0] != auditVersion {
		return fmt.Errorf("state key %q has an unknown version", auditKey)
	}
	id := int64(0)
	for b = b[1:]; len(b) > 0; {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return fmt.Errorf("state key %q: truncated", auditKey)
		}
		id, b = id+int64(n), b[size:]
		a.reopened[id] = now.UnixMilli()
	}
	return nil
}
