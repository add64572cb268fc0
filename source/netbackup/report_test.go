package netbackup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

// broken answers as a network or a proxy does that is out of order: no two errors have the same text.
type broken struct {
	http.RoundTripper
	fails func(n int64, path string) (*http.Response, error) // nil for what goes through
	n     atomic.Int64
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.fails != nil {
		if resp, err := b.fails(b.n.Add(1), r.URL.Path); resp != nil || err != nil {
			return resp, err
		}
	}
	return b.RoundTripper.RoundTrip(r)
}

// httpAnswer is one with headers given as name, value, name, value.
func httpAnswer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}

// An outage is one line, however its errors read, and so is its end.
func TestAnOutageIsSaidOnce(t *testing.T) {
	behindPing := func(respond func(n int64) *http.Response) func(int64, string) (*http.Response, error) {
		return func(n int64, path string) (*http.Response, error) {
			if strings.HasSuffix(path, "/ping") {
				return nil, nil
			}
			return respond(n), nil
		}
	}
	for name, c := range map[string]struct {
		fails func(n int64, path string) (*http.Response, error)
		kinds int
	}{
		"source ports": {func(n int64, _ string) (*http.Response, error) {
			return nil, fmt.Errorf("read tcp 10.0.0.5:%d->10.0.0.1:1556: %w", 40000+n, syscall.ECONNRESET)
		}, 1},
		"resets and timeouts": {func(n int64, _ string) (*http.Response, error) {
			return nil, []error{syscall.ECONNRESET, syscall.ECONNREFUSED, errors.New("EOF")}[n%3]
		}, 1},
		"ids of requests": {behindPing(func(n int64) *http.Response {
			return httpAnswer(500, fmt.Sprintf(`{"errorCode":%d,"errorMessage":"request %d failed"}`, n, n), "X-Request-ID", itoa(int(n)))
		}), 1},
		"several gateways": {behindPing(func(n int64) *http.Response {
			return httpAnswer([]int{500, 502, 504}[n%3], fmt.Sprintf("<html>ref %d", n))
		}), 1},
		"cursors": {behindPing(func(n int64) *http.Response {
			return httpAnswer(200, fmt.Sprintf(`{"data":[{"id":"%d"`, n))
		}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				b := &broken{}
				r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
					b.RoundTripper, c.Client.Transport = c.Client.Transport, b
				})
				r.log = slog.New(slog.NewTextHandler(&log, nil))
				r.start()
				r.tick()
				b.fails = c.fails
				for range 10 {
					r.tick()
				}
				wantSaid(t, &log, c.kinds, "level=WARN")
				b.fails = nil
				r.tick()
				r.tick()
				wantSaid(t, &log, c.kinds, "level=WARN")
				if !strings.Contains(log.String(), "collector succeeded after 10 failures") {
					t.Errorf("the end is not said:\n%s", &log)
				}
			})
		})
	}
}
