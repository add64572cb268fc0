package netbackup

import (
	"cmp"
	"iter"
	"slices"

	"backwire/source"
	"backwire/source/ledger"
)

// Samples lie at aligned times: the multiples of the interval, in the agent's clock. A
// finished job belongs to the first point that is not before its end; where that point is
// emitted already, to the next one.

// maxCycleSamples is where a cycle that fills a gap is cut: each part is committed alone.
const maxCycleSamples = 25_000

// placed is an ending and its point, ms of the agent's clock.
type placed struct {
	*ending
	point int64
}

func (p placed) compare(q placed) int {
	return cmp.Or(cmp.Compare(p.point, q.point), cmp.Compare(p.End, q.End), cmp.Compare(p.ID, q.ID), cmp.Compare(p.Try, q.Try))
}

// filling lays what a reading brought at the aligned times.
type filling struct {
	l    *jobLedger
	tick int64
	last int64 // point up to which counters are emitted
	left []placed
	live func() []source.Sample

	cycle source.Cycle
	size  int
}

// cycles are the cycles from the last point up to a tick. The reading is nil where none
// was made; live gives the samples of the tick alone, once everything before it is counted;
// it is nil while a reading goes on, which then has its first part counted.
// A cycle that was yielded counts as accepted: what comes after it builds on it.
func (l *jobLedger) cycles(r *ledger.Reading, live func() []source.Sample, tick int64) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		f := &filling{l: l, tick: tick, live: live, cycle: source.Cycle{Site: l.site}}
		first := l.firstPoint(tick)
		f.last = l.lastPoint(r, first, tick)
		if live == nil { // the tick waits for its live samples
			f.last = min(f.last, tick-1)
		}
		f.place(r, first)
		for point := first; point <= f.last; point = l.nextPoint(point, tick) {
			f.fill(point)
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
func (l *jobLedger) firstPoint(tick int64) int64 {
	from := l.Filled
	if from == 0 {
		from = l.Birth.At - l.Clock.Skew
	}
	if l.backfill == 0 || l.Birth.At == 0 || from >= tick {
		return tick
	}
	from = max(from, tick-l.backfill-1)
	return l.nextPoint(from, tick)
}

// nextPoint is the first multiple of the interval after a time; the tick is the last even
// where it is none.
func (l *jobLedger) nextPoint(after, tick int64) int64 {
	next := after - after%l.interval + l.interval
	if after < tick && next > tick {
		return tick
	}
	return next
}

// lastPoint is the tick, or earlier where the history before it is still being read.
func (l *jobLedger) lastPoint(r *ledger.Reading, first, tick int64) int64 {
	l.started = cmp.Or(l.started, tick)
	switch {
	case l.idle || (r != nil && r.Complete()):
		return tick
	case l.Birth.At == 0:
		return first - 1 // nothing is known yet
	case first >= tick:
		return tick
	case r != nil && r.Gained() > 0:
		known := r.Covered() - l.Clock.Skew
		return min(known-known%l.interval, tick-1)
	case tick-l.started < waitForServer || len(l.counters.cells) == 0:
		return first - 1
	}
	return tick
}

// place sorts the endings by their points.
func (f *filling) place(r *ledger.Reading, first int64) {
	if r == nil {
		return
	}
	f.left = make([]placed, 0, r.Held())
	for row := range r.Release() {
		e := row.(*ending)
		end := e.End - f.l.Clock.Skew
		point := f.l.nextPoint(end-1, f.tick)
		f.left = append(f.left, placed{e, min(max(point, first), f.tick)})
	}
	slices.SortFunc(f.left, placed.compare)
	f.l.counters.birth = f.l.begins(first)
	f.l.noticeUnseen(r)
}

// fill makes the batch of a point.
func (f *filling) fill(point int64) {
	l := f.l
	before := l.begins(point)
	l.counters.birth = before
	n := 0
	for ; n < len(f.left) && f.left[n].point <= point; n++ {
		l.enter(f.left[n].ending, point)
		f.left[n].ending = nil // it may go
	}
	f.left = f.left[n:]
	for _, o := range l.observers {
		o.settle(point+l.Clock.Skew, l.clocks())
	}
	l.noticeRestarts()
	l.expire(point)
	if f.live != nil && point == f.tick { // all collectors have ended, that of policies as well
		l.forgetPolicies(point)
	}
	l.problems.countTo(l.counters)
	l.counters.enterUnreadable()
	f.zero(before)
	b := source.Batch{T: point, Exemplars: l.counters.takeExemplars(), Partial: point <= l.Newest}
	var live []source.Sample
	if point == f.tick {
		live = f.live()
	}
	b.Samples = make([]source.Sample, 0, len(l.counters.cells)+len(live))
	b.Samples = append(l.counters.appendTo(b.Samples), live...)
	f.add(b)
	l.Filled = point
}

// before is the point before a point, where new counters are 0.
func (l *jobLedger) before(point int64) int64 { return max(point-l.interval, l.Filled) }

// begins is when counters that are new at a point are 0: just after their series ended, where they are some that were forgotten
// with the batch before.
func (l *jobLedger) begins(point int64) int64 {
	if t := l.before(point); t != l.ended {
		return t
	}
	return l.ended + 1
}

// zero begins the new counters.
func (f *filling) zero(t int64) {
	f.add(source.Zeros(t, f.l.counters.takeFresh()))
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
func (f *filling) close(r *ledger.Reading) {
	l := f.l
	if f.last < f.tick && f.live != nil {
		f.add(source.Batch{T: f.tick, Samples: f.live(), Partial: len(l.counters.cells) > 0})
	}
	if r == nil {
		return
	}
	left := make([]ledger.Row, len(f.left))
	for i, p := range f.left {
		left[i] = p.ending
	}
	l.Advance(r, left, f.last < f.tick)
}

// cut gives what was gathered, with the changes of the state that belong to it.
func (f *filling) cut() source.Cycle {
	c := f.cycle
	c.Changes = f.l.changes()
	f.cycle, f.size = source.Cycle{Site: f.l.site}, 0
	return c
}

// expire looks once an hour for clients that are not seen any more.
func (l *jobLedger) expire(point int64) {
	if point-l.expired < hourMillis {
		return
	}
	l.expired = point
	// Both clocks must say so: one that is wrong for a reading would forget everybody.
	for _, o := range l.observers {
		o.expire(point, l.clocks())
	}
}
