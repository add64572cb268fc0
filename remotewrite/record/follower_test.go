package record

import (
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
)

// A series that was in the last batch is found by its address, also where others have come
// or gone before it.
func TestFollower(t *testing.T) {
	all := testkit.NewFleet("paris", 100, 0).Series
	for name, next := range map[string][]int{
		"same":    {},
		"gone":    {3, 4, 5, 50, 99},
		"first":   {0},
		"all but": {1, 3, 5, 7, 9, 11, 13, 15, 17, 19},
	} {
		f := &follower{}
		for i, s := range all {
			f.last = append(f.last, placed{s, uint32(i)})
		}
		for range 2 {
			f.rewind()
			for i, s := range all {
				if slices.Contains(next, i) {
					if ref, ok := f.find(testkit.NewFleet("lyon", 1, 0).Series[0]); ok {
						t.Errorf("%s: a new series is found as %d", name, ref)
					}
					continue
				}
				if ref, ok := f.find(s); !ok || int(ref) != i {
					t.Errorf("%s: series %d is found as %d, %v", name, i, ref, ok)
				}
			}
		}
	}
}
