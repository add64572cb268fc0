package nbusim

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Completion is one try of a job that reached DONE: what a perfect counter counts once.
type Completion struct {
	ID           int64
	ParentID     int64 // 0 or its own id for a root
	Generation   int   // of the ids: in it an id means one job
	Stream       int
	Copy         int
	Own          bool
	Try          int
	Type         string
	PolicyType   string
	Policy       string
	ScheduleType string
	Client       string
	Status       int
	Parent       bool // it had children when it ended
	Work         Work
	Retries      int // tries since the last counted one of this job, beyond its first
	Start        time.Time
	TryStart     time.Time // the zero time of Unix where it never ran
	End          time.Time
	Seen         time.Time // from when on the API shows it, by the server's clock
	Gone         time.Time // until when: it ran again, aged out or was deleted; zero is still there
}

// furtherCopy says that the job wrote the second copy of a backup, or another one, beside its first one: the same data.
func (c *Completion) furtherCopy() bool { return c.Type == "BACKUP" && c.Copy > 1 }

// Result is the word for the status.
func (c Completion) Result() string {
	switch c.Status {
	case 0:
		return "success"
	case 1:
		return "partial"
	}
	return "failure"
}

type attempt struct {
	generation int // of the job database
	id         int64
	try        int
}

// ledger is every completion, in the order in which they happened.
type ledger struct {
	generation  int
	completions []Completion
	counted     map[attempt]int // index in completions
	tries       map[attempt]int // the last counted try of a job, whose key has none
}

func (l *ledger) count(j *job, at int64) {
	key := attempt{j.generation, j.ID, j.try}
	if _, ok := l.counted[key]; ok {
		return
	}
	l.counted[key] = len(l.completions)
	l.completions = append(l.completions, Completion{
		ID: j.ID, ParentID: j.Parent, Generation: j.generation, Stream: j.Stream, Copy: j.Copy, Own: j.Own, Try: j.try, Type: j.Type, PolicyType: j.PolicyType, Policy: j.Policy,
		ScheduleType: j.ScheduleType, Client: j.Client, Status: j.status, Parent: j.children > 0,
		Work: j.work, Retries: max(j.try-1, 0) - max(l.tries[attempt{j.generation, j.ID, 0}]-1, 0),
		Start: time.UnixMilli(j.start), TryStart: time.UnixMilli(j.tryStart), End: time.UnixMilli(j.end),
		Seen: time.UnixMilli(max(at, j.shownAt)),
	})
	l.tries[attempt{j.generation, j.ID, 0}] = j.try
}

// gone notes that the API does not show a completion any more.
func (l *ledger) gone(j *job, at int64) {
	i, ok := l.counted[attempt{j.generation, j.ID, j.try}]
	if ok && l.completions[i].Gone.IsZero() {
		l.completions[i].Gone = time.UnixMilli(at)
	}
}

// CompletedKey has the labels of nbu_jobs_completed_total.
type CompletedKey struct {
	JobType, PolicyType, Policy, ScheduleType, Result string
	Status                                            int
	Parent                                            bool
}

// WorkKey has the labels of the counters of bytes, files and retries.
type WorkKey struct{ JobType, PolicyType, Policy string }

// Amount is the work of leaf jobs; parents report none.
type Amount struct{ Bytes, MovedBytes, Files, Retries int64 }

// DurationKey has the labels of the histograms.
type DurationKey struct{ JobType, PolicyType string }

// Durations are those of leaf jobs, in seconds, ascending.
type Durations struct {
	Run  []float64 // startTime to endTime
	Wait []float64 // startTime to activeTryStartTime, of the jobs that ran
}

// ClientKey has the labels of the metrics of clients.
type ClientKey struct{ Client, Policy string }

// Truth is what a perfect counter says.
type Truth struct {
	Completed   map[CompletedKey]int64
	Work        map[WorkKey]Amount
	Durations   map[DurationKey]Durations
	Clients     map[ClientKey]ClientTruth
	Runs        []RunTruth   // by end
	Completions []Completion // by end, then status, kilobytes and id
}

// Truth counts every completion up to now.
func (s *Server) Truth() Truth {
	return s.TruthOf(func(Completion) bool { return true })
}

// TruthOf counts the completions up to now that a test means, such as those since the agent's backfill.
func (s *Server) TruthOf(meant func(Completion) bool) Truth {
	s.mu.Lock()
	s.tick(s.clock().UnixMilli())
	all, copying := slices.Clone(s.jobs.truth.completions), s.copying()
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(c Completion) bool { return !meant(c) })
	return truthOf(all, copying)
}

func truthOf(cs []Completion, copying map[string]bool) Truth {
	slices.SortFunc(cs, func(a, b Completion) int {
		return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Work.Kilobytes, b.Work.Kilobytes), cmp.Compare(a.ID, b.ID))
	})
	t := Truth{
		Completed: map[CompletedKey]int64{}, Work: map[WorkKey]Amount{},
		Durations: map[DurationKey]Durations{}, Completions: cs,
	}
	for _, c := range cs {
		t.add(c)
	}
	t.Runs = runsOf(cs, copying)
	t.Clients = clientsOf(t.Runs)
	for k, d := range maps.All(t.Durations) {
		slices.Sort(d.Run)
		slices.Sort(d.Wait)
		t.Durations[k] = d
	}
	return t
}

func (t *Truth) add(c Completion) {
	t.Completed[CompletedKey{c.Type, c.PolicyType, c.Policy, c.ScheduleType, c.Result(), c.Status, c.Parent}]++
	if c.Parent {
		return
	}
	const kib = 1024
	w := WorkKey{c.Type, c.PolicyType, c.Policy}
	a := t.Work[w]
	if !c.furtherCopy() {
		a.Bytes += c.Work.Kilobytes * kib
		a.Files += c.Work.Files
	}
	a.MovedBytes += c.Work.Moved * kib
	a.Retries += int64(c.Retries)
	t.Work[w] = a

	k := DurationKey{c.Type, c.PolicyType}
	d := t.Durations[k]
	d.Run = append(d.Run, c.End.Sub(c.Start).Seconds())
	if c.Try > 0 {
		d.Wait = append(d.Wait, c.TryStart.Sub(c.Start).Seconds())
	}
	t.Durations[k] = d
}
