package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// loginServer hands out tokens t1, t2, … and accepts the newest alone.
type loginServer struct {
	mu       sync.Mutex
	logins   int
	logouts  []string
	refused  int    // requests with a token that ran out
	expired  bool   // the newest token has run out
	body     string // what /login answers instead of a token
	status   int
	lastBody string
	headers  http.Header // of the last login
}

func (s *loginServer) serve(r *http.Request) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/netbackup/login":
		return s.login(r)
	case "/netbackup/logout":
		s.logouts = append(s.logouts, r.Header.Get("Authorization"))
		return reply(200, "")
	}
	if s.expired || r.Header.Get("Authorization") != fmt.Sprintf("t%d", s.logins) {
		s.refused++
		return reply(401, `{"errorCode":8000,"errorMessage":"The token expired"}`)
	}
	return reply(200, page(""))
}

func (s *loginServer) login(r *http.Request) *http.Response {
	body, _ := io.ReadAll(r.Body)
	s.lastBody, s.headers = string(body), r.Header
	if s.body != "" {
		return reply(s.status, s.body)
	}
	s.logins++
	s.expired = false
	return reply(201, fmt.Sprintf(`{"token":"t%d","tokenType":"JWT","validity":86400}`, s.logins))
}

func (s *loginServer) client(t *testing.T, change ...func(*Config)) *Client {
	return newTestClient(t, s.serve, append([]func(*Config){func(c *Config) {
		c.APIKey = nil
		c.Username, c.DomainName, c.DomainType = "monitor", "primary.example", "unixpwd"
		c.Password = func() (string, error) { return `p"w`, nil }
	}}, change...)...)
}

func jobsError(t *testing.T, c *Client) error {
	t.Helper()
	for _, err := range c.Jobs(t.Context(), JobQuery{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestLoginSendsWhatTheVendorDocuments(t *testing.T) {
	s := &loginServer{}
	if err := jobsError(t, s.client(t)); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(s.lastBody), &got); err != nil {
		t.Fatal(err)
	}
	if got["domainType"] != "unixpwd" || got["domainName"] != "primary.example" || got["userName"] != "monitor" || got["password"] != `p"w` {
		t.Errorf("login body %s", s.lastBody)
	}
	if s.headers.Get("Content-Type") != s.headers.Get("Accept") || s.headers.Get("Authorization") != "" {
		t.Errorf("login headers %v: Content-Type and Accept must match, and no credential is due yet", s.headers)
	}
}

func TestTokenThatRanOutIsRenewedOnce(t *testing.T) {
	s := &loginServer{}
	c := s.client(t)
	for range 2 {
		if err := jobsError(t, c); err != nil {
			t.Fatal(err)
		}
		s.expired = true
	}
	if s.logins != 2 || s.refused != 1 {
		t.Errorf("%d logins, %d refused requests, want 2 and 1", s.logins, s.refused)
	}
}

func TestFreshTokenThatIsRefusedIsReported(t *testing.T) {
	s := &loginServer{}
	c := newTestClient(t, func(r *http.Request) *http.Response {
		if r.URL.Path == "/netbackup/login" {
			return s.serve(r)
		}
		return reply(401, `{"errorCode":8000,"errorMessage":"locked"}`)
	}, func(c *Config) { c.APIKey, c.Password = nil, func() (string, error) { return "p", nil } })
	err := jobsError(t, c)
	if !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), "new login") || s.logins != 2 {
		t.Errorf("%d logins, error %v; want 2, and that a new login is refused", s.logins, err)
	}
}

func TestParallelRequestsLogInOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &loginServer{}
		c := s.client(t, func(c *Config) {
			inner := c.Transport
			c.Transport = roundTrip(func(r *http.Request) *http.Response {
				time.Sleep(time.Second)
				resp, _ := inner.RoundTrip(r)
				return resp
			})
		})
		for range 2 { // the first login, then a renewal
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := jobsError(t, c); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			s.expired = true
		}
		if s.logins != 2 {
			t.Errorf("%d logins, want 2: one, and one renewal", s.logins)
		}
	})
}

func TestSecondFactorAsksForAnAPIKey(t *testing.T) {
	s := &loginServer{status: 201, body: `{"token":"secret-token","tokenType":"MFA","validity":60}`}
	err := jobsError(t, s.client(t))
	if !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), "API key") {
		t.Errorf("error %v, want advice to use an API key", err)
	}
}

func TestLoginRefused(t *testing.T) {
	s := &loginServer{status: 401, body: `{"errorCode":116,"errorMessage":"VxSS authentication failed"}`}
	err := jobsError(t, s.client(t))
	if !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), `"monitor"`) || strings.Contains(err.Error(), `p"w`) {
		t.Errorf("error %v, want the user named and the password not", err)
	}
}

// A late 401 for an old token must not throw away the new one.
func TestSessionDropsOnlyTheTokenThatWasRefused(t *testing.T) {
	var s session
	s.set("t2")
	s.drop("t1")
	if s.get() != "t2" {
		t.Error("the new token is gone")
	}
	s.drop("t2")
	if s.get() != "" {
		t.Error("the refused token is kept")
	}
}

// A user that is tried every cycle with a wrong password is soon locked.
func TestRefusedPasswordIsNotTriedEveryCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &loginServer{status: 401, body: `{"errorCode":116,"errorMessage":"VxSS authentication failed"}`}
		logins, password := 0, "old"
		c := s.client(t, func(c *Config) {
			inner := c.Transport
			c.Transport = roundTrip(func(r *http.Request) *http.Response {
				if r.URL.Path == "/netbackup/login" {
					logins++
				}
				resp, _ := inner.RoundTrip(r)
				return resp
			})
			c.Password = func() (string, error) { return password, nil }
		})
		for range 9 {
			if err := jobsError(t, c); !errors.Is(err, ErrAuthentication) {
				t.Errorf("error %v, want the refusal each time", err)
			}
			time.Sleep(time.Minute)
		}
		if logins != 2 {
			t.Errorf("%d logins in nine minutes, want 2", logins)
		}
		password, s.body = "new", ""
		if err := jobsError(t, c); err != nil || logins != 3 {
			t.Errorf("%d logins, error %v; want another password tried at once", logins, err)
		}
	})
}

func TestTokenNeverStandsInAnError(t *testing.T) {
	for _, body := range []string{`{"token":"secret-token`, `{"tokn":"secret-token"}`} {
		s := &loginServer{status: 201, body: body}
		if err := jobsError(t, s.client(t)); !errors.Is(err, ErrDecode) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, want an unreadable answer without its text", err)
		}
	}
}

func TestCloseLogsOut(t *testing.T) {
	s := &loginServer{}
	c := s.client(t)
	if err := c.Close(t.Context()); err != nil || len(s.logouts) != 0 {
		t.Errorf("logouts %v, error %v before any login", s.logouts, err)
	}
	if err := jobsError(t, c); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if fmt.Sprint(s.logouts) != "[t1]" {
		t.Errorf("logouts with %v, want t1 once", s.logouts)
	}
}

func TestAPIKeyIsRawAndReadAtEachUse(t *testing.T) {
	var sent []string
	keys := []string{"first", "second\n"}
	c := newTestClient(t, func(r *http.Request) *http.Response {
		sent = append(sent, r.Header.Get("Authorization"))
		return reply(200, page(""))
	}, func(c *Config) { c.APIKey = func() (string, error) { return keys[len(sent)], nil } })
	listJobs(t, c, JobQuery{})
	listJobs(t, c, JobQuery{})
	if fmt.Sprint(sent) != "[first second]" {
		t.Errorf("sent %q, want the two keys as they are", sent)
	}
}

func TestCredentialThatCannotBeHad(t *testing.T) {
	missing := errors.New("open /etc/backwire/api-key: no such file")
	for name, change := range map[string]func(*Config){
		"key unreadable":      func(c *Config) { c.APIKey = func() (string, error) { return "", missing } },
		"key empty":           func(c *Config) { c.APIKey = func() (string, error) { return " \n", nil } },
		"key of two lines":    func(c *Config) { c.APIKey = func() (string, error) { return "a\nb", nil } },
		"password unreadable": func(c *Config) { c.APIKey, c.Password = nil, func() (string, error) { return "", missing } },
		"neither":             func(c *Config) { c.APIKey = nil },
	} {
		c := newTestClient(t, func(*http.Request) *http.Response {
			t.Errorf("%s: a request was sent", name)
			return reply(200, page(""))
		}, change)
		if err := jobsError(t, c); !errors.Is(err, ErrCredential) || !strings.Contains(err.Error(), `"paris"`) {
			t.Errorf("%s: error %v, want an unreadable credential of site paris", name, err)
		}
	}
}
