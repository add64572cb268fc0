package netbackup

import (
	"context"
	"iter"
	"math"
	"strconv"
	"time"

	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// jobLimits bound how many different values of jobs are remembered, whatever a server makes up: each is a few dozen
// series. The rest is counted together.
type jobLimits struct {
	since   time.Time // when they were last forgotten: policies come and go
	types   *distinct // with the type of the policy
	kinds   *distinct // with the policy and the schedule as well
	rhythms *distinct // types of schedules
	results *distinct // statuses
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
	return &jobLimits{types: newDistinct(mostTypes), kinds: newDistinct(policies), rhythms: newDistinct(mostRhythms), results: newDistinct(mostResults)}
}

// begin forgets once a day.
func (l *jobLimits) begin(now time.Time) {
	if now.Sub(l.since) < 24*time.Hour && !now.Before(l.since) {
		return
	}
	l.since = now
	for _, d := range []*distinct{l.types, l.kinds, l.rhythms, l.results} {
		d.forget()
	}
}

// fold puts a job whose values are too many under the others. It says whether it did.
func (l *jobLimits) fold(j *api.Job) (folded bool) {
	var room [3 * longestValue]byte
	const separator = 0xff // never in UTF-8
	if !l.rhythms.admits(append(room[:0], j.ScheduleType...)) {
		j.ScheduleType, folded = otherValues, true
	}
	key := append(append(append(room[:0], j.Type...), separator), j.PolicyType...)
	if !l.types.admits(key) {
		j.Type, j.PolicyType, folded = otherValues, otherValues, true
	}
	key = append(append(append(room[:0], j.Type...), separator), j.PolicyType...)
	key = append(append(append(append(key, separator), j.ScheduleType...), separator), j.Policy...)
	if !l.kinds.admits(key) {
		j.Policy, folded = otherPolicies, true
	}
	if s := j.Status; s.Given && s.Value > 1 && !l.results.admits(strconv.AppendInt(room[:0], s.Value, 10)) {
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
