package netbackup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"backwire/source"
)

// ledger counts the finished jobs of a site, each once, and knows how far it has read.
// Everything it must remember is in the site's state and in the values of its durable series.
//
// Two clocks meet here: what the server stamps is in its own, and the grid that samples lie on
// is in the agent's. skew turns one into the other.
type ledger struct {
	log      *slog.Logger
	site     string
	interval int64 // ms
	backfill int64 // ms

	tally    *tally
	clients  *clients
	lastHour *lastHour // nil where nobody asks for it
	counted  *counted
	hours    *hours
	trends   trends
	problems jobProblems
	mark

	ended    int64                                 // agent's clock: the point at which series of counters ended last: none may begin again at it
	keep     int64                                 // ms after its last job that a policy keeps its counters
	listed   func(policy string, point int64) bool // by the server, as far as can be known; nil where nobody asks
	idle     bool                                  // nobody reads jobs: the counters only keep their values
	skew     int64                                 // ms, server's clock less the agent's
	by       orderBy                               // for the life of this agent
	pending  *reading                              // not finished in an earlier cycle
	started  int64                                 // first tick of this agent
	lookedAt int64                                 // when policies were last looked through, ms of the agent's clock
	expired  int64                                 // when clients were last looked through, ms of the agent's clock
	latest   int64                                 // ms of the server's clock: no time of a job lies behind it
	deepAt   int64                                 // when the last deep reading began, ms of the agent's clock; 0 before the first
}

// mark is how far the ledger has come: the state's key "ledger".
type mark struct {
	watermark int64 // server's clock: what was updated before it was read; 0 before the first time
	birth     int64 // server's clock: what ended before it is not counted
	readAt    int64 // agent's clock: when the last complete reading began; 0 before the first
	grid      int64 // agent's clock: last point that has counters; 0 before the first
	newest    int64 // agent's clock: latest batch of any kind
}

const (
	ledgerKey     = "ledger"
	ledgerVersion = 1

	// waitForServer is how long a new agent keeps the gap before its start open for a
	// server that does not answer yet, in ms. Then the counters go on without it, and the
	// jobs of the gap are counted at the next point after the server is back.
	waitForServer = 600_000

	longGap = 900_000 // ms: after it the server may have forgotten jobs
)

func newLedger(cfg SiteConfig, c *catalogue, log *slog.Logger) *ledger {
	t := newTally(c, cfg.Client.Site, cfg.MaxJobSeries)
	return &ledger{
		log: log, site: cfg.Client.Site,
		interval: cfg.Interval.Milliseconds(), backfill: cfg.Backfill.Milliseconds(),
		tally: t, clients: newClients(t, cfg.MaxClientSeries, cfg.ForgetClients.Milliseconds()),
		keep: cfg.ForgetPolicies.Milliseconds(), counted: newCounted(), hours: newHours(), trends: trends{}, problems: jobProblems{counted: map[string]uint64{}}, by: byLastUpdate,
	}
}

// restore takes back what the log remembers.
func (l *ledger) restore(cp source.Checkpoint) error {
	if b, ok := cp.State[ledgerKey]; ok {
		if err := l.decode(b); err != nil {
			return fmt.Errorf("restore the ledger of site %q: %w", l.site, err)
		}
	}
	for key, value := range cp.State {
		if err := l.restoreKey(key, value); err != nil {
			return fmt.Errorf("restore the ledger of site %q: %w", l.site, err)
		}
	}
	for _, s := range cp.Series {
		_ = l.clients.restore(s) || l.tally.restore(s)
	}
	l.tally.mend()
	l.tally.adoptPolicies(cp.T)
	l.ended = l.grid // it is not known which ended there
	return nil
}

func (l *ledger) restoreKey(key string, value []byte) error {
	switch {
	case strings.HasPrefix(key, countedPrefix):
		return l.counted.restore(key, value)
	case key == failuresKey:
		return l.clients.recent.restoreAll(value)
	case strings.HasPrefix(key, failurePrefix):
		return l.clients.recent.restore(key, value)
	case strings.HasPrefix(key, policyPrefix):
		return l.tally.policies.restore(key, value)
	case strings.HasPrefix(key, hoursPrefix):
		l.forgetUnread(l.hours.restore(key, value))
	case strings.HasPrefix(key, trendPrefix):
		l.forgetUnread(l.trends.restore(key, value))
	}
	return nil
}

// forgetUnread is for what is only shown: nothing that is counted depends on it.
func (l *ledger) forgetUnread(err error) {
	if err != nil {
		l.log.Warn("a part of what is shown of the past is forgotten", "error", err)
	}
}

// begin opens the reading of this cycle; now is the server's clock.
func (l *ledger) begin(now int64, readers int, jobs jobLister) *reading {
	l.lastHour.begin(now)
	l.latest = latestTime(now, l.skew)
	l.clients.latest = l.latest
	if l.birth == 0 {
		l.birth = now - l.backfill
		l.watermark = l.birth
	}
	if l.pending != nil {
		l.pending.extend(now)
		return l.pending
	}
	overlap := l.overlap(now)
	from := l.base(now) - overlap
	return &reading{
		by: l.by, now: now, overlap: overlap, readers: readers, jobs: jobs, accept: l.accept, progress: progress{l.log, time.Now()},
		spans: []*span{{from: from, to: open, read: from}}, highest: math.MinInt64,
	}
}

// overlap is how far before the watermark the reading of this cycle begins.
func (l *ledger) overlap(now int64) int64 {
	if l.lastHour != nil && l.deepAt == 0 {
		return max(l.by.depth(), window)
	}
	if at := now - l.skew; at-l.deepAt >= deepEvery || at < l.deepAt {
		return l.by.depth()
	}
	return l.by.overlap()
}

// base is the watermark, or less where the server's clock was set back: what was updated
// since the last reading then carries times that were read already.
func (l *ledger) base(now int64) int64 {
	if l.readAt == 0 {
		return min(l.watermark, now)
	}
	before := l.readAt + l.skew // the server's clock at the last reading, as it counts today
	if l.watermark > before+l.by.overlap() {
		l.log.Warn("the server's clock was set back against this host's; reading again from there",
			"read_until", stamp(l.watermark), "reading_from", stamp(min(before, now)))
		return min(before, now)
	}
	return min(l.watermark, now)
}

// accept reads a finished job, and says whether it is still to be counted.
func (l *ledger) accept(j *Job) (ending, bool) {
	if j.State != StateDone {
		return ending{}, false
	}
	j.leaveOutImpossible(l.latest, &l.problems)
	e, ok := newEnding(j, l.tally.kindOf(j))
	l.lastHour.note(j, &e)
	if !ok || e.end < l.birth {
		return e, false
	}
	return e, !l.counted.has(&e) || l.counted.startsAgain(&e)
}

// read asks for the finished jobs that changed. Where they are too many to be held at once,
// part is called to have those counted that are read without gaps.
func (l *ledger) read(ctx context.Context, begin func() *reading, part func(*reading) error) (*reading, error) {
	r := begin()
	err := r.run(ctx)
	if l.by == byLastUpdate && errors.Is(err, ErrRequest) && r.rows == 0 {
		l.log.Warn("the server refuses to filter by the time of the last update; going by the end of jobs from now on", "error", err)
		l.by = byEnd
		r = begin()
		err = r.run(ctx)
	}
	for err == nil && !r.complete() {
		if err = part(r); err == nil {
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
	for j, err := range r.jobs(ctx, JobQuery{Filter: "state eq 'DONE'", Sort: string(r.by), Limit: 1}) {
		if err != nil {
			return 0, err
		}
		j.leaveOutImpossible(l.latest, &l.problems)
		e, _ := newEnding(&j, nil)
		return max(r.by.of(&e)-until, 0), nil
	}
	return max(r.now-until, 0), nil
}

// enter counts an ending at the point of the grid that it belongs to.
func (l *ledger) enter(e *ending, point int64) {
	before, ok := l.counted.add(e)
	if !ok {
		return
	}
	at := min(max(e.end-l.skew, l.before(point)+1), point)
	l.tally.count(e, before, at)
	l.clients.observe(e)
	l.hours.add(e, l.skew)
	if e.kind.policyType == policyTypeCatalog && e.root && e.succeeded() {
		l.catalogBackedUp(e)
	}
}

// policyTypeCatalog is the policy type of the backups of NetBackup's own catalog. Such a
// backup is a tree of jobs: it has succeeded when its root has.
const policyTypeCatalog = "NBU_CATALOG"

func (l *ledger) catalogBackedUp(e *ending) {
	t := l.tally
	if t.catalogBackup == nil {
		t.catalogBackup = t.add(newSeries(t.c.catalogBackup, t.site, "", 0))
	}
	if end := float64(e.end) / 1000; end > t.catalogBackup.value || !l.clients.believes(t.catalogBackup) {
		t.catalogBackup.value = end
	}
}

// noticeReset looks for endings that only a new job database explains.
func (l *ledger) noticeReset(pending []placed) {
	for _, p := range pending {
		if !l.counted.startsAgain(p.ending) {
			continue
		}
		l.log.Warn("the server's job ids started again: the job database was reset",
			"job_id", p.id, "started", stamp(p.start), "highest_job_id", l.counted.current.highest)
		l.counted.reset()
		l.tally.bump(&l.tally.resets, l.tally.c.resets, 1)
		return
	}
}

// noticeUnseen counts the time whose jobs the server had forgotten before they were read.
func (l *ledger) noticeUnseen(r *reading) {
	if !r.complete() || r.unseen <= 0 {
		return
	}
	l.log.Warn("the server has forgotten jobs that were never read: some may be missing from the counters",
		"from", stamp(l.readAt+l.skew), "span", time.Duration(r.unseen)*time.Millisecond)
	l.tally.bump(&l.tally.unseen, l.tally.c.unseen, float64(r.unseen)/1000)
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
	if !r.complete() {
		return
	}
	if r.overlap >= r.by.depth() {
		l.deepAt = r.now - l.skew
	}
	if !r.unchecked {
		l.readAt = r.now - l.skew
	}
}

// encode is the state's key "ledger": version, the mark, the epochs; signed varints.
func (l *ledger) encode() []byte {
	c := l.counted
	numbers := []int64{
		l.watermark, l.watermark - l.birth, l.watermark - l.readAt, l.grid, l.newest - l.grid,
		c.current.number, c.current.highest, l.watermark - c.current.started, l.watermark - c.current.ended,
		c.current.floor, c.current.floorAt,
	}
	if p := c.previous; p != nil {
		numbers = append(numbers, p.number, c.since, p.highest, p.ended, p.floor, p.floorAt)
	}
	b := []byte{ledgerVersion}
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func (l *ledger) decode(b []byte) error {
	if len(b) == 0 || b[0] != ledgerVersion {
		return fmt.Errorf("state key %q is of an unknown version", ledgerKey)
	}
	var numbers []int64
	for b = b[1:]; len(b) > 0; {
		n, size := binary.Varint(b)
		if size <= 0 {
			return fmt.Errorf("state key %q is cut short", ledgerKey)
		}
		numbers = append(numbers, n)
		b = b[size:]
	}
	if len(numbers) != 11 && len(numbers) != 17 {
		return fmt.Errorf("state key %q has %d numbers", ledgerKey, len(numbers))
	}
	l.adopt(numbers)
	return nil
}

func (l *ledger) adopt(n []int64) {
	l.mark = mark{watermark: n[0], birth: n[0] - n[1], readAt: n[0] - n[2], grid: n[3], newest: n[3] + n[4]}
	p := newEpoch(n[5])
	p.highest, p.started, p.ended, p.floor, p.floorAt = n[6], n[0]-n[7], n[0]-n[8], n[9], n[10]
	l.counted.current = p
	if len(n) > 11 {
		p = newEpoch(n[11])
		l.counted.since = n[12]
		p.highest, p.started, p.ended, p.floor, p.floorAt = n[13], n[12], n[14], n[15], n[16]
		l.counted.previous = p
	}
}

// changes are the keys of the state that changed since it was last asked.
func (l *ledger) changes() []source.Change {
	changes := slices.Concat(l.counted.changes(), l.hours.changes(), l.trends.changes(l.newest), l.clients.recent.changes(), l.tally.policies.changes())
	return append(changes, source.Change{Key: ledgerKey, Value: l.encode()})
}
