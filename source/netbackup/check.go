package netbackup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"backwire/source/collect"
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
		if c.First != nil {
			findings = append(findings, checkFirst(ctx, c))
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
	if err == nil && !expires.IsZero() {
		f.Found += "; the API key expires on " + expires.UTC().Format(time.DateOnly)
		if expires.Sub(s.now()) < 14*24*time.Hour {
			f.Result = probe.Warning
			f.Next = "create a new API key before that day (web UI: Security > Access keys > API keys), or collection stops"
		}
	}
	if s.hasNoPermission(ctx) {
		f.Result, f.Found = probe.Warning, f.Found+"; it has no permission at all, so every list is empty"
		f.Next = "give its user a role with the permissions of docs/netbackup-role.md (web UI: Security > RBAC)"
	}
	return f.Timed(took)
}

// hasNoPermission says that the server itself tells of a credential without any: it answers its questions with empty lists. Where the
// server does not say, the rows of the collectors do.
func (s *Site) hasNoPermission(ctx context.Context) bool {
	id, err := s.client.Identity(ctx)
	return err == nil && !id.Admin && id.Permissions != nil && len(id.Permissions) == 0
}

// checkFirst asks a collector for its first row.
func checkFirst(ctx context.Context, c *collect.Active[*workplace]) probe.Finding {
	tried := "first row for collector " + c.Name
	began := time.Now()
	rows, err := c.AskFirst(ctx)
	took := time.Since(began)
	step := "role " + c.Name
	f := probe.Finding{Step: step, Result: probe.OK, Tried: tried, Found: "readable, answered in " + took.Round(time.Millisecond/10).String()}
	switch {
	case errors.Is(err, api.ErrNotOffered) && !c.Optional:
		f = failedCheck(step, tried, api.WithHint(err, "check the URL: a primary server, its port and /netbackup"))
	case errors.Is(err, api.ErrNotOffered):
		f.Found = "not offered by this server; skipped"
	case errors.Is(err, api.ErrRole):
		f = failedCheck(step, tried, api.WithHint(err, grant(c.Role)))
	case err != nil:
		f = failedCheck(step, tried, err)
	case rows == 0 && c.Role.Always:
		f.Result, f.Found, f.Next = probe.Failed, "200 with an empty list, as for a key without permission", grant(c.Role)
	case rows == 0:
		f.Found = "there are none, or the role lacks the permission View on " + needed(c.Role)
	}
	return f.Timed(took)
}

// grant says what to change where rows are not shown.
func grant(r collect.Role) string {
	return "give the credential's role the View permission on " + needed(r) + " (web UI: Security > RBAC > the role > Global permissions)"
}

func needed(r collect.Role) string {
	namespace := r.Namespace + " (" + r.Allows() + ")"
	if r.Of != "" {
		namespace += " or " + r.Of + " (" + collect.Role{}.Allows() + ")"
	}
	return namespace
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
