package netbackup

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// TestClockThatIsSetBackStopsNothing sets the agent's or the server's clock an hour back and
// forth again. In each cycle there are gauges, in order, and the jobs that ended are counted.
func TestClockThatIsSetBackStopsNothing(t *testing.T) {
	for name, c := range map[string]struct{ agent, server time.Duration }{
		"the agent's back":     {agent: -time.Hour},
		"the agent's ahead":    {agent: time.Hour},
		"the server's back":    {server: -time.Hour},
		"the server's ahead":   {server: time.Hour},
		"both back":            {-time.Hour, -time.Hour},
		"the agent's a minute": {agent: -90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server time.Duration
				r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: func() time.Time { return time.Now().Add(server) }})
				r.sim.AddHistory(nbusim.Workload{Seed: 1}, 20, 5*time.Hour) // that is still there is no gap
				jobs := 0
				cycles := func(n int, agent time.Duration) {
					for range n {
						r.sim.AddJob(quick("gold"))
						jobs++
						r.tickAt(agent)
						r.want(float64(jobs), "nbu_jobs_completed_total", "policy", "gold")
						r.want(1, "nbu_up")
					}
				}
				cycles(5, 0)
				server = c.server
				cycles(5, c.agent)
				r.restartAt(c.agent)
				cycles(65, c.agent)
				server = 0
				cycles(5, 0)
				if n := r.store.sum("nbu_jobs_unseen_seconds_total"); n != 0 {
					t.Errorf("%v seconds count as unseen", n)
				}
			})
		})
	}
}

// tickAt collects at the next tick of a clock that is away from the true time, and asserts that
// something came of it.
func (r *rig) tickAt(away time.Duration) {
	r.t.Helper()
	r.site.now = func() time.Time { return time.Now().Add(away) }
	at := time.Now().Truncate(minute).Add(minute)
	time.Sleep(time.Until(at))
	ctx, cancel := context.WithTimeout(r.t.Context(), minute)
	defer cancel()
	before := r.store.cycles
	for c := range r.site.Collect(ctx, at.Add(away).Truncate(minute)) {
		r.take(c)
	}
	if r.store.cycles == before {
		r.t.Errorf("nothing was collected at %v", at.Add(away))
	}
}

// restartAt begins a new life of the agent by such a clock.
func (r *rig) restartAt(away time.Duration) {
	r.t.Helper()
	r.start()
	r.site.now = func() time.Time { return time.Now().Add(away) }
}

func TestClockSaysOnceThatItWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		r.tickAt(0)
		for range 12 {
			r.tickAt(-10 * minute)
		}
		wantSaid(t, &log, 1, "clock was set back")
		wantSaid(t, &log, 1, `msg="the agent's clock has caught up"`)
	})
}

// TestClockOfARestartWithinAnIntervalIsWell has the tick that is emitted come again.
func TestClockOfARestartWithinAnIntervalIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.tick()
		time.Sleep(20 * time.Second)
		r.start()
		for range r.site.Collect(t.Context(), time.Now().Truncate(minute)) {
			t.Error("a cycle came of a tick that is emitted already")
		}
		if log.Len() > 0 {
			t.Errorf("it said:\n%s", &log)
		}
	})
}
