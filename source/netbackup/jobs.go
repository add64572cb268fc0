package netbackup

import (
	"context"
	"errors"
	"iter"
	"math"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/source/collect"
	"backwire/source/guard"
	"backwire/source/ledger"
	"backwire/source/netbackup/api"
)

const collectorJobs = "jobs"

// jobCollector reads the jobs that are open, and has the ledger read those that have finished.
func jobCollector() collector {
	return collector{
		Name: collectorJobs, Noun: jobNoun, Section: sectionJobs,
		First: firstOf(func(c *api.Client, ctx context.Context) iter.Seq2[api.Job, error] {
			return c.Jobs(ctx, api.JobQuery{Limit: 1})
		}),
		Role: collect.Role{Namespace: "|MANAGE|JOBS|", Screen: "Jobs", Without: "no jobs and no clients", Always: true},
		Start: func(w *workplace) collect.Reader {
			w.site.open = newOpenJobs(w.site.catalogue, w.Gauges, w.site.cfg.MaxJobSeries, w.client().Problems())
			return w.site.readJobs
		},
	}
}

// jobLimits bound how many different values of jobs are remembered, whatever a server makes up: each is a few dozen
// series. The rest is counted together.
type jobLimits struct {
	since   time.Time         // when they were last forgotten: policies come and go
	types   *collect.Distinct // with the type of the policy
	kinds   *collect.Distinct // with the policy and the schedule as well
	rhythms *collect.Distinct // types of schedules
	results *collect.Distinct // statuses
}

const (
	mostTypes   = 300   // the documents name some sixty types of jobs, and fewer of policies for each
	mostRhythms = 50    // the documents name a dozen
	mostResults = 1_000 // NetBackup has some hundred that jobs end with

	otherValues = "(other)"

	longestValue = 256     // bytes of a text, after the client has cut it
	openLimit    = 200_000 // jobs that are not done
)

func newJobLimits(policies int) *jobLimits {
	return &jobLimits{types: collect.NewDistinct(mostTypes), kinds: collect.NewDistinct(policies), rhythms: collect.NewDistinct(mostRhythms), results: collect.NewDistinct(mostResults)}
}

// begin forgets once a day.
func (l *jobLimits) begin(now time.Time) {
	if now.Sub(l.since) < 24*time.Hour && !now.Before(l.since) {
		return
	}
	l.since = now
	for _, d := range []*collect.Distinct{l.types, l.kinds, l.rhythms, l.results} {
		d.Forget()
	}
}

// fold puts a job whose values are too many under the others. It says whether it did.
func (l *jobLimits) fold(j *api.Job) (folded bool) {
	var room [3 * longestValue]byte
	const separator = 0xff // never in UTF-8
	if !l.rhythms.Admits(append(room[:0], j.ScheduleType...)) {
		j.ScheduleType, folded = otherValues, true
	}
	key := append(append(append(room[:0], j.Type...), separator), j.PolicyType...)
	if !l.types.Admits(key) {
		j.Type, j.PolicyType, folded = otherValues, otherValues, true
	}
	key = append(append(append(room[:0], j.Type...), separator), j.PolicyType...)
	key = append(append(append(append(key, separator), j.ScheduleType...), separator), j.Policy...)
	if !l.kinds.Admits(key) {
		j.Policy, folded = otherPolicies, true
	}
	if s := j.Status; s.Given && s.Value > 1 && !l.results.Admits(strconv.AppendInt(room[:0], s.Value, 10)) {
		j.Status, folded = api.Optional[int64]{Value: math.MaxInt32, Given: true}, true
	}
	return folded
}

// ended are jobs for the ledger.
func (s *Site) ended(ctx context.Context, q api.JobQuery) iter.Seq2[api.Job, error] {
	return func(yield func(api.Job, error) bool) {
		for j, err := range s.client.Jobs(ctx, q) {
			if err == nil && s.jobLimits.fold(&j) {
				s.client.NoteLimited()
			}
			if !yield(j, err) {
				return
			}
		}
	}
}

// notDone are jobs that are open.
func (s *Site) notDone(ctx context.Context, q api.JobQuery) iter.Seq2[api.Job, error] {
	return func(yield func(api.Job, error) bool) {
		n := 0
		for j, err := range s.client.Jobs(ctx, q) {
			if n++; n > openLimit {
				yield(api.Job{}, s.client.Beyond("/admin/jobs", guard.Limit{What: "a list", Most: openLimit, Unit: "jobs that are not done"}))
				return
			}
			if !yield(j, err) {
				return
			}
		}
	}
}

// readJobs asks two questions at once: which jobs are open, and which have finished.
func (s *Site) readJobs(ctx context.Context, now int64) (int, error) {
	var both errgroup.Group
	var opened int
	var openErr, doneErr error
	both.Go(func() error {
		openErr = guard.Run(func() (err error) {
			opened, err = s.open.read(ctx, s.notDone, now)
			return err
		})
		return nil
	})
	both.Go(func() error {
		doneErr = guard.Run(func() error { return s.readEnded(ctx, now) })
		return nil
	})
	_ = both.Wait() // each has left its error
	if openErr != nil {
		s.open.gauges.Reset() // sums over half of the pages would be wrong
	} else {
		s.ledger.NoteOpen(s.open.starts())
		s.clients.noteOpen(s.open.backups, now)
	}
	if doneErr == nil {
		doneErr = guard.Run(func() error { return s.ledger.Check(ctx, s.reading) })
	}
	if guard.Panicked(doneErr) {
		s.broken = doneErr
	}
	if errors.Is(doneErr, ledger.ErrTooManyHeld) {
		doneErr = s.client.Beyond("/admin/jobs", ledger.ErrTooManyHeld)
	}
	s.ledger.NoteCycle(openErr == nil && doneErr == nil)
	rows := opened
	if s.reading != nil {
		rows += s.reading.Gained()
	}
	if err := errors.Join(openErr, doneErr); err != nil || rows > 0 {
		return rows, err
	}
	return 0, s.seeAnyJob(ctx)
}

// readEnded reads what finished. Its panic may have left the ledger in the middle of something, that of the open jobs
// has not.
func (s *Site) readEnded(ctx context.Context, now int64) (err error) {
	s.reading, err = s.ledger.read(ctx, now, func(r *ledger.Reading) error {
		s.parts <- r
		return <-s.counted
	})
	return err
}

// seeAnyJob is asked where neither an open nor a finished job was seen: a server that had
// jobs and shows none at all has taken the right to see them away.
func (s *Site) seeAnyJob(ctx context.Context) error {
	if s.ledger.Counted.Top == 0 {
		return nil // there may be none yet
	}
	for _, err := range s.client.Jobs(ctx, api.JobQuery{Limit: 1}) {
		return err
	}
	return errEmpty
}
