package nbusim

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

// order keeps jobs sorted by an integer key and then by id, so that a page is found by a
// binary search however many jobs there are.
type order struct {
	name string // the attribute
	key  func(*job) int64
	jobs []*job
}

func (o *order) compare(a, b *job) int {
	return cmp.Or(cmp.Compare(o.key(a), o.key(b)), cmp.Compare(a.ID, b.ID))
}

func (o *order) insert(j *job) {
	if n := len(o.jobs); n == 0 || o.compare(o.jobs[n-1], j) < 0 {
		o.jobs = append(o.jobs, j)
		return
	}
	i, _ := slices.BinarySearchFunc(o.jobs, j, o.compare)
	o.jobs = slices.Insert(o.jobs, i, j)
}

func (o *order) remove(j *job) {
	if i, found := slices.BinarySearchFunc(o.jobs, j, o.compare); found {
		o.jobs = slices.Delete(o.jobs, i, i+1)
	}
}

// from is the index of the first job that is not before (key, id).
func (o *order) from(key, id int64) int {
	return sort.Search(len(o.jobs), func(i int) bool {
		j := o.jobs[i]
		k := o.key(j)
		return k > key || (k == key && j.ID >= id)
	})
}

// jobBook is the job database.
type jobBook struct {
	next   int64
	byID   map[int64]*job
	orders []*order
	open   *order // the jobs that are not done, by id
	truth  ledger
}

func newJobBook(first int64) *jobBook {
	if first == 0 {
		first = 1
	}
	b := &jobBook{truth: ledger{counted: map[attempt]int{}, tries: map[attempt]int{}}}
	b.reset(first)
	return b
}

// reset forgets every job, but not the truth about them.
func (b *jobBook) reset(next int64) {
	b.truth.generation++
	b.next = next
	b.byID = map[int64]*job{}
	b.open = &order{name: "open", key: func(j *job) int64 { return j.ID }}
	b.orders = []*order{
		{name: "lastUpdateTime", key: func(j *job) int64 { return j.lastUpdate }},
		{name: "startTime", key: func(j *job) int64 { return j.start }},
		{name: "endTime", key: func(j *job) int64 { return j.end }},
		{name: "jobId", key: func(j *job) int64 { return j.ID }},
	}
}

func (b *jobBook) ordered(name string) *order {
	for _, o := range b.orders {
		if o.name == name {
			return o
		}
	}
	return nil
}

// lastJobID is where the counter of ids begins again: the documents give jobId as an integer (admin.yaml), and
// that it is one of 32 bits is an assumption.
const lastJobID = 1<<31 - 1

// issue gives a job its id.
func (b *jobBook) issue(spec *JobSpec) {
	if spec.ID == 0 {
		if b.next > lastJobID {
			b.next = 1
			b.truth.generation++
		}
		spec.ID = b.next
	}
	b.next = max(b.next, spec.ID+1)
}

func (b *jobBook) insert(j *job) {
	b.byID[j.ID] = j
	for _, o := range b.orders {
		o.insert(j)
	}
	if j.state != Done {
		b.open.insert(j)
	}
	b.adopt(j)
}

// insertAll is insert for many finished jobs: the orders are sorted once.
func (b *jobBook) insertAll(jobs []*job) {
	for _, j := range jobs {
		b.byID[j.ID] = j
	}
	for _, o := range b.orders {
		o.jobs = append(o.jobs, jobs...)
		slices.SortFunc(o.jobs, o.compare)
	}
	for _, j := range jobs {
		b.adopt(j)
	}
}

func (b *jobBook) adopt(child *job) {
	if p := b.byID[child.Parent]; p != nil && p != child {
		p.children++
	}
}

func (b *jobBook) remove(j *job, at int64) {
	for _, o := range b.orders {
		o.remove(j)
	}
	b.open.remove(j)
	delete(b.byID, j.ID)
	b.truth.gone(j, at)
}

// change applies a step to a job and keeps orders and truth in step with it.
func (b *jobBook) change(j *job, st Step, at, planned int64) {
	wasDone := j.state == Done
	moving := []*order{b.ordered("lastUpdateTime"), b.ordered("endTime")}
	for _, o := range moving {
		o.remove(j)
	}
	finished := j.change(st, at, planned)
	for _, o := range moving {
		o.insert(j)
	}
	b.refile(j, wasDone, finished, at)
}

// refile moves a job between the open and the finished ones.
func (b *jobBook) refile(j *job, wasDone, finished bool, at int64) {
	switch {
	case wasDone && j.state != Done:
		b.truth.gone(j, at)
		b.open.insert(j)
	case finished:
		b.open.remove(j)
		b.truth.count(j, at)
	}
}

// expire removes the finished jobs that ended before a time.
func (b *jobBook) expire(before, at int64) {
	o := b.ordered("endTime")
	from, to := o.from(1, 0), o.from(before, 0)
	if from >= to {
		return
	}
	for _, j := range slices.Clone(o.jobs[from:to]) {
		b.remove(j, at)
	}
}

// span is the jobs of an order between two indexes, in either direction.
func span(jobs []*job, descending bool) iter.Seq[*job] {
	return func(yield func(*job) bool) {
		for i := range jobs {
			if descending {
				i = len(jobs) - 1 - i
			}
			if !yield(jobs[i]) {
				return
			}
		}
	}
}
