package nbusim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultHitsSomeRequestsAndThenNoMore(t *testing.T) {
	s := newServer(t, Options{})
	s.Inject(Fault{Path: "/admin/*", Skip: 1, Times: 2, Effect: Status(503)})
	var got []int
	for range 4 {
		got = append(got, get(t, s, "/admin/jobs").status)
		get(t, s, "/storage/storage-units")
	}
	if want := []int{200, 503, 503, 200}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	if n := s.Requests("/admin/jobs"); n != 4 {
		t.Errorf("%d requests counted", n)
	}
	if log := s.RequestLog(); len(log) != 8 || log[2].Status != 503 || log[3].Path != "/storage/storage-units" {
		t.Errorf("the log is %+v", log)
	}
}

func TestFaultIsClearedByItsOwnFunction(t *testing.T) {
	s := newServer(t, Options{})
	s.Inject(Fault{Query: "DONE", Effect: Status(500)})
	stop := s.Inject(Fault{Effect: Status(404)})
	done := "/admin/jobs" + query("filter", "state eq 'DONE'")
	if a := get(t, s, done); a.status != 500 {
		t.Errorf("the first fault is not the outermost: %d", a.status)
	}
	if a := get(t, s, "/admin/jobs"); a.status != 404 {
		t.Errorf("answered %d", a.status)
	}
	stop()
	if a := get(t, s, "/admin/jobs"); a.status != 200 {
		t.Errorf("answered %d after the fault was cleared", a.status)
	}
	s.ClearFaults()
	if a := get(t, s, done); a.status != 200 {
		t.Errorf("answered %d after all faults were cleared", a.status)
	}
}

func TestEffectsOnTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		effect Effect
		status int
		mime   string // part of the content type
		body   string // part of the body
		header string // "Name: value"
	}{
		"status":       {Status(501), 501, jsonType, `"errorDetails":[]`, ""},
		"old body":     {OldStatus(404), 404, jsonType, `"details":{}`, ""},
		"retry after":  {RetryAfter(429, 7*time.Second), 429, jsonType, "errorCode", "Retry-After: 7"},
		"proxy":        {ProxyPage(), 200, "text/html", "<html>", ""},
		"redirect":     {Redirect("https://elsewhere.example/"), 302, "", "", "Location: https://elsewhere.example/"},
		"oversized":    {Oversized(1000), 200, jsonType, strings.Repeat(" ", 1000) + "{", ""},
		"wrong type":   {ContentType("text/plain"), 200, "text/plain", `"data"`, ""},
		"body":         {Body(`{"data":null}`), 200, jsonType, `{"data":null}`, ""},
		"empty list":   {EmptyList(), 200, jsonType, `"data":[]`, ""},
		"echo":         {Echo(400), 400, jsonType, `"errorMessage":"You sent`, ""},
		"filter":       {RefuseFilter("lastUpdateTime"), 400, jsonType, "lastUpdateTime", ""},
		"other filter": {RefuseFilter("endTime"), 200, jsonType, `"data"`, ""},
	} {
		s := newServer(t, Options{})
		s.AddJob(JobSpec{})
		s.Inject(Fault{Effect: c.effect})
		a := get(t, s, "/admin/jobs"+query("filter", "lastUpdateTime ge 1999-01-01T00:00:00Z"))
		if a.status != c.status || !strings.HasPrefix(a.header.Get("Content-Type"), c.mime) || !strings.Contains(string(a.body), c.body) {
			t.Errorf("%s: answered %d %s %s", name, a.status, a.header.Get("Content-Type"), a.body)
		}
		if k, v, ok := strings.Cut(c.header, ": "); ok && a.header.Get(k) != v {
			t.Errorf("%s: %s is %q", name, k, a.header.Get(k))
		}
	}
}

// overBoth runs a test over a socket and in process: a fault has to look the same from outside.
func overBoth(t *testing.T, test func(t *testing.T, s *Server, client *http.Client, url string)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		s := newServer(t, Options{})
		test(t, s, &http.Client{Transport: s.Transport()}, "https://primary.example"+Mount)
	})
	t.Run("over TLS", func(t *testing.T) {
		s := newServer(t, Options{})
		if err := s.StartTLS(""); err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{TLSClientConfig: s.ClientTLS(), ForceAttemptHTTP2: true}
		test(t, s, &http.Client{Transport: tr}, s.URL())
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("over HTTP", func(t *testing.T) {
		s := newServer(t, Options{})
		if err := s.Start(""); err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{}
		test(t, s, &http.Client{Transport: tr}, s.URL())
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTruncatedBodyEndsUnexpectedly(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, url string) {
		s.Inject(Fault{Effect: Truncated()})
		resp, err := client.Get(url + "/security/cacert")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil || len(body) == 0 {
			t.Errorf("%d bytes and the error %v", len(body), err)
		}
	})
}

func TestResetConnectionIsAnError(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, url string) {
		s.Inject(Fault{Effect: Reset()})
		resp, err := client.Get(url + "/security/cacert")
		if err == nil {
			_ = resp.Body.Close()
			t.Error("there was an answer")
		}
		if strings.HasPrefix(url, "http:") && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestSlowBodyArrivesWhole(t *testing.T) {
	overBoth(t, func(t *testing.T, s *Server, client *http.Client, url string) {
		s.Inject(Fault{Effect: SlowBody(500, time.Millisecond)})
		resp, err := client.Get(url + "/security/cacert")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.HasSuffix(string(body), "}") {
			t.Errorf("%d bytes and the error %v", len(body), err)
		}
	})
}

func TestSlowBodyTakesItsTimeAndCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		s.Inject(Fault{Effect: SlowBody(100, time.Second)})
		began := time.Now()
		size := len(get(t, s, "/security/cacert").body)
		if want := time.Duration((size-1)/100) * time.Second; time.Since(began) != want {
			t.Errorf("%d bytes took %s, want %s", size, time.Since(began), want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://x"+Mount+"/security/cacert", nil)
		resp, err := s.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if len(body) != 200 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes and the error %v", len(body), err)
		}
	})
}

func TestDelayCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		s.Inject(Fault{Effect: Delay(time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://x"+Mount+"/ping", nil)
		began := time.Now()
		_, err := s.Transport().RoundTrip(req)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %s came %v", time.Since(began), err)
		}
	})
}
