package netbackup

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
	"backwire/source/probe"
)

func TestCheckNamesWhatIsWrong(t *testing.T) {
	wrongKey := func(c *SiteConfig) { c.Client.APIKey = func() (string, error) { return "wrong", nil } }
	for name, c := range map[string]struct {
		options nbusim.Options
		fault   *nbusim.Fault
		change  func(*SiteConfig)
		step    string // that fails; empty for none
		what    string
		hint    string
	}{
		"well":           {options: nbusim.Options{Storage: oneUnit()}},
		"no answer":      {fault: &nbusim.Fault{Effect: nbusim.Reset()}, step: "version", what: "no answer"},
		"a proxy's HTML": {fault: &nbusim.Fault{Effect: nbusim.ProxyPage()}, step: "version", what: "unreadable"},
		"wrong key":      {options: nbusim.Options{Storage: oneUnit()}, change: wrongKey, step: "login", what: "not authenticated"},
		"no role":        {fault: &nbusim.Fault{Path: "/storage/storage-units", Effect: nbusim.EmptyList()}, step: "role storage", what: "empty list", hint: "|STORAGE|STORAGE-UNITS|"},
		"no pin": {
			change: func(c *SiteConfig) {
				// The client asks the server for its CA, past this transport: an address, because the resolver does not work in two bubbles.
				c.Client.URL = &url.URL{Scheme: "https", Host: "127.0.0.1:1", Path: "/netbackup"}
				c.Client.Transport = brokenNetwork{api.ErrPinMissing}
			},
			step: "version", what: "do not include the pinned CA", hint: "CA_FINGERPRINT",
		},
		"busy":          {fault: &nbusim.Fault{Effect: nbusim.Status(503)}, step: "version", what: "server busy", hint: "try again"},
		"server failed": {fault: &nbusim.Fault{Effect: nbusim.Status(500)}, step: "version", what: "server failed", hint: "X-Request-ID"},
		"jobs refused":  {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(403)}, step: "role jobs", what: "role", hint: "|MANAGE|JOBS|"},
		"no scans":      {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/malware/latest-scan-results", Effect: nbusim.Status(403)}, step: "role malware", what: "role", hint: "|OPERATIONS|MANAGE|MALWARE|VIEW-SCAN-RESULT|"},
		"no servers":    {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/config/hosts", Query: "PRIMARY_SERVER", Effect: nbusim.Status(403)}, step: "role services", what: "role", hint: "|MANAGE|HOSTS|PROCESSES| (|OPERATIONS|VIEW|) or |MANAGE|HOSTS| (|OPERATIONS|VIEW|)"},
		"no jobs":       {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(404)}, step: "role jobs", what: "not offered", hint: "primary server"},
		"no policies":   {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/config/policies/", Effect: nbusim.Status(404)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				change := []func(*SiteConfig){}
				if c.change != nil {
					change = append(change, c.change)
				}
				r := newRig(t, c.options, change...)
				r.sim.AddJob(nbusim.JobSpec{})
				if c.fault != nil {
					r.sim.Inject(*c.fault)
				}
				wantChecks(t, r.site.Check(t.Context()), c.step, c.what, c.hint)
			})
		})
	}
}

func wantChecks(t *testing.T, findings []probe.Finding, step, what, hint string) {
	t.Helper()
	for _, f := range findings {
		failed := f.Result == probe.Failed
		switch {
		case failed && f.Step != step:
			t.Errorf("step %s failed: %s", f.Step, f.Found)
		case failed && (f.Tried == "" || f.Next == ""):
			t.Errorf("step %s does not say what was tried or what to do: %+v", f.Step, f)
		case f.Step == step && (!failed || !strings.Contains(f.Found, what) || !strings.Contains(f.Next, hint)):
			t.Errorf("step %s: %+v; want it failed for %q with a hint %q", f.Step, f, what, hint)
		}
	}
	want := len([]string{"version", "clock", "login"}) + len(without(collectorServer)) // whose question is the login's
	if step == "" && len(findings) != want {
		t.Errorf("%d steps, want %d: %+v", len(findings), want, findings)
	}
}

// brokenNetwork is one on which every request meets the same error.
type brokenNetwork struct{ err error }

func (f brokenNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// The server itself says of a credential that it has no permission: its lists are empty for that reason. One that has some is not
// accused, nor one of a server that does not list them.
func TestCheckTellsACredentialWithoutPermissions(t *testing.T) {
	unlisted := nbusim.Fault{Path: "/authorization-context", Effect: nbusim.ForeignNotFound()}
	for name, c := range map[string]struct {
		roles nbusim.Roles
		fault *nbusim.Fault
		want  probe.Result
	}{
		"none":             {nbusim.NoRoles(), nil, probe.Warning},
		"some":             {nil, nil, probe.OK},
		"none, and silent": {nbusim.NoRoles(), &unlisted, probe.OK},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Keys: []nbusim.APIKey{{Key: nbusim.DefaultKey, User: "monitor", Roles: c.roles}}})
			if c.fault != nil {
				r.sim.Inject(*c.fault)
			}
			for _, f := range r.site.Check(t.Context()) {
				if f.Step == "login" && (f.Result != c.want || (c.want == probe.Warning) != strings.Contains(f.Found, "no permission")) {
					t.Errorf("%s: %+v", name, f)
				}
			}
		})
	}
}
