package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrSealed is what Append answers after a write or sync that failed, and before the first Roll.
	ErrSealed = errors.New("segment is sealed")
	// ErrTooLarge refuses a payload above MaxPayload; nothing was written.
	ErrTooLarge = errors.New("record too large")
	// ErrReadOnly refuses to change a log that was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("log is open for reading only")
	// ErrNewest refuses to remove the segment that is written to.
	ErrNewest = errors.New("the newest segment is never removed")

	// ErrRemoved is the Damage of a reader whose position lay in a segment that was removed.
	ErrRemoved = errors.New("removed")
	// ErrMissing is the Damage of sequence numbers that are skipped between two good frames.
	ErrMissing = errors.New("records are missing")
	// ErrBeyond is the Damage of a position beyond everything committed: the log is not the one the position came from.
	ErrBeyond = errors.New("position is beyond the log")
	// ErrCorrupt is the Damage of bytes that are not what was written.
	ErrCorrupt = errors.New("corrupt")
)

// Damage is what a Reader could not deliver, from the first bad byte to the
// next good frame. It is a separate kind of error: the Reader continues after it.
type Damage struct {
	Segment, Offset uint64 // where it begins
	Bytes           uint64 // what was skipped, over all segments it spans
	Lost            uint64 // records, by their sequence numbers
	Err             error
}

func (d *Damage) Error() string {
	return fmt.Sprintf("segment %d at %d: skipped %d bytes, lost %d records: %v", d.Segment, d.Offset, d.Bytes, d.Lost, d.Err)
}

func (d *Damage) Unwrap() error { return d.Err }

// VersionError is a segment whose format this program does not know: it was
// written by a newer one.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("segment %s: format version %d, this program knows %d", e.File, e.Version, formatVersion)
}
