package record

import (
	"math"
	"testing"
)

// A float64 holds every whole number up to 2⁵³; these are written as steps, all else as bits.
func TestWholeNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]bool{
		0: true, 1: true, -1: true, 1 << 53: true, -1 << 53: true, 1<<53 - 1: true, 1<<53 + 2: false, -1<<53 - 2: false,
		0.5: false, math.Copysign(0, -1): false, math.Inf(1): false, math.NaN(): false,
	} {
		if n, whole := integer(math.Float64bits(v)); whole != want || whole && float64(n) != v {
			t.Errorf("%v: %d, %v", v, n, whole)
		}
	}
}
