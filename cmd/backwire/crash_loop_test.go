package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"backwire/agent"
	"backwire/remotewrite"
	"backwire/remotewrite/receiver"
)

var (
	crashRounds = flag.Int("rounds", 0, "how often the crash loop kills the agent; 0 is 20, and 200 where everything is required")
	crashSeed   = flag.Uint64("seed", 0, "of the crash loop; 0 takes one from the clock")
)

// The real thing: the binary is killed again and again while jobs end, at random moments, also
// while it recovers and while segments roll, with a receiver that is down in every other round.
// What it had committed is at the receiver, each point once, and every job is counted once.
func TestCrashLoop(t *testing.T) {
	l := newCrashLoop(t)
	for range l.rounds {
		l.round()
	}
	l.primary.work(t, 0)
	l.push.Always(nil)
	last := start(t, l.env, l.backwire, "run")
	awaitEverything(t, l.push, l.primary, last, l.env)
	queue := agentStatus(t, l.env).Queue
	t.Logf("%d rounds, %d during the start; %d is the last segment, %d torn ends, %d records, %d samples, %d jobs, %d requests",
		l.rounds, l.early, l.newest, l.damages, queue.Records, queue.Samples, total(completedAt(l.push)), len(l.push.Requests()))
}

// crashLoop is what stays over the rounds.
type crashLoop struct {
	t        *testing.T
	rounds   int
	random   *rand.Rand
	push     *receiver.Receiver
	primary  *primaryServer
	backwire string
	queue    string
	env      []string

	newest, samples uint64 // segment of the queue that was left behind last, and what is in it
	early           int    // rounds that ended before the agent ran
	damages         int
}

func newCrashLoop(t *testing.T) *crashLoop {
	seed := cmp.Or(*crashSeed, uint64(time.Now().UnixNano()))
	l := &crashLoop{
		t: t, rounds: loopRounds(), random: rand.New(rand.NewPCG(seed, 0)),
		push: receiver.New(receiver.Options{Ordered: true}), backwire: buildPrograms(t).backwire,
	}
	t.Logf("%d rounds, -seed %d", l.rounds, seed)
	dir := t.TempDir()
	l.queue = filepath.Join(dir, "queue")
	server := httptest.NewServer(l.push)
	t.Cleanup(server.Close)
	l.primary = startPrimary(t, dir, "--history", "300", "--history-span", "10m", "--storage-units", "1500", "--jobs-per-minute", "0")
	l.primary.work(t, 3000)
	l.env = append(agentEnv(t, dir, l.primary, server.URL), "BACKWIRE_QUEUE_SEGMENT_BYTES=64KiB")
	return l
}

func loopRounds() int {
	switch {
	case *crashRounds > 0:
		return *crashRounds
	case os.Getenv("BACKWIRE_TEST_REQUIRE") == "all":
		return 200
	}
	return 20
}

// round lets an agent live for a moment and looks at the queue it leaves behind.
func (l *crashLoop) round() {
	l.t.Helper()
	l.push.Always(nil)
	if l.random.IntN(2) == 0 {
		l.push.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	}
	life := time.Duration(20+l.random.IntN(380)) * time.Millisecond
	if l.random.IntN(4) == 0 {
		life = time.Duration(l.random.IntN(40)) * time.Millisecond // it hardly gets to run
	}
	victim := start(l.t, l.env, l.backwire, "run")
	select {
	case <-victim.ended:
		l.t.Fatalf("the agent ended by itself: %v", victim.err)
	case <-time.After(life):
	}
	_ = victim.end(syscall.SIGKILL)
	if !strings.Contains(victim.output(), "agent runs") {
		l.early++
	}
	l.inspect()
}

// inspect holds that what was once committed stays so.
func (l *crashLoop) inspect() {
	l.t.Helper()
	if _, err := os.Stat(l.queue); err != nil {
		return // killed before it was made
	}
	found, err := remotewrite.Verify(l.queue, func(int64, int64) {})
	if err != nil {
		l.t.Fatalf("verify the queue that was left behind: %v", err)
	}
	for _, s := range found.Segments {
		if s.Segment == l.newest && s.Samples < l.samples {
			l.t.Fatalf("segment %d had %d samples, now %d", s.Segment, l.samples, s.Samples)
		}
	}
	if n := len(found.Segments); n > 0 {
		l.newest, l.samples = found.Segments[n-1].Segment, found.Segments[n-1].Samples
	}
	for _, d := range found.Damages {
		l.damages++
		if d.Lost.Samples > 0 {
			l.t.Errorf("segment %d, offset %d: %d samples are lost: %v", d.Segment, d.Offset, d.Lost.Samples, d.Err)
		}
	}
}

// awaitEverything waits until the receiver has each committed sample once and the primary's counts,
// and holds that nothing was lost or refused that it does not have.
func awaitEverything(t *testing.T, r *receiver.Receiver, s *primaryServer, p *process, env []string) {
	t.Helper()
	await(t, "everything has arrived", func() error {
		if got, want := completedAt(r), s.truth(t); !maps.Equal(got, want) {
			return fmt.Errorf("got  %v\nwant %v", got, want)
		}
		status := agentStatus(t, env)
		if got := points(r); got != status.Queue.Samples {
			return fmt.Errorf("%d of %d committed samples are at the receiver", got, status.Queue.Samples)
		}
		return nil
	})
	for _, request := range r.Requests() {
		// What was sent again after a kill, the receiver has: then the count above holds nevertheless.
		again := strings.Contains(request.Reason, "out of order sample")
		if request.Status >= 400 && request.Status != http.StatusServiceUnavailable && !again {
			t.Errorf("a request was refused with %d: %s", request.Status, request.Reason)
		}
	}
	if losses := agentStatus(t, env).Queue.Losses; len(losses) > 0 {
		t.Errorf("lost: %v", losses)
	}
	select {
	case <-p.ended:
		t.Errorf("the agent ended by itself: %v", p.err)
	default:
	}
}

// completedAt is what the receiver says of jobs that ended.
func completedAt(r *receiver.Receiver) map[completedKey]int64 {
	counts := map[completedKey]int64{}
	for _, s := range r.Select("nbu_jobs_completed_total") {
		if n := int64(s.Last().V); n != 0 {
			counts[completedKey{s.Label("job_type"), s.Label("policy_type"), s.Label("status")}] += n
		}
	}
	return counts
}

// agentStatus is what a running agent says of itself; it waits until one does.
func agentStatus(t *testing.T, env []string) (status agent.Status) {
	t.Helper()
	url := "http://" + settings(strings.Join(env, "\n"))["BACKWIRE_LISTEN"] + "/status.json"
	await(t, url, func() error {
		body, err := fetch(http.DefaultClient, url)
		if err != nil {
			return err
		}
		return json.Unmarshal(body, &status)
	})
	return status
}
