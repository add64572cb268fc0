package record

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// Set is a set of series by reference, one bit each. Its length follows the
// dictionary's; references beyond its end are not in the set.
type Set []uint64

// Has says whether a series is in it.
func (r Set) Has(ref uint32) bool {
	return int(ref>>6) < len(r) && r[ref>>6]&(1<<(ref&63)) != 0
}

// Grown returns the set with room for length series.
func (r Set) Grown(length int) Set {
	for len(r) < (length+63)>>6 {
		r = append(r, 0)
	}
	return r
}

// emptied is an empty set with room for length series, in r's memory. It is not longer: the
// dictionary of a new segment may be shorter than the one before.
func (r Set) emptied(length int) Set { return r[:0].Grown(length) }

// Add needs room, see grown.
func (r Set) Add(ref uint32) { r[ref>>6] |= 1 << (ref & 63) }

// Remove takes a series out.
func (r Set) Remove(ref uint32) {
	if int(ref>>6) < len(r) {
		r[ref>>6] &^= 1 << (ref & 63)
	}
}

// copyTo makes dst, whose memory is reused, equal to r.
func (r Set) copyTo(dst Set) Set { return append(dst[:0], r...) }

// minus puts the members of r that are not in other into dst, whose memory is reused.
func (r Set) minus(other, dst Set) Set {
	dst = r.copyTo(dst)
	for i := range min(len(dst), len(other)) {
		dst[i] &^= other[i]
	}
	return dst
}

// Unite adds what other has; there must be room.
func (r Set) Unite(other Set) {
	for i, word := range other {
		r[i] |= word
	}
}

// Subtract takes out what other has.
func (r Set) Subtract(other Set) {
	for i := range min(len(r), len(other)) {
		r[i] &^= other[i]
	}
}

// Len is how many series there are.
func (r Set) Len() int {
	n := 0
	for _, word := range r {
		n += bits.OnesCount64(word)
	}
	return n
}

// All walks the set upwards.
func (r Set) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i, word := range r {
			for ; word != 0; word &= word - 1 {
				if !yield(uint32(i<<6 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// appendSet writes r as runs: their number, then for each the distance from the end of the one
// before and its length less one. Series that come and go together are neighbours.
func appendSet(dst []byte, r Set) []byte {
	runs, end := uint64(0), -1
	for ref := range r.All() {
		if int(ref) != end {
			runs++
		}
		end = int(ref) + 1
	}
	dst = binary.AppendUvarint(dst, runs)
	first, last, written := -1, -1, 0
	flush := func() {
		if first >= 0 {
			dst = binary.AppendUvarint(dst, uint64(first-written))
			dst = binary.AppendUvarint(dst, uint64(last-first))
			written = last + 1
		}
	}
	for ref := range r.All() {
		if int(ref) != last+1 || first < 0 {
			flush()
			first = int(ref)
		}
		last = int(ref)
	}
	flush()
	return dst
}

// set reads a set of series below length into dst, whose memory is reused.
func (s *scanner) set(dst Set, length int) Set {
	dst = dst.emptied(length)
	end := uint64(0)
	for range s.count(2) {
		gap, more := s.uvarint(), s.uvarint()
		left := uint64(length) - end
		if gap >= left || more >= left-gap {
			s.fail("set beyond the dictionary")
			return dst
		}
		for ref := end + gap; ref <= end+gap+more; ref++ {
			dst.Add(uint32(ref))
		}
		end += gap + more + 1
	}
	return dst
}

// renumbered is the set under new references, which are one too high; 0 is none.
func (r Set) renumbered(to []uint32, length int) Set {
	set := Set(nil).Grown(length)
	for ref := range r.All() {
		if to[ref] != 0 {
			set.Add(to[ref] - 1)
		}
	}
	return set
}
