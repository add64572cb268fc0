package wal

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	// MaxPayload is the largest record, in bytes.
	MaxPayload = 64 << 20

	frameHeaderSize = 24
	frameMarker     = "\xf7BW\x1e"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a record on disk. Its offsets are in bytes from the segment's start.
type frame struct {
	seq       uint64
	off, next int64
	payload   []byte
}

// frameSum computes a frame header's checksum. The segment and the offset are
// part of it though not of the frame: neither a block left over from another
// file nor a frame inside a payload is ever taken for a record.
// The scratch space is a field because the checksum's argument escapes.
type frameSum struct{ scratch [32]byte }

func (s *frameSum) header(segment uint64, off int64, fields []byte) uint32 {
	binary.LittleEndian.PutUint64(s.scratch[:], segment)
	binary.LittleEndian.PutUint64(s.scratch[8:], uint64(off))
	copy(s.scratch[16:], fields[:16])
	return crc32.Checksum(s.scratch[:], castagnoli)
}

// appendFrame appends the frame that will stand at off in segment.
func (s *frameSum) appendFrame(dst []byte, segment uint64, off int64, seq uint64, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, frameMarker...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	sum := s.header(segment, off, dst[start:])
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Update(sum, castagnoli, payload))
	return append(dst, payload...)
}

// frameHeader is the fixed part, checked by a checksum of its own: its length
// is trusted when the payload is damaged, and the search for the next good
// frame stays linear in whatever bytes there are.
type frameHeader struct {
	seq     uint64
	length  int64
	sum     uint32 // of the header
	payload uint32 // of header and payload
}

func (s *frameSum) parse(b []byte, segment uint64, off int64) (frameHeader, bool) {
	le := binary.LittleEndian
	h := frameHeader{
		length:  int64(le.Uint32(b[4:])),
		seq:     le.Uint64(b[8:]),
		sum:     le.Uint32(b[16:]),
		payload: le.Uint32(b[20:]),
	}
	ok := string(b[:4]) == frameMarker && h.length <= MaxPayload && h.sum == s.header(segment, off, b)
	return h, ok
}

func (h frameHeader) matches(payload []byte) bool {
	return crc32.Update(h.sum, castagnoli, payload) == h.payload
}
