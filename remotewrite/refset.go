package remotewrite

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// refSet is a set of series by reference, one bit each. Its length follows the
// dictionary's; what lies beyond its end is not in the set.
type refSet []uint64

func (r refSet) has(ref uint32) bool {
	return int(ref>>6) < len(r) && r[ref>>6]&(1<<(ref&63)) != 0
}

// grown returns the set with room for length series.
func (r refSet) grown(length int) refSet {
	for len(r) < (length+63)>>6 {
		r = append(r, 0)
	}
	return r
}

// emptied is an empty set with room for length series, in r's memory. It is not longer: the
// dictionary of a new segment may be shorter than the one before.
func (r refSet) emptied(length int) refSet { return r[:0].grown(length) }

// add needs room, see grown.
func (r refSet) add(ref uint32) { r[ref>>6] |= 1 << (ref & 63) }

func (r refSet) remove(ref uint32) {
	if int(ref>>6) < len(r) {
		r[ref>>6] &^= 1 << (ref & 63)
	}
}

// copyFrom makes dst, whose memory is reused, equal to r.
func (r refSet) copyTo(dst refSet) refSet { return append(dst[:0], r...) }

// minus puts what r has and other lacks into dst, whose memory is reused.
func (r refSet) minus(other, dst refSet) refSet {
	dst = r.copyTo(dst)
	for i := range min(len(dst), len(other)) {
		dst[i] &^= other[i]
	}
	return dst
}

// unite adds what other has; there must be room.
func (r refSet) unite(other refSet) {
	for i, word := range other {
		r[i] |= word
	}
}

func (r refSet) subtract(other refSet) {
	for i := range min(len(r), len(other)) {
		r[i] &^= other[i]
	}
}

func (r refSet) len() int {
	n := 0
	for _, word := range r {
		n += bits.OnesCount64(word)
	}
	return n
}

// all walks the set upwards.
func (r refSet) all() iter.Seq[uint32] {
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
func appendSet(dst []byte, r refSet) []byte {
	runs, end := uint64(0), -1
	for ref := range r.all() {
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
	for ref := range r.all() {
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
func (s *scanner) set(dst refSet, length int) refSet {
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
			dst.add(uint32(ref))
		}
		end += gap + more + 1
	}
	return dst
}

// moved is the set under new references, which are one too high; 0 is none.
func (r refSet) moved(to []uint32, length int) refSet {
	moved := refSet(nil).grown(length)
	for ref := range r.all() {
		if to[ref] != 0 {
			moved.add(to[ref] - 1)
		}
	}
	return moved
}
