package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/source/netbackup"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// metropolis is a primary server with one job a second, and its site's way into a queue, in virtual time.
type metropolis struct {
	primary *nbusim.Server
	clock   atomic.Int64 // ms since the epoch
	tape    *tape
	queue   *queue.Queue
	site    *netbackup.Site // what it yields goes into the queue
	series  int             // in the last batch
}

// newMetropolis has a history that makes most of its clients known to the first cycle. maxSeries is the
// site's cap on the series of clients; 0 is its default.
func newMetropolis(tb testing.TB, clients, maxSeries int) *metropolis {
	tb.Helper()
	s := &metropolis{}
	s.clock.Store(time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC).UnixMilli())
	var err error
	if s.primary, err = nbusim.New(nbusim.Options{Clock: s.now, Storage: nbusim.NewEstate(8)}); err != nil {
		tb.Fatal(err)
	}
	work := nbusim.Workload{Seed: 1, JobsPerMinute: 60, Policies: 50, Clients: clients, Turbulence: 0.05}
	s.primary.AddHistory(work, 4*clients, 5*time.Minute)
	s.primary.Work(work)
	s.tape = &tape{under: s.primary.Transport(), answers: map[string]answer{}}
	if s.queue, err = queue.Open(tb.TempDir(), queue.Options{Endpoints: []string{"a"}, Logger: slog.New(slog.DiscardHandler), Clock: s.now}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.queue.Close(); err != nil {
			tb.Error(err)
		}
	})
	s.site = s.newSite(tb, replay{s.tape}, maxSeries)
	return s
}

func (s *metropolis) now() time.Time { return time.UnixMilli(s.clock.Load()) }

func (s *metropolis) newSite(tb testing.TB, transport http.RoundTripper, maxSeries int) *netbackup.Site {
	tb.Helper()
	base := &url.URL{Scheme: "https", Host: "primary.example:1556", Path: nbusim.Mount}
	site, err := netbackup.NewSite(netbackup.SiteConfig{
		Client: api.Config{
			Site: "paris", URL: base, Transport: transport, Concurrency: 1,
			APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
		},
		Interval: time.Minute, Backfill: 10 * time.Minute, MaxClientSeries: maxSeries,
	}, s.queue.Checkpoint("paris"), slog.New(slog.DiscardHandler), s.now)
	if err != nil {
		tb.Fatal(err)
	}
	return site
}

// tick moves the clock to the next minute.
func (s *metropolis) tick() {
	s.clock.Store(s.now().Truncate(time.Minute).Add(time.Minute).UnixMilli())
}

// commit is one cycle, from the question to the disk.
func (s *metropolis) commit(tb testing.TB) {
	tb.Helper()
	for c := range s.site.Collect(context.Background(), s.now()) {
		s.series = len(c.Batches[len(c.Batches)-1].Samples)
		if err := s.queue.Commit(c); err != nil {
			tb.Fatal(err)
		}
	}
}

// answer is what the primary server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// tape remembers one cycle's answers, so that the same cycle can be had again without the cost of
// the simulator.
type tape struct {
	under http.RoundTripper

	mu      sync.Mutex
	answers map[string]answer // by URL; what a site asks beside its cycles comes at any time
}

// RoundTrip asks the server and remembers.
func (t *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.under.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := answer{resp.StatusCode, resp.Header, body}
	t.mu.Lock()
	t.answers[r.URL.String()] = a
	t.mu.Unlock()
	return a.to(r), nil
}

func (a *answer) to(r *http.Request) *http.Response {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}
}

// replay answers from a tape only.
type replay struct{ *tape }

func (p replay) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	a, known := p.answers[r.URL.String()]
	p.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("not on the tape: %s", r.URL)
	}
	return a.to(r), nil
}

// asked is how many answers there are.
func (t *tape) asked() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.answers)
}

// pages is how many of the cycle's requests asked for a list of jobs with this in the filter.
func (t *tape) pages(filter string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for u := range t.answers {
		q, err := url.Parse(u)
		if err == nil && strings.HasSuffix(q.Path, "/admin/jobs") && strings.Contains(q.Query().Get("filter"), filter) {
			n++
		}
	}
	return n
}

// processorTime is this program's, in both modes.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rehearse lets a second site read the cycle first, from the server onto the tape.
func (s *metropolis) rehearse(ahead *netbackup.Site) {
	s.tape.mu.Lock()
	clear(s.tape.answers)
	s.tape.mu.Unlock()
	for range ahead.Collect(context.Background(), s.now()) {
	}
}

// BenchmarkSteadyState is a day's 86,400 jobs of 10,000 clients, minute after minute: answers, counters,
// queue with its sync. CPU is the whole program's while it works on a cycle, the collection of the
// simulator's garbage included. Try it with -benchtime 300x.
func BenchmarkSteadyState(b *testing.B) {
	for _, c := range []struct {
		name      string
		maxSeries int
	}{{"cap=default", 0}, {"cap=none", 1_000_000}} {
		b.Run(c.name, func(b *testing.B) { steadyState(b, c.maxSeries) })
	}
}

func steadyState(b *testing.B, maxSeries int) {
	s := newMetropolis(b, 10_000, maxSeries)
	ahead := s.newSite(b, s.tape, maxSeries)
	var cpu time.Duration
	requests, open, ended := 0, 0, 0
	s.rehearse(ahead)
	s.commit(b) // the history
	before := s.queue.Stats()
	for b.Loop() {
		b.StopTimer()
		s.tick()
		s.rehearse(ahead)
		requests += s.tape.asked()
		open += s.tape.pages("state ne")
		ended += s.tape.pages("state eq")
		began := processorTime(b)
		b.StartTimer()
		s.commit(b)
		cpu += processorTime(b) - began
	}
	after, cycles := s.queue.Stats(), float64(b.N)
	b.ReportMetric(float64(after.Bytes-before.Bytes)/float64(after.Written.Samples-before.Written.Samples), "B/sample")
	b.ReportMetric(float64(cpu.Nanoseconds())/1e6/cycles, "CPU-ms/cycle")
	b.ReportMetric(float64(s.series), "series")
	b.ReportMetric(float64(requests)/cycles, "requests/cycle")
	b.ReportMetric(float64(open)/cycles, "open-pages/cycle")
	b.ReportMetric(float64(ended)/cycles, "ended-pages/cycle")
}

// An hour of a site costs the disk at most 1.5 bytes a sample, and with one job a second the server
// hardly more pages than those that changed: what ended in the interval and in the overlap with the one
// before fits into one page most of the time, and once an hour a deep reading looks for latecomers.
func TestSteadyStateAsksAndWritesLittle(t *testing.T) {
	t.Parallel()
	const clients, cycles = 1000, 60
	s := newMetropolis(t, clients, 0)
	ahead := s.newSite(t, s.tape, 0)
	s.rehearse(ahead)
	s.commit(t)
	s.tick() // the history's end is within the overlap
	s.rehearse(ahead)
	s.commit(t)
	before := s.queue.Stats()
	asked := 0
	for range cycles {
		s.tick()
		s.rehearse(ahead)
		s.commit(t)
		asked += s.tape.pages("state eq")
	}
	pages := float64(asked) / cycles
	t.Logf("%.2f pages of finished jobs a cycle", pages)
	if pages > 1.5 {
		t.Errorf("%.2f pages of finished jobs a cycle, want at most 1.5 for 60 jobs", pages)
	}
	after := s.queue.Stats()
	samples := after.Written.Samples - before.Written.Samples
	if least := uint64(cycles * clients * 4); samples < least {
		t.Fatalf("%d samples of %d clients in %d cycles, want at least %d", samples, clients, cycles, least)
	}
	if got := float64(after.Bytes-before.Bytes) / float64(samples); got > 1.5 {
		t.Errorf("%.2f bytes a sample on disk, want at most 1.5", got)
	}
}
