package main

import (
	"cmp"
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/record"
	"backwire/remotewrite/rejected"
)

var (
	crashRounds = flag.Int("rounds", 0, "how often the crash loop kills the agent, half of it for each protocol; 0 is 16, and 200 where everything is required")
	crashSeed   = flag.Uint64("seed", 0, "of the crash loop; 0 takes one from the clock")
)

// The real thing: the binary is killed again and again while jobs end, at random moments, also
// while it recovers and while segments roll, with a receiver that is slow or down now and then and takes no
// point behind another. What it had committed arrives, each point once, nothing else is refused, nothing
// is called rejected, and every job is counted once. Nothing runs beside the two: what is committed grows with the time that they take, which
// is mostly waiting.
func TestCrashLoop(t *testing.T) {
	t.Run("2.0", func(t *testing.T) {
		t.Parallel()
		testCrashLoop(t, receiver.Options{Ordered: true})
	})
	t.Run("1.0", func(t *testing.T) {
		t.Parallel()
		testCrashLoop(t, receiver.Options{Ordered: true, V2: receiver.Refuse, Whole: true})
	})
}

func testCrashLoop(t *testing.T, o receiver.Options) {
	l := newCrashLoop(t, o)
	least := max(1, l.rounds/4) // what proves something: on a slow machine an agent often dies before it commits
	lived := 0
	for ; lived < l.rounds || l.busy < least; lived++ {
		if lived == 10*l.rounds {
			t.Fatalf("%d records were found, in %d of %d rounds: that proves nothing", l.found.records, l.busy, lived)
		}
		l.round()
	}
	l.primary.work(t, 0)
	l.push.Always(nil)
	l.last()
	for more := 0; points(l.push) < l.found.samples && more < 5; more++ { // it committed once more just before it was killed
		l.last()
	}
	l.holdsAll()
	t.Logf("%d rounds: %d ended before the agent ran, %d committed; %d segments, %d torn ends, %d records, %d samples, %d jobs, %d requests, %d points came twice",
		lived, l.early, l.busy, l.segment, l.torn, l.found.records, l.found.samples, total(completedAt(l.push)),
		len(l.push.Requests()), len(l.push.Refusals()))
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
	boot     time.Duration // an agent takes to start here and to commit once

	committed committed
	found     amount // in the queue, of all that was ever written
	sequence  uint64 // of the last record
	segment   uint64 // the last one
	early     int    // rounds that ended before the agent ran
	busy      int    // rounds that committed something
	torn      int
}

// amount is how much a queue has ever been given.
type amount struct{ records, samples uint64 }

// holder is the name of an endpoint that is never there, so that every segment stays to be looked at.
const holder = "hold"

func newCrashLoop(t *testing.T, o receiver.Options) *crashLoop {
	seed := cmp.Or(*crashSeed, uint64(time.Now().UnixNano()))
	l := &crashLoop{
		t: t, rounds: loopRounds(), random: rand.New(rand.NewPCG(seed, 0)), committed: committed{},
		push: receiver.New(o), backwire: buildPrograms(t).backwire,
	}
	t.Logf("%d rounds at least, -seed %d", l.rounds, seed)
	dir := t.TempDir()
	l.queue = filepath.Join(dir, "queue")
	server := httptest.NewServer(l.push)
	t.Cleanup(server.Close)
	l.primary = startPrimary(t, dir, "--history", "200", "--history-span", "2m", "--storage-units", "800", "--jobs-per-minute", "0")
	l.primary.work(t, 2000)
	// The first commit may come after many rounds: the history must not have grown older than the backfill by then.
	l.env = append(agentEnv(t, dir, l.primary, server.URL), "BACKWIRE_BACKFILL=10m", "BACKWIRE_QUEUE_SEGMENT_BYTES=64KiB",
		"BACKWIRE_REMOTE_WRITE_MAX_SAMPLES=1000",
		"BACKWIRE_REMOTE_WRITE_ENDPOINTS=push,"+holder, "BACKWIRE_REMOTE_WRITE_HOLD_URL=http://"+freePort(t))
	l.boot = bootTime(t, l.primary, l.backwire)
	return l
}

// bootTime is how long an agent with a queue of its own takes from its start to its first commit.
func bootTime(t *testing.T, primary *primaryServer, backwire string) time.Duration {
	t.Helper()
	const longest = time.Minute
	env := agentEnv(t, t.TempDir(), primary, "http://"+freePort(t))
	began := time.Now()
	agent := start(t, env, backwire, "run")
	defer func() { _ = agent.end(syscall.SIGKILL) }()
	for wait(t.Context(), 5*time.Millisecond) {
		if status, err := askStatus(env); err == nil && status.Queue.Records > 0 {
			break
		}
		if time.Since(began) > longest {
			t.Fatalf("the agent commits nothing within %v:\n%s", longest, agent.output())
		}
	}
	return time.Since(began)
}

// loopRounds is how often the agent is killed with one protocol.
func loopRounds() int {
	switch {
	case *crashRounds > 0:
		return (*crashRounds + 1) / 2
	case os.Getenv("BACKWIRE_TEST_REQUIRE") == "all":
		return 100
	}
	return 8
}

// round lets an agent live for a moment and looks at the queue it leaves behind.
func (l *crashLoop) round() {
	l.t.Helper()
	l.push.Always(nil)
	switch l.random.IntN(3) {
	case 0:
		l.push.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	case 1:
		l.push.Always(&receiver.Answer{Delay: 20 * time.Millisecond}) // it is killed with a window half sent
	}
	victim := start(l.t, l.env, l.backwire, "run")
	told := listen(l.t.Context(), l.env)
	select {
	case <-victim.ended:
		l.t.Fatalf("the agent ended by itself: %v", victim.err)
	case <-time.After(l.life()):
	}
	_ = victim.end(syscall.SIGKILL)
	if !strings.Contains(victim.output(), "agent started") {
		l.early++
	}
	before := l.found.records
	l.look(told())
	if l.found.records > before {
		l.busy++
	}
}

// last lets an agent live until it has delivered everything that it committed so far. It collects less often: where each cycle takes
// longer than a second there is always one that is not delivered yet.
func (l *crashLoop) last() {
	l.t.Helper()
	agent := start(l.t, append(slices.Clone(l.env), "BACKWIRE_INTERVAL=10s"), l.backwire, "run")
	awaitDelivery(l.t, l.push, l.primary, l.env)
	nothingLost(l.t, agent, l.env)
	_ = agent.end(syscall.SIGKILL)
	l.look(amount{})
}

// life is how long an agent has: hardly enough to start, until about the next tick, or anything in which one has committed on this
// machine.
func (l *crashLoop) life() time.Duration {
	const tick = time.Second
	switch l.random.IntN(4) {
	case 0:
		return time.Duration(l.random.Int64N(int64(60 * time.Millisecond)))
	case 1:
		next := time.Until(time.Now().Truncate(tick).Add(tick))
		return next + time.Duration(l.random.Int64N(int64(100*time.Millisecond)))
	}
	return time.Duration(l.random.Int64N(int64(max(tick, 2*l.boot))))
}

// listen asks an agent again and again how much it has committed, until it is dead; told is the most it said.
func listen(ctx context.Context, env []string) (told func() amount) {
	var most amount
	ctx, end := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		for wait(ctx, 2*time.Millisecond) {
			if status, err := askStatus(env); err == nil {
				most = amount{max(most.records, status.Queue.Records), max(most.samples, status.Queue.Samples)}
			}
		}
	})
	return func() amount {
		end()
		asking.Wait()
		return most
	}
}

// look reads everything that is new in the queue with nobody's cursor, and holds that what an agent has said to be
// committed is there, and what was there before.
func (l *crashLoop) look(told amount) {
	l.t.Helper()
	if _, err := os.Stat(l.queue); err != nil && told == (amount{}) {
		return // killed before it was made
	}
	found, err := queue.Inspect(l.queue)
	if err != nil {
		l.t.Fatalf("inspect the queue that was left behind: %v", err)
	}
	ever := amount{}
	for _, c := range found.Cursors {
		if c.Name == holder {
			ever = amount{c.Lag.Records, c.Lag.Samples}
		}
	}
	if least := l.found.most(told); ever.records < least.records || ever.samples < least.samples {
		l.t.Fatalf("the queue has %+v, but %+v were committed", ever, least)
	}
	for _, d := range found.Damages {
		l.torn++
		if d.Lost != (record.Totals{}) {
			l.t.Fatalf("segment %d, offset %d: lost %+v: %v", d.Segment, d.Offset, d.Lost, d.Err)
		}
	}
	if n := len(found.Segments); n > 0 {
		l.read(found.Segments[n-1].Segment)
	}
	if l.found = ever; uint64(l.committed.points) != ever.samples {
		l.t.Fatalf("%d samples can be read of %d", l.committed.points, ever.samples)
	}
}

func (a amount) most(b amount) amount {
	return amount{max(a.records, b.records), max(a.samples, b.samples)}
}

// read adds what is new in the queue to what was committed.
func (l *crashLoop) read(segment uint64) {
	l.t.Helper()
	m := l.committed.read(l.t, l.queue)
	if m.FirstSequence > l.sequence+1 || m.LastSequence < l.sequence {
		l.t.Fatalf("records %d to %d are there after %d was", m.FirstSequence, m.LastSequence, l.sequence)
	}
	l.sequence, l.segment = m.LastSequence, segment
}

// holdsAll compares what arrived with what was committed, and goes through what was refused.
func (l *crashLoop) holdsAll() {
	l.t.Helper()
	l.committed.arrived(l.t, l.push)
	nothingRefused(l.t, l.push)
	for r, err := range rejected.Read(l.queue) {
		l.t.Errorf("given up as rejected: %+v, %v", r, err)
	}
}
