package record

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// An index finds what a map would, whatever collides, is put twice or comes after it had to grow.
func TestIndexIsAMap(t *testing.T) {
	for _, hashes := range []uint64{1, 7, 1 << 20} { // how many there are
		r := rand.New(rand.NewPCG(hashes, 1))
		var keys []uint64 // by reference
		hash := func(key uint64) uint64 { return key % hashes * 0x9e3779b97f4a7c15 >> 20 }
		x := newIndex(r.IntN(100), func(ref uint32) uint64 { return hash(keys[ref]) })
		model := make(map[uint64]uint32)
		for range 9000 {
			key := r.Uint64N(1500)
			same := func(ref uint32) bool { return keys[ref] == key }
			want, known := model[key]
			if got, ok := x.find(hash(key), same); ok != known || ok && got != want {
				t.Fatalf("%d hashes: %d is found at %d (%v), want %d (%v)", hashes, key, got, ok, want, known)
			}
			ref := uint32(len(keys))
			keys = append(keys, key)
			x.put(ref, same)
			model[key] = ref
		}
		var want []uint32
		for _, ref := range model {
			want = append(want, ref)
		}
		slices.Sort(want)
		if got := slices.Sorted(x.all()); !slices.Equal(got, want) {
			t.Errorf("%d hashes: it has %d references, want %d others", hashes, len(got), len(want))
		}
		if len(x.slots) > 4*len(model) {
			t.Errorf("%d slots for %d references", len(x.slots), len(model))
		}
	}
}

// An index that is made for so many does not grow by them, and is not made for more.
func TestIndexRoom(t *testing.T) {
	for n := range 200 {
		x := newIndex(n, func(ref uint32) uint64 { return uint64(ref) })
		room := len(x.slots)
		for ref := range n {
			x.put(uint32(ref), other)
		}
		if len(x.slots) != room || room > 16 && 8*n < 3*room {
			t.Errorf("%d slots for %d references became %d", room, n, len(x.slots))
		}
	}
}
