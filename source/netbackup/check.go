package netbackup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// CheckResult is one line of the check of a site.
type CheckResult struct {
	Step string // ping, login, or a collector's name
	OK   bool
	What string // what was found
	Hint string // what to do, empty where nothing is
}

// Check tries everything that a cycle needs, with one page of each collector. It stops
// where the rest could only fail in the same way.
func (s *Site) Check(ctx context.Context) []CheckResult {
	results := []CheckResult{s.checkPing(ctx)}
	if !results[0].OK {
		return results
	}
	results = append(results, s.checkLogin(ctx))
	if !results[1].OK {
		return results
	}
	for _, c := range s.collectors {
		if q, ok := s.question(c.name); ok {
			results = append(results, q.check(ctx, c.name))
		}
	}
	return results
}

func (s *Site) checkPing(ctx context.Context) CheckResult {
	ping, err := s.client.Ping(ctx)
	if err != nil {
		return failedCheck("ping", err)
	}
	r := CheckResult{Step: "ping", OK: true, What: fmt.Sprintf("API version %s in %v", ping.APIVersion, ping.RoundTrip.Round(time.Millisecond))}
	skew := ping.ServerTime.Add(ping.RoundTrip / 2).Sub(s.now()).Round(time.Second)
	if skew.Abs() > time.Minute {
		r.What += fmt.Sprintf("; the server's clock is %v from this one", skew)
		r.Hint = "set both clocks by NTP: samples are written at this host's time"
	}
	return r
}

func (s *Site) checkLogin(ctx context.Context) CheckResult {
	expires, err := s.client.APIKeyExpiry(ctx)
	switch {
	case err != nil && !withheld(err):
		return failedCheck("login", err)
	case err != nil || expires.IsZero():
		return CheckResult{Step: "login", OK: true, What: "the credential is accepted"}
	}
	left := expires.Sub(s.now()).Round(time.Hour)
	r := CheckResult{Step: "login", OK: true, What: "the credential is accepted; the API key expires on " + expires.UTC().Format(time.DateOnly)}
	if left < 14*24*time.Hour {
		r.Hint = "create a new API key in time: nothing is collected after that day"
	}
	return r
}

// question is what a collector asks for.
type question struct {
	first     func(context.Context) (rows int, err error) // asks for the first row
	namespace string                                      // of the role that may see the rows (the documents' "Access Control")
	always    bool                                        // every server has rows: none means that the role is missing
}

func (s *Site) question(collector string) (question, bool) {
	switch collector {
	case collectorStorage:
		return question{func(ctx context.Context) (int, error) { return first(s.client.StorageUnits(ctx)) }, "|STORAGE|STORAGE-UNITS|", true}, true
	case collectorDiskPools:
		return question{func(ctx context.Context) (int, error) { return first(s.client.DiskPools(ctx)) }, "|STORAGE|DISK-POOLS|", false}, true
	case collectorStorageServers:
		return question{func(ctx context.Context) (int, error) { return first(s.client.StorageServers(ctx)) }, "|STORAGE|STORAGE-SERVERS|", false}, true
	case collectorJobs:
		return question{func(ctx context.Context) (int, error) { return first(s.client.Jobs(ctx, JobQuery{Limit: 1})) }, "|MANAGE|JOBS|", true}, true
	}
	return question{}, false
}

func first[T any](rows iter.Seq2[T, error]) (int, error) {
	for _, err := range rows {
		if err != nil {
			return 0, err
		}
		return 1, nil
	}
	return 0, nil
}

func (q question) check(ctx context.Context, step string) CheckResult {
	rows, err := q.first(ctx)
	switch {
	case errors.Is(err, ErrNotOffered):
		return CheckResult{Step: step, OK: true, What: "not offered by this server; it is left out"}
	case errors.Is(err, ErrRole):
		return failedCheck(step, withHint(err, q.grant()))
	case err != nil:
		return failedCheck(step, err)
	case rows == 0 && q.always:
		return CheckResult{Step: step, What: "200 with an empty list, which is what a key without the role gets", Hint: q.grant()}
	case rows == 0:
		return CheckResult{Step: step, OK: true, What: "there are none, or the role does not show them: it needs View on " + q.namespace}
	}
	return CheckResult{Step: step, OK: true, What: "readable"}
}

// grant says what to change where rows are not shown.
func (q question) grant() string {
	return "give the credential's role the View permission on " + q.namespace + " (|OPERATIONS|VIEW|)"
}

func failedCheck(step string, err error) CheckResult {
	r := CheckResult{Step: step, What: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		bare := *e
		r.Hint, bare.Hint = e.Hint, ""
		r.What = bare.Error()
	}
	if r.Hint == "" {
		r.Hint = advice(err)
	}
	return r
}

// advice is what to do where the error itself does not say it.
func advice(err error) string {
	switch {
	case errors.Is(err, ErrNetwork):
		return "see that the server runs, and that its port can be reached from this host"
	case errors.Is(err, ErrBusy):
		return "the server is there and busy: try again in a while"
	case errors.Is(err, ErrServer):
		return "look into the server's own logs, for the X-Request-ID where there is one"
	case errors.Is(err, ErrVersion):
		return "does this release know the API version that is configured?"
	}
	return ""
}
