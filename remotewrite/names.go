package remotewrite

import (
	"encoding/binary"

	"backwire/source"
)

// names finds by name what a dictionary holds by number; only a writer needs it.
//
// A series' key is its name and labels in the dictionary's numbers, a fifth of their text: with tens of
// thousands of series that text would be most of a small agent's memory.
type names struct {
	symbols map[string]uint32
	metrics map[source.Metric]uint32
	series  []map[string]uint32 // by site, then by key: two sites share no series
	keys    []string            // by series
	scratch []byte              // the key at hand
}

// newNames indexes an image. Where a site has a series twice the later one took the
// place of the earlier.
func newNames(im *image) *names {
	n := &names{symbols: make(map[string]uint32), metrics: make(map[source.Metric]uint32)}
	for ref, s := range im.dict.symbols {
		n.symbols[s] = uint32(ref)
	}
	for ref := range im.dict.metrics {
		n.metrics[*im.dict.sourceMetric(uint32(ref))] = uint32(ref)
	}
	for range im.sites {
		n.series = append(n.series, make(map[string]uint32))
	}
	for ref, s := range im.dict.series {
		n.add(im.owners[ref], uint32(ref), s)
	}
	return n
}

// add names the next series of the dictionary. One that has the same labels and was there is found no more.
func (n *names) add(site, ref uint32, s dictSeries) {
	n.scratch = binary.AppendUvarint(n.scratch[:0], uint64(s.name))
	for _, symbol := range s.labels {
		n.scratch = binary.AppendUvarint(n.scratch, uint64(symbol))
	}
	key := string(n.scratch)
	n.keys = append(n.keys, key)
	n.series[site][key] = ref
}

// find returns a site's series, if it has been named.
func (n *names) find(site int, s *source.Series) (ref uint32, ok bool) {
	n.scratch = n.scratch[:0]
	known := n.spell(s.Name)
	for _, l := range s.Labels {
		known = known && n.spell(l.Name) && n.spell(l.Value)
	}
	if !known {
		return 0, false
	}
	ref, ok = n.series[site][string(n.scratch)]
	return ref, ok
}

// spell adds a string's number to the key at hand, if it has one.
func (n *names) spell(s string) bool {
	ref, ok := n.symbols[s]
	n.scratch = binary.AppendUvarint(n.scratch, uint64(ref))
	return ok
}

// symbol finds or adds a string.
func (n *names) symbol(d *dictionary, s string) uint32 {
	ref, ok := n.symbols[s]
	if !ok {
		ref = uint32(len(d.symbols))
		d.symbols = append(d.symbols, s)
		n.symbols[s] = ref
	}
	return ref
}

// metric finds or adds a metric.
func (n *names) metric(d *dictionary, m *source.Metric) uint32 {
	ref, ok := n.metrics[*m]
	if !ok {
		ref = uint32(len(d.metrics))
		d.metrics = append(d.metrics, dictMetric{
			name: n.symbol(d, m.Name), unit: n.symbol(d, m.Unit), help: n.symbol(d, m.Help),
			kind: m.Type, durable: m.Durable,
		})
		n.metrics[*m] = ref
	}
	return ref
}

// describe says a series in the dictionary's numbers.
func (n *names) describe(d *dictionary, metric uint32, s *source.Series) dictSeries {
	described := dictSeries{metric: metric, name: n.symbol(d, s.Name), start: s.Start}
	described.labels = d.labels(2 * len(s.Labels))
	for i, l := range s.Labels {
		described.labels[2*i], described.labels[2*i+1] = n.symbol(d, l.Name), n.symbol(d, l.Value)
	}
	return described
}

// translate says a series of another dictionary in the numbers of this one.
func (n *names) translate(d, from *dictionary, ref uint32) dictSeries {
	s := from.series[ref]
	metric := n.metric(d, from.sourceMetric(s.metric))
	translated := dictSeries{metric: metric, name: n.symbol(d, from.symbols[s.name]), start: s.start}
	translated.labels = d.labels(len(s.labels))
	for i, symbol := range s.labels {
		translated.labels[i] = n.symbol(d, from.symbols[symbol])
	}
	return translated
}

// forget takes back what came after the mark.
func (n *names) forget(d *dictionary, m extent, site uint32) {
	for _, s := range d.symbols[m.symbols:] {
		delete(n.symbols, s)
	}
	for ref := m.metrics; ref < len(d.metrics); ref++ {
		delete(n.metrics, *d.sourceMetric(uint32(ref)))
	}
	for _, key := range n.keys[m.series:] {
		delete(n.series[site], key)
	}
	d.symbols, d.metrics, d.series = d.symbols[:m.symbols], d.metrics[:m.metrics], d.series[:m.series]
	n.keys = n.keys[:m.series]
}
