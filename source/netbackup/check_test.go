package netbackup

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
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
		"no answer":      {fault: &nbusim.Fault{Effect: nbusim.Reset()}, step: "ping", what: "no answer"},
		"a proxy's HTML": {fault: &nbusim.Fault{Effect: nbusim.ProxyPage()}, step: "ping", what: "not readable"},
		"wrong key":      {options: nbusim.Options{Storage: oneUnit()}, change: wrongKey, step: "login", what: "not authenticated"},
		"no role":        {fault: &nbusim.Fault{Path: "/storage/storage-units", Effect: nbusim.EmptyList()}, step: "storage", what: "empty list", hint: "|STORAGE|STORAGE-UNITS|"},
		"no pin": {
			change: func(c *SiteConfig) { c.Client.Transport = brokenNetwork{errPinMissing} },
			step:   "ping", what: "not among those shown", hint: "CA_FINGERPRINT",
		},
		"busy":          {fault: &nbusim.Fault{Effect: nbusim.Status(503)}, step: "ping", what: "server busy", hint: "try again"},
		"server failed": {fault: &nbusim.Fault{Effect: nbusim.Status(500)}, step: "ping", what: "server failed", hint: "X-Request-ID"},
		"jobs refused":  {options: nbusim.Options{Storage: oneUnit()}, fault: &nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(403)}, step: "jobs", what: "role", hint: "|MANAGE|JOBS|"},
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

func wantChecks(t *testing.T, results []CheckResult, step, what, hint string) {
	t.Helper()
	for _, x := range results {
		switch {
		case !x.OK && x.Step != step:
			t.Errorf("step %s failed: %s", x.Step, x.What)
		case x.Step == step && (x.OK || x.Hint == "" || !strings.Contains(x.What, what) || !strings.Contains(x.Hint, hint)):
			t.Errorf("step %s: OK %v, what %q, hint %q; want it failed for %q with a hint %q", x.Step, x.OK, x.What, x.Hint, what, hint)
		}
	}
	if step == "" && len(results) != 6 {
		t.Errorf("%d steps, want 6: %+v", len(results), results)
	}
}

// brokenNetwork is one on which every request meets the same error.
type brokenNetwork struct{ err error }

func (f brokenNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
