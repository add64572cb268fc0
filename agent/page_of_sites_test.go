package agent

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"backwire/agent/page"
	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

// The scene's page says what the simulator was told to do.
func TestPageShowsTheNight(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newScene(t).handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	body := w.Body.String()
	at := 0
	for _, want := range []string{ // in this order
		"Monday 23 November 18:00 to 08:00 CET", "<strong class=\"warn\">Almost:</strong> cloud-063.example, mssql-035.example and windows-066.example failed; filer-007.example, linux-112.example and oracle-019.example were due and did not run; 8 clients have a failed backup beside a good one. 122 clients that ran since 18:00 have a good backup.",
		"Failed", "status 2074: the disk volume is down", "The night of Monday 23 November", "Backups by the hour from Monday 18:00 to Tuesday 08:00", "<title>02:00: ",
		"the nights before", "Sun 22 November", "client and policy pairs: a backup was due and has not started",
		"windows-066.example", "none seen", "status 58: can&#39;t connect to client, 10 failures in a row", "mssql-035.example", "filer-007.example", "9d12h ago",
		"pool-open-storage-6", "full in ", "pool-advanced-disk-3", "steady",
		"Backup", "the longest runs for ", "7: drives in use", "7: max storage unit jobs", "Duplicate", "1 stalled",
	} {
		found := strings.Index(body[at:], want)
		if found < 0 {
			t.Fatalf("the page lacks %q, or has it elsewhere", want)
		}
		at += found
	}
}

// With several sites each line says whose it is.
func TestPageOfSeveralSites(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	lyon := *s.overviews[0]
	lyon.Name, lyon.JobsRead = "lyon", time.Time{}
	s.overviews = append(s.overviews, &lyon)
	s.status.Sites = append(s.status.Sites, page.SiteStatus{Name: "lyon", State: "down"})
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	for _, want := range []string{
		"<small>branch-02 · lyon</small>", "<small>OPEN_STORAGE · paris</small>", "Backup<small>lyon</small>", "<b class=\"good\">1,198</b>",
		"<a id=\"to-lyon\" href=\"#site-lyon\">lyon</a> <span class=\"bad\">down</span></th><td><strong class=\"bad\">No:</strong> cloud-063.example, mssql-035.example and windows-066.example failed; filer-007.example, linux-112.example and oracle-019.example were due and did not run; 8 clients have a failed backup beside a good one; the jobs of the night have not been read.",
		"<strong class=\"warn\">Almost:</strong> cloud-063.example, ", "not known for 1 of 2 sites (lyon).",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// newCity is a site with 10,000 clients and 100,000 jobs behind it.
func newCity(tb testing.TB) *theatre {
	tb.Helper()
	const clients, jobs = 10_000, 100_000
	t := newTheatre(tb, sceneTime(), 10*clients)
	// One in eight has nothing but the catalog backed up, and is no client.
	t.primary.AddHistory(nbusim.Workload{Seed: 1, Clients: clients * 8 / 7, Policies: 200}, jobs, 40*time.Hour)
	t.collect()
	if n := len(t.site.Overview().Clients); n < clients*99/100 {
		tb.Fatalf("%d clients", n)
	}
	return t
}

// BenchmarkPageOfACity is the page and the status of 10,000 clients and 100,000 jobs.
func BenchmarkPageOfACity(b *testing.B) {
	t := newCity(b)
	s := &scene{status: sceneStatus(sceneTime()), overviews: []*overview.Site{t.site.Overview()}}
	handler := page.New(s, sceneZone(), sceneNight(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	for _, path := range []string{"/", "/status.json"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// What is held for people is a small part of what the agent may take, and a page of it takes no time that
// anybody waits for.
func TestPageOfACityIsCheap(t *testing.T) {
	if build, known := debug.ReadBuildInfo(); known && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("left out under the race detector, whose time and memory are not the page's")
	}
	city := newCity(t)
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what the first one has put aside
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	shown := city.site.Overview()
	s := &scene{status: sceneStatus(sceneTime()), overviews: []*overview.Site{shown}}
	handler := page.New(s, sceneZone(), sceneNight(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	fastest := time.Hour
	for range 10 { // the fastest of them: others may use this machine, too
		began := time.Now()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		fastest = min(fastest, time.Since(began))
	}
	if fastest > 50*time.Millisecond {
		t.Errorf("the page took %v", fastest)
	}
	held := make([]*overview.Site, 3)
	for i := range held {
		city.clock.Add(time.Hour.Milliseconds())
		city.collect()
		held[i] = city.site.Overview()
	}
	with := heap()
	for i := range held[:2] { // the site itself holds the last
		held[i] = nil
	}
	each := (with - heap()) / 2
	if each > 5<<20 || each < 9000*40 {
		t.Errorf("an overview takes %d bytes", each)
	}
	t.Logf("page in %v, an overview of %d clients takes %d KiB", fastest, len(shown.Clients), each>>10)
	runtime.KeepAlive(held)
}
