package agent

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/agent/page"
	"backwire/source"
	"backwire/source/overview"
)

// works is what an Agent of a test is made of.
type works struct {
	queue     committer
	sites     []site
	endpoints []func(ctx context.Context, flush time.Duration) error

	mu     sync.Mutex
	closed []string
}

func (w *works) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = append(w.closed, what)
}

func (w *works) agent(t *testing.T, environ ...string) *Agent {
	t.Helper()
	settings := mustLoad(t, minimal(append([]string{"BACKWIRE_LISTEN="}, environ...)...)...)
	a := &Agent{config: settings, version: "test", log: slog.New(slog.DiscardHandler), started: time.Now(), begun: make(chan struct{})}
	a.metrics = newSelfMetrics("test", a.Status)
	a.open = func(context.Context) (*agentRuntime, error) {
		p := &agentRuntime{
			queue: w.queue, queueStatus: func() page.QueueStatus { return page.QueueStatus{} },
			close: func() error { w.note("queue"); return nil },
		}
		for i, s := range w.sites {
			name := string(rune('a' + i))
			sched := newScheduler(s, w.queue, time.Minute)
			sched.cycle.history.observe = a.metrics.observer(name)
			p.sites = append(p.sites, &sitePart{
				name: name, scheduler: sched, describe: func(*page.SiteStatus) {}, overview: func() *overview.Site { return &overview.Site{Name: name} },
				close: func(context.Context) error { w.note("logout"); return nil },
			})
		}
		for i, run := range w.endpoints {
			name := string(rune('x' + i))
			p.endpoints = append(p.endpoints, &endpointPart{name: name, run: run, close: func() error { w.note("place"); return nil }, status: func() page.EndpointStatus { return page.EndpointStatus{Name: name} }})
		}
		return p, nil
	}
	return a
}

// stopAfter runs an agent for a while and returns how long its end took.
func stopAfter(t *testing.T, a *Agent, d time.Duration) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	time.Sleep(d)
	cancel()
	began := time.Now()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	return time.Since(began)
}

// heeding is an endpoint that ends when it is told to.
func heeding(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return nil
}

func TestStopIsInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &works{queue: &kept{}}
		var flush time.Duration
		w.sites = []site{&scripted{takes: func(int) time.Duration { return 2 * time.Second }}}
		w.endpoints = []func(context.Context, time.Duration) error{func(ctx context.Context, d time.Duration) error {
			<-ctx.Done()
			flush = d
			w.note("endpoint")
			return nil
		}}
		// The end comes while the first cycle runs: it is finished and committed.
		took := stopAfter(t, w.agent(t), time.Second)
		if took != time.Second {
			t.Errorf("the end took %v, want the second that the cycle still needs", took)
		}
		if n := len(w.queue.(*kept).cycles); n != 1 {
			t.Errorf("committed %d cycles, want the one under way", n)
		}
		if got := strings.Join(w.closed, " "); got != "endpoint place logout queue" || flush != flushGrace {
			t.Errorf("ended %q, flush %v", got, flush)
		}
	})
}

// stubborn ignores every end until it is released.
type stubborn struct{ released chan struct{} }

func (s *stubborn) Collect(context.Context, time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		<-s.released
		yield(source.Cycle{})
	}
}

func TestStopWithinTenSecondsWhateverHangs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"site", "endpoint", "logout", "site and endpoint"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				w := &works{queue: &kept{}, sites: []site{&scripted{}}, endpoints: []func(context.Context, time.Duration) error{heeding}}
				if strings.Contains(name, "site") {
					w.sites = append(w.sites, &stubborn{released})
				}
				if strings.Contains(name, "endpoint") {
					w.endpoints = append(w.endpoints, func(context.Context, time.Duration) error { <-released; return nil })
				}
				a := w.agent(t)
				if name == "logout" {
					inner := a.open
					a.open = func(ctx context.Context) (*agentRuntime, error) {
						p, err := inner(ctx)
						p.sites[0].close = func(context.Context) error { <-released; return nil }
						return p, err
					}
				}
				if took := stopAfter(t, a, 90*time.Second); took >= 10*time.Second || took == 0 {
					t.Errorf("the end took %v, want less than 10s", took)
				}
				if !strings.HasSuffix(strings.Join(w.closed, " "), "queue") {
					t.Errorf("closed %v: the queue is not", w.closed)
				}
				committed := len(w.queue.(*kept).cycles)
				close(released)
				synctest.Wait()
				if now := len(w.queue.(*kept).cycles); now != committed {
					t.Error("a cycle was committed after the queue was closed")
				}
			})
		})
	}
}

// A site that heeds the end of its context is given its time first, then cut short.
func TestStopCutsALongCycleShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &works{queue: &kept{}, sites: []site{&scripted{takes: func(int) time.Duration { return time.Hour }}}}
		if took := stopAfter(t, w.agent(t), time.Second); took != cycleGrace {
			t.Errorf("the end took %v, want %v", took, cycleGrace)
		}
		if n := len(w.queue.(*kept).cycles); n != 0 {
			t.Errorf("committed %d cycles that say the site does not answer", n)
		}
	})
}

func TestReadyAndHealthyOverALife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		queue := &kept{}
		w := &works{queue: queue, sites: []site{
			&scripted{takes: func(n int) time.Duration { return time.Second }},
			&scripted{takes: func(n int) time.Duration {
				if n == 2 {
					<-released
				}
				return 0
			}},
		}}
		a := w.agent(t)
		if err := a.Ready(); err == nil || a.Healthy() != nil {
			t.Errorf("before Run: ready %v, healthy %v", err, a.Healthy())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(500 * time.Millisecond)
		if err := a.Ready(); err == nil || !strings.Contains(err.Error(), "site a: its first cycle") {
			t.Errorf("during the first cycle: %v", err)
		}
		time.Sleep(time.Second)
		if err := a.Ready(); err != nil {
			t.Errorf("after the first cycles: %v", err)
		}
		queue.fail(errors.New("no space left"))
		time.Sleep(time.Minute)
		if err := a.Ready(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("while commits fail: %v", err)
		}
		queue.fail(nil)
		time.Sleep(time.Minute)
		if err := a.Healthy(); err != nil {
			t.Errorf("while a cycle runs: %v", err)
		}
		time.Sleep(time.Minute + stuckAfter)
		if err := a.Healthy(); err == nil || !strings.Contains(err.Error(), "site b: a cycle is stuck") {
			t.Errorf("while a cycle is stuck: %v", err)
		}
		close(released)
		cancel()
		time.Sleep(time.Millisecond)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := a.Ready(); err == nil || !strings.Contains(err.Error(), "stopping") {
			t.Errorf("after the end: %v", err)
		}
	})
}

func (k *kept) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func TestPageOfARunningAgent(t *testing.T) {
	t.Parallel()
	w := &works{queue: &kept{}, sites: []site{&scripted{}}, endpoints: []func(context.Context, time.Duration) error{heeding}}
	a := w.agent(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ran := make(chan struct{})
	var once sync.Once
	inner := a.open
	a.open = func(ctx context.Context) (*agentRuntime, error) {
		p, err := inner(ctx)
		observe := p.sites[0].scheduler.cycle.history.observe
		p.sites[0].scheduler.cycle.history.observe = func(d time.Duration) { observe(d); once.Do(func() { close(ran) }) }
		return p, err
	}
	go func() { done <- a.Run(ctx) }()
	<-ran
	server := httptest.NewServer(a.page())
	defer server.Close()
	text := fetch(t, server.URL+"/metrics")
	for _, want := range []string{
		`backwire_cycle_duration_seconds_count{site="a"} 1`, `backwire_missed_ticks_total{site="a"} 0`,
		`backwire_build_info{goversion="` + runtime.Version() + `",revision="unknown",version="test"} 1`, "go_goroutines", "process_start_time_seconds",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if text := fetch(t, server.URL+"/"); !strings.Contains(text, "<h3>a ") {
		t.Error("the page lacks the site")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestRunSaysWhyItCannotStart(t *testing.T) {
	t.Parallel()
	busy := httptest.NewServer(http.NotFoundHandler())
	defer busy.Close()
	w := &works{queue: &kept{}}
	a := w.agent(t, "BACKWIRE_LISTEN="+strings.TrimPrefix(busy.URL, "http://"))
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "status page") {
		t.Errorf("an address in use: %v", err)
	}
	a = w.agent(t)
	a.open = func(context.Context) (*agentRuntime, error) { return nil, errors.New("queue is locked") }
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "queue is locked") {
		t.Errorf("a locked queue: %v", err)
	}
}
