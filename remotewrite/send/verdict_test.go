package send

import (
	"net/http"
	"testing"
	"time"

	"backwire/remotewrite/wire"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		protocol  wire.Protocol
		status    int
		confirmed bool
		fallback  bool
		want      verdict
	}{
		{wire.V1, 200, false, true, delivered},
		{wire.V1, 202, false, true, delivered},
		{wire.V1, 204, false, false, delivered},
		{wire.V2, 204, true, true, delivered},
		{wire.V2, 200, false, true, older}, // silent
		{wire.V2, 204, false, false, paused},
		{wire.V2, 415, false, true, older},
		{wire.V2, 415, true, false, paused},
		{wire.V1, 415, false, true, paused}, // there is nothing older
		{wire.V2, 0, false, true, again},
		{wire.V2, 500, false, true, again},
		{wire.V1, 502, false, true, again},
		{wire.V1, 503, false, true, again},
		{wire.V1, 504, false, true, again},
		{wire.V1, 599, false, true, again},
		{wire.V1, 429, false, true, again},
		{wire.V1, 408, false, true, again},
		{wire.V1, 413, false, true, smaller},
		{wire.V2, 413, true, true, smaller},
		{wire.V1, 400, false, true, refused},
		{wire.V2, 400, true, true, refused},
		{wire.V1, 409, false, true, refused},
		{wire.V1, 422, false, true, refused},
		{wire.V1, 401, false, true, paused},
		{wire.V1, 403, false, true, paused},
		{wire.V1, 404, false, true, paused},
		{wire.V1, 301, false, true, paused},
		{wire.V1, 307, false, true, paused},
		{wire.V1, 405, false, true, paused},
		{wire.V1, 407, false, true, paused},
	} {
		if got := judge(answer{protocol: c.protocol, status: c.status, confirmed: c.confirmed}, c.fallback); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// What a proxy says with 200 and a page is not the receiver's word, in neither version.
func TestJudgePage(t *testing.T) {
	for _, p := range []wire.Protocol{wire.V1, wire.V2} {
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
