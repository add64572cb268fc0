package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

const (
	readAhead = 64 << 10
	spare     = 4    // times what is needed is what a buffer may have
	diskBlock = 4096 // bytes skipped around an offset that the disk cannot read
)

// scanner walks the frames of one segment, from off to limit, and finds its way
// over damage. Its memory is a few times readAhead, or the frame at hand.
type scanner struct {
	file    File
	segment uint64
	off     int64
	limit   int64 // end of what is committed; the file may be longer or shorter
	most    int64 // bytes of a payload
	proven  bool  // that the disk does not give something back was found out by reading again: it is damage then

	buf []byte // the file's bytes from at on
	at  int64
	sum frameSum
}

// gap is a stretch without a good frame.
type gap struct {
	off, end int64
	lastSeq  uint64 // of the last frame in it whose header is good, 0 if none
	err      error  // the first cause
}

func (g *gap) empty() bool { return g.err == nil }

func (g *gap) add(off, end int64, f frame, err error) {
	if g.err == nil {
		g.off, g.err = off, err
	}
	g.end = end
	if f.seq > 0 {
		g.lastSeq = f.seq
	}
}

// next returns the next good frame and the gap before it, or io.EOF and the
// gap before the limit. After any other error it can be called again.
func (s *scanner) next() (frame, gap, error) {
	var g gap
	start := s.off
	for s.off < s.limit {
		f, err := s.frameAt(s.off)
		if err == nil {
			s.off = f.next
			return f, g, nil
		}
		end := f.next
		if s.lasting(err) && (f.seq == 0 || end > s.limit) {
			end, err = s.findMarker(s.off+1, err)
		}
		if !s.lasting(err) {
			s.off = start
			return frame{}, gap{}, err
		}
		g.add(s.off, end, f, err)
		s.off = end
	}
	return frame{}, g, io.EOF
}

// frameAt reads and verifies the frame at off. With an error, seq and next are
// set if the frame's header is good.
func (s *scanner) frameAt(off int64) (frame, error) {
	b, err := s.window(off, frameHeaderSize)
	if err != nil {
		return frame{}, err
	}
	h, ok := s.sum.parse(b, s.segment, off)
	if !ok {
		return frame{}, fmt.Errorf("frame header: %w", ErrCorrupt)
	}
	if h.length > s.most {
		return frame{}, fmt.Errorf("record %d of %d bytes: %w (at most %d)", h.seq, h.length, ErrTooLarge, s.most)
	}
	f := frame{seq: h.seq, off: off, next: off + frameHeaderSize + h.length}
	b, err = s.window(off, int(frameHeaderSize+h.length))
	if err != nil {
		return f, err
	}
	f.payload = b[frameHeaderSize:]
	if !h.matches(f.payload) {
		return f, fmt.Errorf("record %d: %w", f.seq, ErrCorrupt)
	}
	return f, nil
}

// isTorn tells a write that was interrupted from a frame that went bad: the
// file ends within it, or nothing but zeros follows.
func (s *scanner) isTorn(off int64) (bool, error) {
	f, err := s.frameAt(off)
	if !s.lasting(err) {
		return false, err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || f.next > s.limit {
		return true, nil
	}
	for off < s.limit {
		b, err := s.window(off, readAhead)
		if err != nil && !s.lasting(err) {
			return false, err
		}
		if len(bytes.Trim(b, "\x00")) > 0 || errors.Is(err, syscall.EIO) {
			return false, nil
		}
		off += int64(len(b))
	}
	return true, nil
}

// findMarker returns the offset of the next frame marker at or after from, or
// the limit. cause is returned unless reading fails for a reason that may pass.
func (s *scanner) findMarker(from int64, cause error) (int64, error) {
	for from < s.limit {
		b, err := s.window(from, readAhead)
		if err != nil && !s.lasting(err) {
			return 0, err
		}
		if i := bytes.Index(b, []byte(frameMarker)); i >= 0 {
			return from + int64(i), cause
		}
		switch {
		case err == nil:
			from += int64(len(b) - len(frameMarker) + 1)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return s.limit, cause
		default: // a block that cannot be read
			from = (from + int64(len(b)) + diskBlock) / diskBlock * diskBlock
		}
	}
	return s.limit, cause
}

// window returns the n bytes at off, or what there is of them and the reason
// why there is no more. They are valid until the next call.
func (s *scanner) window(off int64, n int) ([]byte, error) {
	var err error
	if off < s.at || off+int64(n) > s.at+int64(len(s.buf)) {
		err = s.fill(off, n)
	}
	b := s.buf[off-s.at:]
	if len(b) >= n {
		return b[:n], nil
	}
	return b, err
}

// fill reads on from off, n bytes or more, and keeps what it has of them.
func (s *scanner) fill(off int64, n int) error {
	want := int(min(int64(max(n, readAhead)), s.limit-off))
	if want > readAhead { // no memory for bytes that a header only promises
		size, err := s.file.Size()
		if err != nil {
			return fmt.Errorf("size of %s: %w", segmentName(s.segment), err)
		}
		want = int(max(min(int64(want), size-off), readAhead))
	}
	var held []byte
	if off >= s.at && off < s.at+int64(len(s.buf)) {
		held = s.buf[off-s.at:]
		held = held[:min(len(held), want)]
	}
	if want > cap(s.buf) || cap(s.buf) > spare*max(want, readAhead) {
		s.buf = make([]byte, want)
	}
	s.buf, s.at = s.buf[:want], off
	kept := copy(s.buf, held)
	read, err := s.file.ReadAt(s.buf[kept:], off+int64(kept))
	s.buf = s.buf[:kept+read]
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // of the file, or of what is committed
	}
	return fmt.Errorf("read %s at %d: %w", segmentName(s.segment), off+int64(kept+read), err)
}

// lasting tells damage, which is skipped, from a failure that may pass, such as too many open files or a disk that
// is away for a moment, which must not cost records.
func (s *scanner) lasting(err error) bool {
	if errors.Is(err, syscall.EIO) {
		return s.proven
	}
	return errors.Is(err, ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF)
}

// again is how often what cannot be read at the start is tried.
const again = 3

// readAgain reads at off, and once more after a while where the disk says no.
func readAgain(f File, b []byte, off int64) (n int, err error) {
	for i := range again {
		if n, err = f.ReadAt(b, off); !errors.Is(err, syscall.EIO) {
			return n, err
		}
		time.Sleep(time.Duration(i) * 100 * time.Millisecond)
	}
	return n, err
}
