package netbackup

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// roundTrip is a server in memory: no network, so that synctest's clock stands still
// only where the client waits.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return f(r), nil
}

// reply is an answer with headers given as name, value, name, value.
func reply(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode: status, Header: h, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// pong answers /ping as a server of this version does.
func pong(version string) *http.Response {
	return reply(http.StatusOK, "1519397648169", "X-NetBackup-API-Version", version)
}

// newTestClient talks to serve; /ping is answered for it.
func newTestClient(t *testing.T, serve roundTrip, change ...func(*Config)) *Client {
	t.Helper()
	u, err := url.Parse("https://primary.example:1556/netbackup")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Site: "paris", URL: u,
		APIKey: func() (string, error) { return "key", nil },
		Transport: roundTrip(func(r *http.Request) *http.Response {
			if r.URL.Path == "/netbackup/ping" {
				return pong("14.0")
			}
			return serve(r)
		}),
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewClient(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
