package remotewrite

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"backwire/remotewrite/wal"
)

// errBoundary stops a window at the end of a segment.
var errBoundary = errors.New("the segment ends here")

// loss is a place in the log that could not be read, and what that cost: nothing where the
// next record's echo had it too.
type loss struct {
	segment, offset uint64
	lost            Totals
	err             error
}

// reader understands the log's records in order, from the head of a segment on. Where one
// is damaged it takes its block from the echo in the next; where two are, the rest of
// the segment means nothing to it and is lost.
type reader struct {
	unpacker
	wal    *wal.Reader
	report func(loss)
	from   wal.Position // what lies before has been delivered
	until  wal.Position // no window goes beyond, whatever its size, if it begins before; the zero position is none

	at     wal.Position // behind the record that was read last
	seq    uint64       // of that record; 0 before the first
	held   *wal.Record  // the next record, where it is already known
	broken error        // why the rest of this segment cannot be understood
	damage *wal.Damage  // met since the last record

	keepBlock bool   // for a writer that goes on behind the last record
	block     []byte // of the last record
}

// newReader reads from the start of the position's segment, because without it nothing
// could be understood, and delivers what lies at or behind the position.
func newReader(log *wal.Log, from wal.Position, report func(loss)) *reader {
	return &reader{
		unpacker: unpacker{image: newImage(), room: ownRoom()},
		wal:      log.Reader(wal.Position{Segment: from.Segment}),
		report:   report,
		from:     from,
	}
}

func (r *reader) close() error { return r.wal.Close() }

// totals is how much was written up to where the reader is.
func (r *reader) totals() Totals { return r.before.plus(r.had.Totals) }

// newest is the time of the newest batch up to where the reader is, ms since the epoch; 0 if
// there is none.
func (r *reader) newest() int64 { return max(r.past.Newest, r.had.Newest) }

// fill puts whole records into the window until it is full and holds at least so many samples, the segment ends or
// there is no more: io.EOF means that there was none at all.
func (r *reader) fill(w *window, least int) error {
	w.reset(r.at)
	before := r.at.Compare(r.until) < 0
	var err error
	for err == nil && !w.full(least) && (!before || w.next.Compare(r.until) < 0) {
		err = r.step(w)
	}
	w.turn()
	if w.samples > 0 {
		return nil // an error comes again, if it is more than the end
	}
	return err
}

// seek reads up to where delivering begins, and the head of the segment in any case: it says
// how much was written before. It reads no further, because what is read and then removed
// would be both lost and delivered.
func (r *reader) seek() error {
	for r.seq == 0 || r.at.Compare(r.from) < 0 {
		rec, err := r.peek()
		if err != nil {
			return err
		}
		head := r.seq == 0 && rec.Head()
		if rec.Pos.Compare(r.from) >= 0 && !head {
			return nil
		}
		if err := r.step(nil); err != nil {
			return err
		}
	}
	return nil
}

// readRetry is when a disk that did not give something back is asked again, by who has nobody to come back later for.
const readRetry = time.Second

// stepPatiently reads one record, and waits until a disk that does not give it back does, or is known not to.
func (r *reader) stepPatiently() error {
	for {
		err := r.step(nil)
		if !errors.Is(err, syscall.EIO) {
			return err
		}
		time.Sleep(readRetry)
	}
}

// peek returns the next record without going on behind it.
func (r *reader) peek() (*wal.Record, error) {
	for r.held == nil {
		rec, err := r.wal.Next()
		if damage, ok := errors.AsType[*wal.Damage](err); ok {
			r.meet(damage)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.held = &rec
	}
	return r.held, nil
}

// meet remembers damage until the next record says what it cost. What was removed is
// counted by who removed it.
func (r *reader) meet(damage *wal.Damage) {
	if errors.Is(damage, wal.ErrRemoved) {
		r.seq, r.had.Segment = 0, 0
		return
	}
	r.damage = damage
}

// step reads one record, and the one before it where only its echo is left.
func (r *reader) step(w *window) error {
	rec, err := r.peek()
	if err != nil {
		return err
	}
	echo, block, err := split(rec.Payload)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("read record %d at %v: %w", rec.Seq, rec.Pos, err)
	}
	entering := rec.Pos.Segment != r.at.Segment
	if entering && r.leave(rec, echo, w) {
		return errBoundary
	}
	r.held = nil
	r.bridge(rec, echo, entering, w)
	if err != nil {
		r.broken = err
	}
	r.read(rec, block, w)
	r.at, r.seq, r.damage = rec.Next, rec.Seq, nil
	if w != nil {
		w.next = rec.Next
	}
	return nil
}

// leave finishes a segment when the first record of the next is at hand. It says whether
// the window has to end here.
func (r *reader) leave(rec *wal.Record, echo []byte, w *window) bool {
	if r.seq > 0 && r.broken == nil && rec.Head() && rec.Seq == r.seq+2 && len(echo) > 0 {
		if r.take(echo, r.wanted(w, rec.Pos.Compare(r.from) > 0)) == nil {
			r.tell(0)
			r.seq, r.damage = rec.Seq-1, nil
			if w != nil {
				w.next = rec.Pos
			}
		}
	}
	return w != nil && w.samples > 0
}

// bridge deals with what is missing between the last record and this one.
func (r *reader) bridge(rec *wal.Record, echo []byte, entering bool, w *window) {
	missing := uint64(0)
	if r.seq > 0 {
		missing = rec.Seq - min(r.seq+1, rec.Seq)
	} else if r.damage != nil {
		missing = r.damage.Lost
	}
	switch {
	case rec.Head():
		r.broken = nil
	case entering && isHead(echo):
		missing -= min(missing, 1)
		r.broken = nil
		r.enter(rec, echo)
	case entering:
		r.broken = fmt.Errorf("no readable segment head: %w", wal.ErrMissing)
	case missing == 1 && len(echo) > 0 && r.broken == nil:
		missing = 0
		r.broken = r.take(echo, r.wanted(w, rec.Pos.Compare(r.from) > 0))
	case missing > 0 && r.broken == nil:
		r.broken = wal.ErrMissing
	}
	if rec.Pos.Compare(r.from) <= 0 {
		missing = 0 // delivered before it was lost
	}
	if missing > 0 || r.damage != nil {
		r.tell(missing)
	}
}

// tell reports the damage in front of a record.
func (r *reader) tell(records uint64) {
	l := loss{segment: r.at.Segment, offset: r.at.Offset, lost: Totals{Records: records}, err: wal.ErrMissing}
	if r.damage != nil {
		l.segment, l.offset, l.err = r.damage.Segment, r.damage.Offset, r.damage.Err
	}
	r.report(l)
}

// read takes a record's own block, or counts it as lost.
func (r *reader) read(rec *wal.Record, block []byte, w *window) {
	deliver := rec.Pos.Compare(r.from) >= 0
	switch {
	case r.broken == nil && rec.Head():
		r.enter(rec, block)
	case r.broken == nil:
		r.broken = r.take(block, r.wanted(w, deliver))
	}
	if r.broken != nil && deliver {
		r.report(loss{rec.Pos.Segment, rec.Pos.Offset, Totals{Records: 1}, r.broken})
	}
}

// enter begins a segment. Its head says how much was written before, and so how many
// samples were in the records that are lost.
func (r *reader) enter(rec *wal.Record, head []byte) {
	known, understood := r.totals(), r.had.Segment != 0
	if r.broken = r.take(head, nil); r.broken != nil {
		return
	}
	r.had.Segment = rec.Pos.Segment
	var missing Totals
	switch {
	case understood:
		missing.Samples = r.before.minus(known).Samples
	case r.seq > 0: // records of the segment before, counted one by one
		missing.Samples = r.past.Samples
	case r.damage != nil && r.damage.Segment <= r.past.Segment: // not even one of them
		missing = r.past.Totals
		missing.Records -= min(missing.Records, r.damage.Lost)
	}
	if missing != (Totals{}) {
		r.report(loss{rec.Pos.Segment, rec.Pos.Offset, missing, wal.ErrMissing})
	}
}

func (r *reader) take(block []byte, w *window) error {
	if r.keepBlock {
		r.block = append(r.block[:0], block...)
	}
	if w != nil {
		w.records++
	}
	return r.apply(block, w)
}

func (r *reader) wanted(w *window, deliver bool) *window {
	if deliver {
		return w
	}
	return nil
}
