package wal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Options are what a Log uses.
type Options struct {
	Logger   *slog.Logger
	ReadOnly bool     // change nothing: for looking at a log that another program writes
	Others   []string // files of others in the directory, which are nothing to warn of
	Known    Extent   // what the log is known to have had

	// MostPayload is how many bytes a record may have that somebody else wrote; a larger one is an ErrTooLarge. 0 is MaxPayload.
	MostPayload int
}

// Extent is how far a log has come: its newest segment, and the sequence number of its last record. The zero Extent is nothing.
type Extent struct{ Segment, Seq uint64 }

// Extent is how far the log has come.
func (l *Log) Extent() Extent {
	newest, seq := l.newest()
	return Extent{newest.Number, seq - 1}
}

// Has says whether a segment is there.
func (l *Log) Has(segment uint64) bool { return l.view(Position{Segment: segment}).exists }

// Log is an ordered log of opaque records. Append, Roll, Remove and Close are
// for one goroutine at a time; everything else is for any, beside it.
type Log struct {
	fs       FS
	logger   *slog.Logger
	readOnly bool
	most     int64 // bytes of a payload
	known    Extent

	// Owned by the goroutine that writes.
	file   File   // the newest segment; nil if there is none to append to
	number uint64 // of the segment that the next Roll creates, at least
	sealed error  // why Append is refused, nil when it is not
	closed bool
	buf    []byte
	sum    frameSum

	mu       sync.Mutex // guards what follows; never held across I/O
	segments []SegmentInfo
	seq      uint64        // of the next record
	changed  chan struct{} // closed and replaced at each commit
}

// Append commits one record by one write and one sync, and returns its
// position. After a failure nothing of the segment's end is trusted: it is
// sealed at its last synced length, and until Roll has succeeded every Append
// answers ErrSealed.
func (l *Log) Append(payload []byte) (Position, error) {
	if len(payload) > MaxPayload {
		return Position{}, fmt.Errorf("append %d bytes: %w (at most %d)", len(payload), ErrTooLarge, MaxPayload)
	}
	if l.sealed != nil {
		return Position{}, l.sealed
	}
	newest, seq := l.newest()
	l.buf = l.sum.appendFrame(l.emptied(), newest.Number, newest.Bytes, seq, payload)
	if err := writeSynced(l.file, l.buf, newest.Bytes); err != nil {
		l.seal(newest, fmt.Errorf("append %d bytes to %s: %w", len(l.buf), segmentName(newest.Number), err))
		return Position{}, l.sealed
	}
	pos := Position{newest.Number, uint64(newest.Bytes)}
	newest.Bytes += int64(len(l.buf))
	l.commit(func() { l.segments[len(l.segments)-1] = newest })
	return pos, nil
}

// emptied is the memory of the last record for the next one. After a large one, which a head or a first cycle is, it is given back.
func (l *Log) emptied() []byte {
	const most = 256 << 10
	if cap(l.buf) > most {
		return nil
	}
	return l.buf[:0]
}

// Roll begins a new segment whose first record is head. When it fails, the
// segment before stays the newest, and Roll can be tried again.
func (l *Log) Roll(head []byte) error {
	switch {
	case l.readOnly:
		return fmt.Errorf("roll: %w", ErrReadOnly)
	case l.closed:
		return fmt.Errorf("roll: %w", os.ErrClosed)
	}
	if len(head) > MaxPayload {
		return fmt.Errorf("roll with a head of %d bytes: %w (at most %d)", len(head), ErrTooLarge, MaxPayload)
	}
	last, seq := l.newest()
	next := SegmentInfo{Number: max(l.number, last.Number+1), FirstSeq: seq, Created: time.Now()}
	h := header{segment: next.Number, firstSeq: seq, predecessor: last.Number, predLength: uint64(last.Bytes), created: next.Created}
	l.buf = h.append(l.emptied())
	l.buf = l.sum.appendFrame(l.buf, next.Number, headerSize, seq, head)
	next.Bytes = int64(len(l.buf))
	file, err := l.create(segmentName(next.Number), l.buf)
	if err != nil {
		err = fmt.Errorf("roll to %s: %w", segmentName(next.Number), err)
		if undo := l.discard(segmentName(next.Number)); undo != nil {
			l.seal(last, errors.Join(err, undo))
		}
		return err
	}
	if l.file != nil {
		_ = l.file.Close() // everything in it is synced
	}
	l.file, l.number, l.sealed = file, next.Number, nil
	l.commit(func() { l.segments = append(l.segments, next) })
	return nil
}

// create makes a file that survives, name and content, or fails.
func (l *Log) create(name string, content []byte) (File, error) {
	file, err := l.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, err
	}
	err = writeSynced(file, content, 0)
	if err == nil {
		err = l.fs.SyncDir(".")
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// discard makes sure that a half-made segment does not come back: it says where
// its predecessor ends, and would hide what is appended there afterwards.
func (l *Log) discard(name string) error {
	if err := l.fs.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove unfinished %s: %w", name, err)
	}
	if err := l.fs.SyncDir("."); err != nil {
		return fmt.Errorf("sync directory after removing %s: %w", name, err)
	}
	return nil
}

// seal refuses appends from now on. Cutting off what was not committed only
// returns the space: the next segment's header says where this one ends.
func (l *Log) seal(newest SegmentInfo, cause error) {
	l.sealed = fmt.Errorf("%w: %w", ErrSealed, cause)
	if l.file == nil {
		return
	}
	if err := l.file.Truncate(newest.Bytes); err != nil {
		l.logger.Warn("cannot cut a sealed segment", "segment", newest.Number, "offset", newest.Bytes, "error", err)
	}
}

// commit publishes a record that is on disk, and wakes who waits.
func (l *Log) commit(publish func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	publish()
	l.seq++
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Log) newest() (SegmentInfo, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return SegmentInfo{}, l.seq
	}
	return l.segments[len(l.segments)-1], l.seq
}

// Wait returns when something is committed beyond p, or with ctx's error.
func (l *Log) Wait(ctx context.Context, p Position) error {
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if l.End().Compare(p) > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Remove deletes a segment for good; never the newest. Readers that were in it
// report ErrRemoved and continue in the next. After an error, Has says whether it still exists.
func (l *Log) Remove(segment uint64) error {
	if l.readOnly {
		return fmt.Errorf("remove %s: %w", segmentName(segment), ErrReadOnly)
	}
	if newest, _ := l.newest(); segment >= newest.Number {
		return fmt.Errorf("remove %s: %w", segmentName(segment), ErrNewest)
	}
	l.leaves(segment, true) // first, so that readers know why they find the file gone
	if err := l.fs.Remove(segmentName(segment)); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.leaves(segment, false)
		return fmt.Errorf("remove %s: %w", segmentName(segment), err)
	}
	l.take(segment)
	if err := l.fs.SyncDir("."); err != nil {
		return fmt.Errorf("sync directory after removing %s: %w", segmentName(segment), err)
	}
	return nil
}

// Forget drops all segments, because their files are gone. Readers report ErrRemoved and wait for the
// segment that the next Roll begins, whose number and sequence continue; until then Append answers ErrSealed.
func (l *Log) Forget() {
	newest, _ := l.newest()
	l.number = max(l.number, newest.Number+1)
	l.sealed = fmt.Errorf("%w: its segments are gone", ErrSealed)
	if l.file != nil {
		_ = l.file.Close() // the file is not used again
		l.file = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments = nil
}

// Close ends appending. Readers are closed by who made them.
func (l *Log) Close() error {
	l.closed, l.sealed = true, fmt.Errorf("%w: log is closed: %w", ErrSealed, os.ErrClosed)
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}

func writeSynced(f File, b []byte, off int64) error {
	if _, err := f.WriteAt(b, off); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}
