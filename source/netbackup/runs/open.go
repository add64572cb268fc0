package runs

// openJob is a job that was listed as open and of which no ending has come.
type openJob struct {
	Job
	seen int64 // when it was listed last, ms of the server's clock
}

const mostOpen = 20_000 // of which it is remembered that they are open; there may be more

// Open takes the list of the jobs that are open; now is ms of the server's clock. One that is not listed any more is taken to be open
// for a while longer: its ending may be shown late.
func (b *Book) Open(jobs []Job, now int64) {
	before := b.openByID
	b.openByID = map[int64]*openJob{}
	for i := range jobs {
		if len(b.openByID) == mostOpen {
			break
		}
		j := &jobs[i]
		if !j.Works() || b.isOver(j) {
			continue
		}
		if j.Parent == j.ID {
			j.Parent = 0
		}
		b.openByID[j.ID] = &openJob{*j, now}
	}
	for id, o := range before {
		if b.openByID[id] == nil && len(b.openByID) < mostOpen && now-o.seen < missingWait && now >= o.seen {
			b.openByID[id] = o
		}
	}
	b.indexOpen()
	for p := range b.openByPair {
		if h := b.histories[p]; h != nil && len(h.runs) > 0 {
			b.dirty[h] = true
		}
	}
}

// isOver says of a job that is listed as open that this try of it has ended: the lists are not of one moment.
func (b *Book) isOver(j *Job) bool {
	n := b.nodes[j.ID]
	return n != nil && (n.start == j.Start || n.start == 0 || j.Start == 0) && j.Try <= n.try
}

func (b *Book) indexOpen() {
	clear(b.openByParent)
	clear(b.openByPair)
	for _, o := range b.openByID {
		if o.Parent != 0 {
			b.openByParent[o.Parent] = append(b.openByParent[o.Parent], o)
		}
		b.openByPair[o.pair()] = append(b.openByPair[o.pair()], o)
	}
}

// noteEnded takes a job from the open ones.
func (b *Book) noteEnded(j *Job) {
	o := b.openByID[j.ID]
	if o == nil || o.Start != j.Start && o.Start != 0 && j.Start != 0 || o.Try > j.Try {
		return
	}
	delete(b.openByID, j.ID)
	b.openByParent[o.Parent] = without(b.openByParent[o.Parent], o)
	b.openByPair[o.pair()] = without(b.openByPair[o.pair()], o)
}

func without(jobs []*openJob, o *openJob) []*openJob {
	for i := range jobs {
		if jobs[i] == o {
			jobs[i] = jobs[len(jobs)-1]
			return jobs[:len(jobs)-1]
		}
	}
	return jobs
}

// UnderWay says whether a run of a schedule type is queued or active, or has not come to its end as far as is known.
func (b *Book) UnderWay(p Pair, scheduleType string) bool {
	for _, o := range b.openByPair[p] {
		if o.ScheduleType == scheduleType {
			return true
		}
	}
	h := b.histories[p]
	if h == nil || !b.waiting[h] {
		return false
	}
	for _, r := range h.runs {
		if r.nodes[0].schedule != scheduleType {
			continue
		}
		if _, ok := b.judge(r, r.ended()); !ok && !b.isPolicyJob(r) {
			return true
		}
	}
	return false
}
