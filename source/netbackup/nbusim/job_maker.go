package nbusim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Workload describes a believable backup operation: policies with clients and schedules, sizes, failures,
// parents with children. The same seed gives the same jobs. The states and their order, tries, parents and restarts are
// documented (admin.yaml, the job states); that ids jump, how late a job is shown, and every rate and size are an assumption.
type Workload struct {
	Seed          uint64
	JobsPerMinute float64       // of a live workload
	Policies      int           // 12 where it is 0
	Clients       int           // over all policies; 60 where it is 0
	MeanRun       time.Duration // of a try; 8 minutes where it is 0
	FailureRate   float64       // share of the jobs that fail; 0.05 where it is 0, none where it is negative
	Turbulence    float64       // share of the jobs with an eventful life: requeued, suspended, incomplete, late
	Lateness      time.Duration // some turbulent jobs are shown up to so long after they ended; 0 is up to 30 s
	Jumps         int64         // now and then the ids jump over so many, at most
	RestartAfter  time.Duration // turbulent jobs may run again so long after they were done; 0 is never
}

func (w Workload) withDefaults() Workload {
	if w.Policies == 0 {
		w.Policies = 12
	}
	if w.Clients == 0 {
		w.Clients = 60
	}
	if w.MeanRun == 0 {
		w.MeanRun = 8 * time.Minute
	}
	if w.FailureRate == 0 {
		w.FailureRate = 0.05
	}
	return w
}

// policy is what the jobs of a workload have in common.
type policy struct {
	name, kind  string
	clients     []string
	storageUnit string
	mediaServer string
	kilobytes   float64 // of a full backup, median
	streams     int     // children of a job; 0 is a job that stands alone
}

// jobMaker makes the jobs of a workload.
type jobMaker struct {
	Workload
	random   *rand.Rand
	policies []policy
}

func newJobMaker(w Workload, e Estate) *jobMaker {
	w = w.withDefaults()
	s := &jobMaker{Workload: w, random: rand.New(rand.NewPCG(w.Seed, 0x6e627573696d))}
	kinds := []string{"STANDARD", "WINDOWS", "VMWARE", "OBACKUP", "SQL_SERVER", "NDMP", "CLOUD", "NBU_CATALOG"}
	for i := range w.Policies {
		kind := kinds[i%len(kinds)]
		p := policy{
			kind: kind, name: fmt.Sprintf("%s-%02d", policyWord(kind), i+1),
			storageUnit: "stu-msdp-1", mediaServer: fmt.Sprintf("media-%d", i%4+1),
			kilobytes: math.Exp(s.random.Float64()*6 + 13), // half a GB to 180 GB
		}
		if len(e.Units) > 0 {
			p.storageUnit = e.Units[i%len(e.Units)].Name
		}
		if kind == "VMWARE" {
			p.streams = 3
		}
		s.policies = append(s.policies, p)
	}
	for i := range w.Clients {
		p := &s.policies[i%len(s.policies)]
		p.clients = append(p.clients, fmt.Sprintf("%s-%03d.example", policyWord(p.kind), i+1))
	}
	return s
}

func policyWord(kind string) string {
	switch kind {
	case "VMWARE":
		return "vm"
	case "SQL_SERVER":
		return "mssql"
	case "OBACKUP":
		return "oracle"
	case "NBU_CATALOG":
		return "catalog"
	case "WINDOWS":
		return "windows"
	case "NDMP":
		return "filer"
	case "CLOUD":
		return "cloud"
	}
	return "linux"
}

// tree is a job and its children, queued at the same moment.
type tree struct {
	root     JobSpec
	children []JobSpec
}

func (t tree) size() int { return 1 + len(t.children) }

// next makes one job, or a parent with at most so many children.
func (s *jobMaker) next(mostChildren int) tree {
	p := &s.policies[s.random.IntN(len(s.policies))]
	switch n := s.random.IntN(100); {
	case n < 4 && p.kind != "NBU_CATALOG":
		return tree{root: s.housekeeping()}
	case n < 10 && p.kind != "NBU_CATALOG":
		return tree{root: s.copying(p)}
	}
	children := 0
	if p.streams > 0 {
		children = min(1+s.random.IntN(p.streams), mostChildren)
	}
	if children == 0 {
		return tree{root: s.backup(p)}
	}
	t := tree{root: s.backup(p)}
	longest, status := time.Duration(0), 0
	for range children {
		c := s.backup(p)
		t.children = append(t.children, c)
		longest = max(longest, lasting(c.Life))
		if last := c.Life[len(c.Life)-1]; last.Status != 0 {
			status = 1
		}
	}
	t.root.Work = Work{}
	t.root.Life = Run(time.Second, longest+2*time.Second, status)
	return t
}

func lasting(life []Step) (d time.Duration) {
	for _, st := range life {
		d += st.After
	}
	return d
}

func (s *jobMaker) backup(p *policy) JobSpec {
	j := JobSpec{
		Type: "BACKUP", PolicyType: p.kind, Policy: p.name, StorageUnit: p.storageUnit, MediaServer: p.mediaServer,
		Schedule: "daily-incr", ScheduleType: "DIFFERENTIAL_INCREMENTAL_BACKUP",
	}
	share := 0.04
	if s.random.IntN(7) == 0 {
		j.Schedule, j.ScheduleType, share = "weekly-full", "FULL_BACKUP", 1
	}
	if p.kind == "NBU_CATALOG" {
		j.Type, j.Schedule, j.ScheduleType = "DBBACKUP", "catalog-full", "FULL_BACKUP"
	}
	if len(p.clients) > 0 {
		j.Client = p.clients[s.random.IntN(len(p.clients))]
	}
	j.Work = s.work(p.kilobytes * share)
	j.Life = s.life()
	if s.Lateness > 0 && s.random.Float64() < s.Turbulence/5 {
		j.Hidden = s.late()
	}
	return j
}

// copying is a duplication, a replication or a restore of the policy's images.
func (s *jobMaker) copying(p *policy) JobSpec {
	kinds := []string{"DUPLICATE", "REPLICATE", "RESTORE"}
	return JobSpec{
		Type: kinds[s.random.IntN(len(kinds))], PolicyType: p.kind, Policy: p.name,
		SubType: "IMMEDIATE", ScheduleType: "UNUSED", StorageUnit: p.storageUnit, MediaServer: p.mediaServer,
		Work: s.work(p.kilobytes / 3), Life: s.life(),
	}
}

// housekeeping is an image cleanup: no policy, no client, no bytes.
func (s *jobMaker) housekeeping() JobSpec {
	return JobSpec{
		Type: "IMAGEDELETE", SubType: "IMMEDIATE", ScheduleType: "FULL_BACKUP",
		Life: Run(time.Second, s.around(s.MeanRun/10), 0),
	}
}

// work is what a backup of about so many kilobytes moves. Some pass 2^31.
func (s *jobMaker) work(kilobytes float64) Work {
	size := kilobytes * math.Exp(s.random.NormFloat64()*0.5)
	if s.random.IntN(200) == 0 {
		size = float64(int64(1)<<31) * (1 + s.random.Float64())
	}
	return Work{
		Kilobytes: int64(size),
		Moved:     int64(size * (0.02 + 0.2*s.random.Float64())),
		Files:     1 + int64(size/(40+400*s.random.Float64())),
	}
}

// around is a duration with that mean, spread as waiting times are, at least a second.
func (s *jobMaker) around(mean time.Duration) time.Duration {
	return time.Second + time.Duration(s.random.ExpFloat64()*float64(mean)).Truncate(time.Millisecond)
}

func (s *jobMaker) status() int {
	switch n := s.random.Float64(); {
	case n < s.FailureRate:
		codes := []int{6, 13, 24, 41, 58, 58, 84, 96, 129, 150, 156, 2074, 4239}
		return codes[s.random.IntN(len(codes))]
	case n < 1.6*s.FailureRate:
		return 1
	}
	return 0
}

func (s *jobMaker) life() []Step {
	wait, run := s.around(s.MeanRun/20), s.around(s.MeanRun)
	if s.random.Float64() < s.Turbulence {
		return s.eventful(wait, run)
	}
	if s.random.Float64() < s.FailureRate { // fails once and is tried again
		return append([]Step{
			{After: wait, State: Active},
			{After: run / 3, State: Requeued, Status: 84, Reason: 2},
			{After: s.around(s.MeanRun / 10), State: Active},
		}, Step{After: run, State: Done, Status: s.status()})
	}
	return Run(wait, run, s.status())
}

// late is a time after which a job is shown: most often some minutes, now and then all that there may be.
func (s *jobMaker) late() time.Duration {
	most := s.Lateness
	if s.random.IntN(3) > 0 {
		most = min(most, 20*time.Minute)
	}
	return time.Duration(s.random.Int64N(int64(most))).Truncate(time.Millisecond)
}

// eventful is a life in which everything that may happen to a job happens to some.
func (s *jobMaker) eventful(wait, run time.Duration) []Step {
	if s.random.IntN(10) == 0 {
		return []Step{{After: wait, State: Done, Status: 150}} // cancelled in the queue
	}
	life := []Step{{After: wait, State: Active, Stalled: s.random.IntN(10) == 0}}
	for range s.random.IntN(4) {
		pause := []State{Requeued, Suspended, Incomplete}[s.random.IntN(3)]
		life = append(life,
			Step{After: s.around(run / 4)},
			Step{After: s.around(run / 4), State: pause, Status: 84},
			Step{After: s.around(run / 4), State: Active})
	}
	done := Step{After: run, State: Done, Status: s.status()}
	switch n := s.random.IntN(4); {
	case n < 2 && s.Lateness > 0 && s.RestartAfter == 0:
		done.Lag = s.late()
		done.Late = done.Lag
		done.After += done.Late
	case n == 0:
		done.Lag = time.Duration(s.random.IntN(20_000)) * time.Millisecond
	case n == 1:
		done.Late = min(time.Duration(s.random.IntN(30_000))*time.Millisecond, run)
	}
	life = append(life, done)
	if s.random.IntN(2) == 0 {
		life = append(life, Step{After: s.around(run)}) // a late update
	}
	if s.RestartAfter > 0 && s.random.IntN(6) == 0 {
		life = append(life, Step{After: s.RestartAfter, State: Queued})
		life = append(life, Run(wait, run, s.status())...)
	}
	return life
}
