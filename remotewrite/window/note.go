package window

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// AppendIdentity identifies a window: what is left of it is counted in places that have another meaning in other windows.
func (w *Window) AppendIdentity(dst []byte) []byte {
	sum := uint32(0)
	var b [8]byte
	for _, c := range w.Columns {
		binary.LittleEndian.PutUint32(b[:], c.Series)
		binary.LittleEndian.PutUint32(b[4:], uint32(c.Len()))
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b[:])
	}
	for _, n := range [...]uint64{uint64(len(w.Columns)), uint64(w.Samples), uint64(w.Oldest), uint64(w.Newest), uint64(sum)} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

// AppendSpans writes those that are not empty.
func AppendSpans(dst []byte, left []Span) []byte {
	for _, sp := range left {
		if sp.Empty() {
			continue
		}
		for _, n := range [...]int{sp.From.Column, sp.From.Point, sp.To.Column, sp.To.Point} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	return dst
}

// ParseNote returns what is left of a window; nil where that is not known, because the note is of another one.
func (w *Window) ParseNote(note []byte) []Span {
	if note == nil {
		return nil
	}
	spans, known := bytes.CutPrefix(note, w.AppendIdentity(nil))
	if !known {
		return nil
	}
	var left []Span
	for len(spans) > 0 {
		var n [4]int
		for i := range n {
			v, size := binary.Uvarint(spans)
			if size <= 0 {
				return nil
			}
			n[i], spans = int(v), spans[size:]
		}
		sp := Span{Place{n[0], n[1]}, Place{n[2], n[3]}}
		if sp.Empty() || !w.has(sp.From) || !w.has(sp.To) {
			return nil
		}
		left = append(left, sp)
	}
	return left
}

// has says whether a place is one of the window's.
func (w *Window) has(p Place) bool {
	if p.Column < 0 || p.Column >= len(w.Columns) {
		return p == Place{Column: len(w.Columns)}
	}
	return p.Point >= 0 && p.Point < w.Columns[p.Column].Len()
}
