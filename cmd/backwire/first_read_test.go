package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// The first read: all jobs ended within the backfill, on a server that takes its time for each page of
// at most 100. The limit is on memory, which the machine does not change; the time is told.
func TestFirstReadStaysSmall(t *testing.T) {
	onlyInFull(t)
	for _, c := range []struct {
		jobs  int
		pause time.Duration
		limit int64
	}{{10_000, 100 * time.Millisecond, 40 << 20}, {100_000, 50 * time.Millisecond, 48 << 20}} {
		t.Run(strconv.Itoa(c.jobs), func(t *testing.T) {
			firstRead(t, c.jobs, c.pause, c.limit)
		})
	}
}

func firstRead(t *testing.T, jobs int, pause time.Duration, limit int64) {
	dir := t.TempDir()
	primary := startPrimary(t, dir, "--history", strconv.Itoa(jobs), "--history-span", "23h", "--jobs-per-minute", "0", "--clients", "400", "--policies", "20")
	primary.order(t, "faults", fmt.Sprintf(`{"path": "/admin/jobs", "effect": "delay", "ms": %d}`, pause.Milliseconds()))
	received, push := startReceiver(t)
	listen := freePort(t)
	env := append(agentEnv(t, dir, primary, push), "BACKWIRE_BACKFILL=24h", "BACKWIRE_INTERVAL=60s", "BACKWIRE_LISTEN="+listen)

	began := time.Now()
	agent := start(t, env, buildPrograms(t).backwire, "run")
	answers(t, "http://"+listen+"/-/ready")
	cycle := time.Since(began)
	await(t, "every job arrives", func() error {
		if got := completed(received); got != float64(jobs) {
			return fmt.Errorf("%v of %d jobs", got, jobs)
		}
		return nil
	})
	wantMemory(t, agent, limit)
	t.Logf("first cycle with %d jobs at %s a page: %s", jobs, pause, cycle.Round(time.Millisecond))
}

// completed is how many jobs a receiver knows of.
func completed(received *receiver.Receiver) (n float64) {
	for _, s := range received.Select("nbu_jobs_completed_total") {
		n += s.Last().V
	}
	return n
}

// The steady state: one job a second of 10,000 clients, of whom 2,000 are watched. TestMemoryOfSites watches all. Cycles follow each other faster than they
// would, so that as many as in half an hour pass.
func TestSteadyStateStaysSmall(t *testing.T) {
	onlyInFull(t)
	const limit, cycles = 48 << 20, 30
	dir := t.TempDir()
	primary := startPrimary(t, dir, "--history", "40000", "--history-span", "10h", "--jobs-per-minute", "60", "--clients", "10000", "--policies", "50")
	received, push := startReceiver(t)
	env := append(agentEnv(t, dir, primary, push), "BACKWIRE_BACKFILL=10m", "BACKWIRE_INTERVAL=1s", "BACKWIRE_NETBACKUP_MAX_CLIENT_SERIES=10000")
	agent := start(t, env, buildPrograms(t).backwire, "run")
	points := func(least int) {
		t.Helper()
		await(t, "cycles pass", func() error {
			if got := received.Select("nbu_up"); len(got) != 1 || len(got[0].Points) < least {
				return fmt.Errorf("%d series of nbu_up, want %d points of one", len(got), least)
			}
			return nil
		})
	}
	points(5)
	before := processorTime(t, agent)
	points(5 + cycles)
	cpu := (processorTime(t, agent) - before) / cycles
	t.Logf("%v of processor time a cycle", cpu)
	if cpu > time.Minute/100 {
		t.Errorf("%v of processor time a cycle are more than one percent of a core at one cycle a minute", cpu)
	}
	wantMemory(t, agent, limit)
}

// processorTime is what a program has used, in both modes (proc_pid_stat(5)).
func processorTime(t *testing.T, p *process) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	const utime, stime, ticks = 11, 12, 100 // a second, on every Linux that Go runs on
	var sum int
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks
}

func wantMemory(t *testing.T, p *process, limit int64) {
	t.Helper()
	peak := peakMemory(t, p)
	t.Logf("peak RSS %.1f MiB", float64(peak)/(1<<20))
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
