package ledger

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"backwire/source"
)

// Samples lie at aligned times: the multiples of the interval, in the agent's clock. An
// ending belongs to the first point that is not before it; where that point is
// emitted already, to the next one.
//
// What fills a gap of a minute or more is sparse: every series has a sample a minute, and between them only what changed has one. A
// series so has 1,440 a day and its changes, whatever the interval. Were they more than two minutes apart, rate() over the usual five
// minutes would find too few.

// Books are kept by a product: what its counters and its memories come to.
type Books interface {
	// Count takes the endings of a point and gives what the series are then.
	Count(p *Point) Page
	// Series is how many series are kept whatever a server answers.
	Series() int
	// Changes are the keys of its own state that changed since it was last asked; newest is the time of the newest batch.
	Changes(newest int64) []source.Change
}

// Point is an aligned time. Times are ms of the agent's clock but for Unseen.
type Point struct {
	At      int64
	Born    int64                  // when series begin that are new at it
	Unseen  int64                  // for how many ms the server had forgotten its events before they were read
	Endings iter.Seq[Entry]        // each to be counted, now and never again; to be asked for once
	Live    func() []source.Sample // of the tick alone, once all before it is counted, to be copied; nil at other points
}

// Entry is an ending that is counted.
type Entry struct {
	Row    Row
	Before int32 // the highest try of the event that was counted earlier; negative where there was none
	At     int64 // when it ended: behind the point before, and not behind this one
}

// Page is what the books give at a point.
type Page struct {
	Zeros     source.Batch // of the series that are new; empty where none is
	Samples   []source.Sample
	Exemplars []source.Exemplar
}

const (
	// waitForServer is how long a new agent keeps the gap before its start open for a
	// server that does not answer yet, in ms. Then the counters go on without it, and the
	// events of the gap are counted at the next point after the server is back.
	waitForServer = 600_000

	// fillStep is how far apart, in ms, the samples of a series are that does not change while a gap is filled.
	fillStep = 60_000

	// maxCycleSamples is where a cycle that fills a gap is cut: each part is committed alone.
	maxCycleSamples = 25_000
)

// placed is an ending and its point, ms of the agent's clock.
type placed struct {
	Row
	point int64
}

func (p placed) compare(q placed) int {
	e, f := p.Core(), q.Core()
	return cmp.Or(cmp.Compare(p.point, q.point), cmp.Compare(e.End, f.End), cmp.Compare(e.ID, f.ID), cmp.Compare(e.Try, f.Try))
}

// filling lays what a reading brought at the aligned times.
type filling struct {
	l      *Ledger
	books  Books
	tick   int64
	last   int64 // point up to which counters are emitted
	left   []placed
	unseen int64
	live   func() []source.Sample
	before []source.Sample // of the last point that was filled

	cycle source.Cycle
	size  int
}

// Cycles are the cycles from the last point up to a tick. The reading is nil where none
// was made; live gives the samples of the tick alone, once everything before it is counted, and may use their memory again;
// it is nil while a reading goes on, which then has its first part counted.
// A cycle that was yielded counts as accepted: what comes after it builds on it.
func (l *Ledger) Cycles(books Books, r *Reading, live func() []source.Sample, tick int64) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		f := &filling{l: l, books: books, tick: tick, live: live, cycle: source.Cycle{Site: l.cfg.Site}}
		first := l.firstPoint(tick)
		f.last = f.lastPoint(r, first)
		if live == nil { // the tick waits for its live samples
			f.last = min(f.last, tick-1)
		}
		f.place(r, first)
		for point := first; point <= f.last; point = l.nextPoint(point, tick) {
			if whole := tick-first < fillStep || point == first || f.isWhole(point); whole || f.ends(point) {
				f.fill(point, whole)
			}
			if f.size >= maxCycleSamples && point < f.last && !yield(f.cut()) {
				return
			}
		}
		f.close(r)
		if live != nil || f.size > 0 {
			yield(f.cut())
		}
	}
}

// firstPoint is the first one that has no counters yet, as far as gaps are filled.
func (l *Ledger) firstPoint(tick int64) int64 {
	from := l.Filled
	if from == 0 {
		from = l.Birth.At - l.Clock.Skew
	}
	if l.cfg.Backfill == 0 || l.Birth.At == 0 || from >= tick {
		return tick
	}
	from = max(from, tick-l.cfg.Backfill-1)
	return l.nextPoint(from, tick)
}

// nextPoint is the first multiple of the interval after a time; the tick is the last even
// where it is none.
func (l *Ledger) nextPoint(after, tick int64) int64 {
	next := after - after%l.cfg.Interval + l.cfg.Interval
	if after < tick && next > tick {
		return tick
	}
	return next
}

// lastPoint is the tick, or earlier where the history before it is still being read.
func (f *filling) lastPoint(r *Reading, first int64) int64 {
	l, tick := f.l, f.tick
	l.started = cmp.Or(l.started, tick)
	switch {
	case l.Idle || (r != nil && r.Complete()):
		return tick
	case l.Birth.At == 0:
		return first - 1 // nothing is known yet
	case first >= tick:
		return tick
	case r != nil && r.gained > 0:
		known := r.covered() - l.Clock.Skew
		return min(known-known%l.cfg.Interval, tick-1)
	case tick-l.started < waitForServer || f.books.Series() == 0:
		return first - 1
	}
	return tick
}

// place sorts the endings by their points.
func (f *filling) place(r *Reading, first int64) {
	if r == nil {
		return
	}
	f.left = make([]placed, 0, r.held)
	for row := range r.release() {
		end := row.Core().End - f.l.Clock.Skew
		point := f.l.nextPoint(end-1, f.tick)
		f.left = append(f.left, placed{row, min(max(point, first), f.tick)})
	}
	slices.SortFunc(f.left, placed.compare)
	f.unseen = r.takeUnseen()
}

// isWhole says whether every series has a sample at a point.
func (f *filling) isWhole(point int64) bool {
	return point == f.tick || point/fillStep != (point-f.l.cfg.Interval)/fillStep
}

// ends says whether endings belong to a point.
func (f *filling) ends(point int64) bool { return len(f.left) > 0 && f.left[0].point <= point }

// fill makes the batch of a point: of all series, or of those that changed.
func (f *filling) fill(point int64, whole bool) {
	l := f.l
	p := &Point{At: point, Born: max(point-l.cfg.Interval, l.Filled), Unseen: f.unseen}
	p.Endings = func(yield func(Entry) bool) { f.enter(p, yield) }
	if point == f.tick {
		p.Live = f.live
	}
	f.unseen = 0
	page := f.books.Count(p)
	f.add(page.Zeros)
	samples := page.Samples
	if !whole {
		samples = changed(f.before, samples)
	}
	f.add(source.Batch{T: point, Samples: samples, Exemplars: page.Exemplars, Partial: !whole || point <= l.Newest})
	f.before, l.Filled = page.Samples, point
}

// changed are the samples that are not the same as before. Series keep their place.
func changed(before, now []source.Sample) []source.Sample {
	var all []source.Sample
	for i, s := range now {
		if i >= len(before) || before[i].Series != s.Series || math.Float64bits(before[i].Value) != math.Float64bits(s.Value) {
			all = append(all, s)
		}
	}
	return all
}

// enter takes the endings of a point among those that were counted, and gives those that were not among them.
func (f *filling) enter(p *Point, yield func(Entry) bool) {
	for more := true; more && len(f.left) > 0 && f.left[0].point <= p.At; f.left = f.left[1:] {
		row := f.left[0].Row
		f.left[0].Row = nil // it may go
		if before, ok := f.l.enter(row.Core()); ok {
			more = yield(Entry{row, before, min(max(row.Core().End-f.l.Clock.Skew, p.Born+1), p.At)})
		}
	}
}

func (f *filling) add(b source.Batch) {
	if len(b.Samples) == 0 {
		return
	}
	f.cycle.Batches = append(f.cycle.Batches, b)
	f.size += len(b.Samples)
	f.l.Newest = max(f.l.Newest, b.T)
}

// close ends the last cycle: it moves the watermark, and where the counters are not at the
// tick yet it gives the live samples a batch of their own.
func (f *filling) close(r *Reading) {
	if f.last < f.tick && f.live != nil {
		f.add(source.Batch{T: f.tick, Samples: slices.Clone(f.live()), Partial: f.books.Series() > 0})
	}
	if r == nil {
		return
	}
	left := make([]Row, len(f.left))
	for i, p := range f.left {
		left[i] = p.Row
	}
	f.l.finish(r, left, f.last < f.tick)
}

// cut gives what was gathered, with the changes of the state that belong to it.
func (f *filling) cut() source.Cycle {
	l, c := f.l, f.cycle
	c.Changes = slices.Concat(l.Counted.changes(), l.audit.changes(), l.Clock.changes(), f.books.Changes(l.Newest),
		[]source.Change{{Key: markKey, Value: l.encode(&l.Clock, l.Counted)}})
	f.cycle, f.size = source.Cycle{Site: l.cfg.Site}, 0
	return c
}
