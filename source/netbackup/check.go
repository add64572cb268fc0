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
		if first := s.firstRow(c.name); first != nil {
			results = append(results, checkRows(ctx, c.name, first))
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

// firstRow asks for the first row of what a collector reads.
func (s *Site) firstRow(name string) func(context.Context) (rows int, err error) {
	switch name {
	case collectorStorage:
		return func(ctx context.Context) (int, error) { return first(s.client.StorageUnits(ctx)) }
	case collectorDiskPools:
		return func(ctx context.Context) (int, error) { return first(s.client.DiskPools(ctx)) }
	case collectorStorageServers:
		return func(ctx context.Context) (int, error) { return first(s.client.StorageServers(ctx)) }
	case collectorJobs:
		return func(ctx context.Context) (int, error) { return first(s.client.Jobs(ctx, JobQuery{Limit: 1})) }
	}
	return nil
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

func checkRows(ctx context.Context, step string, first func(context.Context) (int, error)) CheckResult {
	rows, err := first(ctx)
	switch {
	case errors.Is(err, ErrNotOffered):
		return CheckResult{Step: step, OK: true, What: "not offered by this server; it is left out"}
	case err != nil:
		return failedCheck(step, err)
	case rows == 0 && (step == collectorStorage || step == collectorJobs):
		return CheckResult{
			Step: step, What: "200 with an empty list",
			Hint: "give the credential's role the right to view them; a server without any is rare",
		}
	case rows == 0:
		return CheckResult{Step: step, OK: true, What: "there are none, or the role does not show them"}
	}
	return CheckResult{Step: step, OK: true, What: "readable"}
}

func failedCheck(step string, err error) CheckResult {
	r := CheckResult{Step: step, What: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		bare := *e
		r.Hint, bare.Hint = e.Hint, ""
		r.What = bare.Error()
	}
	if r.Hint == "" && errors.Is(err, ErrNetwork) {
		r.Hint = "see that the server runs, and that its port can be reached from this host"
	}
	return r
}
