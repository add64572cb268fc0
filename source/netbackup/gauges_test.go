package netbackup

import (
	"strconv"
	"testing"
)

func TestGaugesForgetWhatIsNotSetAnyMore(t *testing.T) {
	c, g := newCatalogue(), newGauges("paris")
	for i := range 10_000 {
		g.reset()
		g.set(c.stalled, 1, "job"+strconv.Itoa(i))
		g.set(c.stalled, 2, "always")
	}
	if n := len(g.order); n > 300 || n != len(g.index) {
		t.Errorf("%d series are kept, %d are found", n, len(g.index))
	}
	if s := g.appendTo(nil); len(s) != 2 || s[0].Series.Label("job_type") != "always" {
		t.Errorf("%d samples", len(s))
	}
}

func TestGaugesKeepTheLeast(t *testing.T) {
	c, g := newCatalogue(), newGauges("paris")
	for range 2 {
		g.reset()
		for _, v := range []float64{7, 3, 5} {
			g.least(c.oldestQueued, v, backup)
		}
		if s := g.appendTo(nil); len(s) != 1 || s[0].Value != 3 {
			t.Errorf("samples %v", s)
		}
	}
}
