package wal

import (
	"errors"
	"io"
)

// orient finds out which sequence number belongs to the reader's position, so
// that losses are counted from the first record on, and moves a position within
// a record back to its start. What it cannot read stays unknown.
func (r *Reader) orient() {
	v := r.log.view(r.pos)
	if r.pos.Segment == 0 && v.oldest > 0 {
		r.pos = Position{Segment: v.oldest}
		v = r.log.view(r.pos)
	}
	offset := int64(min(r.pos.Offset, 1<<62))
	switch {
	case !v.exists:
	case offset <= headerSize:
		r.expected = v.firstSeq
	case offset > v.limit:
		r.note(v.limit, v.limit, ErrBeyond)
		r.unsure = true
		r.pos.Offset, r.expected = uint64(v.limit), v.nextSeq
	case offset == v.limit:
		r.expected = v.nextSeq
	default:
		r.peek(v, offset)
	}
}

func (r *Reader) peek(v view, offset int64) {
	if err := r.open(); err != nil {
		return
	}
	r.scan.limit = v.limit
	if f, _ := r.scan.frameAt(offset); f.seq > 0 {
		r.expected = f.seq
		return
	}
	r.expected = v.firstSeq
	r.scan.off = headerSize
	for {
		f, _, err := r.scan.next()
		if err != nil && !errors.Is(err, io.EOF) {
			r.expected = 0
		}
		if err != nil || f.off >= offset {
			return
		}
		r.expected = f.seq + 1
		if f.next > offset {
			r.pos.Offset, r.expected = uint64(f.off), f.seq
			return
		}
	}
}
