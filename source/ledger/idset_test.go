package ledger

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// edges are where a word, a chunk or the ids begin and end.
var edges = []int64{1, 2, 62, 63, 64, 65, 126, 127, 128, 510, 511, 512, 513, 575, 576, 1023, 1024, 1025, 5119, 5120}

// someIDs are ids in runs that begin and end at edges or anywhere, in a map beside the set.
func someIDs(random *rand.Rand) (idSet, map[int64]bool) {
	s, want := idSet{}, map[int64]bool{}
	for range random.IntN(6) {
		from := edges[random.IntN(len(edges))]
		if random.IntN(3) == 0 {
			from = 1 + random.Int64N(6000)
		}
		for id := from; id < from+1+random.Int64N(200); id++ {
			s.add(id)
			want[id] = true
		}
	}
	return s, want
}

// TestIDSetIsASet compares with a map, at every edge.
func TestIDSetIsASet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		s, want := someIDs(random)
		other, more := someIDs(random)
		wantIDs(t, "added", s, want)

		beside, wantBeside := idSet{}, maps.Clone(want)
		beside.addAll(s)
		beside.addBeside(other)
		for id := range more {
			if slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(there int64) bool { return there/512 == id/512 }) {
				wantBeside[id] = true
			}
		}
		wantIDs(t, "added beside", beside, wantBeside)

		s.addAll(other)
		maps.Copy(want, more)
		wantIDs(t, "added all", s, want)
	}
}

// wantIDs asserts membership, counts and holes of a set.
func wantIDs(t *testing.T, what string, s idSet, want map[int64]bool) {
	t.Helper()
	for id := range int64(7000) {
		if s.has(id) != want[id] {
			t.Fatalf("%s: has %d: %v", what, id, s.has(id))
		}
	}
	var below [7001]int64 // how many ids of the set are below an id
	for id := range int64(7000) {
		if below[id+1] = below[id]; want[id] {
			below[id+1]++
		}
	}
	for _, from := range edges {
		for _, to := range edges {
			n := max(below[to+1]-below[from], 0)
			if got := s.count(from, to); got != n {
				t.Fatalf("%s: %d ids from %d to %d, want %d", what, got, from, to, n)
			}
		}
	}
	var holes []IDRange
	next := int64(1)
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if id > next {
			holes = append(holes, IDRange{next, id - 1})
		}
		next = id + 1
	}
	if holes = append(holes, IDRange{next, math.MaxInt64}); !slices.Equal(s.holes(), holes) {
		t.Fatalf("%s: holes %v, want %v", what, s.holes(), holes)
	}
}

// An id below zero is a lie of a server; zero is one that no job has, and neither makes a hole.
func TestIDSetTakesNoNegativeID(t *testing.T) {
	s := idSet{}
	s.add(-1)
	s.add(math.MinInt64)
	if len(s) != 0 || s.has(-1) {
		t.Errorf("%v", s)
	}
	s.add(0)
	if !s.has(0) || !slices.Equal(s.holes(), []IDRange{{1, math.MaxInt64}}) {
		t.Errorf("with zero: %v", s.holes())
	}
}
