package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// attempts serves each answer in turn and notes when it was asked for. The last repeats.
type attempts struct {
	mu      sync.Mutex
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Duration
	began   time.Time
}

func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/netbackup/ping" {
		return pong("14.0"), nil
	}
	a.mu.Lock()
	if a.began.IsZero() {
		a.began = time.Now()
	}
	n := min(len(a.at), len(a.answers)-1)
	a.at = append(a.at, time.Since(a.began))
	a.mu.Unlock()
	return a.answers[n](r)
}

func status(code int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return reply(code, body, headers...), nil }
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs answers when the request's time is over.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// breaksOff answers with a body that ends before its length.
func breaksOff(*http.Request) (*http.Response, error) {
	resp := reply(200, "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"data":[`), failingReader{}))
	return resp, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// withAnswers runs f in a bubble with a client that is given these answers.
func withAnswers(t *testing.T, f func(context.Context, *testing.T, *Client, *attempts), answers ...func(*http.Request) (*http.Response, error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{answers: answers}
		c := newTestClient(t, nil, func(c *Config) { c.Transport = a })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f(ctx, t, c, a)
	})
}

func firstError(ctx context.Context, c *Client) error {
	for _, err := range c.Jobs(ctx, JobQuery{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestWhatIsSentAgain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	tests := map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		again  bool
		kind   Kind
	}{
		"429":                {status(429, ""), true, ErrBusy},
		"503":                {status(503, "<html>busy</html>"), true, ErrBusy},
		"refused":            {fails(refused), true, ErrNetwork},
		"reset":              {fails(syscall.ECONNRESET), true, ErrNetwork},
		"broken off":         {breaksOff, true, ErrNetwork},
		"timed out":          {hangs, true, ErrNetwork},
		"DNS server silent":  {fails(&net.DNSError{Err: "timeout", IsTimeout: true}), true, ErrNetwork},
		"unknown host":       {fails(&net.DNSError{Err: "no such host", IsNotFound: true}), false, ErrNetwork},
		"400":                {status(400, `{"errorCode":1,"errorMessage":"no"}`), false, ErrRequest},
		"400 of another":     {status(400, ""), false, ErrForeign},
		"401":                {status(401, ""), false, ErrAuthentication},
		"403":                {status(403, `{"errorCode":1,"errorMessage":"no"}`), false, ErrRole},
		"404":                {status(404, `{"errorCode":1,"errorMessage":"no"}`), false, ErrNotOffered},
		"404 of another":     {status(404, ""), false, ErrForeign},
		"405":                {status(405, ""), false, ErrForeign},
		"406":                {status(406, `{"errorCode":1,"errorMessage":"no"}`), false, ErrVersion},
		"406 of another":     {status(406, "<html>"), false, ErrForeign},
		"415 of another":     {status(415, ""), false, ErrForeign},
		"500":                {status(500, ""), false, ErrServer},
		"501":                {status(501, `{"errorCode":1,"errorMessage":"no"}`), false, ErrNotOffered},
		"502":                {status(502, ""), false, ErrServer},
		"302":                {status(302, "", "Location", "https://elsewhere.example/"), false, ErrRedirect},
		"HTML for JSON":      {status(200, "<html>"), false, ErrDecode},
		"truncated in whole": {status(200, `{"data":[`), false, ErrDecode},
	}
	for name, test := range tests {
		t.Run(name+" once", func(t *testing.T) {
			withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
				err := firstError(ctx, c)
				if test.again && (err != nil || len(a.at) != 2) {
					t.Errorf("%d attempts, error %v; want a second one that succeeds", len(a.at), err)
				}
				if !test.again && (!errors.Is(err, test.kind) || len(a.at) != 1) {
					t.Errorf("%d attempts, error %v; want one and %q", len(a.at), err, test.kind)
				}
			}, test.answer, status(200, page("")))
		})
		t.Run(name+" for ever", func(t *testing.T) {
			withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, _ *attempts) {
				began := time.Now()
				if err := firstError(ctx, c); !errors.Is(err, test.kind) {
					t.Errorf("error %v, want %q", err, test.kind)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("took %v, the context allows a minute", took)
				}
			}, test.answer)
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // synctest's clock
	for name, headers := range map[string][]string{
		"seconds":                   {"Retry-After", "20"},
		"ISO date":                  {"Retry-After", began.Add(20 * time.Second).Format("2006-01-02T15:04:05.000Z")},
		"HTTP date":                 {"Retry-After", began.Add(20 * time.Second).Format(http.TimeFormat)},
		"date by the other's clock": {"Retry-After", "2026-02-02T00:00:20Z", "Date", "Mon, 02 Feb 2026 00:00:00 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
				if err := firstError(ctx, c); err != nil {
					t.Fatal(err)
				}
				if len(a.at) != 2 || a.at[1] != 20*time.Second {
					t.Errorf("attempts at %v, want the second after 20 s", a.at)
				}
			}, status(429, "", headers...), status(200, page("")))
		})
	}
}

func TestRetryAfterBeyondTheDeadlineGivesUpAtOnce(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
		err := firstError(ctx, c)
		e, ok := errors.AsType[*Error](err)
		if !errors.Is(err, ErrBusy) || !ok || e.RetryAfter != time.Hour || len(a.at) != 1 {
			t.Errorf("%d attempts, error %v; want one, and busy for an hour", len(a.at), err)
		}
		if !time.Now().Equal(a.began) {
			t.Errorf("waited %v for nothing", time.Since(a.began))
		}
	}, status(503, "", "Retry-After", "3600"))
}

func TestWaitsGrowAndAreSpread(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
		if err := firstError(ctx, c); !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
		if n := len(a.at); n < 6 || n > 20 {
			t.Errorf("%d attempts in a minute", n)
		}
		for i, at := range a.at[1:] {
			if wait := at - a.at[i]; wait < 250*time.Millisecond || wait > 15*time.Second {
				t.Errorf("wait %d is %v", i, wait)
			}
		}
	}, status(503, ""))
}

// Without a deadline a server that is down is not asked for ever.
func TestWithoutADeadlineTheRequestTimeoutBoundsRetries(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
		if err := firstError(context.WithoutCancel(ctx), c); !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
		if took := time.Since(a.began); took > c.cfg.Timeout {
			t.Errorf("took %v, want %v at most", took, c.cfg.Timeout)
		}
	}, status(503, ""))
}

// The last attempt is cut off by the deadline: what the ones before met says more.
func TestErrorAtTheDeadlineIsTheServers(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, _ *attempts) {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := firstError(ctx, c); !errors.Is(err, ErrBusy) {
			t.Errorf("error %v, want what the server said", err)
		}
	}, status(503, ""), hangs)
}

func TestCancellationEndsTheWait(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(5*time.Second, cancel)
		if err := firstError(ctx, c); !errors.Is(err, ErrBusy) {
			t.Errorf("error %v, want what the server said before", err)
		}
		if took := time.Since(a.began); took != 5*time.Second {
			t.Errorf("took %v, want 5 s", took)
		}
	}, status(503, "", "Retry-After", "30"))
}

func TestRequestTimeoutNamesItself(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, _ *attempts) {
		err := firstError(ctx, c)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "30s") {
			t.Errorf("error %v, want the time that was waited", err)
		}
	}, hangs)
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under, most := 0, 0
		c := newTestClient(t, func(*http.Request) *http.Response {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return reply(200, page(""))
		}, func(c *Config) { c.Concurrency = 3 })
		began := time.Now()
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() { listJobs(t, c, JobQuery{}) })
		}
		wg.Wait()
		if took := time.Since(began); most != 3 || took != 3*time.Second {
			t.Errorf("%d requests at once, %v in all; want 3 and 3 s", most, took)
		}
	})
}

// A request that waits for its next attempt holds no slot.
func TestWaitingForARetryHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := true
		c := newTestClient(t, func(r *http.Request) *http.Response {
			if r.URL.Path == "/netbackup/admin/jobs" && busy {
				busy = false
				return reply(503, "", "Retry-After", "20")
			}
			return reply(200, page(""))
		}, func(c *Config) { c.Concurrency = 1 })
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { listJobs(t, c, JobQuery{}) })
		synctest.Wait()
		listUnits(t, c)
		if took := time.Since(began); took != 0 {
			t.Errorf("the other request waited %v", took)
		}
		wg.Wait()
	})
}

func TestImpatientClientSendsNothingAgain(t *testing.T) {
	withAnswers(t, func(ctx context.Context, t *testing.T, c *Client, a *attempts) {
		c.cfg.Impatient = true
		if err := firstError(ctx, c); !errors.Is(err, ErrBusy) || len(a.at) != 1 {
			t.Errorf("%d attempts, error %v; want one", len(a.at), err)
		}
	}, status(503, ""))
}
