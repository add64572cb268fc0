package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errMalformed says that bytes whose checksum is right do not follow the format: a
// defect of the program that wrote them, not of the disk.
var errMalformed = errors.New("malformed record")

// scanner reads a block from the front. After the first error it is empty and every
// read answers zero, so that a caller checks err where it matters and not at each read.
type scanner struct {
	block []byte
	at    int // what is before has been read: a number, because to move a slice is to write a pointer
	err   error
}

// left is how many bytes there are to read.
func (s *scanner) left() int { return len(s.block) - s.at }

func (s *scanner) fail(what string) { s.stop(errMalformed, what) }

// oversize ends reading: what is asked for does not fit.
func (s *scanner) oversize(what string) { s.stop(ErrOversized, what) }

// stop keeps the first error: a caller may continue for long.
func (s *scanner) stop(kind error, what string) {
	if s.err == nil {
		s.end(fmt.Errorf("%w: %s", kind, what))
	}
}

// end ends reading where there is an error.
func (s *scanner) end(err error) {
	if err == nil {
		return
	}
	if s.err == nil {
		s.err = err
	}
	s.block, s.at = nil, 0
}

func (s *scanner) uint8() byte {
	if s.left() == 0 {
		s.fail("ends early")
		return 0
	}
	s.at++
	return s.block[s.at-1]
}

// uvarint reads a number. Nearly all have one byte or two; a processor cannot guess which, so that no branch depends on it.
func (s *scanner) uvarint() uint64 {
	if b := s.block[s.at:]; len(b) >= 2 {
		if both := uint64(binary.LittleEndian.Uint16(b)); both&0x8080 != 0x8080 {
			two := both >> 7 & 1
			s.at += int(1 + two)
			return both&0x7f | both>>8<<7&-two
		}
	}
	return s.long()
}

func (s *scanner) long() uint64 {
	v, n := binary.Uvarint(s.block[s.at:])
	if n <= 0 {
		s.fail("bad number")
		return 0
	}
	s.at += n
	return v
}

func (s *scanner) varint() int64 { return unzigzag(s.uvarint()) }

// take returns the next n bytes; they belong to the block.
func (s *scanner) take(n uint64) []byte {
	if n > uint64(s.left()) {
		s.fail("length beyond the end")
		return nil
	}
	end := s.at + int(n)
	b := s.block[s.at:end:end]
	s.at = end
	return b
}

// text returns the bytes after their length.
func (s *scanner) text() []byte { return s.take(s.uvarint()) }

// count reads how many items follow, each of at least size bytes, and believes no more
// than what the remaining bytes can hold: nothing is allocated on a bad number's word.
func (s *scanner) count(size int) int {
	n := s.uvarint()
	if n > uint64(s.left()/size) {
		s.fail("count beyond the end")
		return 0
	}
	return int(n)
}

// index reads a reference into something of the given length.
func (s *scanner) index(length int) uint32 {
	v := s.uvarint()
	if v >= uint64(length) {
		s.fail("reference to an undefined entry")
		return 0
	}
	return uint32(v)
}

// zigzag maps numbers of small magnitude, of either sign, to small numbers.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func appendText[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
