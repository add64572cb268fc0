package agent

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"backwire/source/netbackup"
	"backwire/source/netbackup/nbusim"
)

func TestOverdueIsTheLongestAgoFirst(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 09:00")
	p := &netbackup.Picture{}
	for i := range 40 {
		p.Clients = append(p.Clients, netbackup.ClientPicture{Client: strconv.Itoa(i), Success: now.Add(-time.Duration(i) * 2 * time.Hour).UnixMilli()})
	}
	p.Clients = append(p.Clients, netbackup.ClientPicture{Client: "never", Attempt: now.UnixMilli(), Status: 58, Failures: 3})
	p.Clients = append(p.Clients, // in time by their weekly policy, late by their hourly one
		netbackup.ClientPicture{Client: "weekly", Success: now.Add(-5 * 24 * time.Hour).UnixMilli(), Every: 7 * 24 * time.Hour},
		netbackup.ClientPicture{Client: "hourly", Success: now.Add(-2 * time.Hour).UnixMilli(), Every: time.Hour})
	o := findOverdue(now, []SitePicture{{"paris", p}})
	if o.Known != 43 || o.Late != 28 || len(o.Rows) != shownOverdue || o.More() != 3 {
		t.Errorf("%d known, %d late, %d shown, %d more", o.Known, o.Late, len(o.Rows), o.More())
	}
	if first := o.Rows[0]; first.Client != "never" || first.Success != nil || first.Attempt == nil || first.Failures != 3 {
		t.Errorf("first %+v", first)
	}
	if o.Rows[1].Client != "39" || o.Rows[2].Client != "38" {
		t.Errorf("%+v", o.Rows[1:3])
	}
}

func TestStorageIsJudged(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := func(name string, used float64, more func(*netbackup.StoragePicture)) netbackup.StoragePicture {
		p := netbackup.StoragePicture{Name: name, Used: used, Capacity: 100, HighWater: 0.98, Known: true}
		if more != nil {
			more(&p)
		}
		return p
	}
	in := func(left time.Duration) func(*netbackup.StoragePicture) {
		return func(p *netbackup.StoragePicture) { p.Fills, p.FullIn, p.Growth = true, left, 1 }
	}
	rows := storageRows([]SitePicture{{"paris", &netbackup.Picture{Storage: []netbackup.StoragePicture{
		s("steady", 20, nil), s("new", 10, func(p *netbackup.StoragePicture) { p.Known = false }), s("late", 90, in(200*day)), s("week", 80, in(6*day)),
		s("month", 80, in(20*day)), s("tomorrow", 97, in(30*time.Hour)), s("today", 97, in(5*time.Hour)), s("full", 99, nil),
		s("down", 5, func(p *netbackup.StoragePicture) { p.Down = true }),
	}}}})
	want := []string{
		"down bad down", "full bad full", "today bad full within a day", "tomorrow bad full in 1 day", "week bad full in 6 days",
		"month warn full in 20 days", "late good full in 200 days", "steady good not filling", "new flat too early to tell",
	}
	for i, r := range rows {
		if got := r.Name + " " + string(r.Tone) + " " + r.Forecast; got != want[i] {
			t.Errorf("%d: %q, want %q", i, got, want[i])
		}
	}
	if rows[2].Pace() != "+1 B a day" || rows[7].Pace() != "steady" || rows[8].Pace() != "" {
		t.Errorf("%q %q %q", rows[2].Pace(), rows[7].Pace(), rows[8].Pace())
	}
}

func TestJobsInWords(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 09:00")
	r := jobsRows(now, []SitePicture{{"paris", &netbackup.Picture{Jobs: []netbackup.JobsPicture{{
		Type: "REPLICA_IMPORT", Active: 1, Queued: 9, OldestActive: now.Add(-time.Hour), OldestQueued: now.Add(-time.Minute),
		Reasons: []netbackup.ReasonPicture{{Words: "a", Jobs: 4}, {Words: "b", Jobs: 3}, {Words: "c", Jobs: 1}, {Words: "d", Jobs: 1}},
	}}}}})[0]
	want := "[the longest runs for 1h0m the longest waits for 1m0s 4: a 3: b 1: c]"
	if r.Name() != "Replica import" || fmt.Sprint(r.Words()) != want {
		t.Errorf("%q %v", r.Name(), r.Words())
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
	if n := len(t.site.Picture().Clients); n < clients*99/100 {
		tb.Fatalf("%d clients", n)
	}
	return t
}

// BenchmarkPageOfACity is the page and the status of 10,000 clients and 100,000 jobs.
func BenchmarkPageOfACity(b *testing.B) {
	t := newCity(b)
	s := &scene{status: sceneStatus(sceneTime()), pictures: []SitePicture{{"paris", t.site.Picture()}}}
	handler := newPage(s, sceneZone(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
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
	picture := city.site.Picture()
	s := &scene{status: sceneStatus(sceneTime()), pictures: []SitePicture{{"paris", picture}}}
	handler := newPage(s, sceneZone(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	fastest := time.Hour
	for range 10 { // the fastest of them: others may use this machine, too
		began := time.Now()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		fastest = min(fastest, time.Since(began))
	}
	if fastest > 50*time.Millisecond {
		t.Errorf("the page took %v", fastest)
	}
	held := make([]*netbackup.Picture, 3)
	for i := range held {
		city.clock.Add(time.Hour.Milliseconds())
		city.collect()
		held[i] = city.site.Picture()
	}
	with := heap()
	for i := range held[:2] { // the site itself holds the last
		held[i] = nil
	}
	each := (with - heap()) / 2
	if each > 5<<20 || each < 9000*40 {
		t.Errorf("a picture takes %d bytes", each)
	}
	t.Logf("page in %v, a picture of %d clients takes %d KiB", fastest, len(picture.Clients), each>>10)
	runtime.KeepAlive(held)
}
