package source

import (
	"math"
	"testing"
)

func TestStaleIsNoOtherNaN(t *testing.T) {
	if !IsStale(Stale()) || math.Float64bits(Stale()) != 0x7ff0000000000002 {
		t.Errorf("the stale marker has the bits %x", math.Float64bits(Stale()))
	}
	for _, v := range []float64{math.NaN(), 0, math.Inf(1)} {
		if IsStale(v) {
			t.Errorf("%v is taken for a stale marker", v)
		}
	}
}
