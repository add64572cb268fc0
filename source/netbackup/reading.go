package netbackup

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// orderBy is the attribute by which finished jobs are selected and sorted.
type orderBy string

const (
	byLastUpdate orderBy = "lastUpdateTime"
	byEnd        orderBy = "endTime" // for a server that refuses the other
)

// overlap is how far before what was read the next reading begins again: a server may
// show an update later than it stamps it. It is in ms. What it shows later still the audit finds.
func (o orderBy) overlap() int64 {
	if o == byEnd {
		return 600_000 // an ending may be written down long after its time
	}
	return 30_000
}

// given is the time of a job by which it is sorted, 0 where the answer does not have it.
func (o orderBy) given(j *api.Job) int64 {
	if o == byEnd {
		return milliseconds(j.End)
	}
	return milliseconds(j.LastUpdate)
}

func (o orderBy) of(e *ending) int64 {
	if o == byEnd {
		return e.End
	}
	return e.updated
}

// maxHeld is how many endings a run of a reading adds to what it holds in memory; then it
// pauses, so that they are counted.
const maxHeld = 10_000

// mostHeld is how many endings are held at all, where they cannot be counted yet: they lie within one interval, or the server
// does not keep their order. A million jobs a day are 700 a minute.
const mostHeld = 60_000

var errTooManyHeld = guard.Limit{What: "a list", Most: mostHeld, Unit: "jobs that end within one interval or are out of order"}

// jobLister is the part of a client that a reading needs.
type jobLister func(context.Context, api.JobQuery) iter.Seq2[api.Job, error]

// reading is one pass over the finished jobs since a time, in as many spans as there are
// idle readers: whoever has nothing to do takes the later half of the longest remainder.
type reading struct {
	by      orderBy
	now     int64 // server's clock when the reading began, ms
	overlap int64 // ms before the watermark where it begins
	readers int
	jobs    jobLister
	tidy    func(*api.Job)                // leaves out what cannot be, before anything else
	accept  func(*api.Job) (ending, bool) // called under mu; an ending that is waited for is none yet
	waits   func() int                    // for how many, called under mu

	mu       sync.Mutex
	progress progress
	spans    []*span // ascending and without gaps
	active   int
	held     int // endings in the spans
	limit    int // of held, in this run
	rows     int
	gained   int // rows of this cycle

	unseen    int64 // ms before now whose jobs the server has forgotten
	unchecked bool  // whether it has could not be found out
	highest   int64
	err       error
}

// endings grow without being moved, so that those who point into a block keep it alone.
type endings struct{ blocks [][]ending }

func (k *endings) add(e ending) {
	const size = 256
	if n := len(k.blocks); n == 0 || len(k.blocks[n-1]) == size {
		k.blocks = append(k.blocks, make([]ending, 0, size))
	}
	last := &k.blocks[len(k.blocks)-1]
	*last = append(*last, e)
}

// release gives the endings that are held, which the reading then holds no more.
func (r *reading) release() iter.Seq[*ending] {
	return func(yield func(*ending) bool) {
		for _, s := range r.spans {
			blocks := s.kept.blocks
			s.kept = endings{}
			for _, b := range blocks {
				for i := range b {
					if !yield(&b[i]) {
						return
					}
				}
			}
		}
		r.held = 0
	}
}

// holdAgain takes back what is not entered yet.
func (r *reading) holdAgain(left []placed) {
	for _, p := range left {
		r.spans[0].kept.add(*p.ending)
	}
	r.held = len(left)
}

// run reads what is unread. It returns when all is read, when it is paused, or when no
// reader gets on any more, which is an error.
func (r *reading) run(ctx context.Context) error {
	r.err, r.limit = nil, r.held+r.waits()+maxHeld
	var g errgroup.Group
	r.mu.Lock()
	r.hire(ctx, &g)
	r.mu.Unlock()
	_ = g.Wait() // each reader leaves its error in r.err
	return r.err
}

// extend lets an earlier, unfinished reading go on to a later time. Where it had come to the
// end of the list, that is read again from the overlap on.
func (r *reading) extend(now int64) {
	last := r.spans[len(r.spans)-1]
	if last.done {
		from := r.now - r.by.overlap()
		last.to = max(last.from, from)
		r.spans = append(r.spans, &span{from: from, to: open, read: from})
	}
	r.now, r.gained = now, 0
}

// full says that the reading pauses, so that what it brought is counted; r.mu is held.
func (r *reading) full() bool { return r.held+r.waits() >= r.limit }

// hire sets idle readers to work; r.mu is held.
func (r *reading) hire(ctx context.Context, g *errgroup.Group) {
	for r.active < r.readers && !r.full() {
		s := r.take()
		if s == nil {
			return
		}
		r.active++
		g.Go(func() error {
			r.work(ctx, g, s)
			return nil
		})
	}
}

// work reads spans until there is nothing to take.
func (r *reading) work(ctx context.Context, g *errgroup.Group, s *span) {
	for s != nil {
		err := guard.Run(func() error { return r.readSpan(ctx, g, s) })
		r.mu.Lock()
		s.busy = false
		if s.done {
			r.estimate(s)
		}
		if err != nil && r.err == nil {
			r.err = err
		}
		s = nil
		if err == nil && !r.full() {
			s = r.take()
		}
		if s == nil {
			r.active--
		}
		r.mu.Unlock()
	}
}

// take finds a span to read: the earliest that nobody reads, or what lies a stretch ahead of a reader, whichever comes first, so
// that nobody reads far ahead of what can be counted; else half of the longest. While much is held, only the earliest is read.
func (r *reading) take() *span {
	longest := -1
	for i, s := range r.spans {
		ahead := s.busy && s.remainder(r.now) > 2*stretch
		if ahead {
			s = s.split(r.now)
			i++
			r.spans = slices.Insert(r.spans, i, s)
		}
		if ahead || !s.busy && !s.done {
			s.busy = true
			if s.remainder(r.now) > 2*stretch {
				r.spans = slices.Insert(r.spans, i+1, s.split(r.now))
			}
			return s
		}
		if !s.done && r.held >= mostHeld/2 {
			return nil
		}
		if longest < 0 || s.remainder(r.now) > r.spans[longest].remainder(r.now) {
			longest = i
		}
	}
	if longest < 0 || r.spans[longest].remainder(r.now) <= 2*api.JobsPage {
		return nil
	}
	later := r.spans[longest].split(r.now)
	later.busy = true
	r.spans = slices.Insert(r.spans, longest+1, later)
	return later
}

// estimate takes what a span had for what the one from which it was cut still has, and those after it that nobody began.
func (r *reading) estimate(s *span) {
	density := float64(s.rows) / float64(max(s.end(r.now)-s.from, 1))
	for i, other := range r.spans {
		before := i+1 < len(r.spans) && r.spans[i+1] == s
		if before || other.from >= s.from && other.rows == 0 && !other.busy {
			other.density = density
		}
	}
}

// readSpan reads to the end of a span, which another reader may have moved meanwhile.
func (r *reading) readSpan(ctx context.Context, g *errgroup.Group, s *span) error {
	r.mu.Lock()
	filter := r.filter(s)
	s.begun = s.read
	p := &spanPage{since: s.read}
	r.mu.Unlock()
	for j, err := range r.jobs(ctx, api.JobQuery{Filter: filter, Sort: string(r.by)}) {
		if err != nil {
			return err
		}
		more, line := r.receive(ctx, g, s, p, &j)
		r.progress.say(line)
		if !more {
			return nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.done = true
	return nil
}

// spanPage is where a reader is in its page.
type spanPage struct {
	since int64 // where the page began
	jobs  int   // of the span
}

// receive takes one job, and at the end of a page it sets others to work. It also gives a line for the log. Nothing in it may
// leave r.mu locked, not even a panic: the other readers would wait for ever.
func (r *reading) receive(ctx context.Context, g *errgroup.Group, s *span, p *spanPage, j *api.Job) (more bool, line []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	more = r.add(s, j)
	if p.jobs++; p.jobs%api.JobsPage == 0 {
		s.measure(p.since, api.JobsPage)
		p.since = s.read
		r.hire(ctx, g)
		line = r.progress.due(r)
	}
	return more, line
}

// add takes one job; it answers false where the span ends or the reading pauses. r.mu is held.
func (r *reading) add(s *span, j *api.Job) bool {
	r.tidy(j)
	if at := r.by.given(j); at != 0 { // what the answer leaves out says nothing of its order
		if at < s.read {
			s.unsorted = true
		}
		if at >= s.to && !s.unsorted {
			s.done = true
			return false
		}
		s.read = max(s.read, at)
		r.highest = max(r.highest, at)
	}
	s.rows++
	r.rows++
	r.gained++
	if e, ok := r.accept(j); ok {
		s.kept.add(e)
		r.held++
	}
	if r.held >= mostHeld && s.unsorted {
		r.err = errTooManyHeld
		return false
	}
	return s.unsorted || s.read == s.begun || !r.full() // whoever is out of order cannot go on from where it was
}

func (r *reading) filter(s *span) string {
	f := fmt.Sprintf("state eq 'DONE' and %s ge %s", r.by, stamp(s.read))
	if s.to != open {
		f += fmt.Sprintf(" and %s lt %s", r.by, stamp(s.to))
	}
	return f
}

// stamp is a time as the server's filters take it.
func stamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// join adds an ending that was found otherwise to those of the reading, which nobody reads at the moment.
func (r *reading) join(e ending) {
	r.spans[0].kept.add(e)
	r.held++
}

// complete says that everything up to r.now was read.
func (r *reading) complete() bool {
	return !slices.ContainsFunc(r.spans, func(s *span) bool { return !s.done })
}

// covered is the time before which everything was read.
func (r *reading) covered() int64 {
	for _, s := range r.spans {
		if !s.done {
			return s.covered(r.now)
		}
	}
	return r.now
}
