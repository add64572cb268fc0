package runs

import "slices"

// openJob is a job that was listed as open and of which no ending has come.
type openJob struct {
	Job
	seen int64 // when it was listed last, ms of the server's clock
}

// MostOpen is of how many jobs it is remembered that they are open; there may be more.
const MostOpen = 20_000

// Open takes the list of the jobs that are open; now is ms of the server's clock. One that is not listed any more is taken to be open
// for a while longer: its ending may be shown late.
func (b *Book) Open(jobs []Job, now int64) {
	if !b.openKnown { // what was known before a restart is judged anew
		b.openKnown = true
		for _, h := range b.histories {
			if slices.ContainsFunc(h.runs, func(r *run) bool { return r.restored }) {
				b.dirty[h] = true
			}
		}
	}
	b.openAt = now
	before := b.openByID
	b.openByID = map[int64]*openJob{}
	for i := range jobs {
		if len(b.openByID) == MostOpen {
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
		if b.openByID[id] == nil && len(b.openByID) < MostOpen && now-o.seen < missingWait && now >= o.seen {
			b.openByID[id] = o
		}
	}
	b.indexOpen()
	for _, o := range b.openByID { // what ended below one whose parent was not known then
		below := b.trees[o.ID]
		if below == nil || b.nodes[o.ID] != nil || o.Start > below.touched { // it ended before, or its id is another job's now
			continue
		}
		if root := b.rootOf(o.ID, o.Parent); root != o.ID {
			b.merge(b.treeOf(root), below)
		}
	}
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

// Waits says that a run of a pair, whose schedule type a caller asks for, has ended as far as is known, but that a job of it is missing
// which may still be shown.
func (b *Book) Waits(p Pair, now int64, meant func(scheduleType string) bool) bool {
	h := b.histories[p]
	if h == nil || !b.waiting[h] {
		return false
	}
	return slices.ContainsFunc(h.runs, func(r *run) bool {
		return r.verdict == waits && now-r.ended() < missingWait && meant(r.scheduleType())
	})
}
