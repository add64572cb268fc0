package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"time"

	"backwire/source/regular"
)

// Recovery is what Open found and did.
type Recovery struct {
	// Appendable says that the newest segment is whole and goes on. If not,
	// Append answers ErrSealed until Roll has succeeded; Reason says why.
	Appendable bool
	Reason     error

	Cut     *Damage   // the torn tail that was cut off the newest segment; nil if none
	Removed []uint64  // segments that were never committed
	Damages []*Damage // in the newest segment; readers report them again
}

// Open reads the headers of all segments and the whole of the newest. Damage
// never makes it fail; a newest segment of an unknown version does (see
// VersionError), because going on without its records would be silent loss.
func Open(dir FS, o Options) (*Log, Recovery, error) {
	l := &Log{fs: dir, logger: o.Logger, readOnly: o.ReadOnly, known: o.Known, most: int64(cmp.Or(o.MostPayload, MaxPayload)), seq: 1, changed: make(chan struct{})}
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	found, err := l.list(o.Others)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("open log: %w", err)
	}
	var rec Recovery
	if err := l.recover(&rec, found); err != nil {
		return nil, rec, fmt.Errorf("open log: %w", err)
	}
	rec.Appendable = rec.Reason == nil
	if !rec.Appendable {
		l.sealed = fmt.Errorf("%w: %w", ErrSealed, rec.Reason)
	}
	return l, rec, nil
}

// foundSegment is a segment as the directory shows it.
type foundSegment struct {
	header header
	info   SegmentInfo // Bytes is the file's size, or what the successor says
	size   int64
}

// list finds the segments and reads their headers.
func (l *Log) list(others []string) ([]foundSegment, error) {
	names, err := l.fs.List(".")
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	var found []foundSegment
	var unknown []string
	for _, name := range names {
		if number, ok := parseSegmentName(name); ok {
			found = append(found, l.inspect(number))
		} else if name != lockName && !slices.Contains(others, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		l.logger.Warn("foreign files in the directory are ignored", "files", unknown)
	}
	slices.SortFunc(found, func(a, b foundSegment) int {
		return Position{Segment: a.info.Number}.Compare(Position{Segment: b.info.Number})
	})
	for i := range len(found) - 1 {
		if h := found[i+1].header; h.predecessor == found[i].info.Number {
			found[i].info.Bytes = int64(h.predLength)
		}
	}
	return found, nil
}

// inspect reads a segment's header and size. What cannot be read is kept with
// its error, for the readers to report.
func (l *Log) inspect(number uint64) foundSegment {
	s := foundSegment{info: SegmentInfo{Number: number}}
	if number == 1 {
		s.info.FirstSeq = 1 // by construction, whatever the header says
	}
	file, err := l.fs.OpenFile(segmentName(number), os.O_RDONLY, 0)
	if err != nil {
		s.info.Err = fmt.Errorf("open %s: %w", segmentName(number), err)
		return s
	}
	defer file.Close()
	if s.size, err = file.Size(); err != nil {
		s.info.Err = fmt.Errorf("size of %s: %w", segmentName(number), err)
		return s
	}
	s.info.Bytes = s.size
	b := make([]byte, headerSize)
	n, err := readAgain(file, b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		s.info.Err = fmt.Errorf("read %s: %w", segmentName(number), err)
		return s
	}
	s.header, s.info.Err = parseHeader(b[:n], number)
	if s.info.Err == nil {
		s.info.FirstSeq, s.info.Created = s.header.firstSeq, s.header.created
	}
	return s
}

// recover reads the newest segment; one that was never committed is removed,
// and the one before it is the newest.
func (l *Log) recover(rec *Recovery, found []foundSegment) error {
	for len(found) > 0 {
		older, newest := found[:len(found)-1], found[len(found)-1]
		t, err := l.readTail(newest)
		if err != nil {
			return err
		}
		if t.good == 0 && t.torn {
			l.logger.Warn("removing a segment that was never committed", "segment", newest.info.Number, "bytes", newest.size)
			rec.Removed = append(rec.Removed, newest.info.Number)
			l.drop(newest.info.Number)
			found = older
			continue
		}
		if t.seq == 0 {
			t.seq = l.seqAfter(older) + 1 // nothing is legible: one record at least
		}
		return l.adopt(rec, older, newest, t)
	}
	highest, err := l.highestCursor()
	if err != nil {
		return err
	}
	l.number = max(highest.Segment, l.known.Segment) + 1
	l.seq = max(l.seq, l.known.Seq+1)
	rec.Reason = errors.New("the log is empty")
	return nil
}

// tail is what reading a whole segment has shown.
type tail struct {
	good    int    // frames
	seq     uint64 // that the next record would have; 0 if nothing is legible
	last    int64  // where the last good frame begins
	end     int64  // of what is kept
	torn    bool   // the bytes after end were being written at a crash
	cut     gap    // the bytes after end
	damages []*Damage
}

// readTail reads a segment to the end of its file.
func (l *Log) readTail(s foundSegment) (tail, error) {
	var version *VersionError
	if errors.As(s.info.Err, &version) {
		return tail{}, version
	}
	t := tail{seq: s.info.FirstSeq, end: s.size}
	if s.info.Err != nil {
		t.damages = append(t.damages, &Damage{Segment: s.info.Number, Bytes: headerSize, Err: s.info.Err})
	}
	file, err := l.fs.OpenFile(segmentName(s.info.Number), os.O_RDONLY, 0)
	if err != nil {
		if errors.Is(err, syscall.EIO) || errors.Is(err, regular.ErrNot) {
			return t, nil
		}
		return tail{}, fmt.Errorf("open %s: %w", segmentName(s.info.Number), err)
	}
	defer file.Close()
	if s.size < headerSize {
		t.torn, t.end = true, 0
		return t, nil
	}
	for i := range again {
		// If it still cannot be read, it is not discarded: nothing is appended after it, and readers find out whether the error persists.
		scan := scanner{file: file, segment: s.info.Number, off: headerSize, limit: s.size, most: l.most, proven: i == again-1}
		got := t
		if err = got.read(&scan); !errors.Is(err, syscall.EIO) {
			return got, err
		}
		time.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
	}
	return t, err
}

func (t *tail) read(scan *scanner) error {
	for {
		f, g, err := scan.next()
		if errors.Is(err, io.EOF) {
			return t.finish(scan, g)
		}
		if err != nil {
			return err
		}
		t.note(scan.segment, g, f.seq)
		t.good++
		t.seq, t.last = f.seq+1, f.off
	}
}

// note keeps a gap before the record seq.
func (t *tail) note(segment uint64, g gap, seq uint64) {
	var lost uint64
	if t.seq > 0 && seq > t.seq {
		lost = seq - t.seq
	}
	if lost > 0 && g.empty() {
		g.err = ErrMissing
	}
	if !g.empty() {
		t.damages = append(t.damages, &Damage{Segment: segment, Offset: uint64(g.off), Bytes: uint64(g.end - g.off), Lost: lost, Err: g.err})
	}
}

// finish decides about the bytes behind the last good frame. Those of a write
// that was interrupted are cut off: they were never committed. A whole frame
// that is bad may have been: it is kept as damage, and counted.
func (t *tail) finish(scan *scanner, g gap) error {
	if g.empty() {
		t.torn = t.good == 0 // not even the head
		return nil
	}
	torn, err := scan.isTorn(g.off)
	if err != nil {
		return err
	}
	if torn {
		t.torn, t.end, t.cut = true, g.off, g
		return nil
	}
	next := max(t.seq+1, g.lastSeq+1)
	if t.seq == 0 && g.lastSeq == 0 {
		next = 0
	}
	if next > 0 {
		t.note(scan.segment, g, next)
	}
	t.seq = next
	return nil
}

// seqAfter is the number that follows the last legible record.
func (l *Log) seqAfter(segments []foundSegment) uint64 {
	for _, s := range slices.Backward(segments) {
		if t, err := l.readTail(s); err == nil && t.seq > 0 {
			return t.seq
		}
	}
	return 1
}

// adopt makes newest the segment that is, or was, written to.
func (l *Log) adopt(rec *Recovery, older []foundSegment, newest foundSegment, t tail) error {
	newest.info.Bytes = t.end
	for _, s := range older {
		l.segments = append(l.segments, s.info)
	}
	l.segments = append(l.segments, newest.info)
	l.seq = t.seq
	rec.Damages = t.damages
	if t.torn {
		rec.Cut = &Damage{Segment: newest.info.Number, Offset: uint64(t.end), Bytes: uint64(newest.size - t.end), Err: t.cut.err}
	}
	end := l.End()
	highest, err := l.highestCursor()
	if err != nil {
		return err
	}
	l.number = max(newest.info.Number, highest.Segment, l.known.Segment) + 1
	if l.readOnly {
		rec.Reason = ErrReadOnly
		return nil
	}
	rec.Reason = l.settle(newest.info.Number, t)
	switch {
	case rec.Reason != nil:
	case len(t.damages) > 0:
		rec.Reason = fmt.Errorf("segment %d is damaged: %w", newest.info.Number, t.damages[0].Err)
	case l.known.Seq >= l.seq:
		rec.Reason = fmt.Errorf("record %d in segment %d was there, the log ends at %v: %w", l.known.Seq, l.known.Segment, end, ErrMissing)
	case highest.Compare(end) > 0:
		rec.Reason = fmt.Errorf("a cursor is at %v, the log ends at %v: %w", highest, end, ErrBeyond)
	}
	l.seq = max(l.seq, l.known.Seq+1)
	return nil //nolint:nilerr // why a new segment is begun is in the reason
}

// settle cuts a torn tail and makes durable what readers are about to see: a
// program that was killed may have left it in the system's memory only.
func (l *Log) settle(segment uint64, t tail) error {
	file, err := l.fs.OpenFile(segmentName(segment), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open %s for writing: %w", segmentName(segment), err)
	}
	l.file = file
	if t.torn {
		if err := file.Truncate(t.end); err != nil {
			return fmt.Errorf("cut %s at %d: %w", segmentName(segment), t.end, err)
		}
	}
	if err := rewrite(file, t); err != nil {
		return fmt.Errorf("write the last record of %s again: %w", segmentName(segment), err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", segmentName(segment), err)
	}
	if err := l.fs.SyncDir("."); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// rewrite writes the last record once more, the same bytes in the same place.
// Its sync may have failed in an earlier life: the system then shows bytes that
// are not on the disk, takes them for written, and would sync nothing.
func rewrite(file File, t tail) error {
	off := t.last
	if off == headerSize {
		off = 0
	}
	b := make([]byte, readAhead)
	for off < t.end {
		n, err := readAgain(file, b[:min(readAhead, t.end-off)], off)
		if n == 0 {
			return err
		}
		if _, err := file.WriteAt(b[:n], off); err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// drop removes a segment that never was. If that fails, it is found again by
// the next Open, or overwritten by the next Roll.
func (l *Log) drop(segment uint64) {
	if l.readOnly {
		return
	}
	if err := l.discard(segmentName(segment)); err != nil {
		l.logger.Warn("cannot remove a segment that was never committed", "segment", segment, "error", err)
	}
}

// highestCursor is the furthest position that any cursor holds. One that cannot be read for now may hold any: going on without
// would use its place again.
func (l *Log) highestCursor() (Position, error) {
	names, err := Cursors(l.fs)
	if err != nil {
		return Position{}, err
	}
	var highest Position
	for _, name := range names {
		p, err := ReadPlaces(l.fs, name)
		switch at := p.Newest(); {
		case err == nil && at.Compare(highest) > 0:
			highest = at
		case err != nil && !errors.Is(err, ErrNoPosition) && !errors.Is(err, ErrCursorDamaged) && !errors.Is(err, fs.ErrNotExist):
			return Position{}, err
		}
	}
	return highest, nil
}
