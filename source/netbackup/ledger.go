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
	"backwire/source/netbackup/api"
)

// ledger counts the finished jobs of a site, each once, and knows how far it has read.
// Everything it must remember is in the site's state and in the values of its durable series.
//
// Two clocks meet here: what the server stamps is in its own, and the aligned times of samples
// are in the agent's. skew turns one into the other.
type ledger struct {
	log      *slog.Logger
	site     string
	interval int64 // ms
	backfill int64 // ms

	counters *counters
	lastHour *lastHour // nil where nobody asks for it
	counted  *counted
	problems jobProblems

	observers []observer
	memories  []memory
	durable   []func(source.Sample) bool // take back durable series that are not the ledger's

	mark
	clock

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

// mark is how far the ledger has come: the state's key "ledger".
type mark struct {
	birth
	watermark int64 // server's clock: what was updated before it was read; 0 before the first time
	readAt    int64 // agent's clock: when the last complete reading began; 0 before the first
	filled    int64 // agent's clock: last point that has counters; 0 before the first
	newest    int64 // agent's clock: latest batch of any kind
}

const (
	ledgerKey     = "ledger"
	ledgerVersion = 2

	// waitForServer is how long a new agent keeps the gap before its start open for a
	// server that does not answer yet, in ms. Then the counters go on without it, and the
	// jobs of the gap are counted at the next point after the server is back.
	waitForServer = 600_000

	longGap = 900_000 // ms: after it the server may have forgotten jobs
)

func newLedger(cfg SiteConfig, c *catalogue, log *slog.Logger) *ledger {
	t := newCounters(c, cfg.Client.Site, cfg.MaxJobSeries)
	return &ledger{
		log: log, site: cfg.Client.Site,
		interval: cfg.Interval.Milliseconds(), backfill: cfg.Backfill.Milliseconds(),
		counters: t, latest: math.MaxInt64,
		keep: cfg.ForgetPolicies.Milliseconds(), counted: newCounted(), problems: jobProblems{counted: map[string]uint64{}},
		selection: selection{by: byLastUpdate}, fragments: newFragments(), audit: newAudit(), deep: deep{depth: shallow},
	}
}

// restore takes back what the log remembers.
func (l *ledger) restore(cp source.Checkpoint) error {
	if b, ok := cp.State[ledgerKey]; ok {
		if err := l.decode(b); err != nil {
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
	l.ended = l.filled // it is not known which ended there
	return nil
}

func (l *ledger) restoreKey(key string, value []byte) error {
	switch {
	case strings.HasPrefix(key, countedPrefix):
		return l.counted.restore(key, value)
	case key == auditKey:
		return l.audit.restore(value, time.Now())
	case strings.HasPrefix(key, policyPrefix):
		return l.counters.policies.restore(key, value)
	case key == clockKey:
		if err := l.clock.restore(value); err != nil {
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
func (l *ledger) begin(now int64, readers int, jobs jobLister) *reading {
	l.at = now - l.skew
	l.lastHour.begin(now)
	l.latest = latestTime(now, l.skew)
	fresh := l.birth.birth == 0
	if l.birth.begin(now, l.at, l.backfill) {
		l.log.Warn("the server's clock was wrong when jobs were first read, or is wrong now: the start time for counting has changed", "from", stamp(l.birth.birth))
	}
	if fresh {
		l.watermark = l.birth.birth
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
func (l *ledger) overlap(by orderBy) int64 {
	switch {
	case l.lastHour != nil && !l.caughtUp:
		return max(by.overlap(), window)
	case l.audit.isRefused(l.at) && l.deep.due(l.at):
		return max(by.overlap(), l.deep.depth)
	}
	return by.overlap()
}

// base is the watermark, or less where the server's clock was set back: what was updated
// since the last reading then carries times that were read already.
func (l *ledger) base(now int64, by orderBy) int64 {
	if l.readAt == 0 {
		return min(l.watermark, now)
	}
	before := l.readAt + l.skew // the server's clock at the last reading, as it counts today
	if l.watermark > before+by.overlap() {
		l.log.Warn("the server's clock was set back; jobs are read again from that time",
			"read_until", stamp(l.watermark), "reading_from", stamp(min(before, now)))
		return min(before, now)
	}
	return min(l.watermark, now)
}

// tidy leaves out what a row says and cannot be.
func (l *ledger) tidy(j *api.Job) { l.problems.leaveOutImpossible(j, l.latest) }

// accept takes a row that came for a finished job, and says whether there is an ending to be counted. One
// that is in pieces is none yet.
func (l *ledger) accept(j *api.Job) (ending, bool) {
	if j.Given&api.FieldState != 0 && j.State != api.StateDone {
		return l.ranAgain(j)
	}
	if j.Given&(api.FieldTry|api.FieldStart) == api.FieldTry|api.FieldStart {
		if e, _ := newEnding(j, nil); l.counted.has(&e) && l.lastHour == nil {
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
func (l *ledger) ranAgain(j *api.Job) (ending, bool) {
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
func (l *ledger) judge(j *api.Job) (ending, bool) {
	e, ok := newEnding(j, l.counters.kindOf(j))
	if !ok { // without any time it has ended by now, which is all that is known
		e.end = l.at + l.skew
		e.updated = e.end
	}
	l.lastHour.note(j, &e)
	if e.end < l.birth.birth && !l.counted.within(e.id) {
		return e, false
	}
	return e, !l.counted.has(&e)
}

// read asks for the finished jobs that changed. Where they are too many to be held at once,
// part is called to have those counted that are read without gaps.
func (l *ledger) read(ctx context.Context, begin func() *reading, part func(*reading) error) (*reading, error) {
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
	if err == nil && l.readAt != 0 && r.now-l.skew-l.readAt > longGap {
		r.unseen, err = l.forgotten(ctx, r)
		r.unchecked = err != nil
	}
	return r, err
}

// forgotten is how long, in ms, after the last complete reading the oldest job begins that
// the server still has.
func (l *ledger) forgotten(ctx context.Context, r *reading) (int64, error) {
	until := l.readAt + l.skew
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
func (l *ledger) enter(e *ending, point int64) {
	before, ok := l.counted.add(e)
	if !ok {
		return
	}
	e.kind = l.counters.kind(e.kind.kindKey) // it may have been forgotten while the ending was held
	l.counted.see(e.id, e.start, l.birth.birth)
	l.audit.ended(e.id)
	at := min(max(e.end-l.skew, l.before(point)+1), point)
	l.counters.count(e, before, at)
	for _, o := range l.observers {
		o.observe(e, l.clocks())
	}
}

func (l *ledger) clocks() clocks { return clocks{l.skew, l.latest} }

// noticeRestarts says that the server's job ids were seen to start again.
func (l *ledger) noticeRestarts() {
	n := l.counted.restarts
	if n == 0 {
		return
	}
	l.counted.restarts = 0
	l.log.Warn("the server's job ids started again: the job database was reset, or the ids wrapped around",
		"job_id", l.counted.first, "started", stamp(l.counted.since))
	l.counters.bump(&l.counters.resets, l.counters.c.resets, float64(n))
}

// noticeUnseen counts the time whose jobs the server had forgotten before they were read.
func (l *ledger) noticeUnseen(r *reading) {
	if !r.complete() || r.unseen <= 0 {
		return
	}
	l.log.Warn("the server deleted jobs before they were read: some may be missing from the counters",
		"from", stamp(l.readAt+l.skew), "span", time.Duration(r.unseen)*time.Millisecond)
	l.counters.bump(&l.counters.unseen, l.counters.c.unseen, float64(r.unseen)/1000)
	r.unseen = 0
}

// advance moves the watermark over what was read and entered. kept are the endings that
// were read but belong to later points.
func (l *ledger) advance(r *reading, kept []placed) {
	base := r.spans[0].from + r.overlap
	switch {
	case !r.complete():
		l.watermark = max(base, r.covered())
	case r.rows > 0:
		l.watermark = max(base, min(r.highest, r.now))
	}
	for _, p := range kept {
		l.watermark = min(l.watermark, r.by.of(p.ending))
	}
	if l.audit.isRefused(l.at) { // nobody else asks for what is in pieces
		l.watermark = min(l.watermark, l.fragments.oldest(r.by))
	}
	if !r.complete() {
		return
	}
	l.caughtUp = true
	if r.overlap >= l.deep.depth && l.audit.refused != 0 {
		l.deep.made(l.at, l.interval, r.rows)
	}
	if !r.unchecked {
		l.readAt = r.now - l.skew
	}
}

// changes are the keys of the state that changed since it was last asked.
func (l *ledger) changes() []source.Change {
	changes := slices.Concat(l.counted.changes(), l.audit.changes(), l.clock.changes(), l.counters.policies.changes())
	for _, m := range l.memories {
		changes = append(changes, m.changes(l.newest)...)
	}
	return append(changes, source.Change{Key: ledgerKey, Value: l.encode()})
}
