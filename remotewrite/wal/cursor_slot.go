package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// A slot is magic with the version, generation (8 bytes), the position and up to where something was begun (16 each), and a CRC-32C.
// Where there are two lanes an extension follows: magic, the slot's generation, the generations that the two lanes' notes are of (8
// each), up to where the second lane has begun (16), the number of stretches (4), these (32 each), and a CRC-32C. All is little
// endian. A program that does not know the extension goes on at the position, which is the oldest place: it passes on again
// what the stretches hold, and loses nothing.
const (
	extensionMagic = "BWLAN\x00\x00\x01"
	extensionHead  = 52
	stretchSize    = 32
	slotMost       = slotUsed + extensionHead + MaxStretches*stretchSize + 4
)

// needsExtension reports whether the slot says more than the first lane's place.
func (s *slot) needsExtension() bool {
	return len(s.places.Passed) > 0 || s.places.Begun[Live] != (Position{}) || s.places.Begun[Past] != (Position{}) && s.noted[Past] != s.generation
}

// isHalf reports whether a slot's extension did not reach the disk: the one before has one, and so this has to.
func (s *slot) isHalf(before *slot) bool {
	return !s.extended && before.generation > 0 && before.generation+1 == s.generation && before.extended && before.needsExtension()
}

func (s *slot) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, cursorMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, s.generation)
	dst = appendPosition(dst, s.places.At)
	dst = appendPosition(dst, s.places.Begun[Past])
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	if !s.extended {
		return dst
	}
	start = len(dst)
	dst = append(dst, extensionMagic...)
	for _, n := range [...]uint64{s.generation, s.noted[Past], s.noted[Live]} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	dst = appendPosition(dst, s.places.Begun[Live])
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s.places.Passed)))
	for _, p := range s.places.Passed {
		dst = appendPosition(appendPosition(dst, p.From), p.To)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func appendPosition(dst []byte, p Position) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, p.Segment), p.Offset)
}

func parsePosition(b []byte) Position {
	le := binary.LittleEndian
	return Position{Segment: le.Uint64(b), Offset: le.Uint64(b[8:])}
}

func parseSlot(b []byte) slot {
	le := binary.LittleEndian
	if string(b[:8]) != cursorMagic || le.Uint32(b[48:]) != crc32.Checksum(b[:48], castagnoli) {
		return slot{}
	}
	s := slot{generation: le.Uint64(b[8:])}
	s.places.At, s.places.Begun[Past] = parsePosition(b[16:]), parsePosition(b[32:])
	s.noted = [2]uint64{s.generation, s.generation}
	s.parseExtension(b[slotUsed:])
	return s
}

// parseExtension takes an extension that is the slot's and whole.
func (s *slot) parseExtension(b []byte) {
	le := binary.LittleEndian
	n := le.Uint32(b[extensionHead-4:])
	if string(b[:8]) != extensionMagic || le.Uint64(b[8:]) != s.generation || n > MaxStretches {
		return
	}
	end := extensionHead + int(n)*stretchSize
	if le.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return
	}
	s.extended = true
	s.noted = [2]uint64{le.Uint64(b[16:]), le.Uint64(b[24:])}
	s.places.Begun[Live] = parsePosition(b[32:])
	for at := extensionHead; at < end; at += stretchSize {
		s.places.Passed = append(s.places.Passed, Stretch{parsePosition(b[at:]), parsePosition(b[at+16:])})
	}
}
