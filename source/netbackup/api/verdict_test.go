package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"backwire/source/secret"
)

func TestErrorSaysWhatWasTriedAndWhatCameBack(t *testing.T) {
	const request = "GET https://primary.example:1556/netbackup/admin/jobs"
	tests := map[string]struct {
		status int
		body   string
		kind   Kind
		want   string
	}{
		"400, with the filter": {
			400, `{"errorCode":9403,"errorMessage":"Invalid filter","attributeErrors":{"filter":"unknown attribute"},"errorDetails":[]}`, ErrRequest,
			request + `?filter=colour eq 'red' sort=jobId: request refused: 400 Bad Request, errorCode 9403: Invalid filter {"filter":"unknown attribute"} (X-Request-ID r-1)`,
		},
		"401": {
			401, `{"errorCode":8000,"errorMessage":"The API key\nexpired","errorDetails":["since 2025"]}`, ErrAuthentication,
			request + `: not authenticated: 401 Unauthorized, errorCode 8000: The API key expired ["since 2025"] (X-Request-ID r-1); check the API key and its expiry`,
		},
		"403, the older body": {
			403, `{"errorCode":"8305","errorMessage":"No access","details":{"need":"VIEW"}}`, ErrRole,
			request + `: role not sufficient: 403 Forbidden, errorCode 8305: No access {"need":"VIEW"} (X-Request-ID r-1); give the role`,
		},
		"404 by NetBackup": {
			404, `{"errorCode":404,"errorMessage":"HTTP 404 Not Found"}`, ErrNotOffered,
			request + `: not offered: 404 Not Found, errorCode 404: HTTP 404 Not Found (X-Request-ID r-1)`,
		},
		"404 by something else": {
			404, "<html>nothing\n here</html>", ErrForeign,
			request + `: answer not from NetBackup: 404 Not Found: body "<html>nothing\n here</html>" (X-Request-ID r-1); check the URL, which ends with /netbackup, and that the NetBackup services are running`,
		},
		"500, empty": {500, "", ErrServer, request + `: server failed: 500 Internal Server Error: empty body (X-Request-ID r-1)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, func(*http.Request) *http.Response {
				return reply(test.status, test.body, "X-Request-ID", "r-1")
			})
			for _, err := range c.Jobs(t.Context(), JobQuery{Filter: "colour eq 'red'", Sort: "jobId"}) {
				if !errors.Is(err, test.kind) || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("error\n%v\nwant %q and\n%s", err, test.kind, test.want)
				}
				if strings.ContainsAny(err.Error(), "\r\n") {
					t.Error("the error is more than one line")
				}
			}
		})
	}
}

// Seen in an exporter: HTML was taken for JSON.
func TestHTMLTakenForJSONIsNamed(t *testing.T) {
	for _, body := range []string{"<!DOCTYPE html><html>Sign in</html>", "\n <html>"} {
		err := jobsError(t, newTestClient(t, func(*http.Request) *http.Response { return reply(200, body, "X-Request-ID", "r-2") }))
		for _, want := range []string{"HTML", "proxy", "html>", "/admin/jobs", "r-2"} {
			if !errors.Is(err, ErrDecode) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		}
	}
}

// A server, or a proxy before it, may repeat what it was sent.
func TestAnswersAreWithoutSecrets(t *testing.T) {
	const key = "key-of-the-site"
	withKey := func(c *Config) { c.APIKey = func() (string, error) { return key, nil } }
	for name, answer := range map[string]*http.Response{
		"vendor's error":    reply(400, `{"errorCode":1,"errorMessage":"bad `+key+`","errorDetails":["`+key+`"]}`),
		"a proxy's":         reply(401, "<p>refused: "+key, "X-Request-ID", key),
		"none of it":        reply(404, "no "+key),
		"cut off":           reply(500, strings.Repeat(key+" ", 300)),
		"redirect":          reply(302, "", "Location", "https://elsewhere.example/"+key),
		"no JSON":           reply(200, "hello "+key),
		"not this JSON":     reply(200, `{"`+key+`":`),
		"endless list":      reply(200, `{"data":[`+key),
		"cursor that stays": reply(200, `{"data":[],"meta":{"pagination":{"next":"`+key+`"}}}`),
	} {
		body, _ := io.ReadAll(answer.Body)
		err := jobsError(t, newTestClient(t, func(*http.Request) *http.Response {
			again := *answer
			again.Body = io.NopCloser(bytes.NewReader(body))
			return &again
		}, withKey))
		if strings.Contains(err.Error(), "key-of") || !strings.Contains(err.Error(), secret.Mark) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoginsAnswerIsWithoutThePassword(t *testing.T) {
	c := newTestClient(t, func(r *http.Request) *http.Response {
		body, _ := io.ReadAll(r.Body)
		return reply(401, "refused: "+string(body))
	}, func(c *Config) {
		c.APIKey, c.Username = nil, "me"
		c.Password = func() (string, error) { return `pass"<word>`, nil }
	})
	err := jobsError(t, c)
	if !errors.Is(err, ErrAuthentication) || strings.Contains(err.Error(), "word>") || strings.Contains(err.Error(), "u003cword") || !strings.Contains(err.Error(), secret.Mark) {
		t.Errorf("error %v", err)
	}
}

func TestValuesThatCannotBeReadAreLoggedWithoutSecrets(t *testing.T) {
	var log strings.Builder
	secrets := secret.NewKeeper()
	secrets.Note("key-of-the-site")
	newProblems(slog.New(slog.NewTextHandler(&log, nil)), secrets).Add("job", "status", []byte(`"key-of-the-site"`))
	if strings.Contains(log.String(), "key-of") || !strings.Contains(log.String(), secret.Mark) {
		t.Errorf("logged %s", log.String())
	}
}

func TestOversizedBodyIsNamed(t *testing.T) {
	c := newTestClient(t, func(*http.Request) *http.Response {
		resp := reply(200, "")
		resp.ContentLength = -1
		resp.Body = io.NopCloser(io.LimitReader(spaces{}, bodyLimit+1))
		return resp
	})
	if err := jobsError(t, c); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "larger than 8 MiB") {
		t.Errorf("error %v, want the limit", err)
	}
}

type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestLargestBodyIsRead(t *testing.T) {
	c := newTestClient(t, func(*http.Request) *http.Response {
		body := page("", job(1, `"try":1`))
		return reply(200, body+strings.Repeat(" ", bodyLimit-len(body)))
	})
	if jobs := listJobs(t, c, JobQuery{}); len(jobs) != 1 {
		t.Errorf("%d jobs, want 1", len(jobs))
	}
}

func TestRedirectNeverCarriesTheCredential(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"https://elsewhere.example/netbackup/admin/jobs", "http://primary.example/", "/netbackup/v2"} {
			requests := 0
			c := newTestClient(t, func(*http.Request) *http.Response {
				requests++
				return reply(status, "", "Location", location)
			})
			err := jobsError(t, c)
			if !errors.Is(err, ErrRedirect) || !strings.Contains(err.Error(), location) || requests != 1 {
				t.Errorf("%d to %s: %d requests, error %v; want one, and the location", status, location, requests, err)
			}
		}
	}
}

func TestNetworkTroubleComesWithAHint(t *testing.T) {
	tests := map[string]error{
		"check the port":     &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"check its spelling": &net.DNSError{Err: "no such host", Name: "primary.example", IsNotFound: true},
		"does not speak TLS": http.ErrSchemeMismatch,
	}
	for want, cause := range tests {
		kind, hint := networkKind(&url.Error{Op: "Get", URL: "https://x", Err: cause})
		if !strings.Contains(hint, want) || (kind != ErrNetwork && kind != ErrTLS) {
			t.Errorf("%v: %s, hint %q; want %q", cause, kind, hint, want)
		}
	}
}

func TestErrorIsBothItsKindAndItsCause(t *testing.T) {
	err := fmt.Errorf("collect jobs: %w", &Error{Kind: ErrNetwork, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, ErrNetwork) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrTLS) {
		t.Errorf("%v: want ErrNetwork and its cause, and no other kind", err)
	}
}

func TestRequestHeaders(t *testing.T) {
	var got http.Header
	c := newTestClient(t, func(r *http.Request) *http.Response {
		got = r.Header
		return reply(200, page(""))
	}, func(c *Config) { c.UserAgent = "backwire/1.0" })
	listJobs(t, c, JobQuery{})
	want := map[string]string{
		"Accept": "application/vnd.netbackup+json;version=14.0", "Authorization": "key",
		"X-Client-Id": "backwire", "User-Agent": "backwire/1.0", "Content-Type": "",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Get(name), value)
		}
	}
}
