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
	"backwire/source/netbackup/compat"
)

// jobLedger counts the finished jobs of a site that its ledger finds. What it must remember beside the ledger is in the
// site's state and in the values of its durable series.
type jobLedger struct {
	*ledger.Ledger

	log      *slog.Logger
	site     string
	interval int64 // ms
	backfill int64 // ms

	jobs     *jobSource
	counters *counters
	lastHour *compat.EndedJobs // nil where nobody asks for it
	problems jobProblems

	observers []observer
	memories  []memory
	durable   []func(source.Sample) bool // take back durable series that are not the ledger's

	idle    bool  // nobody reads jobs: the counters only keep their values
	started int64 // first tick of this agent
	expired int64 // when clients were last looked through, ms of the agent's clock

	ended    int64                                 // agent's clock: the point at which series of counters ended last: none may begin again at it
	keep     int64                                 // ms after its last job that a policy keeps its counters
	listed   func(policy string, point int64) bool // by the server, as far as can be known; nil where nobody asks
	lookedAt int64                                 // when policies were last looked through, ms of the agent's clock
}

// waitForServer is how long a new agent keeps the gap before its start open for a
// server that does not answer yet, in ms. Then the counters go on without it, and the
// jobs of the gap are counted at the next point after the server is back.
const waitForServer = 600_000

// newLedger is one that knows nothing yet. It reads by the lister.
func newLedger(cfg SiteConfig, c *catalogue, log *slog.Logger, readers int, jobs jobLister) *jobLedger {
	l := &jobLedger{
		log: log, site: cfg.Client.Site,
		interval: cfg.Interval.Milliseconds(), backfill: cfg.Backfill.Milliseconds(),
		counters: newCounters(c, cfg.Client.Site, cfg.MaxJobSeries),
		keep:     cfg.ForgetPolicies.Milliseconds(), problems: jobProblems{counted: map[string]uint64{}},
	}
	l.jobs = &jobSource{jobs: jobs, problems: &l.problems, latest: math.MaxInt64}
	of := ledger.Config{Attributes: jobAttributes, Readers: readers, Interval: l.interval, Backfill: l.backfill}
	if cfg.Compat == compat.Name {
		l.lastHour = compat.NewEndedJobs()
		of.Recent, of.LookBack = l.noteLastHour, compat.Window
	}
	l.Ledger = ledger.New(of, l.jobs, log)
	return l
}

// restore takes back what the log remembers.
func (l *jobLedger) restore(cp source.Checkpoint) error {
	if err := l.Restore(cp.State); err != nil {
		return fmt.Errorf("restore the counted jobs of site %q: %w", l.site, err)
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
	if mine, err := l.RestoreKey(key, value); mine {
		return err
	}
	switch {
	case strings.HasPrefix(key, policyPrefix):
		return l.counters.policies.restore(key, value)
	case key == ledger.ClockKey:
		if err := l.Clock.Restore(value); err != nil {
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

// read asks for the finished jobs that changed; now is the server's clock. Where they are too many to be held at once,
// part is called to have those counted that are read without gaps.
func (l *jobLedger) read(ctx context.Context, now int64, part func(*ledger.Reading) error) (*ledger.Reading, error) {
	l.lastHour.Begin(now)
	l.jobs.latest = latestTime(now, l.Clock.Skew)
	return l.Read(ctx, now, part)
}

// enter counts an ending at the aligned time that it belongs to.
func (l *jobLedger) enter(e *ending, point int64) {
	before, ok := l.Enter(&e.Event)
	if !ok {
		return
	}
	e.kind = l.counters.kind(e.labels)
	at := min(max(e.End-l.Clock.Skew, l.before(point)+1), point)
	l.counters.count(e, before, at)
	for _, o := range l.observers {
		o.observe(e, l.clocks())
	}
}

func (l *jobLedger) clocks() clocks { return clocks{l.Clock.Skew, l.jobs.latest} }

// noticeRestarts says that the server's job ids were seen to start again.
func (l *jobLedger) noticeRestarts() {
	n := l.Counted.TakeRestarts()
	if n == 0 {
		return
	}
	l.log.Warn("the server's job ids started again: the job database was reset, or the ids wrapped around",
		"job_id", l.Counted.First, "started", stamp(l.Counted.Since))
	l.counters.bump(&l.counters.resets, l.counters.c.resets, float64(n))
}

// noticeUnseen counts the time whose jobs the server had forgotten before they were read.
func (l *jobLedger) noticeUnseen(r *ledger.Reading) {
	unseen := r.TakeUnseen()
	if unseen == 0 {
		return
	}
	l.log.Warn("the server deleted jobs before they were read: some may be missing from the counters",
		"from", stamp(l.ReadAt+l.Clock.Skew), "span", time.Duration(unseen)*time.Millisecond)
	l.counters.bump(&l.counters.unseen, l.counters.c.unseen, float64(unseen)/1000)
}

// changes are the keys of the state that changed since it was last asked.
func (l *jobLedger) changes() []source.Change {
	changes := append(l.Changes(), l.counters.policies.changes()...)
	for _, m := range l.memories {
		changes = append(changes, m.changes(l.Newest)...)
	}
	return append(changes, l.MarkChange())
}
