package netbackup

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/queue"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
)

// A year of a site whose policies and clients turn over and whose size stays: nothing that a cycle costs may grow over the year's
// second half. The gate runs a year of twelve short months; BACKWIRE_TEST_YEAR=full, which is make year, runs 365 days.
type year struct {
	t      *testing.T
	days   int
	every  time.Duration // between two cycles
	jobs   int           // a cycle
	forget time.Duration
	month  int // days in which all policies turn over

	clock time.Time
	sim   *nbusim.Server
	queue *queue.Queue
	dir   string
	site  *Site
	log   *slog.Logger
	rand  *rand.Rand

	policies []yearPolicy // of today
	made     int

	series, head int // of the last cycle; bytes of the newest segment's head and first record
	state        map[string]int
	newest       string // segment
}

// yearPolicy backs up two clients that are its own.
type yearPolicy struct {
	name, kind string
	clients    [2]string
}

// cost is what a cycle costs at its time.
type cost struct {
	series, remembered, head, state, counted, heap float64
	cpu                                            time.Duration
}

func newYear(t *testing.T) *year {
	y := &year{t: t, days: 120, every: 3 * time.Hour, jobs: 25, forget: 7 * 24 * time.Hour, month: 10}
	if os.Getenv("BACKWIRE_TEST_YEAR") == "full" {
		y.days, y.every, y.jobs, y.forget, y.month = 365, 30*time.Minute, 42, 35*24*time.Hour, 30
	}
	y.clock, y.log = time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC), slog.New(slog.DiscardHandler)
	y.rand, y.state, y.dir = rand.New(rand.NewPCG(1, 2)), map[string]int{}, t.TempDir()
	var err error
	if y.sim, err = nbusim.New(nbusim.Options{Clock: y.now, Storage: nbusim.NewEstate(8), KeepJobs: 78 * time.Hour, FirstJobID: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		y.policies = append(y.policies, y.policy())
	}
	y.start()
	return y
}

func (y *year) now() time.Time { return y.clock }

func (y *year) policy() yearPolicy {
	y.made++
	kinds := []string{"STANDARD", "VMWARE", "MS_WINDOWS", "ORACLE"}
	return yearPolicy{
		fmt.Sprintf("policy-%05d", y.made), kinds[y.made%len(kinds)],
		[2]string{fmt.Sprintf("client-%05d-a.example", y.made), fmt.Sprintf("client-%05d-b.example", y.made)},
	}
}

// start begins a new life of the agent.
func (y *year) start() {
	y.t.Helper()
	q, err := queue.Open(y.dir, queue.Options{Endpoints: []string{"a"}, Clock: y.now, Logger: y.log, MaxBytes: 16 << 20})
	if err != nil {
		y.t.Fatal(err)
	}
	y.queue = q
	y.site, err = NewSite(SiteConfig{
		Client: api.Config{
			Site: "paris", URL: &url.URL{Scheme: "https", Host: "primary.example:1556", Path: nbusim.Mount}, Transport: y.sim.Transport(), Concurrency: 1,
			APIKey: func() (string, error) { return nbusim.DefaultKey, nil },
		},
		Interval: y.every, Backfill: 24 * time.Hour, Collect: []string{"-" + collectorPolicies}, MaxJobSeries: 1500, MaxClientSeries: 5000,
		ForgetClients: y.forget, ForgetPolicies: y.forget,
	}, q.Checkpoint("paris"), y.log, y.now)
	if err != nil {
		y.t.Fatal(err)
	}
}

// work adds the jobs of an interval, and lets a policy and its clients go for new ones at the pace of the months.
func (y *year) work(cycle int) {
	if cycles := int(24*time.Hour/y.every) * y.month; cycle*len(y.policies)/cycles != (cycle+1)*len(y.policies)/cycles {
		y.policies = append(y.policies[1:], y.policy())
	}
	for range y.jobs {
		p := y.policies[y.rand.IntN(len(y.policies))]
		status := 0
		if y.rand.IntN(20) == 0 {
			status = 2 + y.rand.IntN(3)
		}
		y.sim.AddJob(nbusim.JobSpec{
			Policy: p.name, PolicyType: p.kind, Client: p.clients[y.rand.IntN(2)], ScheduleType: "FULL_BACKUP",
			Work: nbusim.Work{Kilobytes: y.rand.Int64N(1 << 24), Moved: y.rand.Int64N(1 << 20), Files: y.rand.Int64N(10_000)},
			Life: nbusim.Run(time.Duration(y.rand.IntN(60))*time.Second, time.Duration(10+y.rand.IntN(600))*time.Second, status),
		})
	}
}

func (y *year) jobsAdded() int { return len(y.sim.Truth().Completions) }

func (y *year) cycle() {
	y.t.Helper()
	y.clock = y.clock.Add(y.every)
	for c := range y.site.Collect(context.Background(), y.clock) {
		if n := len(c.Batches); n > 0 {
			y.series = len(c.Batches[n-1].Samples)
		}
		for _, change := range c.Changes {
			if y.state[change.Key] = len(change.Key) + len(change.Value); change.Value == nil {
				delete(y.state, change.Key)
			}
		}
		if err := y.queue.Commit(c); err != nil {
			y.t.Fatal(err)
		}
		y.measureHead()
	}
}

// measureHead takes the size of a segment that has just begun: that of its head.
func (y *year) measureHead() {
	names, err := filepath.Glob(filepath.Join(y.dir, "*.seg"))
	if err != nil || len(names) == 0 {
		y.t.Fatalf("no segments (%v)", err)
	}
	slices.Sort(names)
	last := names[len(names)-1]
	if last == y.newest {
		return
	}
	info, err := os.Stat(last)
	if err != nil {
		y.t.Fatal(err)
	}
	y.newest, y.head = last, int(info.Size())
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cost closes the agent, so that its heap can be told from the simulator's, which remembers every job.
func (y *year) cost(cpu time.Duration) cost {
	y.t.Helper()
	c := cost{series: float64(y.series), remembered: float64(len(y.queue.Checkpoint("paris").Series)), head: float64(y.head), heap: heapBytes(), cpu: cpu}
	for key, n := range y.state {
		if strings.HasPrefix(key, "counted/") {
			c.counted += float64(n)
		} else {
			c.state += float64(n)
		}
	}
	if err := y.queue.Close(); err != nil {
		y.t.Fatal(err)
	}
	y.queue, y.site = nil, nil
	c.heap -= heapBytes()
	return c
}

func heapBytes() float64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// wantTruth compares what is counted with what the simulator knows: the counters of policies that are gone ended with what they had.
func (y *year) wantTruth() {
	y.t.Helper()
	truth := y.sim.Truth()
	counted := map[string]float64{}
	for _, x := range y.queue.Checkpoint("paris").Series {
		if x.Series.Name == "nbu_jobs_completed_total" {
			counted[x.Series.Label("policy")] += x.Value
		}
	}
	want := map[string]float64{}
	for k, n := range truth.Completed {
		want[k.Policy] += float64(n)
	}
	for _, p := range y.policies {
		if counted[p.name] != want[p.name] {
			y.t.Errorf("%s: %v jobs are counted under its name, want %v", p.name, counted[p.name], want[p.name])
		}
	}
	if n := counted[otherPolicies]; n != 0 {
		y.t.Errorf("%v jobs are counted under other policies", n)
	}
}

func TestYear(t *testing.T) {
	y := newYear(t)
	cyclesADay := int(24 * time.Hour / y.every)
	var costs []cost // a month each
	cpu := cpuTime()
	for day := range y.days {
		for i := range cyclesADay {
			y.work(day*cyclesADay + i)
			y.cycle()
		}
		if (day+1)%y.month != 0 {
			continue
		}
		y.wantTruth()
		c := y.cost((cpuTime() - cpu) / time.Duration(y.month*cyclesADay))
		costs = append(costs, c)
		t.Logf("day %d, %d jobs: %.0f series a cycle, %.0f remembered, head %.0f B, state %.0f B and %.0f B of counted ids in %d keys, heap %.2f MiB, %v of CPU a cycle, the simulator's included",
			day+1, y.jobsAdded(), c.series, c.remembered, c.head, c.state, c.counted, len(y.state), c.heap/(1<<20), c.cpu.Round(10*time.Microsecond))
		// The ids that were counted are remembered by chunks of 512, up to two million: so they grow by some bytes a chunk.
		if most := 40*y.jobsAdded()/512 + 4096; int(c.counted) > most {
			t.Errorf("day %d: %.0f bytes of counted ids, want at most %d", day+1, c.counted, most)
		}
		y.start()
		if n := len(y.queue.Checkpoint("paris").Series); float64(n) != c.remembered {
			t.Errorf("day %d: %d series come back from a restart, want the %.0f before it", day+1, n, c.remembered)
		}
		if n := len(y.site.Overview().Clients); n > 300 {
			t.Errorf("day %d: %d clients stand on the page after a restart, want those of the last weeks", day+1, n)
		}
		cpu = cpuTime()
	}
	if err := y.queue.Close(); err != nil {
		t.Fatal(err)
	}
	y.wantNoSlower(costs)
	half := len(costs) / 2
	for name, of := range map[string]func(cost) float64{
		"series": func(c cost) float64 { return c.series }, "remembered series": func(c cost) float64 { return c.remembered },
		"bytes of a head": func(c cost) float64 { return c.head }, "bytes of state": func(c cost) float64 { return c.state },
		"bytes of heap": func(c cost) float64 { return c.heap },
	} {
		first, second := most(costs[half/2:half], of), most(costs[half:], of)
		t.Logf("%s: at most %.0f in the second quarter of the year and %.0f in its second half (%+.1f %%)", name, first, second, 100*(second/first-1))
		if second > 1.15*first {
			t.Errorf("%s grow: %s at most in the second quarter of the year, %s in its second half", name, strconv.FormatFloat(first, 'f', 0, 64), strconv.FormatFloat(second, 'f', 0, 64))
		}
	}
}

// The time of a cycle is looked at in the full year alone: the gate's is too short to tell it from a busy machine's.
func (y *year) wantNoSlower(costs []cost) {
	y.t.Helper()
	of := func(c cost) float64 { return float64(c.cpu) }
	half := len(costs) / 2
	first, second := most(costs[half/2:half], of), most(costs[half:], of)
	y.t.Logf("CPU of a cycle: at most %v in the second quarter of the year and %v in its second half", time.Duration(first), time.Duration(second))
	if os.Getenv("BACKWIRE_TEST_YEAR") == "full" && second > 1.5*first {
		y.t.Error("the CPU of a cycle grows")
	}
}

func most(costs []cost, of func(cost) float64) (n float64) {
	for _, c := range costs {
		n = max(n, of(c))
	}
	return n
}
