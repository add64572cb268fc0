package netbackup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"backwire/source/ledger"
	"backwire/source/netbackup/api"
)

// jobLister is the part of a client that reads jobs.
type jobLister func(context.Context, api.JobQuery) iter.Seq2[api.Job, error]

// jobSource gives the finished jobs of a server to the ledger, as endings.
type jobSource struct {
	jobs     jobLister
	problems *jobProblems
	latest   int64 // ms of the server's clock: no time of a job lies behind it
}

// jobAttributes are the fields of jobs as the ledger goes by them.
var jobAttributes = ledger.Attributes{
	Kind: ledger.Fields(api.FieldType), Try: ledger.Fields(api.FieldTry), Start: ledger.Fields(api.FieldStart),
	End: ledger.Fields(api.FieldEnd), Update: ledger.Fields(api.FieldUpdate),
	Names: ledger.Fields(api.FieldType | api.FieldPolicyType | api.FieldPolicy | api.FieldScheduleType | api.FieldClient |
		api.FieldParent | api.FieldChildren),
	Needed: ledger.Fields(api.NeededFields), Newer: ledger.Fields(api.FieldMoved),
}

// Events lists finished jobs.
func (s *jobSource) Events(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		for j, err := range s.jobs(ctx, api.JobQuery{Filter: filterOf(&q), Sort: attributeOf(q.By), Limit: q.Limit}) {
			if err != nil {
				yield(nil, err)
				return
			}
			s.problems.leaveOutImpossible(&j, s.latest)
			if !yield(newEnding(&j), nil) {
				return
			}
		}
	}
}

// attributeOf is what jobs are sorted and filtered by (admin.yaml, GET /admin/jobs).
func attributeOf(by ledger.Order) string {
	switch by {
	case ledger.ByEnd:
		return "endTime"
	case ledger.ByID:
		return "jobId"
	}
	return "lastUpdateTime"
}

// filterOf is a query as the server's filter takes it.
func filterOf(q *ledger.Query) string {
	f := "state eq '" + api.StateDone + "'"
	if q.From != 0 {
		f += fmt.Sprintf(" and %s ge %s", attributeOf(q.By), stamp(q.From))
	}
	if q.From != 0 && q.To != ledger.Open {
		f += fmt.Sprintf(" and %s lt %s", attributeOf(q.By), stamp(q.To))
	}
	if len(q.IDs) == 0 {
		return f
	}
	clauses := make([]string, len(q.IDs))
	for i := range q.IDs {
		clauses[i] = clauseOf(&q.IDs[i])
	}
	return f + " and (" + strings.Join(clauses, " or ") + ")"
}

// clauseOf is a range of ids in a filter.
func clauseOf(ids *ledger.IDs) string {
	var c string
	switch ids.To {
	case ids.From:
		return fmt.Sprintf("jobId eq %d", ids.From)
	case ledger.Open:
		c = fmt.Sprintf("jobId ge %d", ids.From)
	default:
		c = fmt.Sprintf("jobId ge %d and jobId le %d", ids.From, ids.To)
	}
	if ids.StartedSince != 0 {
		c += " and startTime ge " + stamp(ids.StartedSince)
	}
	if ids.EndedSince != 0 {
		c += " and endTime ge " + stamp(ids.EndedSince)
	}
	return "(" + c + ")"
}

// longestFilter is in bytes before it is encoded: servers take a request line of 8 KiB.
const longestFilter = 3_000

// Fits is how many ranges of ids a filter takes.
func (s *jobSource) Fits(ids []ledger.IDs) (n int) {
	for size := 0; n < len(ids) && size < longestFilter; n++ {
		size += len(clauseOf(&ids[n])) + len(" or ")
	}
	return n
}

// Refuses says that NetBackup itself does not take an attribute in a filter: it answers 400 with an error
// code of its own (admin.yaml, GET /admin/jobs). A proxy's refusal says nothing about the server.
func (s *jobSource) Refuses(err error, by ledger.Order) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Kind == api.ErrRequest && e.Status == http.StatusBadRequest && e.Code != 0 && strings.Contains(e.Query, attributeOf(by))
}

// stamp is a time as the server's filters take it.
func stamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
