package nbusim

import "time"

// AddHistory puts so many finished jobs into the job database that ended in the time before
// now. No API call ever showed them running.
func (s *Server) AddHistory(w Workload, jobs int, before time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	w.RestartAfter, w.Lateness = 0, 0 // what a restart hid could not be known to anybody
	from := now - before.Milliseconds()
	made := make([]*job, 0, jobs)
	maker := newJobMaker(w, s.storage)
	s.adopt(maker)
	for len(made) < jobs {
		at := from + int64(float64(now-from)*float64(len(made))/float64(jobs))
		made = append(made, s.past(maker.next(jobs-len(made)-1), at, now)...)
	}
	s.jobs.insertAll(made)
}

// past lives the jobs of a tree from a time on; all of them end before now.
func (s *Server) past(t tree, at, now int64) []*job {
	root := s.born(t.root, at)
	root.children = len(t.children)
	made := []*job{root}
	for _, spec := range t.children {
		spec.Parent = root.ID
		made = append(made, s.born(spec, at))
	}
	longest := time.Duration(0)
	for _, j := range made {
		longest = max(longest, lasting(j.Life))
	}
	scale := min(1, float64(now-at)/float64(longest.Milliseconds()+1))
	for _, j := range made {
		s.outlive(j, at, scale)
	}
	root.children = 0 // insertAll counts them
	return made
}

func (s *Server) born(spec JobSpec, at int64) *job {
	s.jobs.issue(&spec)
	j := newJob(spec, at)
	j.generation = s.jobs.truth.generation
	s.irregular.distort(j)
	return j
}

func (s *Server) outlive(j *job, at int64, scale float64) {
	for _, st := range j.Life {
		at += int64(float64(st.After.Milliseconds()) * scale)
		st.Late, st.Lag = 0, 0
		if j.change(st, at, 0) {
			s.jobs.truth.count(j, at)
		}
	}
}

// Work starts a live workload in place of the one before: from now on jobs arrive by
// chance at its rate, and live by the clock. A rate of 0 lets no new jobs come; those that are
// there go on.
func (s *Server) Work(w Workload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock().UnixMilli()
	s.tick(now)
	s.workload++
	if w.JobsPerMinute > 0 {
		from := newJobMaker(w, s.storage)
		s.adopt(from)
		s.arrive(from, s.workload, now)
	}
}

// arrive plans the next arrival after a time, as long as the workload is still the running one.
func (s *Server) arrive(from *jobMaker, number int, after int64) {
	gap := from.random.ExpFloat64() * float64(time.Minute.Milliseconds()) / from.JobsPerMinute
	const mostChildren = 1000
	t := from.next(mostChildren)
	s.agenda.plan(after+int64(gap*float64(t.size())), func(at int64) {
		if s.workload != number {
			return
		}
		if from.Jumps > 0 && from.random.IntN(10) == 0 {
			s.jobs.next += from.random.Int64N(from.Jumps)
		}
		root := s.queue(t.root, at)
		for _, spec := range t.children {
			spec.Parent = root.ID
			s.queue(spec, at)
		}
		s.arrive(from, number, at)
	})
}
