package record

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	"backwire/source"
)

// names finds by name what an image holds by number; only a writer needs it.
type names struct {
	*Image
	seed    maphash.Seed
	symbols *index
	series  *index // the latest of those that have the same labels
	metrics map[Metric]uint32

	key            seriesKey // of the series at hand
	labels, values []uint32  // what is in it
	scratch        []byte
}

// seriesKey is what no two series that are found have alike. Sites share no series.
type seriesKey struct {
	site, name, shape uint32
	values            []uint32
}

func (k seriesKey) equals(o seriesKey) bool {
	return k.site == o.site && k.name == o.name && k.shape == o.shape && slices.Equal(k.values, o.values)
}

// newNames indexes an image. Where a site has a series twice the later one took the
// place of the earlier.
func newNames(im *Image) *names {
	n := &names{Image: im, seed: maphash.MakeSeed(), metrics: make(map[Metric]uint32)}
	n.symbols = newIndex(im.Dict.symbols.len(), func(ref uint32) uint64 { return maphash.String(n.seed, n.Dict.Symbol(ref)) })
	n.series = newIndex(len(im.owners), func(ref uint32) uint64 { return n.hash(n.keyOf(ref)) })
	for ref := range im.Dict.symbols.len() {
		n.symbols.put(uint32(ref), other)
	}
	for ref, m := range im.Dict.Metrics {
		n.metrics[m] = uint32(ref)
	}
	for ref := range im.owners {
		n.add(uint32(ref))
	}
	return n
}

// add names a series. One that has the same labels and was there is found no more.
func (n *names) add(ref uint32) {
	n.key = n.keyOf(ref)
	n.series.put(ref, n.isAtHand)
}

func (n *names) keyOf(ref uint32) seriesKey {
	s := &n.Dict.Series[ref]
	_, values := n.Dict.Labels(s)
	return seriesKey{n.owners[ref], s.Name, s.Shape, values}
}

func (n *names) hash(k seriesKey) uint64 {
	n.scratch = binary.LittleEndian.AppendUint32(n.scratch[:0], k.site)
	n.scratch = binary.LittleEndian.AppendUint32(n.scratch, k.name)
	n.scratch = binary.LittleEndian.AppendUint32(n.scratch, k.shape)
	n.scratch = appendRefs(n.scratch, k.values)
	return maphash.Bytes(n.seed, n.scratch)
}

func (n *names) isAtHand(ref uint32) bool { return n.key.equals(n.keyOf(ref)) }

// latest is the series that is found by the labels of this one.
func (n *names) latest(ref uint32) uint32 {
	n.key = n.keyOf(ref)
	latest, _ := n.series.find(n.hash(n.key), n.isAtHand)
	return latest
}

// find returns a site's series, if it has been named.
func (n *names) find(site int, s *source.Series) (ref uint32, ok bool) {
	name, known := n.findSymbol(s.Name)
	n.labels, n.values = n.labels[:0], n.values[:0]
	for i := 0; known && i < len(s.Labels); i++ {
		l := &s.Labels[i]
		label, ok1 := n.findSymbol(l.Name)
		value, ok2 := n.findSymbol(l.Value)
		n.labels, n.values = append(n.labels, label), append(n.values, value)
		known = ok1 && ok2
	}
	if !known {
		return 0, false
	}
	shape, ok := n.Dict.findShape(n.labels)
	if !ok {
		return 0, false
	}
	n.key = seriesKey{uint32(site), name, shape, n.values}
	return n.series.find(n.hash(n.key), n.isAtHand)
}

// endedKept is how long a series that has ended is remembered, by its site's time: what begins is told to be 0 an
// interval before, which is four minutes at most.
const endedKept = 5 * time.Minute

// kept lists the series that the next segment has to know, site after site.
func (n *names) kept() []uint32 {
	refs := make([]uint32, 0, n.series.used)
	for ref := range n.series.all() {
		site := n.sites[n.owners[ref]]
		if site.present.Has(ref) || n.remembers(ref) || site.t-n.times[ref] < endedKept.Milliseconds() {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b uint32) int {
		if n.owners[a] != n.owners[b] {
			return cmp.Compare(n.owners[a], n.owners[b])
		}
		return n.Dict.compare(a, b)
	})
	return refs
}

// succeed puts a series in the place of one that is present and has the same labels: so it is after a batch that said what the
// values are and nothing more.
func (n *names) succeed() {
	found := Set(nil).Grown(len(n.owners))
	for ref := range n.series.all() {
		found.Add(ref)
	}
	for _, site := range n.sites {
		site.present = site.present.Grown(len(n.owners))
		for ref := range site.present.minus(found, nil).All() {
			site.present.Remove(ref)
			site.present.Add(n.latest(ref))
		}
	}
}

func (n *names) findSymbol(s string) (ref uint32, ok bool) {
	return n.symbols.find(maphash.String(n.seed, s), func(ref uint32) bool { return n.Dict.Symbol(ref) == s })
}

// symbol finds or adds a string.
func (n *names) symbol(s string) uint32 {
	ref, ok := n.findSymbol(s)
	if !ok {
		ref = n.Dict.symbols.add(s)
		n.symbols.put(ref, other)
	}
	return ref
}

// metric finds or adds a metric.
func (n *names) metric(m *source.Metric) uint32 {
	described := Metric{
		Name: n.symbol(m.Name), Unit: n.symbol(m.Unit), Help: n.symbol(m.Help),
		Kind: m.Type, durable: m.Durable,
	}
	ref, ok := n.metrics[described]
	if !ok {
		ref = uint32(len(n.Dict.Metrics))
		n.Dict.Metrics = append(n.Dict.Metrics, described)
		n.metrics[described] = ref
	}
	return ref
}

// define adds a series to the dictionary.
func (n *names) define(metric uint32, s *source.Series) {
	described := Series{Metric: metric, Name: n.symbol(s.Name), Start: s.Start, values: uint32(len(n.Dict.values))}
	n.labels = n.labels[:0]
	for _, l := range s.Labels {
		n.labels = append(n.labels, n.symbol(l.Name))
		n.Dict.values = append(n.Dict.values, n.symbol(l.Value))
	}
	described.Shape = n.Dict.shaped(n.labels)
	n.Dict.Series = append(n.Dict.Series, described)
}

// Define is a dictionary of these series, in their order. No two of them have the same labels.
func Define(all ...*source.Series) *Dictionary {
	n := newNames(&Image{Dict: new(Dictionary)})
	for _, s := range all {
		n.define(n.metric(s.Metric), s)
	}
	return n.Dict
}
