package page

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"backwire/source/overview"
)

func exampleStatus() Status {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	before := func(d time.Duration) *time.Time { return Instant(now.Add(-d)) }
	return Status{
		Version: "1.2.3", Now: now, Started: now.Add(-26 * time.Hour),
		Sites: []SiteStatus{{
			Name: "paris", URL: "https://primary.example:1556/netbackup", State: "up", Cycles: 1560, Missed: 2, Committed: before(20 * time.Second),
			Collectors: []CollectorStatus{{Name: "jobs", Success: true, Seconds: 1.25, LastSuccess: before(21 * time.Second)}, {Name: "storage", Error: "no answer"}},
			Recent:     []CycleStatus{{Tick: now, Seconds: 1.5, Batches: 1, Samples: 420, Error: "disk <full>"}},
		}},
		Queue: QueueStatus{Dir: "/var/lib/backwire", Bytes: 3 << 20, MaxBytes: 2 << 30, Segments: 2, Losses: []LossStatus{{Endpoint: "cloud", Reason: "max_bytes", Records: 1, Samples: 7}}},
		Endpoints: []EndpointStatus{
			{Name: "cloud", URL: "https://mimir.example/push", Protocol: "2.0", Samples: 99, Requests: map[string]uint64{"200": 5}, Lag: 61, Rejected: map[string]uint64{"400": 3, "422": 4}},
			{Name: "local", Paused: "401 Unauthorized"},
		},
	}
}

// told is what the page is given to show.
type told struct{ status Status }

func (s told) Status() Status              { return s.status }
func (s told) Overviews() []*overview.Site { return nil }

// shown is a page with clients, the names of some of which are not harmless.
type shown struct {
	told
	sites []*overview.Site
}

func (s shown) Overviews() []*overview.Site { return s.sites }

// A search finds by a part of any name, and says how many there are; what is wrong is told.
func TestClientsAreFound(t *testing.T) {
	t.Parallel()
	site := &overview.Site{
		Name: "paris", Storage: []overview.Storage{{Name: "-pool", Category: "disk", Used: 1 << 40, Capacity: 1 << 41, HighWater: 0.98, Known: true, Growth: -5}},
		Jobs: []overview.Jobs{{Type: "BACKUP", Active: 3, Queued: 1}},
	}
	for i := range 1500 {
		site.Clients = append(site.Clients, overview.ClientPolicy{Client: "db-" + strconv.Itoa(i), Policy: "nightly"})
	}
	site.Clients = append(site.Clients, overview.ClientPolicy{
		Client: "=cmd|' /C calc'!A0", Policy: "<b>&", Success: 1_700_000_000_000, Attempt: 1_763_960_000_000, Status: 2074, Meaning: "the disk volume is down", Failures: 2,
	})
	handler := New(shown{told{exampleStatus()}, []*overview.Site{site}}, zone(), usual(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	ask := func(path string) (int, string, http.Header) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w.Code, w.Body.String(), w.Header()
	}
	for path, wants := range map[string][]string{
		"/clients":                  {"1,501 of 1,501 client and policy pairs; the first 1,000 are shown", "db-0<small>nightly</small>"},
		"/clients?q=DB-149":         {"11 of 1,501 client and policy pairs.", "db-1499<small>", "clients.csv?show=all&amp;q=DB-149"},
		"/clients?q=%3Cb%3E":        {"1 of 1,501 ", "&lt;b&gt;&amp;", "value=\"&lt;b&gt;\"", "status 2074: the disk volume is down, 2 failures in a row"},
		"/clients?show=failed":      {"0 of 1,501 ", "<option selected>failed</option>"},
		"/":                         {"1,501 of 1,501 client and policy pairs", "<a id=\"more-overdue\" href=\"clients?show=overdue\">and 1,476 more</a>"},
		"/clients.csv?q=cmd":        {"site,client,policy,last_success,last_attempt,status,meaning,failures_in_a_row,due\nparis,'=cmd|' /C calc'!A0,<b>&,2023-11-14T23:13:20+01:00,2025-11-24T05:53:20+01:00,2074,the disk volume is down,2,\n"},
		"/clients.csv?show=overdue": {"db-1499,nightly"},
		"/storage.csv":              {"paris,'-pool,disk,1099511627776,2199023255552,not filling,-5\n"},
		"/jobs.csv":                 {"paris,BACKUP,3,1,0,0,\n"},
	} {
		code, body, header := ask(path)
		if code != http.StatusOK || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d", path, code)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
	if code, body, _ := ask("/clients?show=some"); code != http.StatusBadRequest || body != "show is all, failed or overdue\n" {
		t.Errorf("%d %s", code, body)
	}
}

// Clients that no policy backs up are listed, and no answer is changed by them: nothing is promised to them.
func TestClientsWithoutPolicyAreListed(t *testing.T) {
	t.Parallel()
	site := &overview.Site{Name: "paris", WithoutPolicy: []string{"<alone>"}}
	show := func(path string) string {
		handler := New(shown{told{exampleStatus()}, []*overview.Site{site}}, zone(), usual(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w.Body.String()
	}
	if page := show("/"); !strings.Contains(page, "1 client that NetBackup knows") || !strings.Contains(page, "<li>&lt;alone&gt;</li>") || strings.Contains(page, "more-without-policy") {
		t.Errorf("the page does not list it:\n%s", page)
	}
	for i := range 30 {
		site.WithoutPolicy = append(site.WithoutPolicy, "x-"+strconv.Itoa(i))
	}
	if page := show("/"); !strings.Contains(page, "31 clients that NetBackup knows") || !strings.Contains(page, "and 6 more</a>") {
		t.Errorf("the page does not count them:\n%s", page)
	}
	if file := show("/without-policy.csv"); !strings.Contains(file, "site,client\nparis,<alone>\n") || !strings.HasSuffix(file, "paris,x-29\n") {
		t.Errorf("the file is %s", file)
	}
	site.WithoutPolicy = nil
	if strings.Contains(show("/"), "without-policy") {
		t.Error("the page has a part of them although there are none")
	}
}

// Whose backups are paused is listed, with who paused them and until when; those that find no room are in a file.
func TestPausedClientsAreListed(t *testing.T) {
	t.Parallel()
	ms := func(hour int) int64 {
		return at(t, "2026-11-24 00:00").Add(time.Duration(hour) * time.Hour).UnixMilli()
	}
	site := &overview.Site{Name: "paris", Clients: []overview.ClientPolicy{{Client: "db-1", Policy: "gold", Success: ms(-50), Due: overview.NothingDue, Paused: true}}}
	site.Paused = []overview.Paused{
		{Client: "db-1", From: ms(0), Until: ms(30), By: "alice", Reason: "new <disks>"}, {Client: "vm-1", From: ms(1), Automatic: true, By: "nbwebsvc", Reason: "malware"},
	}
	for i := range 30 {
		site.Paused = append(site.Paused, overview.Paused{Client: "x-" + strconv.Itoa(i)})
	}
	handler := New(shown{told{exampleStatus()}, []*overview.Site{site}}, zone(), usual(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	for path, wants := range map[string][]string{
		"/": {
			"32 clients are paused.", "32 clients whose backups are paused", "and 7 more</a>", "None of 1 client and policy pairs",
			`<tr><th scope="row">db-1</th><td data-label="since">Tue 24 Nov 00:00</td><td data-label="until">Wed 25 Nov 06:00</td><td data-label="why">by alice: new &lt;disks&gt;</td></tr>`,
			`<td data-label="until">no end is set</td><td data-label="why">by the server: malware</td>`,
		},
		"/clients":    {`<td data-label="due">paused</td>`},
		"/paused.csv": {"paris,db-1,2026-11-24T00:00:00+01:00,2026-11-25T06:00:00+01:00,no,alice,new <disks>\n", "paris,vm-1,2026-11-24T01:00:00+01:00,,yes,nbwebsvc,malware\n", "paris,x-29,,,no,,\n"},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		for _, want := range wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
}

// The list of failed runs says of each what somebody needs who mends it.
func TestFailedRunsAreListed(t *testing.T) {
	t.Parallel()
	ms := func(hour float64) int64 {
		return at(t, "2026-11-24 00:00").Add(time.Duration(hour * float64(time.Hour))).UnixMilli()
	}
	run := func(change func(*overview.ClientPolicy)) overview.ClientPolicy {
		c := overview.ClientPolicy{Client: "db-1", Policy: "gold", Success: ms(-48), Attempt: ms(3), Status: 2074, Meaning: "the disk volume is down", Failures: 2, Due: ms(4)}
		c.Failed = &overview.Failed{ScheduleType: "FULL_BACKUP", Status: 2074, Meaning: "the disk volume is down", Start: ms(1.5), End: ms(3), Tries: 3}
		change(&c)
		return c
	}
	site := &overview.Site{Name: "paris", Clients: []overview.ClientPolicy{
		run(func(*overview.ClientPolicy) {}),
		run(func(c *overview.ClientPolicy) { // a good log backup after it
			c.Client, c.Success, c.Attempt, c.Status, c.Meaning, c.Failures, c.Due = "db-2", ms(6), ms(6), 0, "", 1, ms(30)
			c.Failed.Tries = 1
		}),
		run(func(c *overview.ClientPolicy) { // long ago
			c.Client, c.Failed = "db-3", &overview.Failed{ScheduleType: "DIFFERENTIAL_INCREMENTAL_BACKUP", Status: -1, End: ms(-40)}
		}),
		run(func(c *overview.ClientPolicy) { c.Client, c.Failed, c.Failures = "db-4", nil, 0 }), // nothing is known but the last status
	}}
	handler := New(shown{told{exampleStatus()}, []*overview.Site{site}}, zone(), usual(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	const db1 = "<tr><th scope=\"row\">db-1<small>gold · Full backup</small></th>\n<td data-label=\"failed\"><b>4h0m ago</b><small>took 1h30m, 3 tries</small></td>\n" +
		"<td data-label=\"status\">status 2074: the disk volume is down<small>2 failures in a row</small></td>"
	for path, wants := range map[string][]string{
		"/": {
			db1, "<th scope=\"row\">db-2<small>gold · Full backup</small></th>\n<td data-label=\"failed\"><b>4h0m ago</b><small>took 1h30m, 1 try</small></td>\n<td data-label=\"status\">status 2074: the disk volume is down</td>",
			"<th scope=\"row\">db-3<small>gold · Differential incremental backup</small></th>\n<td data-label=\"failed\"><b>1d23h ago</b></td>\n<td data-label=\"status\">not known any more<small>2 failures in a row</small></td>",
			"<th scope=\"row\">db-4<small>gold</small></th>\n<td data-label=\"failed\"><b>4h0m ago</b></td>\n<td data-label=\"status\">status 2074: the disk volume is down</td>", "href=\"failed.csv\"",
		},
		"/clients?show=failed": {db1},
		"/failed.csv": {
			"site,client,policy,schedule_type,status,meaning,ended,duration_seconds,tries,failures_in_a_row,last_success,due\n",
			"paris,db-1,gold,FULL_BACKUP,2074,the disk volume is down,2026-11-24T03:00:00+01:00,5400,3,2,2026-11-22T00:00:00+01:00,2026-11-24T04:00:00+01:00\n",
			"paris,db-3,gold,DIFFERENTIAL_INCREMENTAL_BACKUP,,,2026-11-22T08:00:00+01:00,,,2,2026-11-22T00:00:00+01:00,2026-11-24T04:00:00+01:00\n",
			"paris,db-4,gold,,2074,the disk volume is down,2026-11-24T03:00:00+01:00,,,0,",
		},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		for _, want := range wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
}

func ask(t *testing.T, status Status, method, path string) *http.Response {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "backwire_example", Help: "Example."}))
	handler := New(told{status}, zone(), usual(), registry, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	return w.Result()
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestPageShowsSitesQueueAndEndpoints(t *testing.T) {
	t.Parallel()
	r := ask(t, exampleStatus(), http.MethodGet, "/")
	body := bodyOf(t, r)
	for _, want := range []string{
		"backwire 1.2.3 · up 1d2h", "<h3>paris <span class=\"good\">up</span></h3>",
		"1,560 cycles, 0 failed, 2 skipped", "last committed 20s ago", "<th scope=\"row\">jobs</th><td><span class=\"good\">ok</span></td>",
		"<th scope=\"row\">storage</th><td><span class=\"bad\">failed: no answer</span>", "disk &lt;full&gt;", "3.0 MiB of 2.0 GiB in 2 segments",
		"7 samples lost (max_bytes, cloud)", "paused: 401 Unauthorized", "data-label=\"lag\">1m1s<", "data-label=\"rejected\">7<",
		"Not known yet", "No client has been seen so far.", "No storage with a known capacity", "No jobs are running or queued.",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
}

// Text can be read in light and dark: at least 4.5 to 1 against what is behind it (WCAG 2.2, 1.4.3), and
// what is drawn at least 3 to 1 (1.4.11).
func TestPageHasContrast(t *testing.T) {
	t.Parallel()
	for mode, block := range regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(pageStyle, -1) {
		colors := map[string]float64{}
		for _, c := range regexp.MustCompile(`--(\w+): #(\w{6})`).FindAllStringSubmatch(block[1], -1) {
			colors[c[1]] = luminance(t, c[2])
		}
		for least, names := range map[float64][]string{4.5: {"text", "soft", "good", "warn", "bad"}, 3: {"s", "p", "f"}} {
			for _, name := range names {
				for _, back := range []string{"back", "shade"} {
					a, b := colors[name]+0.05, colors[back]+0.05
					if ratio := max(a, b) / min(a, b); ratio < least || len(colors) != 11 {
						t.Errorf("mode %d: %s on %s has a contrast of %.2f, want %v", mode, name, back, ratio, least)
					}
				}
			}
		}
	}
}

// luminance is that of a colour in hex (WCAG 2.2, "relative luminance").
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// A browser runs no script but the page's own, loads nothing, and takes the style that the policy names.
func TestPagePolicyNamesWhatThePageHolds(t *testing.T) {
	t.Parallel()
	r := ask(t, exampleStatus(), http.MethodGet, "/")
	body := bodyOf(t, r)
	policy := r.Header.Get("Content-Security-Policy")
	for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		_, text, _ := strings.Cut(body, "<"+element+">")
		text, _, _ = strings.Cut(text, "</"+element+">")
		sum := sha256.Sum256([]byte(text))
		if !strings.Contains(policy, directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("policy %q does not allow the page's %s", policy, element)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Count(body, "<script") != 1 || strings.Contains(body, " style=") || strings.Contains(body, " src=") {
		t.Error("the page holds what its policy forbids, or forbids too little")
	}
	if !strings.Contains(body, "prefers-color-scheme: dark") {
		t.Error("no dark style")
	}
}

func TestPageIsReadOnly(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/clients", "/clients.csv", "/failed.csv", "/paused.csv", "/without-policy.csv", "/storage.csv", "/jobs.csv", "/metrics", "/status.json", "/-/healthy", "/-/ready"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			if r := ask(t, exampleStatus(), method, path); r.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, r.StatusCode)
			}
		}
		if r := ask(t, exampleStatus(), http.MethodHead, path); r.StatusCode != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, r.StatusCode)
		}
	}
	if r := ask(t, exampleStatus(), http.MethodGet, "/etc/passwd"); r.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path: %d", r.StatusCode)
	}
}

func TestStatusJSONReadsBack(t *testing.T) {
	t.Parallel()
	r := ask(t, exampleStatus(), http.MethodGet, "/status.json")
	var got Status
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleStatus(), got); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	if body := bodyOf(t, ask(t, exampleStatus(), http.MethodGet, "/metrics")); !strings.Contains(body, "backwire_example 0") {
		t.Error(body)
	}
}

func TestHealthyAndReadySayWhyNot(t *testing.T) {
	t.Parallel()
	for path, set := range map[string]func(*Status, string){
		"/-/healthy": func(s *Status, why string) { s.Unhealthy = why },
		"/-/ready":   func(s *Status, why string) { s.Unready = why },
	} {
		status := exampleStatus()
		if r := ask(t, status, http.MethodGet, path); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
		set(&status, "site paris is stuck")
		r := ask(t, status, http.MethodGet, path)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(bodyOf(t, r), "site paris is stuck") {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestServePageEndsWithItsContext(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, listener, http.NotFoundHandler(), "", slog.New(slog.DiscardHandler))
	}()
	r, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := listener.Close(); !errors.Is(err, net.ErrClosed) { // a call would tell nothing: the port may be another test's already
		t.Errorf("the page still listens: %v", err)
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		850 * time.Millisecond: "850ms", 12340 * time.Millisecond: "12.3s", 200 * time.Second: "3m20s",
		307 * time.Minute: "5h7m", 292 * time.Hour: "12d4h",
	} {
		if got := Roughly(d); got != want {
			t.Errorf("Roughly(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestProfilesAreForThisMachine(t *testing.T) {
	t.Parallel()
	page := New(told{exampleStatus()}, zone(), usual(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		path, from string
		code       int
	}{
		{"/debug/pprof/goroutine", "127.0.0.1:1", http.StatusOK},
		{"/debug/pprof/heap", "[::1]:1", http.StatusOK},
		{"/debug/pprof/heap", "192.0.2.1:1", http.StatusNotFound},
		{"/debug/pprof/cmdline", "127.0.0.1:1", http.StatusNotFound},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
		r.RemoteAddr = c.from
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		if w.Code != c.code || c.code == http.StatusOK && w.Body.Len() == 0 {
			t.Errorf("%s from %s: %d with %d bytes, want %d", c.path, c.from, w.Code, w.Body.Len(), c.code)
		}
	}
}
