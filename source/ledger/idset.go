package ledger

import (
	"maps"
	"math"
	"math/bits"
	"slices"
)

// bitmap says of each id of a chunk whether it is there, by its offset.
type bitmap [idsPerChunk / 64]uint64

func (b *bitmap) has(offset int64) bool { return b[offset>>6]&(1<<(offset&63)) != 0 }

func (b *bitmap) set(offset int64) { b[offset>>6] |= 1 << (offset & 63) }

func (b *bitmap) setAll(other *bitmap) {
	for i := range b {
		b[i] |= other[i]
	}
}

// idSet is a set of ids, by chunk.
type idSet map[int64]*bitmap

// add adds an id; one below zero is none.
func (s idSet) add(id int64) {
	if id < 0 {
		return
	}
	words := s[chunkOf(id)]
	if words == nil {
		words = &bitmap{}
		s[chunkOf(id)] = words
	}
	words.set(offsetOf(id))
}

// has says that an id is in the set.
func (s idSet) has(id int64) bool {
	words := s[chunkOf(id)]
	return words != nil && words.has(offsetOf(id))
}

// addAll adds the ids of another set.
func (s idSet) addAll(other idSet) {
	for number, words := range other {
		into := s[number]
		if into == nil {
			into = &bitmap{}
			s[number] = into
		}
		into.setAll(words)
	}
}

// addBeside adds those ids of another set that share a chunk with ids which are there.
func (s idSet) addBeside(other idSet) {
	for number, words := range other {
		if into := s[number]; into != nil {
			into.setAll(words)
		}
	}
}

// count is how many ids of the set are in a closed range.
func (s idSet) count(from, to int64) (n int64) {
	for number, words := range s {
		for i, word := range words {
			low := number*idsPerChunk + int64(i)*64
			if low > to || low+63 < from {
				continue
			}
			if low < from {
				word &= math.MaxUint64 << (from - low)
			}
			if low+63 > to {
				word &= math.MaxUint64 >> (low + 63 - to)
			}
			n += int64(bits.OnesCount64(word))
		}
	}
	return n
}

// IDRange is the ids from one to another, both included.
type IDRange struct{ From, To int64 }

// holes are the ids from 1 on that are not in the set, in ascending order.
func (s idSet) holes() (out []IDRange) {
	next := int64(1) // the first id of which nothing is said yet
	for _, number := range slices.Sorted(maps.Keys(s)) {
		for i, word := range s[number] {
			low := number*idsPerChunk + int64(i)*64
			for word != 0 {
				id := low + int64(bits.TrailingZeros64(word))
				if id > next {
					out = append(out, IDRange{next, id - 1})
				}
				run := bits.TrailingZeros64(^(word >> (id - low))) // ids in a row
				next = max(next, id+int64(run))
				if id-low+int64(run) >= 64 {
					break
				}
				word &= math.MaxUint64 << (id - low + int64(run))
			}
		}
	}
	return append(out, IDRange{next, math.MaxInt64})
}

// settled are the ids that were counted: up to the top in the numbering that is in use, above it ever.
func (c *Counted) settled() idSet {
	s := idSet{}
	for number, lives := range c.chunks {
		words := &bitmap{}
		for _, k := range lives {
			for i, word := range k.bits {
				low := number*idsPerChunk + int64(i)*64
				switch above := low + 63 - c.Top; {
				case k.last >= c.Since || above >= 64:
				case above <= 0:
					word = 0
				default:
					word &= math.MaxUint64 << (64 - above)
				}
				words[i] |= word
			}
		}
		s[number] = words
	}
	return s
}
