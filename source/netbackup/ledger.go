package netbackup

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"backwire/source"
	"backwire/source/ledger"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/compat"
)

// jobLedger counts the finished jobs of a site, each once, and knows how far it has read.
// Everything it must remember is in the site's state and in the values of its durable series.
//
// Two clocks meet here: what the server stamps is in its own, and the aligned times of samples
// are in the agent's. skew turns one into the other.
type jobLedger struct {
	log      *slog.Logger
	site     string
	interval int64 // ms
	backfill int64 // ms

	counters *counters
	lastHour *compat.EndedJobs // nil where nobody asks for it
	counted  *ledger.Counted
	problems jobProblems

	observers []observer
	memories  []memory
	durable   []func(source.Sample) bool // take back durable series that are not the ledger's

	ledger.Mark
	clock ledger.Clock

	selection selection
	fragments *fragments
	audit     audit
	deep      deep

	idle     bool     // nobody reads jobs: the counters only keep their values
	version  string   // of the server's API
	at       int64    // agent's clock of the reading, ms
	pending  *reading // not finished in an earlier cycle
	caughtUp bool     // a reading came to its end in this life of the agent
	started  int64    // first tick of this agent
	expired  int64    // when clients were last looked through, ms of the agent's clock

	ended    int64                                 // agent's clock: the point at which series of counters ended last: none may begin again at it
	keep     int64                                 // ms after its last job that a policy keeps its counters
	listed   func(policy string, point int64) bool // by the server, as far as can be known; nil where nobody asks
	lookedAt int64                                 // when policies were last looked through, ms of the agent's clock
	latest   int64                                 // ms of the server's clock: no time of a job lies behind it
}

const (
	// waitForServer is how long a new agent keeps the gap before its start open for a
	// server that does not answer yet, in ms. Then the counters go on without it, and the
	// jobs of the gap are counted at the next point after the server is back.
	waitForServer = 600_000

	longGap = 900_000 // ms: after it the server may have forgotten jobs
)

func newLedger(cfg SiteConfig, c *catalogue, log *slog.Logger) *jobLedger {
	t := newCounters(c, cfg.Client.Site, cfg.MaxJobSeries)
	return &jobLedger{
		log: log, site: cfg.Client.Site,
		interval: cfg.Interval.Milliseconds(), backfill: cfg.Backfill.Milliseconds(),
		counters: t, latest: math.MaxInt64,
		keep: cfg.ForgetPolicies.Milliseconds(), counted: ledger.NewCounted(), problems: jobProblems{counted: map[string]uint64{}},
		selection: selection{by: byLastUpdate}, fragments: newFragments(), audit: newAudit(), deep: deep{depth: shallow},
	}
}

// restore takes back what the log remembers.
func (l *jobLedger) restore(cp source.Checkpoint) error {
	if b, ok := cp.State[ledger.MarkKey]; ok {
		if err := l.Decode(b, &l.clock, l.counted, l.backfill); err != nil {
			return fmt.Errorf("restore the counted jobs of site %q: %w", l.site, err)
		}
	}
	for key, value := range cp.State {
		if err := l.restoreKey(key, value); err != nil {
			return fmt.Errorf("restore the counted jobs of site %q: %w", l.site, err)
		}
	}
	for _, s := range cp.Series {
		if !slices.ContainsFunc(l.durable, func(take func(source.Sample) bool) bool { return take(s) }) {
			l.counters.restore(s)
		}
	}
	l.counters.mend()
	l.counters.adoptPolicies(cp.T)
	l.ended = l.Filled // it is not known which ended there
	return nil
}

func (l *jobLedger) restoreKey(key string, value []byte) error {
	switch {
	case strings.HasPrefix(key, ledger.CountedPrefix):
		return l.counted.Restore(key, value)
	case key == auditKey:
		return l.audit.restore(value, time.Now())
	case strings.HasPrefix(key, policyPrefix):
		return l.counters.policies.restore(key, value)
	case key == ledger.ClockKey:
		if err := l.clock.Restore(value); err != nil {
			sayUnreadableHistory(l.log, err)
		}
		return nil
	}
	for _, m := range l.memories {
		if mine, err := m.restoreKey(key, value); mine {
			return err
		}
	}
	return nil
}

// begin opens the reading of this cycle; now is the server's clock.
func (l *jobLedger) begin(now int64, readers int, jobs jobLister) *reading {
	l.at = now - l.clock.Skew
	l.lastHour.Begin(now)
	l.latest = latestTime(now, l.clock.Skew)
	fresh := l.Birth.At == 0
	if l.Birth.Begin(now, l.at, l.backfill) {
		l.log.Warn("the server's clock was wrong when jobs were first read, or is wrong now: the start time for counting has changed", "from", stamp(l.Birth.At))
	}
	if fresh {
		l.Watermark = l.Birth.At
	}
	by := l.selection.choose(l.at, l.version)
	if l.pending != nil && l.pending.by == by {
		l.pending.extend(now)
		return l.pending
	}
	overlap := l.overlap(by)
	from := l.base(now, by) - overlap
	r := &reading{
		by: by, now: now, overlap: overlap, readers: readers, jobs: jobs, tidy: l.tidy, accept: l.accept, waits: l.fragments.size,
		progress: progress{l.log, time.Now()}, spans: []*span{{from: from, to: open, read: from}}, highest: math.MinInt64,
	}
	if l.pending != nil { // what it holds was read, in another order
		for e := range l.pending.release() {
			r.join(*e)
		}
		l.pending = nil
	}
	return r
}

// overlap is how far before the watermark the reading of this cycle begins.
func (l *jobLedger) overlap(by orderBy) int64 {
	switch {
	case l.lastHour != nil && !l.caughtUp:
		return max(by.overlap(), compat.Window)
	case l.audit.isRefused(l.at) && l.deep.due(l.at):
		return max(by.overlap(), l.deep.depth)
	}
	return by.overlap()
}

// base is the watermark, or less where the server's clock was set back: what was updated
// since the last reading then carries times that were read already.
func (l *jobLedger) base(now int64, by orderBy) int64 {
	if l.ReadAt == 0 {
		return min(l.Watermark, now)
	}
	before := l.ReadAt + l.clock.Skew // the server's clock at the last reading, as it counts today
	if l.Watermark > before+by.overlap() {
		l.log.Warn("the server's clock was set back; jobs are read again from that time",
			"read_until", stamp(l.Watermark), "reading_from", stamp(min(before, now)))
		return min(before, now)
	}
	return min(l.Watermark, now)
}

// tidy leaves out what a row says and cannot be.
func (l *jobLedger) tidy(j *api.Job) { l.problems.leaveOutImpossible(j, l.latest) }

// accept takes a row that came for a finished job, and says whether there is an ending to be counted. One
// that is in pieces is none yet.
func (l *jobLedger) accept(j *api.Job) (ending, bool) {
	if j.Given&api.FieldState != 0 && j.State != api.StateDone {
		return l.ranAgain(j)
	}
	if j.Given&(api.FieldTry|api.FieldStart) == api.FieldTry|api.FieldStart {
		if e, _ := newEnding(j, nil); l.counted.Has(&e.Event) && l.lastHour == nil {
			delete(l.fragments.byID, j.ID)
			return ending{}, false
		}
	}
	if !l.fragments.complete(j, l.at) {
		return ending{}, false
	}
	return l.judge(j)
}

// ranAgain is for a job that was finished and is not any more. What is known of its ending is all that
// there will ever be.
func (l *jobLedger) ranAgain(j *api.Job) (ending, bool) {
	p := l.fragments.byID[j.ID]
	if p == nil {
		return ending{}, false
	}
	delete(l.fragments.byID, j.ID)
	j.Given &= api.FieldType | api.FieldPolicyType | api.FieldPolicy | api.FieldScheduleType | api.FieldClient | api.FieldParent | api.FieldChildren
	p.job.Fill(j)
	return l.judge(&p.job)
}

// judge says whether an ending of which all is known that will be is to be counted.
func (l *jobLedger) judge(j *api.Job) (ending, bool) {
	e, ok := newEnding(j, l.counters.kindOf(j))
	if !ok { // without any time it has ended by now, which is all that is known
		e.End = l.at + l.clock.Skew
		e.updated = e.End
	}
	l.lastHour.Note(endedJob(j, &e))
	if e.End < l.Birth.At && !l.counted.Within(e.ID) {
		return e, false
	}
	return e, !l.counted.Has(&e.Event)
}

// read asks for the finished jobs that changed. Where they are too many to be held at once,
// part is called to have those counted that are read without gaps.
func (l *jobLedger) read(ctx context.Context, begin func() *reading, part func(*reading) error) (*reading, error) {
	r := begin()
	err := r.run(ctx)
	if r.by == byLastUpdate && refuses(err, string(byLastUpdate)) {
		if l.selection.refuse(l.at, l.version) {
			l.log.Warn("the server refuses to filter by the time of the last update; jobs are selected by their end time until it accepts the filter", "error", err)
		}
		l.pending = r
		r = begin()
		err = r.run(ctx)
	}
	if err == nil && r.by == byLastUpdate && l.selection.accept() {
		l.log.Info("the server accepts the filter by the time of the last update again")
	}
	for err == nil && !r.complete() {
		if err = l.tolerate(l.askAgain(ctx, r)); err != nil {
			break
		}
		if err = part(r); err == nil && r.held >= mostHeld {
			err = errTooManyHeld // the next tick has them counted
		}
		if err == nil {
			err = r.run(ctx)
		}
	}
	if err == nil && l.ReadAt != 0 && r.now-l.clock.Skew-l.ReadAt > longGap {
		r.unseen, err = l.forgotten(ctx, r)
		r.unchecked = err != nil
	}
	return r, err
}

// forgotten is how long, in ms, after the last complete reading the oldest job begins that
// the server still has.
func (l *jobLedger) forgotten(ctx context.Context, r *reading) (int64, error) {
	until := l.ReadAt + l.clock.Skew
	for j, err := range r.jobs(ctx, api.JobQuery{Filter: "state eq 'DONE'", Sort: string(r.by), Limit: 1}) {
		if err != nil {
			return 0, err
		}
		l.tidy(&j)
		e, _ := newEnding(&j, nil)
		return min(max(r.by.of(&e)-until, 0), r.now-until), nil // the clock that stamped it may have been wrong
	}
	return max(r.now-until, 0), nil
}

// enter counts an ending at the aligned time that it belongs to.
func (l *jobLedger) enter(e *ending, point int64) {
	before, ok := l.counted.Add(&e.Event)
	if !ok {
		return
	}
	e.kind = l.counters.kind(e.kind.kindKey) // it may have been forgotten while the ending was held
	l.counted.See(e.ID, e.Start, l.Birth.At)
	l.audit.ended(e.ID)
	at := min(max(e.End-l.clock.Skew, l.before(point)+1), point)
	l.counters.count(e, before, at)
	for _, o := range l.observers {
		o.observe(e, l.clocks())
	}
}

func (l *jobLedger) clocks() clocks { return clocks{l.clock.Skew, l.latest} }

// noticeRestarts says that the server's job ids were seen to start again.
func (l *jobLedger) noticeRestarts() {
	n := l.counted.TakeRestarts()
	if n == 0 {
		return
	}
	l.log.Warn("the server's job ids started again: the job database was reset, or the ids wrapped around",
		"job_id", l.counted.First, "started", stamp(l.counted.Since))
	l.counters.bump(&l.counters.resets, l.counters.c.resets, float64(n))
}

// noticeUnseen counts the time whose jobs the server had forgotten before they were read.
func (l *jobLedger) noticeUnseen(r *reading) {
	if !r.complete() || r.unseen <= 0 {
		return
	}
	l.log.Warn("the server deleted jobs before they were read: some may be missing from the counters",
		"from", stamp(l.ReadAt+l.clock.Skew), "span", time.Duration(r.unseen)*time.Millisecond)
	l.counters.bump(&l.counters.unseen, l.counters.c.unseen, float64(r.unseen)/1000)
	r.unseen = 0
}

// advance moves the watermark over what was read and entered. kept are the endings that
// were read but belong to later points.
func (l *jobLedger) advance(r *reading, kept []placed) {
	base := r.spans[0].from + r.overlap
	switch {
	case !r.complete():
		l.Watermark = max(base, r.covered())
	case r.rows > 0:
		l.Watermark = max(base, min(r.highest, r.now))
	}
	for _, p := range kept {
		l.Watermark = min(l.Watermark, r.by.of(p.ending))
	}
	if l.audit.isRefused(l.at) { // nobody else asks for what is in pieces
		l.Watermark = min(l.Watermark, l.fragments.oldest(r.by))
	}
	if !r.complete() {
		return
	}
	l.caughtUp = true
	l.counted.Forget(min(l.at, r.now))
	if r.overlap >= l.deep.depth && l.audit.refused != 0 {
		l.deep.made(l.at, l.interval, r.rows)
	}
	if !r.unchecked {
		l.ReadAt = r.now - l.clock.Skew
	}
}

// changes are the keys of the state that changed since it was last asked.
func (l *jobLedger) changes() []source.Change {
	changes := slices.Concat(l.counted.Changes(), l.audit.changes(), l.clock.Changes(), l.counters.policies.changes())
	for _, m := range l.memories {
		changes = append(changes, m.changes(l.Newest)...)
	}
	return append(changes, source.Change{Key: ledger.MarkKey, Value: l.Encode(&l.clock, l.counted)})
}
