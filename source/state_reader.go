package source

import (
	"encoding/binary"
	"math"
)

// StateReader takes a value of the state apart: varints as encoding/binary writes them, and texts with their length before
// them. What is truncated reads as zeros from there on, and Short says so. It never gives more than there are bytes.
type StateReader struct {
	rest  []byte
	short bool
}

// ReadState reads a value of the state from its beginning.
func ReadState(value []byte) *StateReader { return &StateReader{rest: value} }

// Uvarint is the next number that was written without a sign.
func (r *StateReader) Uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if !r.read(size) {
		return 0
	}
	return n
}

// Varint is the next number that was written with its sign.
func (r *StateReader) Varint() int64 {
	n, size := binary.Varint(r.rest)
	if !r.read(size) {
		return 0
	}
	return n
}

// Text is the next text, behind its length without a sign.
func (r *StateReader) Text() string { return r.TextOf(int64(min(r.Uvarint(), math.MaxInt64))) }

// TextOf is the next text, of so many bytes; a number that is negative or more than there are truncates the value.
func (r *StateReader) TextOf(bytes int64) string {
	if r.short || bytes < 0 || bytes > int64(len(r.rest)) {
		r.Refuse()
		return ""
	}
	text := string(r.rest[:bytes])
	r.rest = r.rest[bytes:]
	return text
}

// read goes on behind what was read; a size that is not positive is that of nothing.
func (r *StateReader) read(size int) bool {
	if r.short || size <= 0 {
		r.Refuse()
		return false
	}
	r.rest = r.rest[size:]
	return true
}

// More says that there is something left to read.
func (r *StateReader) More() bool { return len(r.rest) > 0 }

// Refuse is for a caller who has read what cannot be: the value counts as truncated from there on.
func (r *StateReader) Refuse() { r.short, r.rest = true, nil }

// Short says that the value ended too early, or was refused.
func (r *StateReader) Short() bool { return r.short }
