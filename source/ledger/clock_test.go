package ledger

import "testing"

// After a restart the times that the server stamped are shown in this host's before the server has answered.
func TestSkewOutlivesARestart(t *testing.T) {
	t.Parallel()
	for _, skew := range []int64{0, 999, -5000, 3_600_000, -86_400_000} {
		before, after := Clock{Skew: skew}, Clock{}
		for _, c := range before.changes() {
			if err := after.Restore(c.Value); err != nil {
				t.Fatal(err)
			}
		}
		if d := after.Skew - skew; d > 1000 || d < -1000 {
			t.Errorf("%d ms are remembered as %d", skew, after.Skew)
		}
		if again := before.changes(); len(again) != 0 {
			t.Errorf("%d ms are written again", skew)
		}
	}
	for _, broken := range []string{"", "\x01", "\x02\x00", "\x01\xff"} {
		if err := (&Clock{}).Restore([]byte(broken)); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}
