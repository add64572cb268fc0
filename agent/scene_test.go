package agent

import (
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/source"
	"backwire/source/netbackup"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

// scene is a page over a simulated primary server: the same seed and the same time make the same page.
type scene struct {
	status    page.Status
	overviews []*overview.Site
}

func (s *scene) Status() page.Status         { return s.status }
func (s *scene) Overviews() []*overview.Site { return s.overviews }

func (s *scene) handler() http.Handler {
	return page.New(s, sceneZone(), sceneNight(), prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
}

func sceneZone() *time.Location { return time.FixedZone("CET", 3600) }

func sceneNight() config.Night { return config.Night{From: 18 * time.Hour, To: 8 * time.Hour} }

// sceneTime is a Tuesday morning, a quarter to seven.
func sceneTime() time.Time { return time.Date(2026, 11, 24, 6, 45, 0, 0, sceneZone()) }

// theatre is a primary server in virtual time, and a site that looks at it.
type theatre struct {
	tb      testing.TB
	clock   atomic.Int64 // ms since the epoch
	primary *nbusim.Server
	site    *netbackup.Site
}

func newTheatre(tb testing.TB, begin time.Time, maxSeries int) *theatre {
	tb.Helper()
	t := &theatre{tb: tb}
	t.clock.Store(begin.UnixMilli())
	var err error
	if t.primary, err = nbusim.New(nbusim.Options{Clock: t.now, Storage: nbusim.NewEstate(7)}); err != nil {
		tb.Fatal(err)
	}
	t.site, err = netbackup.NewSite(netbackup.SiteConfig{
		Client: api.Config{
			Site: "paris", URL: &url.URL{Scheme: "https", Host: "primary.example:1556", Path: nbusim.Mount}, Transport: t.primary.Transport(),
			APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
		},
		Interval: time.Hour, Backfill: 48 * time.Hour, MaxClientSeries: maxSeries,
	}, source.Checkpoint{}, slog.New(slog.DiscardHandler), t.now)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func (t *theatre) now() time.Time { return time.UnixMilli(t.clock.Load()) }

func (t *theatre) set(at time.Time) {
	t.clock.Store(at.UnixMilli())
	t.primary.Tick(at)
}

// collect is one cycle, whose samples nobody wants.
func (t *theatre) collect() {
	for range t.site.Collect(t.tb.Context(), t.now()) {
		continue
	}
}

// newScene is a site with ten days behind it and a night in which most went well.
func newScene(tb testing.TB) *scene {
	tb.Helper()
	end := sceneTime()
	t := newTheatre(tb, end.AddDate(0, 0, -10), 0)
	t.fillUp(end)
	t.nights(end)
	t.rush(end)
	t.set(end)
	t.collect()
	return &scene{status: sceneStatus(end), overviews: []*overview.Site{t.site.Overview()}}
}

// fillUp lets the disk pools grow, each at its own rate.
func (t *theatre) fillUp(end time.Time) {
	const tib = int64(1) << 40
	begin := t.now()
	t.forgotten()
	for at := begin; at.Before(end.Add(-37 * time.Hour)); at = at.Add(3 * time.Hour) {
		t.set(at)
		e := t.primary.Storage()
		for i := range e.Pools {
			e.Pools[i].Used += int64(i%4) * int64(i%4) * tib / 54
		}
		t.primary.SetStorage(e)
		t.collect()
	}
}

// forgotten are clients that have not been well since the scene began.
func (t *theatre) forgotten() {
	for policy, clients := range map[string][]string{
		"retired-01": {"filer-007.example", "oracle-019.example", "linux-112.example"}, "branch-02": {"windows-066.example", "mssql-035.example"},
	} {
		t.primary.AddPolicy(nbusim.Policy{
			Name: policy, Type: "Standard", Generation: 1, Clients: clients,
			Schedules: []nbusim.Schedule{{Name: "daily", BackupType: "Full Backup", Every: 24 * time.Hour}},
		})
	}
	for i, client := range []string{"filer-007.example", "oracle-019.example", "linux-112.example"} {
		t.primary.AddJob(nbusim.JobSpec{Client: client, Policy: "retired-01", Life: nbusim.Run(time.Second, time.Duration(i+1)*11*time.Hour, 0)})
	}
	for i, client := range []string{"windows-066.example", "mssql-035.example"} {
		for day := range 10 {
			t.primary.AddJob(nbusim.JobSpec{Client: client, Policy: "branch-02", Life: nbusim.Run(time.Duration(24*day+i)*time.Hour, time.Hour, 58-30*i+2046*i)})
		}
	}
}

// nights are the two before the end: most jobs early, a disturbance at three in the last.
func (t *theatre) nights(end time.Time) {
	profile := []int{64, 120, 150, 132, 96, 71, 54, 43, 36, 28, 20, 14, 9, 4, 3, 2, 4, 3, 3, 5, 4, 2, 3, 6}
	start := time.Date(end.Year(), end.Month(), end.Day()-2, 18, 0, 0, 0, end.Location())
	for hour := 1; hour <= 36; hour++ {
		t.set(start.Add(time.Duration(hour) * time.Hour))
		failing := 0.012
		if hour == 33 {
			failing = 0.35
		}
		t.primary.AddHistory(nbusim.Workload{Seed: uint64(hour), Clients: 150, Policies: 16, FailureRate: failing}, profile[(hour-1)%24], 59*time.Minute)
	}
}

// rush is what runs and waits at the end.
func (t *theatre) rush(end time.Time) {
	t.set(end.Add(-35 * time.Minute))
	for i := range 9 {
		t.primary.AddJob(nbusim.JobSpec{Client: "linux-101.example", Policy: "linux-01", Work: nbusim.Work{Kilobytes: 4 << 30, Moved: 1 << 28}, Life: nbusim.Run(time.Duration(i)*time.Minute, 5*time.Hour, 0)})
	}
	for i := range 14 {
		t.primary.AddJob(nbusim.JobSpec{Client: "vm-003.example", Policy: "vm-03", Life: []nbusim.Step{{After: time.Second, State: nbusim.Requeued, Reason: 2 + 3*(i%2)}}})
	}
	t.primary.AddJob(nbusim.JobSpec{Type: "DUPLICATE", Policy: "vm-03", Life: nbusim.Run(time.Second, 9*time.Hour, 0)})
	t.primary.AddJob(nbusim.JobSpec{Type: "RESTORE", Policy: "linux-01", Work: nbusim.Work{Kilobytes: 4 << 30, Moved: 1 << 30}, Life: nbusim.Run(time.Minute, time.Hour, 0)})
}

func sceneStatus(now time.Time) page.Status {
	before := func(d time.Duration) *time.Time { return page.Instant(now.Add(-d)) }
	site := page.SiteStatus{
		Name: "paris", URL: "https://primary.example:1556/netbackup", Server: "primary.example", Version: "11.2", State: "up",
		Cycles: 18721, Failed: 2, Missed: 1, Commits: 18719, Committed: before(18 * time.Second),
	}
	for i, name := range []string{"server", "storage", "disk_pools", "storage_servers", "jobs", "policies"} { // some, so that a new one changes nothing here
		site.Collectors = append(site.Collectors, page.CollectorStatus{Name: name, Success: true, Seconds: 0.04 + 0.21*float64(i), LastSuccess: before(19 * time.Second)})
	}
	for i := range 6 {
		tick := now.Truncate(time.Minute).Add(-time.Duration(i) * time.Minute)
		site.Recent = append(site.Recent, page.CycleStatus{Tick: tick, Seconds: 1.1 + 0.1*float64(i), Batches: 1, Samples: 4120 - i})
	}
	return page.Status{
		Version: "1.0.0", Now: now, Started: now.Add(-13 * 24 * time.Hour), Sites: []page.SiteStatus{site},
		Queue: page.QueueStatus{Dir: "/var/lib/backwire", Bytes: 11 << 20, MaxBytes: 2 << 30, Segments: 2, Records: 18719, Samples: 77_000_000, Oldest: before(6 * time.Hour)},
		Endpoints: []page.EndpointStatus{
			{Name: "cloud", URL: "https://mimir.example/api/v1/push", Protocol: "2.0", Samples: 77_000_000, HighestSent: before(20 * time.Second)},
			{Name: "local", URL: "http://127.0.0.1:9090/api/v1/write", Protocol: "2.0", Samples: 76_960_123, Pending: 39_877, Lag: 587, Error: "503 Service Unavailable", Rejected: map[string]uint64{"400": 12}},
		},
	}
}
