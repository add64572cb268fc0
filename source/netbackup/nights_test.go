package netbackup

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/due"
	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

var (
	nights    = flag.Int("nights", 0, "random nights to live through; 0 is 500, or 60 with -short")
	nightSeed = flag.Uint64("night-seed", 0, "live through these nights alone, and say what happens")
)

// TestNightsAreToldAsTheyWere lives through random nights: searches for machines, snapshots, streams that are begun again, jobs that try
// again and runs that are made again, parents that end before and after their children, jobs that are shown late or end by day, while the
// agent is away, killed and started again. Each morning the series of clients, and what the page's sentence is made of, equal the truth.
func TestNightsAreToldAsTheyWere(t *testing.T) {
	if *nightSeed != 0 {
		synctest.Test(t, func(t *testing.T) { newNights(t, *nightSeed).live() })
		return
	}
	n := cmp.Or(*nights, 500)
	if *nights == 0 && testing.Short() {
		n = 60
	}
	gc := debug.SetGCPercent(400) // each history is short-lived garbage
	t.Cleanup(func() { debug.SetGCPercent(gc) })
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		t.Run(fmt.Sprintf("part %d", w), func(t *testing.T) {
			t.Parallel()
			for i := w; i < (n+nightsOfAHistory-1)/nightsOfAHistory && !t.Failed(); i += workers {
				synctest.Test(t, func(t *testing.T) { newNights(t, uint64(i)+1).live() })
			}
			if t.Failed() {
				t.Log("live through them alone by -night-seed")
			}
		})
	}
}

const nightsOfAHistory = 4

// nightModel is one history of some nights.
type nightModel struct {
	*rig
	seed     uint64
	random   *rand.Rand
	policies []nightPolicy
	late     time.Duration // at most, of a job that is shown
	busy     time.Duration // since the beginning: until then jobs are added
	again    bool          // streams may be begun again
	said     map[saying]bool
	excused  map[nbusim.ClientKey]bool // may be told a success in this night which is none in the end
	days     int
}

// saying is a success that was told at some time.
type saying struct {
	nbusim.ClientKey
	end float64 // s
}

type nightPolicy struct {
	nbusim.Policy
	shape   nightShape
	clients []string
	host    string // of the search
}

// nightShape is how a policy makes its runs.
type nightShape int

const (
	single    nightShape = iota // a job a client
	streamed                    // a parent and streams a client
	searched                    // a search, and a snapshot and a backup a machine
	snapshots                   // a parent and snapshots a client
	shapes
)

func newNights(t *testing.T, seed uint64) *nightModel {
	t.Helper()
	m := &nightModel{seed: seed, random: rand.New(rand.NewPCG(seed, 7)), said: map[saying]bool{}, excused: map[nbusim.ClientKey]bool{}}
	m.again = m.chance(2)
	m.late = []time.Duration{0, 0, 20 * minute, 50 * minute, 23 * time.Hour}[m.pick(5)]
	m.rig = newRig(t, nbusim.Options{Storage: oneUnit(), FirstJobID: 1 + m.random.Int64N(5_000_000)}, func(c *SiteConfig) {
		c.Interval = time.Duration(4+m.pick(20)) * minute
		c.Backfill = []time.Duration{0, 24 * time.Hour, 72 * time.Hour}[m.pick(3)]
	})
	for i := range 1 + m.pick(3) {
		p := nightPolicy{Policy: daily(fmt.Sprintf("policy-%d", i)), shape: nightShape(m.pick(int(shapes)))}
		p.Schedules[0].Windows = nbusim.Windows(20*time.Hour, 10*time.Hour, 0, 1, 2, 3, 4, 5, 6)
		for n := range 1 + m.pick(5) {
			p.clients = append(p.clients, fmt.Sprintf("client-%d", n))
		}
		p.Clients = p.clients
		p.Schedules[0].SnapshotOnly = p.shape == snapshots
		if p.shape == searched {
			p.Type, p.Selections = "VMware", []string{"vmware:/?filter=Displayname Contains 'x'"}
			p.host = []string{"MEDIA_SERVER", "backup-host"}[m.pick(2)]
			p.Clients = []string{p.host}
		}
		m.policies = append(m.policies, p)
		m.sim.AddPolicy(p.Policy)
	}
	return m
}

func (m *nightModel) pick(n int) int { return m.random.IntN(n) }

// chance is true once in n.
func (m *nightModel) chance(n int) bool { return m.pick(n) == 0 }

func (m *nightModel) say(format string, args ...any) {
	if *nightSeed != 0 {
		m.t.Logf(time.Now().UTC().Format("02 15:04:05 ")+format, args...)
	}
}

func (m *nightModel) live() {
	m.t.Helper()
	defer func() {
		if m.t.Failed() {
			m.t.Logf("nights of seed %d", m.seed)
		}
	}()
	m.tick()
	for range nightsOfAHistory {
		m.days++
		m.night()
		m.morning()
		if m.t.Failed() {
			return
		}
	}
}

// at is an hour of the clock, counted from the midnight before the first night of the history.
func (m *nightModel) at(hour float64) time.Time {
	return m.began.Add(time.Duration((float64(m.days-1)*24 + hour) * float64(time.Hour)))
}

func (m *nightModel) night() {
	time.Sleep(time.Until(m.at(20)))
	for i := range m.policies {
		m.begin(&m.policies[i])
	}
	for time.Now().Before(m.at(20 + 13)) {
		switch m.pick(24) {
		case 0:
			m.say("the agent is killed")
			m.start()
		case 1:
			away := time.Duration(1+m.pick(300)) * minute
			m.say("the agent is away for %v", away)
			time.Sleep(away)
			m.start()
		case 2:
			m.say("the server is cut off")
			heal := m.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
			m.tickFor(5 * time.Second)
			heal()
		case 3: // some of the jobs of a policy are made again, all in one
			m.begin(&m.policies[m.pick(len(m.policies))])
		}
		m.tick()
		m.note()
	}
}

// note keeps what is told.
func (m *nightModel) note() {
	for _, x := range m.store.durable {
		if x.Series.Name == lastSuccess {
			m.said[saying{nbusim.ClientKey{Client: x.Series.Label("client"), Policy: x.Series.Label("policy")}, x.Value}] = true
		}
	}
}

// excuse leaves out a client whose run may be told a success before it is none, as the definition of runs has it (ARCHITECTURE, "A client is
// judged by its runs"): a job that is known and not shown is waited for an hour, and a stream that another job begins again counts by
// that one, whenever it does.
func (m *nightModel) excuse(policy, client string) {
	m.excused[nbusim.ClientKey{Client: client, Policy: policy}] = true
}

// wantNoFalseYes asserts that each success which was told is a run that succeeded.
func (m *nightModel) wantNoFalseYes() {
	m.t.Helper()
	for _, r := range m.sim.Truth().Runs {
		if r.Succeeded() {
			delete(m.said, saying{r.ClientKey, float64(r.End.Unix())})
		}
	}
	for x := range m.said {
		if m.excused[x.ClientKey] {
			continue
		}
		m.t.Errorf("a success of %+v at %v was told, and there was none", x.ClientKey, time.Unix(int64(x.end), 0).UTC())
	}
	clear(m.said)
	clear(m.excused)
}

// morning waits until all is over and shown, and asks for the truth.
func (m *nightModel) morning() {
	for range 4000 {
		if m.sim.Settled() && time.Since(m.began) > m.busy {
			break
		}
		m.tick()
	}
	for end := time.Now().Add(80 * minute); time.Now().Before(end); {
		m.tick()
	}
	if !m.sim.Settled() {
		m.t.Fatal("jobs are not over")
	}
	m.say("morning")
	m.wantTruth()
	m.wantOverview()
	m.wantNoFalseYes()
}

// begin starts what a policy does in a night.
func (m *nightModel) begin(p *nightPolicy) {
	if p.shape == searched {
		m.search(p)
		return
	}
	for _, client := range p.clients {
		if m.chance(8) {
			continue // not at all
		}
		spec := m.job(p, client, "BACKUP")
		switch p.shape {
		case single:
			m.add(spec)
		case streamed:
			m.streams(p, spec, "BACKUP")
		case snapshots:
			m.streams(p, spec, "SNAPSHOT")
		}
	}
}

func (m *nightModel) add(spec nbusim.JobSpec) int64 {
	if max(spec.Hidden, spec.Life[len(spec.Life)-1].Late) >= time.Hour {
		m.excuse(spec.Policy, spec.Client)
	}
	id := m.sim.AddJob(spec)
	m.say("job %d of %d: %s %s of %s, stream %d, own %v: %+v", id, spec.Parent, spec.Type, spec.Client, spec.Policy, spec.Stream, spec.Own, spec.Life)
	return id
}

// job is a job with a random life.
func (m *nightModel) job(p *nightPolicy, client, kind string) nbusim.JobSpec {
	types := []string{due.Full, due.Full, due.Full, due.Differential, due.Cumulative}
	spec := nbusim.JobSpec{
		Type: kind, Policy: p.Name, PolicyType: "STANDARD", Client: client, ScheduleType: types[m.pick(len(types))],
		Work: nbusim.Work{Kilobytes: m.random.Int64N(1 << 20), Files: 1},
	}
	spec.Life = m.life(m.minutes(120), m.minutes(180), m.status())
	if m.late > 0 && m.chance(6) {
		spec.Life[len(spec.Life)-1].Late = time.Duration(m.random.Int64N(int64(min(m.late, spec.Life[len(spec.Life)-1].After))))
	}
	if m.late > 0 && m.chance(6) {
		spec.Hidden = time.Duration(m.random.Int64N(int64(m.late)))
	}
	return spec
}

func (m *nightModel) minutes(most int) time.Duration {
	return time.Duration(1+m.pick(most*60)) * time.Second
}

func (m *nightModel) status() int { return []int{0, 0, 0, 0, 0, 0, 1, 42, 150, 58}[m.pick(10)] }

// life is one of one or several tries.
func (m *nightModel) life(wait, run time.Duration, status int) (life []nbusim.Step) {
	for m.chance(5) && len(life) < 6 {
		pause := []nbusim.State{nbusim.Requeued, nbusim.Incomplete, nbusim.Suspended}[m.pick(3)]
		life = append(life, nbusim.Step{After: wait, State: nbusim.Active}, nbusim.Step{After: run, State: pause, Status: 50})
		wait, run = m.minutes(20), m.minutes(40)
	}
	return append(life, nbusim.Run(wait, run, status)...)
}

// streams starts a parent and what it makes, one of which may be begun again by another job.
func (m *nightModel) streams(p *nightPolicy, spec nbusim.JobSpec, kind string) {
	n := 1 + m.pick(4)
	if m.chance(20) {
		n = 40
	}
	var children, again []nbusim.JobSpec
	begins := map[int]time.Duration{} // of those that begin a stream again
	longest := time.Duration(0)
	for i := range n {
		c := m.job(p, spec.Client, kind)
		c.Stream, c.ScheduleType, c.Hidden = i+1, spec.ScheduleType, 0
		children = append(children, c)
		longest = max(longest, lasts(c))
		if m.again && m.chance(10) {
			m.excuse(p.Name, spec.Client)
			x := m.job(p, spec.Client, kind)
			x.Stream, x.ScheduleType = c.Stream, c.ScheduleType
			begins[len(again)] = lasts(c) + m.minutes(20)
			longest = max(longest, begins[len(again)]+lasts(x))
			again = append(again, x)
		}
	}
	m.parent(&spec, longest)
	id := m.add(spec)
	for _, c := range children {
		c.Parent = id
		m.add(c)
	}
	for i, x := range again {
		x.Parent = id
		m.busy = max(m.busy, time.Since(m.began)+begins[i])
		time.AfterFunc(begins[i], func() { m.add(x) })
	}
}

// parent makes a parent's life: it ends before or after its children. Most often it is as they are.
func (m *nightModel) parent(spec *nbusim.JobSpec, longest time.Duration) {
	run := longest + time.Duration(m.pick(600))*time.Second
	if m.chance(4) {
		run = max(longest-time.Duration(m.pick(600))*time.Second, time.Second)
	}
	spec.Work, spec.Hidden = nbusim.Work{}, 0
	spec.Life = nbusim.Run(time.Second, run, m.status())
}

// lasts is how long a job takes to be over.
func lasts(spec nbusim.JobSpec) (d time.Duration) {
	for _, s := range spec.Life {
		d += s.After
	}
	return d
}

// search starts a search for machines, and snapshots and backups of those that it finds.
func (m *nightModel) search(p *nightPolicy) {
	spec := m.job(p, p.host, "BACKUP")
	spec.Own = true
	if m.chance(6) {
		spec.Work, spec.Life = nbusim.Work{}, nbusim.Run(time.Second, m.minutes(10), 200)
		m.add(spec) // it fails, and finds none
		return
	}
	type machine struct {
		shot    nbusim.JobSpec
		backups []nbusim.JobSpec
	}
	var machines []machine
	longest := time.Duration(0)
	for _, client := range p.clients {
		x := machine{shot: m.job(p, client, "SNAPSHOT")}
		x.shot.ScheduleType = spec.ScheduleType
		for range m.pick(3) {
			b := m.job(p, client, "BACKUP")
			b.ScheduleType = spec.ScheduleType
			x.backups = append(x.backups, b)
			longest = max(longest, lasts(b))
		}
		longest = max(longest, lasts(x.shot))
		machines = append(machines, x)
	}
	m.parent(&spec, longest)
	id := m.add(spec)
	for _, x := range machines {
		x.shot.Parent = id
		shot := m.add(x.shot)
		for _, b := range x.backups {
			b.Parent = shot
			m.add(b)
		}
	}
}

// wantOverview compares what the page's sentence is made of with the truth.
func (m *nightModel) wantOverview() {
	m.t.Helper()
	truth, seen := m.sim.Truth(), map[nbusim.ClientKey]overview.ClientPolicy{}
	for _, c := range m.site.Overview().Clients {
		seen[nbusim.ClientKey{Client: c.Client, Policy: c.Policy}] = c
	}
	for k, want := range truth.Clients {
		got, last := seen[k], nbusim.RunTruth{}
		full := time.Time{}
		for _, r := range want.LastSuccess {
			if r.End.After(last.End) {
				last = r
			}
			if r.ScheduleType == due.Full {
				full = r.Start
			}
		}
		success := int64(0)
		if !last.End.IsZero() {
			success = last.End.UnixMilli()
		}
		if got.Success != success || got.Attempt != want.LastAttempt.UnixMilli() || int(got.Status) != want.LastStatus || int(got.Failures) != want.ConsecutiveFailures {
			m.t.Errorf("%+v: the page is told %+v, want %+v", k, got, want)
		}
		if !full.IsZero() && got.Due != nightDue(full).UnixMilli() {
			m.t.Errorf("%+v: due %v, want %v after a full backup that began %v", k, time.UnixMilli(got.Due).UTC(), nightDue(full).UTC(), full.UTC())
		}
	}
	for k, c := range seen {
		if _, known := truth.Clients[k]; !known && (c.Success != 0 || c.Attempt != 0) {
			m.t.Errorf("the page is told of %+v, which had no run: %+v", k, c)
		}
	}
}

// nightDue is the end of the first window, from 20:00 to 06:00, that is open a day after a start or later.
func nightDue(start time.Time) time.Time {
	t := start.UTC().Add(24 * time.Hour)
	six := time.Date(t.Year(), t.Month(), t.Day(), 6, 0, 0, 0, time.UTC)
	if t.Before(six) {
		return six
	}
	return six.Add(24 * time.Hour)
}
