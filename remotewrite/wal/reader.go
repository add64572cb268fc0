package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"backwire/source/regular"
)

// Reader delivers the records of a log in order. It is for one goroutine.
type Reader struct {
	log      *Log
	pos      Position
	expected uint64 // sequence number of the record at pos; 0 if unknown
	scan     scanner

	pending *Damage // until the next good frame says what was lost
	unsure  bool    // the number of records lost in pending is unknown
	found   Record  // that frame, after pending was returned

	suspect suspect
}

// suspect is a segment that the disk did not give back. What is unreadable for patience, each time that it is tried, is
// damage.
type suspect struct {
	segment uint64
	since   time.Time
	proven  bool
}

// patience is how long a disk may be away without costing anything.
const patience = 30 * time.Second

// proves says that a read error has lasted, which makes it damage: of the rest of the segment too, whose every block would
// take as long.
func (r *Reader) proves(err error) bool {
	if !errors.Is(err, syscall.EIO) {
		return false
	}
	if r.suspect.segment != r.pos.Segment {
		r.suspect = suspect{segment: r.pos.Segment, since: time.Now()}
	}
	r.suspect.proven = time.Since(r.suspect.since) >= patience
	return r.suspect.proven
}

func (r *Reader) given() bool { return r.suspect.segment == r.pos.Segment && r.suspect.proven }

// Reader returns a reader of the records from a position on. A position that
// is not the start of a record (its log was damaged, or is another one) is
// moved back to one, never forward.
func (l *Log) Reader(from Position) *Reader {
	r := &Reader{log: l, pos: from}
	r.orient()
	return r
}

// Next returns the next record, io.EOF at the end of what is committed, or a
// *Damage that says what was skipped; the next call continues after it.
// Any other error is a failure to read that may pass: the same record is tried
// again by the next call.
func (r *Reader) Next() (Record, error) {
	if r.found.Seq > 0 {
		rec := r.found
		r.found = Record{}
		r.pos = rec.Next
		return rec, nil
	}
	for {
		v := r.log.view(r.pos)
		if !v.exists {
			if err := r.jump(v); err != nil {
				return Record{}, err
			}
			continue
		}
		err := r.open()
		if now := r.log.view(r.pos); now.leaving && errors.Is(err, fs.ErrNotExist) {
			if err := r.jump(now); err != nil {
				return Record{}, err
			}
			continue // removed a moment ago
		}
		f, g, err := r.read(v, err)
		if r.proves(err) {
			continue // to read it once more, and skip it
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Record{}, err
		}
		r.note(g.off, g.end, g.err)
		if err == nil {
			return r.deliver(f)
		}
		r.pos.Offset = uint64(r.scan.off)
		if v.newest {
			return Record{}, r.settle(v.seq)
		}
		r.pos = Position{Segment: v.following}
	}
}

// read returns the next frame of the segment at hand.
func (r *Reader) read(v view, opened error) (frame, gap, error) {
	if err := r.enter(v, opened); err != nil {
		return frame{}, gap{}, err
	}
	r.scan.proven = r.given()
	f, g, err := r.scan.next()
	if err == nil && !r.scan.proven {
		r.suspect = suspect{}
	}
	return f, g, err
}

// Position is where the next call continues: after the record that was
// delivered last, and behind damage that was reported.
func (r *Reader) Position() Position { return r.pos }

// Close releases the reader's file.
func (r *Reader) Close() error {
	if r.scan.file == nil {
		return nil
	}
	file := r.scan.file
	r.scan.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close reader: %w", err)
	}
	return nil
}

// deliver returns the record, or first the damage in front of it.
func (r *Reader) deliver(f frame) (Record, error) {
	rec := Record{
		Seq:     f.seq,
		Pos:     Position{r.scan.segment, uint64(f.off)},
		Next:    Position{r.scan.segment, uint64(f.next)},
		Payload: f.payload,
	}
	if r.expected > 0 && f.seq > r.expected && r.pending == nil {
		r.pending = &Damage{Segment: rec.Pos.Segment, Offset: rec.Pos.Offset, Err: ErrMissing}
	}
	damage := r.conclude(f.seq)
	r.expected = f.seq + 1
	if damage != nil {
		r.found, r.pos = rec, rec.Pos
		return Record{}, damage
	}
	r.pos = rec.Next
	return rec, nil
}

// settle ends at what is committed, where seq is the number to come.
func (r *Reader) settle(seq uint64) error {
	if damage := r.conclude(seq); damage != nil {
		r.expected = seq
		return damage
	}
	return io.EOF
}

// conclude returns the pending damage, with what it cost, given the number of
// the record behind it. Damage without a cost, such as the removal of a segment
// that had been read to its end, is none.
func (r *Reader) conclude(seq uint64) *Damage {
	d, unsure := r.pending, r.unsure
	r.pending, r.unsure = nil, false
	if d == nil {
		return nil
	}
	if r.expected > 0 && seq > r.expected {
		d.Lost = seq - r.expected
	}
	if d.Bytes == 0 && d.Lost == 0 && !unsure {
		return nil
	}
	return d
}

// note adds a stretch of the segment at hand to the pending damage.
func (r *Reader) note(off, end int64, err error) {
	switch {
	case err == nil:
	case r.pending == nil:
		r.pending = &Damage{Segment: r.pos.Segment, Offset: uint64(off), Bytes: uint64(end - off), Err: err}
	default:
		r.pending.Bytes += uint64(end - off)
		r.pending.Err = errors.Join(r.pending.Err, err)
	}
}

// jump continues after a segment that does not exist: at the oldest that follows,
// or, if the position is beyond the log, at the oldest of all.
func (r *Reader) jump(v view) error {
	if v.following == 0 && v.oldest == 0 {
		return io.EOF
	}
	to, cause := v.following, ErrRemoved
	if to == 0 {
		to, cause = v.oldest, ErrBeyond
		r.expected = 0
	}
	if r.pos.Segment > 0 {
		r.note(int64(r.pos.Offset), int64(r.pos.Offset), cause)
		r.unsure = r.expected == 0
	}
	r.pos = Position{Segment: to}
	return nil
}

// enter brings the scanner to the reader's position, or past a segment whose
// file could not be opened for good.
func (r *Reader) enter(v view, opened error) error {
	if opened != nil {
		gone := errors.Is(opened, fs.ErrNotExist) || errors.Is(opened, regular.ErrNot) // what was a file is none any more
		if !gone && (!errors.Is(opened, syscall.EIO) || !r.given()) {
			return opened
		}
		r.skip(v, opened)
		return nil
	}
	r.scan.limit, r.scan.off = v.limit, max(int64(r.pos.Offset), headerSize)
	if r.pos.Offset >= headerSize {
		return nil
	}
	if r.expected == 0 {
		r.expected = v.firstSeq
	}
	var version *VersionError
	switch {
	case errors.As(v.err, &version):
		r.skip(v, v.err)
	case v.err != nil && r.pos.Offset == 0:
		r.note(0, headerSize, v.err)
	}
	r.pos.Offset = headerSize
	return nil
}

// skip abandons the rest of a segment.
func (r *Reader) skip(v view, err error) {
	r.note(min(int64(r.pos.Offset), v.limit), v.limit, err)
	r.scan.off, r.scan.limit = v.limit, v.limit
}

// open opens the segment at the reader's position, unless it is.
func (r *Reader) open() error {
	if r.scan.file != nil && r.scan.segment == r.pos.Segment {
		return nil
	}
	if err := r.Close(); err != nil {
		return err
	}
	file, err := r.log.fs.OpenFile(segmentName(r.pos.Segment), os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", segmentName(r.pos.Segment), err)
	}
	r.scan = scanner{file: file, segment: r.pos.Segment, most: r.log.most, buf: r.scan.buf[:0]}
	return nil
}
