package main

import (
	"syscall"
	"testing"
	"time"
)

// An agent that was stopped for some seconds, as by a machine that was suspended, fills the
// ticks that it missed and counts every job once.
func TestPauseIsFilled(t *testing.T) {
	t.Parallel()
	const pause = 5 * time.Second
	dir := t.TempDir()
	r, push := startReceiver(t)
	primary := startPrimary(t, dir, "--history", "50", "--history-span", "1m", "--jobs-per-minute", "0")
	env := agentEnv(t, dir, primary, push)
	backwire, started := buildPrograms(t).backwire, time.Now().UnixMilli()
	p := start(t, env, backwire, "run")
	awaitDelivery(t, r, primary, env)

	primary.work(t, 600)
	before := total(primary.truth(t))
	sendSignal(t, p, syscall.SIGSTOP)
	wait(t.Context(), pause)
	await(t, "jobs end while the agent is stopped", func() error { return grown(total(primary.truth(t)), before+20) })
	stopped := points(r)
	sendSignal(t, p, syscall.SIGCONT)
	await(t, "the agent goes on", func() error { return grown(int64(points(r)), int64(stopped)+1) })
	primary.work(t, 0)
	awaitDelivery(t, r, primary, env)
	nothingLost(t, p, env)
	nothingRefused(t, r)

	for _, s := range r.Select("nbu_jobs_completed_total") {
		for i := range s.Points[1:] {
			// The history before the first start has a sample a minute, and more where something changed.
			if gap := s.Points[i+1].T - s.Points[i].T; gap != 1000 && (s.Points[i].T >= started || gap > 60_000) {
				t.Errorf("%s has nothing for %d ms before %d", s.Key(), gap, s.Points[i+1].T)
			}
		}
	}
}

func sendSignal(t *testing.T, p *process, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
}
