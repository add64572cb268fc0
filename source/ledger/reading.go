package ledger

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/source/guard"
)

// maxHeld is how many endings a run of a reading adds to what it holds in memory; then it
// pauses, so that they are counted.
const maxHeld = 10_000

// mostHeld is how many endings are held at all, where they cannot be counted yet: they lie within one interval, or the server
// does not keep their order. A million events a day are 700 a minute.
const mostHeld = 60_000

// ErrTooManyHeld ends a reading that the next one goes on with.
var ErrTooManyHeld = guard.Limit{What: "a list", Most: mostHeld, Unit: "jobs that end within one interval or are out of order"}

// Reading is one pass over the ended events since a time, in as many spans as there are
// idle readers: whoever has nothing to do takes the later half of the longest remainder.
// Once Read has returned it is used by one goroutine at a time.
type Reading struct {
	by      Order
	now     int64 // server's clock when the reading began, ms
	overlap int64 // ms before the watermark where it begins
	readers int
	source  Source
	accept  func(Row) (ending Row, ok bool) // called under mu; an ending that is waited for is none yet
	waits   func() int                      // for how many, called under mu

	mu       sync.Mutex
	progress progress
	spans    []*span // ascending and without gaps
	active   int
	held     int // endings in the spans
	limit    int // of held, in this run
	rows     int
	gained   int // rows of this cycle

	unseen    int64 // ms before now whose events the server has forgotten
	unchecked bool  // whether it has could not be found out
	highest   int64
	err       error
}

// Gained is how many rows this cycle read.
func (r *Reading) Gained() int { return r.gained }

// release gives the endings that are held, which the reading then holds no more. What an ending lacks of an end or of a last
// change has the other in its place.
func (r *Reading) release() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, s := range r.spans {
			kept := s.kept
			s.kept = nil
			for i, row := range kept {
				kept[i] = nil // it may go when it is counted
				if !yield(row) {
					return
				}
			}
		}
		r.held = 0
	}
}

// takeUnseen is for how long, in ms, the server had forgotten its events before they were read. It is told once, when the
// reading is complete.
func (r *Reading) takeUnseen() int64 {
	if !r.Complete() || r.unseen <= 0 {
		return 0
	}
	unseen := r.unseen
	r.unseen = 0
	return unseen
}

// run reads what is unread. It returns when all is read, when it is paused, or when no
// reader gets on any more, which is an error.
func (r *Reading) run(ctx context.Context) error {
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
func (r *Reading) extend(now int64) {
	last := r.spans[len(r.spans)-1]
	if last.done {
		from := r.now - r.by.overlap()
		last.to = max(last.from, from)
		r.spans = append(r.spans, &span{from: from, to: Open, read: from})
	}
	r.now, r.gained = now, 0
}

// full says that the reading pauses, so that what it brought is counted; r.mu is held.
func (r *Reading) full() bool { return r.held+r.waits() >= r.limit }

// hire sets idle readers to work; r.mu is held.
func (r *Reading) hire(ctx context.Context, g *errgroup.Group) {
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
func (r *Reading) work(ctx context.Context, g *errgroup.Group, s *span) {
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
func (r *Reading) take() *span {
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
	if longest < 0 || r.spans[longest].remainder(r.now) <= 2*PageRows {
		return nil
	}
	later := r.spans[longest].split(r.now)
	later.busy = true
	r.spans = slices.Insert(r.spans, longest+1, later)
	return later
}

// estimate takes what a span had for what the one from which it was cut still has, and those after it that nobody began.
func (r *Reading) estimate(s *span) {
	density := float64(s.rows) / float64(max(s.end(r.now)-s.from, 1))
	for i, other := range r.spans {
		before := i+1 < len(r.spans) && r.spans[i+1] == s
		if before || other.from >= s.from && other.rows == 0 && !other.busy {
			other.density = density
		}
	}
}

// readSpan reads to the end of a span, which another reader may have moved meanwhile.
func (r *Reading) readSpan(ctx context.Context, g *errgroup.Group, s *span) error {
	r.mu.Lock()
	q := Query{By: r.by, From: s.read, To: s.to}
	s.begun = s.read
	p := &spanPage{since: s.read}
	r.mu.Unlock()
	for row, err := range r.source.Events(ctx, q) {
		if err != nil {
			return err
		}
		more, line := r.receive(ctx, g, s, p, row)
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
	rows  int   // of the span
}

// receive takes one row, and at the end of a page it sets others to work. It also gives a line for the log. Nothing in it may
// leave r.mu locked, not even a panic: the other readers would wait for ever.
func (r *Reading) receive(ctx context.Context, g *errgroup.Group, s *span, p *spanPage, row Row) (more bool, line []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	more = r.add(s, row)
	if p.rows++; p.rows%PageRows == 0 {
		s.measure(p.since, PageRows)
		p.since = s.read
		r.hire(ctx, g)
		line = r.progress.due(r)
	}
	return more, line
}

// add takes one row; it answers false where the span ends or the reading pauses. r.mu is held.
func (r *Reading) add(s *span, row Row) bool {
	if at := r.by.of(row.Core()); at != 0 { // what the answer leaves out says nothing of its order
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
	if ending, ok := r.accept(row); ok {
		s.kept = append(s.kept, ending)
		r.held++
	}
	if r.held >= mostHeld && s.unsorted {
		r.err = ErrTooManyHeld
		return false
	}
	return s.unsorted || s.read == s.begun || !r.full() // whoever is out of order cannot go on from where it was
}

// join adds an ending that was found otherwise to those of the reading, which nobody reads at the moment.
func (r *Reading) join(ending Row) {
	r.spans[0].kept = append(r.spans[0].kept, ending)
	r.held++
}

// Complete says that everything was read up to the server's clock when the reading began.
func (r *Reading) Complete() bool {
	return !slices.ContainsFunc(r.spans, func(s *span) bool { return !s.done })
}

// covered is the time before which everything was read, in ms of the server's clock.
func (r *Reading) covered() int64 {
	for _, s := range r.spans {
		if !s.done {
			return s.covered(r.now)
		}
	}
	return r.now
}

// sayEvery is how often a long reading tells how far it is; a shorter one says nothing.
const sayEvery = 5 * time.Second

// progress tells whoever waits for a first start or a gap how far the reading is.
type progress struct {
	log  *slog.Logger
	said time.Time // when the last line was due, at first when the reading began
}

// due answers with a line if it is time for one. The reading's mu is held, so it is the caller
// who writes it.
func (p *progress) due(r *Reading) []any {
	now := time.Now()
	if now.Sub(p.said) < sayEvery {
		return nil
	}
	p.said = now
	return []any{"jobs", r.rows, "read_until", stamp(r.covered()), "reading_to", stamp(r.now)}
}

func (p *progress) say(line []any) {
	if line != nil {
		p.log.Info("reading the job history", line...)
	}
}
