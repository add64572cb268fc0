package nbusim

import (
	"container/heap"
	"fmt"
	"time"
)

// agenda is what is going to happen, earliest first.
type agenda struct {
	events []event
	issued uint64
}

type event struct {
	at  int64  // ms since the epoch
	seq uint64 // events of one instant happen in the order in which they were planned
	run func(at int64)
}

// Len implements heap.Interface.
func (a *agenda) Len() int { return len(a.events) }

// Less implements heap.Interface.
func (a *agenda) Less(i, j int) bool {
	x, y := a.events[i], a.events[j]
	return x.at < y.at || (x.at == y.at && x.seq < y.seq)
}

// Swap implements heap.Interface.
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { a.events = append(a.events, x.(event)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events = a.events[:last]
	return e
}

func (a *agenda) plan(at int64, run func(at int64)) {
	a.issued++
	heap.Push(a, event{at, a.issued, run})
}

// Tick lets everything happen that is due at a time of the server's clock. Every request does
// so by itself; a test calls it to look at the truth without asking the API.
func (s *Server) Tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(now.UnixMilli())
}

func (s *Server) tick(now int64) {
	for len(s.agenda.events) > 0 && s.agenda.events[0].at <= now {
		e := heap.Pop(&s.agenda).(event)
		e.run(e.at)
	}
	if s.keep > 0 {
		s.jobs.expire(now-s.keep.Milliseconds(), now)
	}
}

// AddJob queues a job now and gives its id.
func (s *Server) AddJob(spec JobSpec) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	j := s.queue(spec, now)
	s.tick(now)
	return j.ID
}

func (s *Server) queue(spec JobSpec, at int64) *job {
	j := s.born(spec, at)
	s.jobs.insert(j)
	s.live(j, j.Life, at)
	return j
}

// live plans the first step of a life; each step plans the next.
func (s *Server) live(j *job, life []Step, at int64) {
	if len(life) == 0 {
		return
	}
	number := j.lives
	s.agenda.plan(at+life[0].After.Milliseconds(), func(at int64) {
		if s.jobs.byID[j.ID] != j || j.lives != number { // it is gone, or was given another life
			return
		}
		s.jobs.change(j, life[0], at, tryEnd(life, at))
		s.live(j, life[1:], at)
	})
}

// tryEnd is when the state changes again after the first step of a life, 0 if it never does.
func tryEnd(life []Step, at int64) int64 {
	for _, st := range life[1:] {
		at += st.After.Milliseconds()
		if st.State != "" && st.State != life[0].State {
			return at
		}
	}
	return 0
}

// Continue gives a job another life from now on, in place of what was planned for it.
// A step without After happens at once.
func (s *Server) Continue(id int64, life ...Step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	j := s.jobs.byID[id]
	if j == nil {
		return fmt.Errorf("continue job %d: it is not in the job database", id)
	}
	j.lives++
	s.live(j, life, now)
	s.tick(now)
	return nil
}

// Job is one job as it is now.
func (s *Server) Job(id int64) (Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(s.clock().UnixMilli())
	j := s.jobs.byID[id]
	if j == nil {
		return Job{}, false
	}
	return j.snapshot(), true
}

// DeleteJob removes a job before its time.
func (s *Server) DeleteJob(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	if j := s.jobs.byID[id]; j != nil {
		s.jobs.remove(j, now)
	}
}

// SkipIDs lets the counter of job ids jump over so many.
func (s *Server) SkipIDs(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs.next += n
}

// ResetJobs loses the job database: every job is gone and ids start again. The truth stays.
func (s *Server) ResetJobs(next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	for _, j := range s.jobs.byID {
		s.jobs.truth.gone(j, now)
	}
	s.jobs.reset(next)
}

// Settled says that nothing is going to happen any more by itself, and that everything is shown.
func (s *Server) Settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	for _, j := range s.jobs.byID {
		if j.shownAt > now {
			return false
		}
	}
	return len(s.agenda.events) == 0
}
