package netbackup

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

var (
	histories = flag.Int("histories", 0, "random histories to live through; 0 is 1,000, or 100 with -short")
	seed      = flag.Uint64("seed", 0, "live through this history alone, and say what happens")
)

// TestModelCountsEveryJobOnce lives through random histories: jobs that are queued, run, fail, wait
// again, end, are updated late and run again, while the agent is stopped, killed in the
// middle of a commit, cut off and started again. Afterwards every counter, histogram and last
// success equals the truth.
func TestModelCountsEveryJobOnce(t *testing.T) {
	if *seed != 0 {
		synctest.Test(t, func(t *testing.T) { newModel(t, *seed).live() })
		return
	}
	n := cmp.Or(*histories, 1000)
	if testing.Short() {
		n = 100
	}
	gc := debug.SetGCPercent(400) // each history is short-lived garbage
	t.Cleanup(func() { debug.SetGCPercent(gc) })
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		t.Run(fmt.Sprintf("part %d", w), func(t *testing.T) {
			t.Parallel()
			for i := w; i < n && !t.Failed(); i += workers {
				synctest.Test(t, func(t *testing.T) { newModel(t, uint64(i)+1).live() })
			}
			if t.Failed() {
				t.Log("live through it alone by -seed")
			}
		})
	}
}

// TestModelRestartsFromTheRealQueue lives through some of the histories with the state and
// the values that the queue gives back, over segments that are soon full.
func TestModelRestartsFromTheRealQueue(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 10
	}
	for i := range n {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, uint64(i)+1)
			m.dir = t.TempDir()
			m.start()
			defer m.closeQueue()
			m.live()
		})
	}
}

// model is one history.
type model struct {
	*rig
	seed   uint64
	random *rand.Rand
	clock  serverClock

	// A job that is restarted hides the end it had before: to be counted, that end must be
	// read first. So in a history with restarts nothing keeps the agent from reading for long.
	restarts bool
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{seed: seed, random: rand.New(rand.NewPCG(seed, 1)), restarts: seed%3 == 0}
	options := nbusim.Options{
		Storage: oneUnit(), Irregular: nbusim.Irregularity(m.pick(2)) * nbusim.EveryIrregularity,
		Clock: m.clock.now, FirstJobID: 1 + int64(m.pick(2))*m.random.Int64N(5_000_000),
	}
	if m.pick(3) == 0 { // the ids wrap
		options.FirstJobID = 1<<31 - 1 - int64(m.pick(300))
	}
	m.rig = newRig(t, options,
		func(c *SiteConfig) {
			c.Client.Concurrency = 1 + m.pick(4)
			if m.pick(16) != 0 { // the rest is mostly in the way
				c.Collect = []string{collectorJobs}
			}
		})
	return m
}

func (m *model) pick(n int) int { return m.random.IntN(n) }

func (m *model) say(format string, args ...any) {
	if *seed != 0 {
		m.t.Logf(time.Now().Format("15:04:05 ")+format, args...)
	}
}

func (m *model) live() {
	m.t.Helper()
	defer func() {
		if m.t.Failed() {
			m.t.Logf("history of seed %d", m.seed)
		}
	}()
	m.wrongAtFirst()
	workload := nbusim.Workload{
		Seed: m.seed, Policies: 1 + m.pick(3), Clients: 6, MeanRun: time.Duration(20+m.pick(100)) * time.Second,
		FailureRate: 0.2, Turbulence: 0.5, JobsPerMinute: 0.5 + m.random.Float64()*4,
	}
	if m.restarts {
		workload.RestartAfter = 3 * minute
	}
	past := m.pick(20)
	if m.pick(40) == 0 {
		past = 150 + m.pick(600)
	}
	m.sim.AddHistory(workload, past, time.Duration(1+m.pick(15))*minute)
	if !m.restarts {
		workload.Lateness = []time.Duration{0, 20 * minute, 3 * time.Hour, 24 * time.Hour}[m.pick(4)]
		m.sim.LeaveOut([]float64{0, 0, 0.02, 0.2}[m.pick(4)])
	}
	workload.Jumps = []int64{0, 700, 50_000}[m.pick(3)]
	m.sim.Work(workload)
	for range 6 + m.pick(15) {
		m.event()
	}
	m.sim.Work(nbusim.Workload{})
	m.settle()
	m.wantTruth()
	if m.t.Failed() {
		l := m.site.ledger
		for _, c := range m.sim.Truth().Completions {
			if !l.Counted.HasID(c.ID) {
				m.say("job %d try %d, ended %v, shown %v: not counted", c.ID, c.Try, c.End.UTC(), c.Seen.UTC())
			}
		}
		m.say("ids from %d to %d since %d", l.Counted.First, l.Counted.Top, l.Counted.Since)
	}
}

// wrongAtFirst lets the server's clock be wrong at the first ping, now and then: nothing happens there meanwhile.
func (m *model) wrongAtFirst() {
	if m.pick(8) != 0 {
		return
	}
	m.say("the server's clock is wrong at first")
	m.clock.set(time.Duration(m.pick(800)-400) * time.Hour)
	m.tick()
	m.clock.set(0)
}

// event is what happens in one interval, or in a few.
func (m *model) event() {
	m.t.Helper()
	switch m.pick(12) {
	case 0:
		m.say("the agent is killed between two cycles")
		m.start()
		m.tick()
	case 1:
		m.killed()
	case 2:
		if !m.restarts {
			away := time.Duration(1+m.pick(12)) * minute
			m.say("the agent is away for %v", away)
			time.Sleep(away)
		}
		m.start()
		m.tick()
	case 3:
		m.cutOff()
	case 4:
		m.faulty()
	case 5:
		if !m.restarts {
			m.say("a tick is missed")
			time.Sleep(minute)
		}
		m.tick()
	default:
		m.tick()
	}
}

// killed dies in the middle of a cycle, after some of its parts were committed. In a
// history with restarts it is before the first.
func (m *model) killed() {
	at := time.Now().Truncate(minute).Add(minute)
	time.Sleep(time.Until(at))
	ctx, cancel := context.WithTimeout(m.t.Context(), minute)
	defer cancel()
	committed, most := 0, m.pick(3)
	if m.restarts {
		most = 0
	}
	for c := range m.site.Collect(ctx, at) {
		if committed == most {
			break
		}
		m.take(c)
		committed++
	}
	m.say("the agent is killed after %d commits", committed)
	m.start()
	if m.restarts {
		m.tick()
	}
}

// cutOff hides the server for some cycles.
func (m *model) cutOff() {
	ticks := 1
	if !m.restarts {
		ticks += m.pick(5)
	}
	m.say("the server is cut off for %d ticks", ticks)
	heal := m.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
	for range ticks {
		m.tickFor(5 * time.Second)
	}
	heal()
	m.tick()
}

// faulty bends some answers of one cycle.
func (m *model) faulty() {
	effects := []nbusim.Effect{
		nbusim.Status(http.StatusInternalServerError), nbusim.Truncated(), nbusim.ProxyPage(),
		nbusim.RetryAfter(http.StatusServiceUnavailable, time.Second), nbusim.Delay(10 * time.Second),
	}
	f := nbusim.Fault{Path: "/admin/jobs", Skip: m.pick(4), Times: m.pick(4), Effect: effects[m.pick(len(effects))]}
	m.say("fault %+v", f)
	heal := m.sim.Inject(f)
	m.tickFor(time.Duration(5+m.pick(40)) * time.Second)
	heal()
	m.tick()
}

// settle lets every job come to its end, be shown and be read. What is shown late is counted within a quarter
// of an hour; what it lacks is asked for about as long.
func (m *model) settle() {
	m.t.Helper()
	for range 200 {
		m.tick()
		if m.sim.Settled() {
			break
		}
		if !m.restarts && m.pick(3) == 0 {
			time.Sleep(time.Duration(m.pick(200)) * minute)
		}
	}
	for range 16 {
		m.tick()
	}
}
