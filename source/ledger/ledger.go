package ledger

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"time"
)

// Ledger finds the ended events of a site that were not counted yet, each once, and knows how far it has read.
// Everything it must remember is in the site's state.
//
// Two clocks meet here: what the server stamps is in its own, and the aligned times of samples are in the agent's. The skew
// of Clock turns one into the other.
type Ledger struct {
	Mark
	Clock   Clock
	Counted *Counted
	Version string // of the server's API: with another one, what was refused is tried again
	Idle    bool   // nobody reads events: the counters only keep their values

	cfg    Config
	source Source
	log    *slog.Logger

	selection selection
	fragments *fragments
	audit     audit
	deep      deep

	at       int64    // agent's clock of the reading, ms
	pending  *Reading // not finished in an earlier cycle
	caughtUp bool     // a reading came to its end in this life of the agent
	started  int64    // first tick of this agent
}

// Config is what a ledger is made for. Times are in ms.
type Config struct {
	Attributes
	Site     string
	Readers  int   // how many lists are read at once
	Interval int64 // between two cycles
	Backfill int64 // how far before the first cycle events count

	// Recent is told of each ended event that is shown, be it counted or not, and once more when it is shown again. The first
	// reading of an agent's life then goes back for LookBack at least. It is nil where nobody asks.
	Recent   func(ending Row)
	LookBack int64
}

const longGap = 900_000 // ms: after it the server may have forgotten events

// New returns a ledger that has counted nothing. Nothing in it locks: it is used by one goroutine at a time.
func New(cfg Config, from Source, log *slog.Logger) *Ledger {
	return &Ledger{
		cfg: cfg, source: from, log: log, Counted: NewCounted(), fragments: newFragments(cfg.Attributes), audit: newAudit(), deep: deep{depth: shallow},
	}
}

// Restore takes the mark back, which the keys that RestoreKey takes build on.
func (l *Ledger) Restore(state map[string][]byte) error {
	b, ok := state[markKey]
	if !ok {
		return nil
	}
	return l.decode(b, &l.Clock, l.Counted, l.cfg.Backfill)
}

// RestoreKey takes a key of the state back; it answers false for one of somebody else.
func (l *Ledger) RestoreKey(key string, value []byte) (mine bool, err error) {
	switch {
	case strings.HasPrefix(key, countedPrefix):
		return true, l.Counted.restore(key, value)
	case key == auditKey:
		return true, l.audit.restore(value, time.Now())
	}
	return false, nil
}

// begin opens the reading of this cycle; now is the server's clock.
func (l *Ledger) begin(now int64) *Reading {
	l.at = now - l.Clock.Skew
	fresh := l.Birth.At == 0
	if l.Birth.begin(now, l.at, l.cfg.Backfill) {
		l.log.Warn("the server's clock was wrong when jobs were first read, or is wrong now: the start time for counting has changed", "from", stamp(l.Birth.At))
	}
	if fresh {
		l.Watermark = l.Birth.At
	}
	by := l.selection.choose(l.at, l.Version)
	if l.pending != nil && l.pending.by == by {
		l.pending.extend(now)
		return l.pending
	}
	overlap := l.overlap(by)
	from := l.base(now, by) - overlap
	r := &Reading{
		by: by, now: now, overlap: overlap, readers: l.cfg.Readers, source: l.source, accept: l.accept, waits: l.fragments.size,
		progress: progress{l.log, time.Now()}, spans: []*span{{from: from, to: Open, read: from}}, highest: math.MinInt64,
	}
	if l.pending != nil { // what it holds was read, in another order
		for ending := range l.pending.release() {
			r.join(ending)
		}
		l.pending = nil
	}
	return r
}

// overlap is how far before the watermark the reading of this cycle begins.
func (l *Ledger) overlap(by Order) int64 {
	switch {
	case l.cfg.Recent != nil && !l.caughtUp:
		return max(by.overlap(), l.cfg.LookBack)
	case l.audit.isRefused(l.at) && l.deep.due(l.at):
		return max(by.overlap(), l.deep.depth)
	}
	return by.overlap()
}

// base is the watermark, or less where the server's clock was set back: what was updated
// since the last reading then carries times that were read already.
func (l *Ledger) base(now int64, by Order) int64 {
	if l.ReadAt == 0 {
		return min(l.Watermark, now)
	}
	before := l.ReadAt + l.Clock.Skew // the server's clock at the last reading, as it counts today
	if l.Watermark > before+by.overlap() {
		l.log.Warn("the server's clock was set back; jobs are read again from that time",
			"read_until", stamp(l.Watermark), "reading_from", stamp(min(before, now)))
		return min(before, now)
	}
	return min(l.Watermark, now)
}

// stamp is a time of the server's clock in the log.
func stamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// accept takes a row that came for an ended event, and gives the ending that is to be counted, if there is one.
// One that is in pieces is none yet.
func (l *Ledger) accept(row Row) (ending Row, ok bool) {
	e, a := row.Core(), &l.cfg.Attributes
	if e.Open {
		return l.ranAgain(row)
	}
	if tells := a.Try | a.Start; e.Given&tells == tells && l.cfg.Recent == nil {
		if ended, _ := a.ended(*e); l.Counted.has(&ended) {
			delete(l.fragments.byID, e.ID)
			return nil, false
		}
	}
	if !l.fragments.complete(row, l.at) {
		return nil, false
	}
	return row, l.judge(row)
}

// ranAgain is for an event that had ended and has not any more. What is known of its ending is all that
// there will ever be.
func (l *Ledger) ranAgain(row Row) (ending Row, ok bool) {
	e := row.Core()
	p := l.fragments.byID[e.ID]
	if p == nil {
		return nil, false
	}
	delete(l.fragments.byID, e.ID)
	e.Given &= l.cfg.Names
	l.cfg.fill(p.row, row)
	return p.row, l.judge(p.row)
}

// judge makes a row the ending that it tells of, and says whether that is to be counted. All is known of it that will be.
func (l *Ledger) judge(row Row) bool {
	e := row.Core()
	ended, ok := l.cfg.ended(*e)
	*e = ended
	if !ok { // without any time it has ended by now, which is all that is known
		e.End = l.at + l.Clock.Skew
		e.Updated = e.End
	}
	if l.cfg.Recent != nil {
		l.cfg.Recent(row)
	}
	if e.End < l.Birth.At && !l.Counted.within(e.ID) {
		return false
	}
	return !l.Counted.has(e)
}

// Read asks for the ended events that changed; now is the server's clock, in ms. Where they are too many to be held at once,
// part is called to have those counted that are read without gaps.
func (l *Ledger) Read(ctx context.Context, now int64, part func(*Reading) error) (*Reading, error) {
	r := l.begin(now)
	err := r.run(ctx)
	if err != nil && r.by == ByUpdate && l.source.Refuses(err, ByUpdate) {
		if l.selection.refuse(l.at, l.Version) {
			l.log.Warn("the server refuses to filter by the time of the last update; jobs are selected by their end time until it accepts the filter", "error", err)
		}
		l.pending = r
		r = l.begin(now)
		err = r.run(ctx)
	}
	if err == nil && r.by == ByUpdate && l.selection.accept() {
		l.log.Info("the server accepts the filter by the time of the last update again")
	}
	for err == nil && !r.Complete() {
		if err = l.tolerate(l.askAgain(ctx, r)); err != nil {
			break
		}
		if err = part(r); err == nil && r.held >= mostHeld {
			err = ErrTooManyHeld // the next tick has them counted
		}
		if err == nil {
			err = r.run(ctx)
		}
	}
	if err == nil && l.ReadAt != 0 && r.now-l.Clock.Skew-l.ReadAt > longGap {
		r.unseen, err = l.forgotten(ctx, r)
		r.unchecked = err != nil
	}
	return r, err
}

// forgotten is how long, in ms, after the last complete reading the oldest event begins that
// the server still has.
func (l *Ledger) forgotten(ctx context.Context, r *Reading) (int64, error) {
	until := l.ReadAt + l.Clock.Skew
	for row, err := range l.source.Events(ctx, Query{By: r.by, To: Open, Limit: 1}) {
		if err != nil {
			return 0, err
		}
		ended, _ := l.cfg.ended(*row.Core())
		return min(max(r.by.of(&ended)-until, 0), r.now-until), nil // the clock that stamped it may have been wrong
	}
	return max(r.now-until, 0), nil
}

// enter takes an ending among those that were counted. It is false for one that is among them already, else before is the
// highest try of the event that was counted earlier; negative where there was none.
func (l *Ledger) enter(e *Event) (before int32, ok bool) {
	before, ok = l.Counted.add(e)
	if ok {
		l.Counted.see(e.ID, e.Start, l.Birth.At)
		l.audit.ended(e.ID)
	}
	return before, ok
}

// finish ends the counting of what was read. left are the endings that were
// read but belong to later points; they wait in the reading, which the next cycle goes on with, where it is to.
func (l *Ledger) finish(r *Reading, left []Row, goOn bool) {
	l.advance(r, left)
	l.pending = nil
	if goOn {
		r.spans[0].kept = append(r.spans[0].kept, left...)
		r.held = len(left)
		l.pending = r
	}
}

// advance moves the watermark over what was read and entered.
func (l *Ledger) advance(r *Reading, left []Row) {
	base := r.spans[0].from + r.overlap
	switch {
	case !r.Complete():
		l.Watermark = max(base, r.covered())
	case r.rows > 0:
		l.Watermark = max(base, min(r.highest, r.now))
	}
	for _, ending := range left {
		l.Watermark = min(l.Watermark, r.by.of(ending.Core()))
	}
	if l.audit.isRefused(l.at) { // nobody else asks for what is in pieces
		l.Watermark = min(l.Watermark, l.fragments.oldest(r.by))
	}
	if !r.Complete() {
		return
	}
	l.caughtUp = true
	l.Counted.forgetOld(min(l.at, r.now))
	if r.overlap >= l.deep.depth && l.audit.refused != 0 {
		l.deep.made(l.at, l.cfg.Interval, r.rows)
	}
	if !r.unchecked {
		l.ReadAt = r.now - l.Clock.Skew
	}
}
