package api

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentity(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Path != "/netbackup/authorization-context" {
			t.Errorf("asked %s", r.URL.Path)
		}
		return reply(200, `{"data":{"type":"t","attributes":{"subject":"primary.example:monitor:vx","isAdmin":false,"isMachine":0,
"permissions":[{"permission":"|OPERATIONS|VIEW|","collections":["1"]},{"permission":""},null]}}}`)
	})
	got, err := c.Identity(t.Context())
	want := Identity{Subject: "primary.example:monitor:vx", Permissions: []string{"|OPERATIONS|VIEW|"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, identity (-want +got):\n%s", err, diff)
	}
}

func TestIdentityNotReadable(t *testing.T) {
	for _, body := range []string{`{}`, `{"data":{}}`, `<html>`, `{"data":{"attributes":{`} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(200, body) })
		if _, err := c.Identity(t.Context()); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: error %v, want an unreadable answer", body, err)
		}
	}
}

func TestIdentityNames(t *testing.T) {
	for subject, want := range map[string]bool{
		"primary.example:monitor:vx": true, `CORP\Monitor`: true, "user=monitor, domain=x": true,
		"primary.example:monitoring:vx": false, "": false,
	} {
		if got := (Identity{Subject: subject}).names("monitor"); got != want {
			t.Errorf("%q: %v, want %v", subject, got, want)
		}
	}
}
