package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// Inspection is what a queue's directory holds.
type Inspection struct {
	Segments []Segment
	Cursors  []Cursor
	Damages  []Damage // in what was read
	Missing  []Missing
	Sites    []record.Site
}

// Segment is one segment, as an inspection finds it.
type Segment struct {
	record.Contents
	Bytes   int64
	Created time.Time
}

// BytesPerSample is what a sample takes on disk; 0 where there is none.
func (s Segment) BytesPerSample() float64 {
	if s.Samples == 0 {
		return 0
	}
	return float64(s.Bytes) / float64(s.Samples)
}

// Missing is what was in the queue and is gone, without having been sent or given up.
type Missing struct {
	Endpoint string        // that had not read it; empty where it is the log's end
	From, To uint64        // segments
	Lost     record.Totals // at least
}

// Cursor is where an endpoint is, as an inspection finds it.
type Cursor struct {
	Name string
	At   wal.Position
	Lag  record.Totals
	Err  error
}

// Damage is a place that an inspection cannot read, and what that costs: nothing where the
// record behind it has it too. Segment is 0 where it is the inventory, of which Err says all.
type Damage struct {
	Segment, Offset uint64
	Lost            record.Totals
	Err             error
}

// Inspect looks at a queue, also while an agent uses it: it takes no lock and changes nothing. It reads
// the newest segment and the heads of the others.
func Inspect(dir string) (Inspection, error) {
	return inspect(context.Background(), dir, false, func(int64, int64) {})
}

// Verify reads all of a queue and reports what is damaged; otherwise it is like Inspect. It tells
// progress how many of how many bytes it has read, and ends when ctx does.
func Verify(ctx context.Context, dir string, progress func(done, total int64)) (Inspection, error) {
	return inspect(ctx, dir, true, progress)
}

func inspect(ctx context.Context, dir string, whole bool, progress func(done, total int64)) (Inspection, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Inspection{}, fmt.Errorf("inspect queue: %w%s", err, Advice(err, dir))
	}
	found, err := inspectLog(Interruptible(ctx, wal.NewDir(root)), whole, progress)
	if err := errors.Join(err, root.Close()); err != nil {
		return found, fmt.Errorf("inspect queue %s: %w", dir, err)
	}
	return found, nil
}

func inspectLog(fs wal.FS, whole bool, progress func(done, total int64)) (Inspection, error) {
	log, _, err := wal.Open(fs, wal.Options{ReadOnly: true})
	if err != nil {
		return Inspection{}, err
	}
	in := NewInspector(log, record.OwnRoom())
	if whole {
		err = in.Walk(wal.Position{}, progress)
	} else {
		err = in.Heads()
	}
	if err == nil {
		in.Describe()
		err = in.cursors(fs)
	}
	return in.Found, errors.Join(err, log.Close())
}

// inspector collects what the log says.
type inspector struct {
	log     *wal.Log
	summary *summary
	room    record.Room
	refused error // what cannot be read within the room
	Total   record.Totals
	Seq     uint64 // of the last record
	Found   Inspection
}

// NewInspector looks at a log, and gives what it reads no more than a room.
func NewInspector(log *wal.Log, room record.Room) *inspector {
	return &inspector{log: log, summary: new(summary), room: room}
}

func (in *inspector) report(l window.Loss) {
	if in.refused == nil && errors.Is(l.Err, record.ErrOversized) {
		in.refused = fmt.Errorf("segment %d at byte %d: %w", l.Segment, l.Offset, l.Err)
	}
	if most := in.room.Damages; most > 0 && len(in.Found.Damages) == most {
		in.refused = fmt.Errorf("it is damaged in more than %d places", most)
		return
	}
	in.Found.Damages = append(in.Found.Damages, Damage{l.Segment, l.Offset, l.Lost, l.Err})
}

// Heads reads the first record of each segment, which tells about the one before, and all
// of the newest.
func (in *inspector) Heads() error {
	segments := in.log.Segments()
	for i, s := range segments {
		if i == len(segments)-1 {
			return in.Walk(wal.Position{Segment: s.Number}, func(int64, int64) {})
		}
		r := window.NewReader(in.log, wal.Position{Segment: s.Number}, in.report)
		err := r.StepPatiently()
		in.summary.note(r.Past)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(err, r.Close())
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Walk reads everything from a segment on.
func (in *inspector) Walk(from wal.Position, progress func(done, total int64)) error {
	r := window.NewReader(in.log, from, in.report)
	r.Room = in.room
	bytes, segment := in.bytesBefore(math.MaxUint64), uint64(0)
	var err error
	for err == nil && in.refused == nil && !in.room.Stopped() {
		err = r.StepPatiently()
		in.summary.note(r.Past)
		in.summary.note(r.Had)
		if r.At.Segment != segment {
			segment = r.At.Segment
			progress(in.bytesBefore(segment), bytes)
		}
	}
	progress(bytes, bytes)
	if r.Damage != nil { // behind the last record
		in.report(window.Loss{Segment: r.Damage.Segment, Offset: r.Damage.Offset, Lost: record.Totals{Records: r.Damage.Lost}, Err: r.Damage.Err})
	}
	in.Total, in.Seq = r.Totals(), r.Seq
	in.Found.Sites = r.Sites()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if in.room.Stopped() {
		err = ErrInterrupted
	}
	return errors.Join(err, in.refused, r.Close())
}

// bytesBefore is how much the segments before one hold.
func (in *inspector) bytesBefore(segment uint64) int64 {
	n := int64(0)
	for _, s := range in.log.Segments() {
		if s.Number < segment {
			n += s.Bytes
		}
	}
	return n
}

// Describe puts what was found out about the segments into their order.
func (in *inspector) Describe() {
	for _, s := range in.log.Segments() {
		described := Segment{Contents: record.Contents{Segment: s.Number}, Bytes: s.Bytes, Created: s.Created}
		for _, c := range in.summary.contents {
			if c.Segment == s.Number {
				described.Contents = c
			}
		}
		in.Found.Segments = append(in.Found.Segments, described)
	}
}

// miss finds out that the log's end is gone.
func (in *inspector) miss(had *inventory) {
	lost := had.Written.Minus(in.Total)
	switch end := in.log.End().Segment; {
	case lost == (record.Totals{}):
	case end > 0:
		in.Found.Missing = append(in.Found.Missing, Missing{"", end, had.Segment, lost})
	default:
		for _, name := range slices.Sorted(maps.Keys(had.Endpoints)) {
			lost := had.Written.Minus(had.Endpoints[name].Done)
			in.Found.Missing = append(in.Found.Missing, Missing{name, had.Endpoints[name].At.Segment, had.Segment, lost})
		}
	}
}

// passed is how much an endpoint was sent before its turn.
func (in *inspector) passed(by wal.Places) (sum record.Totals) {
	for _, p := range by.Passed {
		from, to := placeAt(in.log, p.From), placeAt(in.log, p.To)
		sum = sum.Plus(to.done.Minus(from.done))
	}
	return sum
}

func (in *inspector) cursors(fs wal.FS) error {
	names, err := wal.Cursors(fs)
	if err != nil {
		return err
	}
	stock, err := readStock(fs)
	if err != nil {
		return err
	}
	if stock.damage != nil {
		in.Found.Damages = append(in.Found.Damages, Damage{Err: stock.damage})
	}
	in.miss(&stock.inventory)
	for name, at := range stock.Endpoints {
		if !slices.Contains(names, name) && !at.Removed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c := Cursor{Name: name}
		known, was := stock.Endpoints[name]
		places, failed := wal.ReadPlaces(fs, name)
		if c.At, c.Err = places.At, failed; c.Err == nil {
			r := window.NewReader(in.log, c.At, func(window.Loss) {})
			if err := r.Seek(); err != nil && !errors.Is(err, io.EOF) {
				c.Err = err
			}
			c.Lag = in.Total.Minus(r.Totals()).Minus(in.passed(places))
			if lost := r.Before.Minus(known.Done); was && r.Had.Segment > c.At.Segment && !in.log.Has(c.At.Segment) && known.At.Segment < r.Had.Segment && lost != (record.Totals{}) {
				in.Found.Missing = append(in.Found.Missing, Missing{name, known.At.Segment, r.Had.Segment - 1, lost})
			}
			c.Err = errors.Join(c.Err, r.Close())
		} else if was && (errors.Is(c.Err, wal.ErrNoPosition) || errors.Is(c.Err, os.ErrNotExist)) {
			c.Err = fmt.Errorf("the position of endpoint %s is gone; it was %v. The endpoint continues there and sends some samples again", name, known.At)
		}
		in.Found.Cursors = append(in.Found.Cursors, c)
	}
	return nil
}
