package record

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"backwire/source"
)

// Series of a few words, so that many are alike but for their start, are found as by a map of their keys: the latest of
// each site, also after cycles that were taken back and segments that were begun.
func TestNamesAreAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	metrics := []*source.Metric{{Name: "a", Durable: true}, {Name: "a", Help: "A.", Durable: true}, {Name: "b", Type: source.Gauge, Durable: true}}
	word := func(prefix string, n int) string { return fmt.Sprint(prefix, r.IntN(n)) }
	series := func() *source.Series {
		m := metrics[r.IntN(3)]
		return source.NewSeries(m, "", r.Int64N(3), source.Label{Name: word("", 2), Value: word("", 30)}, source.Label{Name: word("x", 3), Value: word("x", 3)})
	}
	type key struct{ site, key string }
	p, known := NewPacker(NewImage()), map[key]*source.Series{}
	p.Roll()
	for i := range 600 {
		c := source.Cycle{Site: word("", 3), Batches: []source.Batch{{T: int64(i + 1)}}}
		had := map[string]bool{}
		for range r.IntN(20) {
			if s := series(); !had[s.Key()] {
				had[s.Key()] = true
				c.Batches[0].Samples = append(c.Batches[0].Samples, source.Sample{Series: s})
			}
		}
		p.Pack(c, false)
		switch {
		case r.IntN(3) == 0:
			p.Revert()
		default:
			for _, s := range c.Batches[0].Samples {
				known[key{c.Site, s.Series.Key()}] = s.Series
			}
		}
		if i%50 == 49 {
			p.Roll()
		}
		for at, site := range p.sites {
			s := series()
			ref, ok := p.names.find(at, s)
			want := known[key{site.name, s.Key()}]
			if ok != (want != nil) {
				t.Fatalf("cycle %d: %q of site %s is found (%v), want %v", i, s.Key(), site.name, ok, want != nil)
			}
			if !ok {
				continue
			}
			if got := p.Dict.Source(ref, map[uint32]*source.Metric{}); got.Key() != want.Key() || got.Start != want.Start || *got.Metric != *want.Metric {
				t.Fatalf("cycle %d: of site %s there is %+v, want %+v", i, site.name, got, want)
			}
		}
	}
	if len(known) < 300 {
		t.Errorf("only %d series", len(known))
	}
}
