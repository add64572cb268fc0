package api

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// versioned is a server that accepts media type versions up to newest, and says so on
// /ping unless it is silent.
type versioned struct {
	mu     sync.Mutex
	newest int
	silent bool
	asked  []string // the version of each request but /ping
	pings  int
}

func (s *versioned) serve(r *http.Request) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := apiVersion{major: s.newest}
	if r.URL.Path == "/netbackup/ping" {
		s.pings++
		if r.Header.Get("Accept") != "text/vnd.netbackup+plain" || r.Header.Get("Authorization") != "" {
			return reply(406, "")
		}
		if s.silent {
			return reply(200, "1519397648169")
		}
		return pong(newest.String())
	}
	_, version, _ := strings.Cut(r.Header.Get("Accept"), "application/vnd.netbackup+json;version=")
	s.asked = append(s.asked, version)
	if v, ok := parseVersion(version); !ok || v.major > s.newest {
		return reply(406, `{"errorCode":9999,"errorMessage":"Invalid Accept type"}`)
	}
	return reply(200, page(""))
}

func (s *versioned) client(t *testing.T, change ...func(*Config)) *Client {
	return newTestClient(t, nil, append([]func(*Config){func(c *Config) { c.Transport = roundTrip(s.serve) }}, change...)...)
}

func TestVersionIsTheSmallerOfBothNewest(t *testing.T) {
	for newest, want := range map[int]string{10: "10.0", 12: "12.0", 14: "14.0", 19: "14.0"} {
		s := &versioned{newest: newest}
		listJobs(t, s.client(t), JobQuery{})
		if !slices.Equal(s.asked, []string{want}) || s.pings != 1 {
			t.Errorf("server %d: asked %v after %d pings, want %s after one", newest, s.asked, s.pings, want)
		}
	}
}

func TestVersionLadderWhereTheServerNamesNone(t *testing.T) {
	s := &versioned{newest: 11, silent: true}
	c := s.client(t)
	listJobs(t, c, JobQuery{})
	listJobs(t, c, JobQuery{})
	if want := []string{"14.0", "13.0", "12.0", "11.0", "11.0"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %v, want %v", s.asked, want)
	}
	if p, err := c.Ping(t.Context()); err != nil || p.APIVersion != "11.0" {
		t.Errorf("ping %+v %v: a later ping forgets what was found", p, err)
	}
}

func TestVersionLadderHasAFoot(t *testing.T) {
	s := &versioned{newest: 3, silent: true}
	for _, err := range s.client(t).Jobs(t.Context(), JobQuery{}) {
		if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "9.0 to 14.0") {
			t.Errorf("error %v, want the versions that were tried", err)
		}
	}
	if len(s.asked) != 6 {
		t.Errorf("asked %v, want 14 to 9", s.asked)
	}
}

func TestVersionIsDetectedAgainAfterAnUpgradeOrDowngrade(t *testing.T) {
	s := &versioned{newest: 14}
	c := s.client(t)
	listJobs(t, c, JobQuery{})
	s.newest = 12
	listJobs(t, c, JobQuery{})
	s.newest = 13
	if _, err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	listJobs(t, c, JobQuery{})
	if want := []string{"14.0", "14.0", "12.0", "13.0"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %v, want %v", s.asked, want)
	}
}

func TestServerThatRefusesWhatItNames(t *testing.T) {
	requests := 0
	c := newTestClient(t, func(*http.Request) *http.Response {
		requests++
		return reply(415, `{"errorCode":9999,"errorMessage":"no"}`)
	})
	for _, err := range c.Jobs(t.Context(), JobQuery{}) {
		if !errors.Is(err, ErrVersion) {
			t.Errorf("error %v, want the version's", err)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests, want 1: the server's own word leaves no other to try", requests)
	}
}

// Two nodes behind one name, of two versions: the search ends.
func TestServerThatChangesItsMindEnds(t *testing.T) {
	pings, requests := 0, 0
	c := newTestClient(t, nil, func(c *Config) {
		c.Transport = roundTrip(func(r *http.Request) *http.Response {
			if r.URL.Path == "/netbackup/ping" {
				pings++
				return pong([]string{"12.0", "13.0"}[pings%2])
			}
			requests++
			return reply(406, `{"errorCode":9999,"errorMessage":"Invalid Accept type"}`)
		})
	})
	for _, err := range c.Jobs(t.Context(), JobQuery{}) {
		if !errors.Is(err, ErrVersion) {
			t.Errorf("error %v, want the version's", err)
		}
	}
	if requests > 10 {
		t.Errorf("%d requests, want a bounded number", requests)
	}
}

// Seen in an exporter: a version that was configured by default switched detection off.
func TestDetectionIsTheDefaultAndAFixedVersionIsKept(t *testing.T) {
	s := &versioned{newest: 12}
	listJobs(t, s.client(t), JobQuery{})
	listJobs(t, s.client(t, func(c *Config) { c.APIVersion = "11.0" }), JobQuery{})
	if want := []string{"12.0", "11.0"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %v, want %v", s.asked, want)
	}
	for _, err := range s.client(t, func(c *Config) { c.APIVersion = "13" }).Jobs(t.Context(), JobQuery{}) {
		if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "remove the setting") {
			t.Errorf("error %v, want advice to leave the version out", err)
		}
	}
	if _, err := NewClient(Config{URL: s.client(t).cfg.URL, APIVersion: "newest"}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a version that is no number is accepted")
	}
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, nil, func(c *Config) {
			c.Transport = roundTrip(func(*http.Request) *http.Response {
				time.Sleep(40 * time.Millisecond)
				return pong("13.0")
			})
		})
		p, err := c.Ping(t.Context())
		want := Ping{ServerTime: time.UnixMilli(1519397648169).UTC(), RoundTrip: 40 * time.Millisecond, APIVersion: "13.0"}
		if err != nil || p != want {
			t.Errorf("ping %+v %v, want %+v", p, err, want)
		}
	})
}

func TestPingAnsweredBySomethingElse(t *testing.T) {
	c := newTestClient(t, nil, func(c *Config) {
		c.Transport = roundTrip(func(*http.Request) *http.Response {
			return reply(200, "<html>Welcome</html>", "Content-Type", "text/html")
		})
	})
	_, err := c.Ping(t.Context())
	if !errors.Is(err, ErrDecode) || !strings.Contains(err.Error(), "HTML") || !strings.Contains(err.Error(), "Welcome") {
		t.Errorf("error %v, want HTML named and shown", err)
	}
}

// All goroutines of a first cycle ask at once: the server is pinged once.
func TestFirstRequestsPingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pings := 0
		c := newTestClient(t, nil, func(c *Config) {
			c.Transport = roundTrip(func(r *http.Request) *http.Response {
				if r.URL.Path == "/netbackup/ping" {
					pings++
					time.Sleep(time.Second)
					return pong("14.0")
				}
				return reply(200, page(""))
			})
		})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { listJobs(t, c, JobQuery{}) })
		}
		wg.Wait()
		if pings != 1 {
			t.Errorf("%d pings, want 1", pings)
		}
	})
}

// A proxy's refusal says nothing of the versions that NetBackup speaks.
func TestRefusalOfAnotherKeepsTheVersion(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 405, 406, 409, 410, 415, 418, 421, 426, 451} {
		for _, body := range []string{"", "<html>no</html>", `{"error":"not acceptable"}`} {
			s, refuse := &versioned{newest: 14, silent: true}, false
			c := s.client(t, func(c *Config) {
				c.Transport = roundTrip(func(r *http.Request) *http.Response {
					if a := s.serve(r); !refuse || r.URL.Path == "/netbackup/ping" {
						return a
					}
					return reply(status, body)
				})
			})
			refuse = true
			if _, err := collected(c.Jobs(t.Context(), JobQuery{}), func(Job) string { return "" }); !errors.Is(err, ErrForeign) {
				t.Errorf("%d %s: error %v", status, body, err)
			}
			refuse = false
			listJobs(t, c, JobQuery{})
			if slices.ContainsFunc(s.asked, func(v string) bool { return v != "14.0" }) {
				t.Errorf("%d %s: asked in %v", status, body, s.asked)
			}
		}
	}
}
