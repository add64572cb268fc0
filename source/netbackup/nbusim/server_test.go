package nbusim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newServer starts no listener: tests call it in process.
func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what a test sees of a response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

type page struct {
	Data []struct {
		ID         any
		Attributes map[string]any
		Meta       struct{ Page struct{ Cursor string } }
	}
	Meta struct {
		Pagination struct {
			Next, Prev          any
			Count, Limit        int
			RangeTruncated      *bool
			Offset, First, Last int
		}
	}
}

func (a answer) page(t *testing.T) page {
	t.Helper()
	var p page
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("decode %s: %v", a.body, err)
	}
	return p
}

func get(t testing.TB, s *Server, path string, change ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://primary.example:1556"+Mount+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", jsonType)
	req.Header.Set("Authorization", DefaultKey)
	for _, c := range change {
		c(req)
	}
	return do(t, s, req)
}

func do(t testing.TB, s *Server, req *http.Request) answer {
	t.Helper()
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func header(name, value string) func(*http.Request) {
	return func(req *http.Request) { req.Header.Set(name, value) }
}

func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

func TestPingNamesClockAndVersion(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	for name, version := range map[string]string{"10.3": "10.0", "10.5": "12.0", "11.0": "13.0", "11.2": "14.0"} {
		s := newServer(t, Options{Release: name, Clock: func() time.Time { return at }})
		a := get(t, s, "/ping", header("Accept", plainType), header("Authorization", ""))
		if a.status != http.StatusOK || string(a.body) != "1772366400123" {
			t.Errorf("%s: ping answered %d %s", name, a.status, a.body)
		}
		if v := a.header.Get("X-NetBackup-API-Version"); v != version {
			t.Errorf("%s: version %q, want %q", name, v, version)
		}
	}
}

func TestUnknownReleaseIsRefused(t *testing.T) {
	if _, err := New(Options{Release: "9.1"}); err == nil {
		t.Error("release 9.1 was accepted")
	}
}

func TestNewerMediaTypesAreNotAcceptable(t *testing.T) {
	s := newServer(t, Options{Release: "10.5"})
	for accept, want := range map[string]int{
		jsonType + ";version=12.0":                               200,
		jsonType + "; version=9.0":                               200,
		jsonType + ";version=13.0":                               406,
		jsonType + ";version=x":                                  406,
		"application/json":                                       406,
		"text/html, " + jsonType + ";version=10.0;q=0.5":         200,
		jsonType + ";version=13.0, " + jsonType + ";version=8.0": 200,
	} {
		a := get(t, s, "/admin/jobs", header("Accept", accept))
		if a.status != want {
			t.Errorf("Accept %q answered %d, want %d", accept, a.status, want)
		}
		if a.status == 406 && !strings.Contains(string(a.body), `"errorCode":`) {
			t.Errorf("Accept %q: no error body: %s", accept, a.body)
		}
	}
}

func TestMethodAndPathAreChecked(t *testing.T) {
	s := newServer(t, Options{})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://x"+Mount+"/admin/jobs", nil)
	if a := do(t, s, req); a.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE answered %d", a.status)
	}
	if a := get(t, s, "/admin/nothing"); a.status != http.StatusNotFound {
		t.Errorf("an unknown path answered %d", a.status)
	}
}

func TestTransportHonoursDelayAndCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		s.Inject(Fault{Path: "/ping", Effect: Delay(3 * time.Second)})
		began := time.Now()
		get(t, s, "/ping", header("Accept", plainType))
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("the answer took %s", d)
		}
	})
}
