package api

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func keyRow(user, expires string) string {
	return fmt.Sprintf(`{"type":"apiKeyDetails","id":"tag","attributes":{"userName":%q,"expiryDateTime":%q}}`, user, expires)
}

func TestAPIKeyExpiry(t *testing.T) {
	tests := map[string]struct {
		rows []string
		want string
	}{
		"one's own alone":        {[]string{keyRow("monitor", "2027-03-01T00:00:00Z")}, "2027-03-01T00:00:00Z"},
		"others' are seen too":   {[]string{keyRow("root", "2026-01-01T00:00:00Z"), keyRow("monitor", "2027-03-01T00:00:00.000Z")}, "2027-03-01T00:00:00Z"},
		"two of one's own":       {[]string{keyRow("monitor", "2028-01-01T00:00:00Z"), keyRow("monitor", "2027-03-01T00:00:00Z")}, "2027-03-01T00:00:00Z"},
		"only others'":           {[]string{keyRow("root", "2026-01-01T00:00:00Z"), keyRow("admin", "2027-03-01T00:00:00Z")}, ""},
		"none":                   {nil, ""},
		"one that never expires": {[]string{keyRow("monitor", "1970-01-01T00:00:00.000Z")}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, func(r *http.Request) *http.Response {
				if r.URL.Path == "/netbackup/authorization-context" {
					return reply(200, `{"data":{"attributes":{"subject":"primary.example:monitor:vx"}}}`)
				}
				return reply(200, page("", test.rows...))
			})
			var want time.Time
			if test.want != "" {
				want, _ = time.Parse(time.RFC3339, test.want)
			}
			if got, err := c.APIKeyExpiry(t.Context()); err != nil || !got.Equal(want) {
				t.Errorf("expiry %v %v, want %v", got, err, want)
			}
		})
	}
}

// 404 is documented for a list without keys ("No entity found.", security.yaml of all releases).
func TestAPIKeyExpiryIsOptional(t *testing.T) {
	for status, want := range map[int]error{http.StatusNotFound: nil, http.StatusNotImplemented: ErrNotOffered} {
		c := newTestClient(t, func(*http.Request) *http.Response { return reply(status, `{"errorCode":1,"errorMessage":"none"}`) })
		if at, err := c.APIKeyExpiry(t.Context()); !errors.Is(err, want) || !at.IsZero() {
			t.Errorf("%d: expiry %v, error %v, want %v", status, at, err, want)
		}
	}
}
