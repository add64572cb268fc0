package agent

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
)

// heard is what a service manager was told, and when.
type heard struct {
	mu     sync.Mutex
	states []string
	fed    time.Time // last
}

func (h *heard) hear(state string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.HasPrefix(state, "WATCHDOG=1\n") {
		h.fed = time.Now()
	}
	h.states = append(h.states, state)
	return nil
}

// supervise runs an agent for a while under a watchdog of a minute, and then ends it and its supervisor.
func (h *heard) supervise(a *Agent, d time.Duration) {
	s := &Supervisor{Tell: h.hear, Watchdog: time.Minute, Log: slog.New(slog.DiscardHandler)}
	during(d, func(ctx context.Context) { _ = a.Run(ctx) }, func(ctx context.Context) { s.Accompany(ctx, ctx, a) })
}

func TestSupervisorTellsALife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &works{queue: &kept{}, sites: []site{&scripted{}}, endpoints: []func(context.Context, time.Duration) error{heeding}}
		var h heard
		h.supervise(w.agent(t), 40*time.Second)
		status := "STATUS=sites: 0 of 1 up; queue: 0 B; x: 0s behind"
		want := []string{"READY=1\n" + status, "WATCHDOG=1\n" + status, "WATCHDOG=1\n" + status, "STOPPING=1\nSTATUS=stopping"}
		if got := strings.Join(h.states, "\n\n"); got != strings.Join(want, "\n\n") {
			t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n\n"))
		}
	})
}

func TestSupervisorIsReadyWhenTheQueueIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := (&works{queue: &kept{}, sites: []site{&scripted{}}}).agent(t)
		open := a.open
		a.open = func(ctx context.Context) (*agentRuntime, error) {
			time.Sleep(10 * time.Second)
			return open(ctx)
		}
		var h heard
		h.supervise(a, 9*time.Second)
		if got := strings.Join(h.states, "\n"); got != "STOPPING=1\nSTATUS=stopping" {
			t.Errorf("told %q before the queue was open", got)
		}
	})
}

// down is a site that does not answer: every cycle lasts until its time is over.
type down struct{}

func (down) Collect(ctx context.Context, _ time.Time) iter.Seq[source.Cycle] {
	return func(func(source.Cycle) bool) { <-ctx.Done() }
}

func TestWatchdogIsFedDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &works{queue: &kept{err: errors.New("disk full")}, sites: []site{down{}, &scripted{}}}
		w.endpoints = []func(context.Context, time.Duration) error{
			func(context.Context, time.Duration) error { return errors.New("refused") },
		}
		var h heard
		h.supervise(w.agent(t), time.Hour+time.Second)
		if got, want := len(h.states), int(time.Hour/(15*time.Second))+2; got != want {
			t.Errorf("told %d times, want %d: the life and a feed every 15 s", got, want)
		}
		for _, state := range h.states[1 : len(h.states)-1] {
			if !strings.HasPrefix(state, "WATCHDOG=1\n") {
				t.Fatalf("told %q, want food", state)
			}
		}
	})
}

func TestWatchdogStarvesWhereALoopHangs(t *testing.T) {
	t.Parallel()
	const hangs = 10 * time.Minute
	for name, hang := range map[string]func(*works, *Agent, chan struct{}){
		"a cycle that ignores its end": func(w *works, _ *Agent, released chan struct{}) {
			w.sites = append(w.sites, &later{at: hangs, then: &stubborn{released}})
		},
		"a scheduler": func(w *works, a *Agent, released chan struct{}) {
			w.sites = append(w.sites, &scripted{})
			open := a.open
			began := time.Now()
			a.open = func(ctx context.Context) (*agentRuntime, error) {
				p, err := open(ctx)
				p.sites[1].scheduler.clock = func() time.Time {
					if time.Since(began) >= hangs {
						<-released
					}
					return time.Now()
				}
				return p, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &works{queue: &kept{}, sites: []site{&scripted{}}}
				a, released := w.agent(t), make(chan struct{})
				hang(w, a, released)
				began := time.Now()
				var h heard
				h.supervise(a, time.Hour)
				close(released)
				if fed := h.fed.Sub(began); fed < hangs-15*time.Second || fed > hangs+time.Minute+stuckAfter+15*time.Second {
					t.Errorf("last fed after %v, want until soon after %v", fed, hangs)
				}
				if last := h.states[len(h.states)-2]; !strings.HasPrefix(last, "STATUS=site b: ") || !strings.Contains(last, "stuck") {
					t.Errorf("told %q last before the end, want who is stuck", last)
				}
			})
		})
	}
}

// later is another site after a while.
type later struct {
	at    time.Duration
	began time.Time
	then  site
}

func (l *later) Collect(ctx context.Context, tick time.Time) iter.Seq[source.Cycle] {
	if l.began.IsZero() {
		l.began = tick
	}
	if tick.Sub(l.began) >= l.at {
		return l.then.Collect(ctx, tick)
	}
	return (&scripted{}).Collect(ctx, tick)
}

// An agent that another takes over from has not stopped the service.
func TestSupervisorAtATakeover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h heard
		s := &Supervisor{Tell: h.hear, Log: slog.New(slog.DiscardHandler)}
		a := (&works{queue: &kept{}, sites: []site{&scripted{}}}).agent(t)
		running, takeover := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { _ = a.Run(running) })
		wg.Go(func() { s.Accompany(context.Background(), running, a) })
		time.Sleep(time.Second)
		s.Reloading("MONOTONIC_USEC=1")
		takeover()
		wg.Wait()
		if got := strings.Join(h.states, "\n\n"); got != "READY=1\nSTATUS=sites: 0 of 1 up; queue: 0 B\n\nRELOADING=1\nMONOTONIC_USEC=1" {
			t.Errorf("told %q", got)
		}
	})
}

// A name with a line break must not become a word of the protocol.
func TestSupervisorKeepsToOneLine(t *testing.T) {
	t.Parallel()
	if got := oneLine("site a\nWATCHDOG=1: stuck"); strings.Contains(got, "\n") {
		t.Errorf("got %q", got)
	}
}
