package window

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

// errBoundary stops a window at the end of a segment.
var errBoundary = errors.New("the segment ends here")

// Loss is a place in the log that could not be read, and what that cost: nothing where the
// next record's echo had it too.
type Loss struct {
	Segment, Offset uint64
	Lost            record.Totals
	Err             error
}

// Reader understands the log's records in order, from the head of a segment on. Where one
// is damaged it takes its block from the echo in the next; where two are, the rest of
// the segment means nothing to it and is lost.
type Reader struct {
	record.Unpacker
	wal    *wal.Reader
	report func(Loss)
	from   wal.Position // everything before has been delivered
	Until  wal.Position // a window that starts before it ends there, at any size; the zero position is no limit
	To     wal.Position // a segment's begin, from where on nothing is delivered; the zero position is none

	At     wal.Position // after the record that was read last
	Seq    uint64       // of that record; 0 before the first
	held   *wal.Record  // the next record, where it is already known
	Broken error        // why the rest of this segment cannot be understood
	Damage *wal.Damage  // met since the last record

	KeepBlock bool   // for a writer that continues after the last record
	Block     []byte // of the last record
}

// NewReader reads from the start of the position's segment, because without it nothing
// could be understood, and delivers everything from the position on.
func NewReader(log *wal.Log, from wal.Position, report func(Loss)) *Reader {
	return &Reader{
		Unpacker: record.Unpacker{Image: record.NewImage(), Room: record.OwnRoom()},
		wal:      log.Reader(wal.Position{Segment: from.Segment}),
		report:   report,
		from:     from,
	}
}

// Position is where the next record is read.
func (r *Reader) Position() wal.Position { return r.wal.Position() }

// Close lets go of the log.
func (r *Reader) Close() error { return r.wal.Close() }

// Totals is how much was written up to where the reader is.
func (r *Reader) Totals() record.Totals { return r.Written() }

// Newest is the time of the newest batch up to where the reader is, ms since the epoch; 0 if
// there is none.
func (r *Reader) Newest() int64 { return max(r.Past.Newest, r.Had.Newest) }

// Fill puts whole records into the window until it is full and holds at least so many samples, the segment ends or
// there is no more: io.EOF means that there was none at all.
func (r *Reader) Fill(w *Window, least int) error {
	w.reset(r.At)
	before := r.At.Compare(r.Until) < 0
	var err error
	for err == nil && !w.full(least) && (!before || w.Next.Compare(r.Until) < 0) && !r.beyond(w.Next) {
		err = r.Step(w)
	}
	w.Last = errors.Is(err, io.EOF)
	w.makeColumns()
	if w.Samples > 0 {
		return nil // an error comes again, if it is more than the end
	}
	return err
}

// beyond says whether a position is one of those that are not delivered.
func (r *Reader) beyond(at wal.Position) bool {
	return r.To != (wal.Position{}) && at.Compare(r.To) >= 0
}

// Seek reads up to where delivering begins, and the head of the segment in any case: it says
// how much was written before. It reads no further, because what is read and then removed
// would be both lost and delivered.
func (r *Reader) Seek() error {
	for r.Seq == 0 || r.At.Compare(r.from) < 0 {
		rec, err := r.peek()
		if err != nil {
			return err
		}
		head := r.Seq == 0 && rec.Head()
		if rec.Pos.Compare(r.from) >= 0 && !head {
			return nil
		}
		if err := r.Step(nil); err != nil {
			return err
		}
	}
	return nil
}

// readRetry is the pause before a failed read is repeated, for callers that cannot come back later.
const readRetry = time.Second

// StepPatiently reads one record, and waits until a disk that does not give it back does, or is known not to.
func (r *Reader) StepPatiently() error {
	for {
		err := r.Step(nil)
		if !errors.Is(err, syscall.EIO) {
			return err
		}
		time.Sleep(readRetry)
	}
}

// peek returns the next record without moving past it.
func (r *Reader) peek() (*wal.Record, error) {
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
func (r *Reader) meet(damage *wal.Damage) {
	if errors.Is(damage, wal.ErrRemoved) {
		r.Seq, r.Had.Segment = 0, 0
		return
	}
	r.Damage = damage
}

// Step reads one record, and the one before it where only its echo is left.
func (r *Reader) Step(w *Window) error {
	rec, err := r.peek()
	if err != nil {
		return err
	}
	echo, block, err := record.Split(rec.Payload)
	if errors.Is(err, record.ErrVersion) {
		return fmt.Errorf("read record %d at %v: %w", rec.Seq, rec.Pos, err)
	}
	entering := rec.Pos.Segment != r.At.Segment
	if entering && r.leave(rec, echo, w) {
		return errBoundary
	}
	r.held = nil
	r.bridge(rec, echo, entering, w)
	if err != nil {
		r.Broken = err
	}
	r.read(rec, block, w)
	r.At, r.Seq, r.Damage = rec.Next, rec.Seq, nil
	if w != nil {
		w.Next = rec.Next
	}
	return nil
}

// leave finishes a segment when the first record of the next is at hand. It says whether
// the window has to end here.
func (r *Reader) leave(rec *wal.Record, echo []byte, w *Window) bool {
	if r.Seq > 0 && r.Broken == nil && rec.Head() && rec.Seq == r.Seq+2 && len(echo) > 0 {
		if r.take(echo, r.wanted(w, rec.Pos.Compare(r.from) > 0)) == nil {
			r.tell(0)
			r.Seq, r.Damage = rec.Seq-1, nil
			if w != nil {
				w.Next = rec.Pos
			}
		}
	}
	return w != nil && w.Samples > 0
}

// bridge deals with what is missing between the last record and this one.
func (r *Reader) bridge(rec *wal.Record, echo []byte, entering bool, w *Window) {
	missing := uint64(0)
	if r.Seq > 0 {
		missing = rec.Seq - min(r.Seq+1, rec.Seq)
	} else if r.Damage != nil {
		missing = r.Damage.Lost
	}
	switch {
	case rec.Head():
		r.Broken = nil
	case entering && record.IsHead(echo):
		missing -= min(missing, 1)
		r.Broken = nil
		r.enter(rec, echo)
	case entering:
		r.Broken = fmt.Errorf("no readable segment head: %w", wal.ErrMissing)
	case missing == 1 && len(echo) > 0 && r.Broken == nil:
		missing = 0
		r.Broken = r.take(echo, r.wanted(w, rec.Pos.Compare(r.from) > 0))
	case missing > 0 && r.Broken == nil:
		r.Broken = wal.ErrMissing
	}
	if rec.Pos.Compare(r.from) <= 0 {
		missing = 0 // delivered before it was lost
	}
	if missing > 0 || r.Damage != nil {
		r.tell(missing)
	}
}

// tell reports the damage in front of a record.
func (r *Reader) tell(records uint64) {
	l := Loss{Segment: r.At.Segment, Offset: r.At.Offset, Lost: record.Totals{Records: records}, Err: wal.ErrMissing}
	if r.Damage != nil {
		l.Segment, l.Offset, l.Err = r.Damage.Segment, r.Damage.Offset, r.Damage.Err
	}
	r.report(l)
}

// read takes a record's own block, or counts it as lost.
func (r *Reader) read(rec *wal.Record, block []byte, w *Window) {
	deliver := rec.Pos.Compare(r.from) >= 0 && !r.beyond(rec.Pos)
	switch {
	case r.Broken == nil && rec.Head():
		r.enter(rec, block)
	case r.Broken == nil:
		r.Broken = r.take(block, r.wanted(w, deliver))
	}
	if r.Broken != nil && deliver {
		r.report(Loss{rec.Pos.Segment, rec.Pos.Offset, record.Totals{Records: 1}, r.Broken})
	}
}

// enter begins a segment. Its head says how much was written before, and so how many
// samples were in the records that are lost.
func (r *Reader) enter(rec *wal.Record, head []byte) {
	known, understood := r.Totals(), r.Had.Segment != 0
	if r.Broken = r.take(head, nil); r.Broken != nil {
		return
	}
	r.Had.Segment = rec.Pos.Segment
	var missing record.Totals
	switch {
	case understood:
		missing.Samples = r.Before.Minus(known).Samples
	case r.Seq > 0: // records of the segment before, counted one by one
		missing.Samples = r.Past.Samples
	case r.Damage != nil && r.Damage.Segment <= r.Past.Segment: // not even one of them
		missing = r.Past.Totals
		missing.Records -= min(missing.Records, r.Damage.Lost)
	}
	if missing != (record.Totals{}) {
		r.report(Loss{rec.Pos.Segment, rec.Pos.Offset, missing, wal.ErrMissing})
	}
}

func (r *Reader) take(block []byte, w *Window) error {
	if r.KeepBlock {
		r.Block = append(r.Block[:0], block...)
	}
	var to record.Sink
	if w != nil {
		w.Records++
		to = w
	}
	return r.Apply(block, to)
}

func (r *Reader) wanted(w *Window, deliver bool) *Window {
	if deliver {
		return w
	}
	return nil
}
