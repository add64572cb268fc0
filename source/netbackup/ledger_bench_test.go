package netbackup

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/ledger"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// recorded answers with the page that it once saw, so that a benchmark has the client's
// and the ledger's cost without the simulator's.
type recorded struct {
	header http.Header
	body   []byte
}

func (p *recorded) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/ping") {
		return httpAnswer(http.StatusOK, strconv.FormatInt(time.Now().UnixMilli(), 10), "X-NetBackup-API-Version", "14.0"), nil
	}
	return &http.Response{StatusCode: http.StatusOK, Header: p.header, Body: io.NopCloser(bytes.NewReader(p.body)), ContentLength: int64(len(p.body)), Request: r}, nil
}

// record takes one full page of finished jobs.
func record(b *testing.B) *recorded {
	b.Helper()
	sim, err := nbusim.New(nbusim.Options{})
	if err != nil {
		b.Fatal(err)
	}
	sim.AddHistory(nbusim.Workload{Seed: 1}, api.JobsPage, time.Hour)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet,
		"https://primary.example/netbackup/admin/jobs?page%5Blimit%5D=100&filter=state%20eq%20%27DONE%27&sort=lastUpdateTime", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.netbackup+json;version=14.0")
	req.Header.Set("Authorization", nbusim.DefaultKey)
	resp, err := sim.Transport().RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || bytes.Contains(body, []byte(`"next":"`)) {
		b.Fatalf("record a page: %v, %d, %.200s", err, resp.StatusCode, body)
	}
	return &recorded{header: resp.Header, body: body}
}

func nothing() []source.Sample { return nil }

// BenchmarkLedgerJob is a finished job from the answer's bytes to the counters, CPU of one
// goroutine: the whole page is decoded, counted and emitted, divided by its jobs.
func BenchmarkLedgerJob(b *testing.B) {
	page := record(b)
	base, _ := url.Parse("https://primary.example/netbackup")
	client, err := api.NewClient(api.Config{Site: "paris", URL: base, Transport: page, APIKey: func() (string, error) { return "k", nil }}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	cfg := SiteConfig{Client: api.Config{Site: "paris"}, Interval: time.Minute, Backfill: 24 * time.Hour, MaxClientSeries: defaultClientSeries, MaxJobSeries: defaultJobSeries, ForgetClients: defaultForgetClients}
	c := newCatalogue()
	l := newLedger(cfg, c, slog.New(slog.DiscardHandler), 1, client.Jobs)
	tick := time.Now().UnixMilli() / 60_000 * 60_000
	jobs := 0
	b.ReportAllocs()
	for b.Loop() {
		l.Counted = ledger.NewCounted() // so that the page counts anew
		r, err := l.read(b.Context(), tick, nil)
		if err != nil {
			b.Fatal(err)
		}
		tick += 60_000
		for range l.cycles(r, nothing, tick) {
			jobs += r.Gained()
		}
	}
	if jobs != b.N*api.JobsPage {
		b.Fatalf("%d jobs in %d pages", jobs, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(jobs), "ns/job")
}

// BenchmarkLedgerQuietCycle is a cycle in which nothing ended, by series.
func BenchmarkLedgerQuietCycle(b *testing.B) {
	cfg := SiteConfig{Client: api.Config{Site: "paris"}, Interval: time.Minute, MaxClientSeries: defaultClientSeries, MaxJobSeries: defaultJobSeries, ForgetClients: defaultForgetClients}
	l := newLedger(cfg, newCatalogue(), slog.New(slog.DiscardHandler), 1, nil)
	watching := newClients(l.counters, defaultClientSeries, defaultForgetClients.Milliseconds())
	for i := range 2000 {
		e := ending{Event: ledger.Event{ID: int64(i), Try: 1, End: 1}, status: 0, client: strconv.Itoa(i), bytes: 1, kind: l.counters.kind(kindKey{backup, "STANDARD", "gold", "FULL_BACKUP"})}
		watching.observe(&e, l.clocks())
	}
	watching.settle(1, l.clocks())
	l.Idle = true
	tick, samples := int64(60_000), 0
	b.ReportAllocs()
	for b.Loop() {
		tick += 60_000
		for c := range l.cycles(nil, nothing, tick) {
			samples += len(c.Batches[0].Samples)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/series")
}

// TestHistoryIsReadInParallel reads 100,000 jobs at 50 ms a page with four readers.
func TestHistoryIsReadInParallel(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 jobs take seconds")
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 1, Policies: 20, Clients: 400}, 100_000, 23*time.Hour)
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(50 * time.Millisecond)})
		at := time.Now().Truncate(minute).Add(minute)
		time.Sleep(time.Until(at))
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		var counted float64
		for c := range r.site.Collect(ctx, at) {
			counted = completedIn(c)
		}
		took := time.Since(at)
		const alone = 1000 * 50 * time.Millisecond
		t.Logf("100,000 jobs in %v: %.2f times faster than page after page",
			took, float64(alone)/float64(took))
		if took > alone*10/35 {
			t.Errorf("took %v, want 3.5 times faster than %v", took, alone)
		}
		if counted != 100_000 {
			t.Errorf("%v jobs counted", counted)
		}
	})
}

func completedIn(c source.Cycle) (n float64) {
	for _, x := range c.Batches[len(c.Batches)-1].Samples {
		if x.Series.Name == "nbu_jobs_completed_total" {
			n += x.Value
		}
	}
	return n
}
