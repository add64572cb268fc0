package netbackup

import (
	"cmp"
	"math"
	"slices"

	"backwire/source/netbackup/api"
)

// fragments are the finished jobs of which every answer so far left something out that counting needs.
// They are asked for by their ids, and what the answers give is put together. A job that stays in
// pieces is counted with what is known, once: its result is unknown where its status is.
//
// Nothing here is in the state: a job that is not counted is missing among the ids, so that after a
// restart the audit asks for it again.
type fragments struct {
	byID  map[int64]*fragment
	lacks map[lack]*vain
	given api.JobFields // by this server, in any answer
}

// fragment is one such job.
type fragment struct {
	job   api.Job
	since int64 // agent's clock when it was first seen, ms
	asks  int   // answers that had it
	looks int   // cycles in which it was looked whether it is overdue
}

// lack is a field that jobs of a type lack.
type lack struct {
	jobType string
	field   int
}

func lackOf(j *api.Job, field int) lack {
	if api.JobFields(1)<<field == api.FieldType {
		return lack{"", field}
	}
	return lack{j.Type, field}
}

// vain is how often a field of a type was asked for and not given, since any answer gave it.
type vain struct {
	answers int
	since   int64 // agent's clock, ms
}

const (
	enoughAnswers = 12      // that left the same field out: a server that does so by chance gives it in one of them
	patience      = 720_000 // ms that a fragment waits, at least, for a field that comes late
	lastLooks     = 60      // cycles after which it is not waited for any more, where it cannot be asked for often enough
	vainAnswers   = 8       // from which a field that was not given for patience counts as never given
	probes        = 200     // answers after which a field is not asked for in a hurry
	maxFragments  = maxHeld
	maxLacks      = 1024 // pairs of type and field; types beyond are not waited for
)

func newFragments() *fragments {
	return &fragments{byID: map[int64]*fragment{}, lacks: map[lack]*vain{}}
}

// complete fills in what earlier answers gave of the same ending, and says whether nothing that is worth
// waiting for is missing. now is the agent's clock, ms.
func (f *fragments) complete(j *api.Job, now int64) bool {
	p := f.byID[j.ID]
	if p != nil && j.Agrees(&p.job) {
		j.Fill(&p.job)
	}
	f.learn(j)
	if f.missing(j, now) == 0 || (p == nil && len(f.byID) >= maxFragments) {
		delete(f.byID, j.ID)
		return true
	}
	if p == nil || !j.Agrees(&p.job) { // it ended anew
		p = &fragment{since: now}
		f.byID[j.ID] = p
	} else {
		p.asks++
		f.ask(j, now)
	}
	p.job = *j
	return false
}

// learn takes note of what the server gives.
func (f *fragments) learn(j *api.Job) {
	f.given |= j.Given | j.Named
	j.Given.Each(func(i int) { delete(f.lacks, lackOf(j, i)) })
}

// ask notes that a job was asked for and what it still lacks.
func (f *fragments) ask(j *api.Job, now int64) {
	lacks := api.NeededFields &^ j.Given
	if lacks&api.FieldType != 0 {
		lacks = api.FieldType // what the others are to its type shows when that is known
	}
	lacks.Each(func(i int) {
		v := f.lacks[lackOf(j, i)]
		if v == nil {
			if len(f.lacks) >= maxLacks {
				return
			}
			v = &vain{since: now}
			f.lacks[lackOf(j, i)] = v
		}
		v.answers++
	})
}

// missing is what the job lacks and may still be given.
func (f *fragments) missing(j *api.Job, now int64) (left api.JobFields) {
	(api.NeededFields &^ j.Given).Each(func(i int) {
		v := f.lacks[lackOf(j, i)]
		switch field := api.JobFields(1) << i; {
		case v == nil:
			left |= field
		case field == api.FieldMoved && f.given&field == 0:
			// Older answers do not have it at all: it is not waited for where none ever named it.
			if v.answers < vainAnswers {
				left |= field
			}
		case !v.isVain(now):
			left |= field
		}
	})
	return left
}

func (v *vain) isVain(now int64) bool { return v.answers >= vainAnswers && now-v.since >= patience }

// due are the ids to be asked for next, so many at most: those first that were asked for least. With hurry
// those are left out whose fields were asked for often in vain; with unnamed only those come that lack
// what perhaps no answer of this server has.
func (f *fragments) due(most int, hurry, unnamed bool) []int64 {
	var ids []int64
	for id, p := range f.byID {
		if (!hurry || f.promising(p)) && (!unnamed || f.lacksUnnamed(p)) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int64) int {
		return cmp.Or(cmp.Compare(f.byID[a].asks, f.byID[b].asks), cmp.Compare(a, b))
	})
	return ids[:min(len(ids), most)]
}

// lacksUnnamed says that a fragment only waits because older servers do not have an attribute.
func (f *fragments) lacksUnnamed(p *fragment) bool {
	return f.given&api.FieldMoved == 0 && api.NeededFields&^p.job.Given == api.FieldMoved
}

// promising says that what a fragment lacks may be given to others.
func (f *fragments) promising(p *fragment) bool {
	ok := true
	(api.NeededFields &^ p.job.Given).Each(func(i int) {
		if v := f.lacks[lackOf(&p.job, i)]; v != nil && v.answers >= probes {
			ok = false
		}
	})
	return ok
}

// size is how many there are.
func (f *fragments) size() int { return len(f.byID) }

// oldest is the earliest time of a fragment by which it is read, as far as it is known.
func (f *fragments) oldest(by orderBy) int64 {
	least := int64(math.MaxInt64)
	for _, p := range f.byID {
		if at := by.given(&p.job); at != 0 {
			least = min(least, at)
		}
	}
	return least
}

// overdue takes out the jobs that have waited long enough.
func (f *fragments) overdue(now int64) (jobs []api.Job) {
	for id, p := range f.byID {
		waited := now - p.since
		if waited < 0 { // the agent's clock was set back
			p.since = now
		}
		p.looks++
		if f.missing(&p.job, now) == 0 || (waited >= patience && (p.asks >= enoughAnswers || p.looks >= lastLooks)) {
			jobs = append(jobs, p.job)
			delete(f.byID, id)
		}
	}
	slices.SortFunc(jobs, func(a, b api.Job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs
}
