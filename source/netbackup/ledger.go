package netbackup

import (
	"context"
	"fmt"
	"iter"
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

	jobs     *jobSource
	counters *counters
	samples  []source.Sample   // of the newest tick
	lastHour *compat.EndedJobs // nil where nobody asks for it
	problems jobProblems

	observers []observer
	memories  []memory
	durable   []func(source.Sample) bool // take back durable series that are not the ledger's

	expired int64 // when clients were last looked through, ms of the agent's clock

	ended    int64                                 // agent's clock: the point at which series of counters ended last: none may begin again at it
	keep     int64                                 // ms after its last job that a policy keeps its counters
	listed   func(policy string, point int64) bool // by the server, as far as can be known; nil where nobody asks
	lookedAt int64                                 // when policies were last looked through, ms of the agent's clock
}

// newLedger is one that knows nothing yet. It reads by the lister.
func newLedger(cfg SiteConfig, c *catalogue, log *slog.Logger, readers int, jobs jobLister) *jobLedger {
	l := &jobLedger{
		log: log, site: cfg.Client.Site,
		interval: cfg.Interval.Milliseconds(),
		counters: newCounters(c, cfg.Client.Site, cfg.MaxJobSeries),
		keep:     cfg.ForgetPolicies.Milliseconds(), problems: jobProblems{counted: map[string]uint64{}},
	}
	l.jobs = &jobSource{jobs: jobs, problems: &l.problems, latest: math.MaxInt64}
	of := ledger.Config{
		Attributes: jobAttributes, Site: l.site, Readers: readers, Interval: l.interval, Backfill: cfg.Backfill.Milliseconds(),
	}
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

// cycles are those up to a tick, see ledger.Cycles.
func (l *jobLedger) cycles(r *ledger.Reading, live func() []source.Sample, tick int64) iter.Seq[source.Cycle] {
	return l.Cycles(l, r, live, tick)
}

// Count counts the jobs that ended up to an aligned time.
func (l *jobLedger) Count(p *ledger.Point) ledger.Page {
	born := l.begins(p.Born)
	l.counters.birth = born
	l.noticeUnseen(p.Unseen)
	for x := range p.Endings {
		e := x.Row.(*ending)
		e.kind = l.counters.kind(e.labels)
		l.counters.count(e, x.Before, x.At)
		for _, o := range l.observers {
			o.observe(e, l.clocks())
		}
	}
	for _, o := range l.observers {
		o.settle(p.At+l.Clock.Skew, l.clocks())
	}
	l.noticeRestarts()
	l.expire(p.At)
	if p.Live != nil { // all collectors have ended, that of policies as well
		l.forgetPolicies(p.At)
	}
	l.problems.countTo(l.counters)
	l.counters.enterUnreadable()
	page := ledger.Page{Zeros: source.Zeros(born, l.counters.takeFresh()), Exemplars: l.counters.takeExemplars()}
	if p.Live == nil {
		page.Samples = l.counters.appendTo(make([]source.Sample, 0, len(l.counters.cells)))
		return page
	}
	l.samples = append(l.counters.appendTo(l.samples[:0]), p.Live()...)
	page.Samples = l.samples
	return page
}

// begins is when counters that are new at a point are 0: just after their series ended, where they are some that were forgotten
// with the batch before.
func (l *jobLedger) begins(before int64) int64 {
	if before != l.ended {
		return before
	}
	return l.ended + 1
}

// Series is how many counters and memories there are.
func (l *jobLedger) Series() int { return len(l.counters.cells) }

// expire looks once an hour for clients that are not seen any more.
func (l *jobLedger) expire(point int64) {
	if point-l.expired < hourMillis {
		return
	}
	l.expired = point
	// Both clocks must say so: one that is wrong for a reading would forget everybody.
	for _, o := range l.observers {
		o.expire(point, l.clocks())
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
func (l *jobLedger) noticeUnseen(unseen int64) {
	if unseen == 0 {
		return
	}
	l.log.Warn("the server deleted jobs before they were read: some may be missing from the counters",
		"from", stamp(l.ReadAt+l.Clock.Skew), "span", time.Duration(unseen)*time.Millisecond)
	l.counters.bump(&l.counters.unseen, l.counters.c.unseen, float64(unseen)/1000)
}

// Changes are the keys of the state that changed since it was last asked, but for those of the ledger.
func (l *jobLedger) Changes(newest int64) []source.Change {
	changes := l.counters.policies.changes()
	for _, m := range l.memories {
		changes = append(changes, m.changes(newest)...)
	}
	return changes
}
