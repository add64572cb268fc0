package record

import "iter"

// index finds references by what they stand for. It keeps neither that nor its hash, only the references: both are
// where they point to.
type index struct {
	hash  func(ref uint32) uint64
	slots []uint32 // reference + 1, at its hash or after it; 0 is none. Their number is a power of two
	used  int
}

// newIndex has room for n references.
func newIndex(n int, hash func(ref uint32) uint64) *index {
	x := &index{hash: hash}
	size := 16
	for 3*size < 4*n {
		size *= 2
	}
	x.slots = make([]uint32, size)
	return x
}

// find returns the reference that has a hash and is the same as what is looked for.
func (x *index) find(hash uint64, same func(ref uint32) bool) (ref uint32, ok bool) {
	at := x.slot(hash, same)
	return x.slots[at] - 1, x.slots[at] != 0
}

// put adds a reference, in the place of the one that is the same.
func (x *index) put(ref uint32, same func(ref uint32) bool) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.grow()
	}
	at := x.slot(x.hash(ref), same)
	if x.slots[at] == 0 {
		x.used++
	}
	x.slots[at] = ref + 1
}

// slot is where a reference is, or where it would be.
func (x *index) slot(hash uint64, same func(ref uint32) bool) uint64 {
	mask := uint64(len(x.slots) - 1)
	at := hash & mask
	for x.slots[at] != 0 && !same(x.slots[at]-1) {
		at = (at + 1) & mask
	}
	return at
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint32, 2*len(old))
	for _, held := range old {
		if held != 0 {
			x.slots[x.slot(x.hash(held-1), other)] = held
		}
	}
}

// other is for a reference that is known to be the only one of its kind.
func other(uint32) bool { return false }

// all are in no order.
func (x *index) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, held := range x.slots {
			if held != 0 && !yield(held-1) {
				return
			}
		}
	}
}
