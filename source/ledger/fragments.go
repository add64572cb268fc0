package ledger

import (
	"cmp"
	"math"
	"slices"
)

// fragments are the ended events of which every answer so far left something out that counting needs.
// They are asked for by their ids, and what the answers give is put together. An event that stays in
// pieces is counted with what is known, once: its result is unknown where its status is.
//
// Nothing here is in the state: an event that is not counted is missing among the ids, so that after a
// restart the audit asks for it again.
type fragments struct {
	Attributes
	byID  map[int64]*fragment
	lacks map[lack]*vain
	given Fields // by this server, in any answer
}

// fragment is one such event.
type fragment struct {
	row   Row
	since int64 // agent's clock when it was first seen, ms
	asks  int   // answers that had it
	looks int   // cycles in which it was looked whether it is overdue
}

// lack is a field that events of a kind lack.
type lack struct {
	kind  string
	field int
}

func (f *fragments) lackOf(r Row, field int) lack {
	if Fields(1)<<field == f.Kind {
		return lack{"", field}
	}
	return lack{r.Kind(), field}
}

// vain is how often a field of a kind was asked for and not given, since any answer gave it.
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
	maxLacks      = 1024 // pairs of kind and field; kinds beyond are not waited for
)

func newFragments(a Attributes) *fragments {
	return &fragments{Attributes: a, byID: map[int64]*fragment{}, lacks: map[lack]*vain{}}
}

// complete fills in what earlier answers gave of the same ending, and says whether nothing that is worth
// waiting for is missing. now is the agent's clock, ms.
func (f *fragments) complete(r Row, now int64) bool {
	e := r.Core()
	p := f.byID[e.ID]
	if p != nil && f.agree(e, p.row.Core()) {
		f.fill(r, p.row)
	}
	f.learn(r)
	if f.missing(r, now) == 0 || (p == nil && len(f.byID) >= maxFragments) {
		delete(f.byID, e.ID)
		return true
	}
	if p == nil || !f.agree(e, p.row.Core()) { // it ended anew
		p = &fragment{since: now}
		f.byID[e.ID] = p
	} else {
		p.asks++
		f.ask(r, now)
	}
	p.row = r
	return false
}

// learn takes note of what the server gives.
func (f *fragments) learn(r Row) {
	e := r.Core()
	f.given |= e.Given | e.Named
	e.Given.each(func(i int) { delete(f.lacks, f.lackOf(r, i)) })
}

// lacking are the fields that counting needs and a row does not have.
func (f *fragments) lacking(r Row) Fields { return f.Needed &^ r.Core().Given }

// ask notes that an event was asked for and what it still lacks.
func (f *fragments) ask(r Row, now int64) {
	lacks := f.lacking(r)
	if lacks&f.Kind != 0 {
		lacks = f.Kind // what the others are to its kind shows when that is known
	}
	lacks.each(func(i int) {
		v := f.lacks[f.lackOf(r, i)]
		if v == nil {
			if len(f.lacks) >= maxLacks {
				return
			}
			v = &vain{since: now}
			f.lacks[f.lackOf(r, i)] = v
		}
		v.answers++
	})
}

// missing is what a row lacks and may still be given.
func (f *fragments) missing(r Row, now int64) (left Fields) {
	f.lacking(r).each(func(i int) {
		v := f.lacks[f.lackOf(r, i)]
		switch field := Fields(1) << i; {
		case v == nil:
			left |= field
		case field&f.Newer != 0 && f.given&field == 0:
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
	return f.lacking(p.row)&^(f.Newer&^f.given) == 0
}

// promising says that what a fragment lacks may be given to others.
func (f *fragments) promising(p *fragment) bool {
	ok := true
	f.lacking(p.row).each(func(i int) {
		if v := f.lacks[f.lackOf(p.row, i)]; v != nil && v.answers >= probes {
			ok = false
		}
	})
	return ok
}

// size is how many there are.
func (f *fragments) size() int { return len(f.byID) }

// oldest is the earliest time of a fragment by which it is read, as far as it is known.
func (f *fragments) oldest(by Order) int64 {
	least := int64(math.MaxInt64)
	for _, p := range f.byID {
		if at := by.of(p.row.Core()); at != 0 {
			least = min(least, at)
		}
	}
	return least
}

// overdue takes out the events that have waited long enough, in the order of their ids.
func (f *fragments) overdue(now int64) (rows []Row) {
	for id, p := range f.byID {
		waited := now - p.since
		if waited < 0 { // the agent's clock was set back
			p.since = now
		}
		p.looks++
		if f.missing(p.row, now) == 0 || (waited >= patience && (p.asks >= enoughAnswers || p.looks >= lastLooks)) {
			rows = append(rows, p.row)
			delete(f.byID, id)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Core().ID, b.Core().ID) })
	return rows
}
