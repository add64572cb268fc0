package remotewrite

import (
	"net/http"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		protocol  protocol
		status    int
		confirmed bool
		fallback  bool
		want      verdict
	}{
		{protocol1, 200, false, true, delivered},
		{protocol1, 202, false, true, delivered},
		{protocol1, 204, false, false, delivered},
		{protocol2, 204, true, true, delivered},
		{protocol2, 200, false, true, older}, // silent
		{protocol2, 204, false, false, paused},
		{protocol2, 415, false, true, older},
		{protocol2, 415, true, false, paused},
		{protocol1, 415, false, true, paused}, // there is nothing older
		{protocol2, 0, false, true, again},
		{protocol2, 500, false, true, again},
		{protocol1, 502, false, true, again},
		{protocol1, 503, false, true, again},
		{protocol1, 504, false, true, again},
		{protocol1, 599, false, true, again},
		{protocol1, 429, false, true, again},
		{protocol1, 408, false, true, again},
		{protocol1, 413, false, true, smaller},
		{protocol2, 413, true, true, smaller},
		{protocol1, 400, false, true, refused},
		{protocol2, 400, true, true, refused},
		{protocol1, 409, false, true, refused},
		{protocol1, 422, false, true, refused},
		{protocol1, 401, false, true, paused},
		{protocol1, 403, false, true, paused},
		{protocol1, 404, false, true, paused},
		{protocol1, 301, false, true, paused},
		{protocol1, 307, false, true, paused},
		{protocol1, 405, false, true, paused},
		{protocol1, 407, false, true, paused},
	} {
		if got := judge(answer{protocol: c.protocol, status: c.status, confirmed: c.confirmed}, c.fallback); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// What a proxy says with 200 and a page is not the receiver's word, in neither version.
func TestJudgePage(t *testing.T) {
	for _, p := range []protocol{protocol1, protocol2} {
		if got := judge(answer{protocol: p, status: http.StatusOK, page: true}, true); got != paused {
			t.Errorf("%s: got %d, want a pause", p, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":               0,
		"0":              0,
		"7":              7 * time.Second,
		"-7":             0,
		"300":            5 * time.Minute,
		"301":            5 * time.Minute,
		"99999999999999": 0,
		"soon":           0,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(24 * time.Hour).Format(http.TimeFormat):   5 * time.Minute,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}
