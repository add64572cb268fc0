package record

import (
	"strconv"
	"testing"

	"backwire/source"
)

// A segment's dictionary may be shorter than the one before; what is reused from there must not be
// longer than the sets that it is united with. A new counter's zero is such a batch.
func TestPartialBatchAfterTheDictionaryShrank(t *testing.T) {
	p := NewPacker(NewImage())
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	series := make([]*source.Series, 300)
	for i := range series {
		series[i] = source.NewSeries(gauge, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)})
	}
	batch := func(t int64, partial bool, of ...*source.Series) {
		b := source.Batch{T: t, Partial: partial}
		for _, s := range of {
			b.Samples = append(b.Samples, source.Sample{Series: s, Value: 1})
		}
		p.Pack(source.Cycle{Site: "paris", Batches: []source.Batch{b}}, false)
		p.Keep()
	}
	p.Roll()
	batch(1, false, series...)
	batch(2, true, series[299])
	p.sites[0].present = p.sites[0].present.emptied(300)
	p.Roll()
	batch(3, true, series[0])
	if !p.sites[0].present.Has(0) || p.sites[0].present.Len() != 1 {
		t.Errorf("present: %v, want the new series alone", p.sites[0].present)
	}
}
