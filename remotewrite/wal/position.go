package wal

import (
	"cmp"
	"fmt"
)

// Position is a place in the log: a segment's number and a byte offset in it.
// Segments are numbered from 1; the zero Position is the oldest record there is.
type Position struct{ Segment, Offset uint64 }

// Compare orders positions as the log does.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Segment, q.Segment), cmp.Compare(p.Offset, q.Offset))
}

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Segment, p.Offset) }

// Record is one record as a Reader delivers it.
type Record struct {
	Seq     uint64   // counts the records of the log from 1, heads included
	Pos     Position // where the record begins
	Next    Position // where the following one begins: what a cursor stores
	Payload []byte   // the Reader's own buffer: valid until its next call
}

// Head reports whether the record opened its segment (see Log.Roll).
func (r Record) Head() bool { return r.Pos.Offset == headerSize }
