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
func someIDs(random *rand.Rand) (IDSet, map[int64]bool) {
	s, want := IDSet{}, map[int64]bool{}
	for range random.IntN(6) {
		from := edges[random.IntN(len(edges))]
		if random.IntN(3) == 0 {
			from = 1 + random.Int64N(6000)
		}
		for id := from; id < from+1+random.Int64N(200); id++ {
			s.Add(id)
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

		beside, wantBeside := IDSet{}, maps.Clone(want)
		beside.AddAll(s)
		beside.AddBeside(other)
		for id := range more {
			if slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(there int64) bool { return there/512 == id/512 }) {
				wantBeside[id] = true
			}
		}
		wantIDs(t, "added beside", beside, wantBeside)

		s.AddAll(other)
		maps.Copy(want, more)
		wantIDs(t, "added all", s, want)
	}
}

// wantIDs asserts membership, counts and holes of a set.
func wantIDs(t *testing.T, what string, s IDSet, want map[int64]bool) {
	t.Helper()
	for id := int64(0); id < 7000; id++ {
		if s.Has(id) != want[id] {
			t.Fatalf("%s: has %d: %v", what, id, s.Has(id))
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
			if got := s.Count(from, to); got != n {
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
	if holes = append(holes, IDRange{next, math.MaxInt64}); !slices.Equal(s.Holes(), holes) {
		t.Fatalf("%s: holes %v, want %v", what, s.Holes(), holes)
	}
}

// An id below zero is a lie of a server; zero is one that no job has, and neither makes a hole.
func TestIDSetTakesNoNegativeID(t *testing.T) {
	s := IDSet{}
	s.Add(-1)
	s.Add(math.MinInt64)
	if len(s) != 0 || s.Has(-1) {
		t.Errorf("%v", s)
	}
	s.Add(0)
	if !s.Has(0) || !slices.Equal(s.Holes(), []IDRange{{1, math.MaxInt64}}) {
		t.Errorf("with zero: %v", s.Holes())
	}
}
