package netbackup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"backwire/source/netbackup/api"
	"backwire/source/probe"
)

// Check tries everything that a cycle needs, from the network to one page of each collector, and
// stops where the rest could only fail in the same way.
func (s *Site) Check(ctx context.Context) []probe.Finding {
	findings := s.client.CheckNetwork(ctx)
	if !probe.Reached(findings) {
		return findings
	}
	findings = append(findings, s.checkPing(ctx)...)
	if !probe.Reached(findings) {
		return findings
	}
	findings = append(findings, s.checkLogin(ctx))
	if !probe.Reached(findings) {
		return findings
	}
	for _, c := range s.collectors {
		if q, ok := s.question(c.name); ok {
			findings = append(findings, q.check(ctx, c.name))
		}
	}
	return findings
}

// checkPing asks for the server's clock and the API's version: nobody needs a credential for that.
func (s *Site) checkPing(ctx context.Context) []probe.Finding {
	const tried = "GET /ping"
	began := time.Now()
	ping, err := s.client.Ping(ctx)
	if err != nil {
		f := failedCheck("version", tried, err)
		if f.Next == "" || errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrForeign) {
			f.Next = "check the URL: it ends with /netbackup" // every server answers this
		}
		return []probe.Finding{f.Timed(time.Since(began))}
	}
	version := probe.Finding{
		Step: "version", Result: probe.OK, Tried: tried,
		Found: fmt.Sprintf("API version %s in use%s, answered in %v", ping.APIVersion, ofRelease(ping.APIVersion), ping.RoundTrip.Round(time.Millisecond/10)),
	}
	skew := ping.ServerTime.Add(ping.RoundTrip / 2).Sub(s.now())
	clock := probe.Clock(tried, skew, time.Second, "samples use this host's time, jobs use the server's time")
	return []probe.Finding{version.Timed(ping.RoundTrip), clock}
}

func ofRelease(version string) string {
	if r := api.Release(version); r != "" {
		return " (NetBackup " + r + ")"
	}
	return ""
}

func (s *Site) checkLogin(ctx context.Context) probe.Finding {
	tried := "GET /security/api-keys with the API key"
	if s.cfg.Client.APIKey == nil {
		tried = "POST /login as " + s.cfg.Client.Username
	}
	began := time.Now()
	expires, err := s.client.APIKeyExpiry(ctx)
	took := time.Since(began)
	if err != nil && !withheld(err) {
		return failedCheck("login", tried, err).Timed(took)
	}
	f := probe.Finding{Step: "login", Result: probe.OK, Tried: tried, Found: "credential accepted"}
	if err != nil || expires.IsZero() {
		return f.Timed(took)
	}
	f.Found += "; the API key expires on " + expires.UTC().Format(time.DateOnly)
	if expires.Sub(s.now()) < 14*24*time.Hour {
		f.Result = probe.Warning
		f.Next = "create a new API key before that day (web UI: Security > Access keys > API keys), or collection stops"
	}
	return f.Timed(took)
}

// question is what a collector asks for.
type question struct {
	first     func(context.Context) (rows int, err error) // asks for the first row
	operation string                                      // that the role must allow; empty is |OPERATIONS|VIEW|
	namespace string                                      // of the role that may see the rows (the documents' "Access Control")
	always    bool                                        // every server has rows: none means that the role is missing
	needed    bool                                        // a server that does not offer it is none that the agent is for
}

func (s *Site) question(collector string) (question, bool) {
	switch collector {
	case collectorStorage:
		return question{first: func(ctx context.Context) (int, error) { return first(s.client.StorageUnits(ctx)) }, namespace: "|STORAGE|STORAGE-UNITS|", always: true}, true
	case collectorDiskPools:
		return asks(s.client.DiskPools, "|STORAGE|DISK-POOLS|"), true
	case collectorStorageServers:
		return asks(s.client.StorageServers, "|STORAGE|STORAGE-SERVERS|"), true
	case collectorTapeDrives:
		return asks(s.client.TapeDrives, "|STORAGE|TAPE-DEVICES|"), true
	case collectorJobs:
		return question{first: func(ctx context.Context) (int, error) { return first(s.client.Jobs(ctx, api.JobQuery{Limit: 1})) }, namespace: "|MANAGE|JOBS|", always: true, needed: true}, true
	case collectorPolicies:
		return asks(s.client.Policies, "|PROTECTION|POLICIES|"), true
	case collectorAlerts:
		return asks(s.client.Alerts, "|MANAGE|EMAIL-NOTIFICATIONS|"), true
	case collectorMalware:
		q := asks(s.client.MalwareScans, "|MANAGE|MALWARE|")
		q.operation = "|OPERATIONS|MANAGE|MALWARE|VIEW-SCAN-RESULT|"
		return q, true
	case collectorImages:
		return asks(s.client.Images, "|MANAGE|IMAGES|"), true
	case collectorSLOs:
		return asks(s.client.SLOs, "|PROTECTION|PROTECTION_PLAN|"), true
	case collectorTapeMedia:
		return asks(s.client.TapeMedia, "|STORAGE|TAPE-MEDIA|"), true
	case collectorVolumePools:
		return asks(s.client.VolumePools, "|STORAGE|TAPE-MEDIA|VOLUME-POOLS|"), true
	case collectorRobots:
		return asks(s.client.RobotHosts, "|STORAGE|TAPE-DEVICES|"), true
	}
	return question{}, false
}

// asks is a question for rows that there need not be.
func asks[T any](rows func(context.Context) iter.Seq2[T, error], namespace string) question {
	return question{first: func(ctx context.Context) (int, error) { return first(rows(ctx)) }, namespace: namespace}
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

func (q question) check(ctx context.Context, collector string) probe.Finding {
	tried := "first row for collector " + collector
	began := time.Now()
	rows, err := q.first(ctx)
	took := time.Since(began)
	step := "role " + collector
	f := probe.Finding{Step: step, Result: probe.OK, Tried: tried, Found: "readable, answered in " + took.Round(time.Millisecond/10).String()}
	switch {
	case errors.Is(err, api.ErrNotOffered) && q.needed:
		f = failedCheck(step, tried, api.WithHint(err, "check the URL: a primary server, its port and /netbackup"))
	case errors.Is(err, api.ErrNotOffered):
		f.Found = "not offered by this server; skipped"
	case errors.Is(err, api.ErrRole):
		f = failedCheck(step, tried, api.WithHint(err, q.grant()))
	case err != nil:
		f = failedCheck(step, tried, err)
	case rows == 0 && q.always:
		f.Result, f.Found, f.Next = probe.Failed, "200 with an empty list, as for a key without permission", q.grant()
	case rows == 0:
		f.Found = "there are none, or the role lacks the permission View on " + q.namespace
	}
	return f.Timed(took)
}

// grant says what to change where rows are not shown.
func (q question) grant() string {
	return "give the credential's role the View permission on " + q.namespace + " (" + cmp.Or(q.operation, "|OPERATIONS|VIEW|") + "; web UI: Security > RBAC > the role > Global permissions)"
}

// failedCheck takes an error apart into what came back and what to do.
func failedCheck(step, tried string, err error) probe.Finding {
	f := probe.Finding{Step: step, Result: probe.Failed, Tried: tried, Found: err.Error()}
	if e, ok := errors.AsType[*api.Error](err); ok {
		bare := *e
		f.Next, bare.Hint = e.Hint, ""
		f.Found = bare.Error()
	}
	if f.Next == "" {
		f.Next = advice(err)
	}
	return f
}

// advice is what to do where the error itself does not say it.
func advice(err error) string {
	switch {
	case errors.Is(err, api.ErrNetwork):
		return "check that the server is running and that its port is reachable from this host"
	case errors.Is(err, api.ErrBusy):
		return "the server is busy: try again later"
	case errors.Is(err, api.ErrServer):
		return "search the server's logs, for the X-Request-ID if there is one"
	case errors.Is(err, api.ErrVersion):
		return "check that this release supports the configured API version"
	case errors.Is(err, api.ErrDecode):
		return "the answer is not from NetBackup: check the URL, which ends with /netbackup"
	case errors.Is(err, api.ErrCredential):
		return "check the name of the file and that this user can read it"
	}
	return "see the server's message; its logs say more"
}
