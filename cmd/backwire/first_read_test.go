package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// The first read: 10,000 jobs that ended within the backfill, on a server that takes 100 ms for
// each page of at most 100. The limit is on memory, which the machine does not change; the time is told.
func TestFirstReadStaysSmall(t *testing.T) {
	const jobs, pause, limit = 10_000, 100 * time.Millisecond, 40 << 20
	dir := t.TempDir()
	primary := startPrimary(t, dir, "--history", strconv.Itoa(jobs), "--history-span", "23h", "--jobs-per-minute", "0")
	primary.order(t, "faults", fmt.Sprintf(`{"path": "/admin/jobs", "effect": "delay", "ms": %d}`, pause.Milliseconds()))
	received := receiver.New(receiver.Options{Ordered: true})
	push := httptest.NewServer(received)
	defer push.Close()
	listen := freePort(t)
	env := append(agentEnv(t, dir, primary, push.URL), "BACKWIRE_BACKFILL=24h", "BACKWIRE_INTERVAL=60s", "BACKWIRE_LISTEN="+listen)

	began := time.Now()
	agent := start(t, env, buildPrograms(t).backwire, "run")
	answers(t, "http://"+listen+"/-/ready")
	cycle := time.Since(began)
	await(t, "every job arrives", func() error {
		var got float64
		for _, s := range received.Select("nbu_jobs_completed_total") {
			got += s.Last().V
		}
		if got != jobs {
			return fmt.Errorf("%v of %d jobs", got, jobs)
		}
		return nil
	})
	peak := peakMemory(t, agent)
	t.Logf("first cycle with %d jobs at %s a page: %s; peak RSS %.1f MiB", jobs, pause, cycle.Round(time.Millisecond), float64(peak)/(1<<20))
	if peak >= limit {
		t.Errorf("peak RSS is %d bytes, want less than %d", peak, limit)
	}
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory is the most that a program has had resident, in bytes (proc_pid_status(5), VmHWM).
func peakMemory(t testing.TB, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := highWater.FindSubmatch(status)
	if found == nil {
		t.Fatalf("there is no VmHWM in:\n%s", status)
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
