package record

import (
	"encoding/binary"
	"math"
	"math/bits"

	"backwire/source"
)

// The low two bits of a value say how the rest of it is meant.
const (
	valueStep = 0 // whole numbers: the difference, zigzag
	valueKilo = 1 // whole numbers: the difference divided by 1024, zigzag
	valueBits = 2 // anything else: bytes that differ
)

// StaleBits are those of a stale marker.
var StaleBits = math.Float64bits(source.Stale())

// wholeLimit is up to where a float64 holds every whole number.
const wholeLimit = 1 << 53

// kilo is what NetBackup counts bytes by: most byte counters move in multiples of it.
const kilo = 1024

// integer says whether a float64, given by its bits, is a whole number and nothing but
// that: minus zero is not.
func integer(v uint64) (int64, bool) {
	n := int64(math.Float64frombits(v)) // of a NaN or what is too large any number, which is another one again
	return n, math.Float64bits(float64(n)) == v && -wholeLimit <= n && n <= wholeLimit
}

// appendValue writes a value as its change against the one before; both are the bits of
// a float64.
func appendValue(dst []byte, before, now uint64) []byte {
	b, ok1 := integer(before)
	n, ok2 := integer(now)
	if !ok1 || !ok2 {
		return appendBits(dst, before^now)
	}
	step := n - b
	if step != 0 && step%kilo == 0 {
		return binary.AppendUvarint(dst, zigzag(step/kilo)<<2|valueKilo)
	}
	return binary.AppendUvarint(dst, zigzag(step)<<2|valueStep)
}

// appendBits writes the bytes between the zero bytes at either end: one byte that says
// how many these are, then the bytes, the lowest first.
func appendBits(dst []byte, diff uint64) []byte {
	low, high := 0, 0
	if diff != 0 {
		low, high = bits.TrailingZeros64(diff)/8, min(bits.LeadingZeros64(diff)/8, 3)
	}
	dst = append(dst, byte((high<<3|low)<<2|valueBits))
	var raw [8]byte
	binary.LittleEndian.PutUint64(raw[:], diff)
	return append(dst, raw[low:8-high]...)
}

// value reads what appendValue wrote.
func (s *scanner) value(before uint64) uint64 {
	v := s.uvarint()
	switch step := unzigzag(v >> 2); v & 3 {
	case valueStep:
		return s.stepped(before, step)
	case valueKilo:
		if step > 2*wholeLimit/kilo || step < -2*wholeLimit/kilo {
			s.fail("step beyond the whole numbers")
			return 0
		}
		return s.stepped(before, step*kilo)
	case valueBits:
		return before ^ s.diff(v>>2)
	}
	s.fail("unknown kind of value")
	return 0
}

// stepped is the whole number at this distance from the previous one.
func (s *scanner) stepped(before uint64, by int64) uint64 {
	b, ok := integer(before)
	if !ok {
		s.fail("step from what is not a whole number")
		return 0
	}
	n := b + by
	if n > wholeLimit || n < -wholeLimit {
		s.fail("step beyond the whole numbers")
		return 0
	}
	return math.Float64bits(float64(n))
}

func (s *scanner) diff(shape uint64) uint64 {
	low, high := shape&7, shape>>3
	if high > 3 || low+high > 8 {
		s.fail("value of an impossible width")
		return 0
	}
	var raw [8]byte
	copy(raw[low:], s.take(8-low-high))
	return binary.LittleEndian.Uint64(raw[:])
}
