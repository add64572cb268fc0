package remotewrite

// translation carries series from one dictionary to another. What a symbol or a metric is there is looked up once.
type translation struct {
	from             *dictionary
	to               *names
	symbols, metrics []uint32 // by old reference: the new one and one; 0 is not yet known
}

func newTranslation(from *dictionary, to *names) *translation {
	return &translation{from, to, make([]uint32, from.symbols.len()), make([]uint32, len(from.metrics))}
}

func (t *translation) symbol(ref uint32) uint32 {
	if t.symbols[ref] == 0 {
		t.symbols[ref] = t.to.symbol(t.from.symbol(ref)) + 1
	}
	return t.symbols[ref] - 1
}

func (t *translation) metric(ref uint32) uint32 {
	if t.metrics[ref] == 0 {
		m := t.from.metrics[ref]
		m.name, m.unit, m.help = t.symbol(m.name), t.symbol(m.unit), t.symbol(m.help)
		t.metrics[ref] = t.to.described(m) + 1
	}
	return t.metrics[ref] - 1
}

// define adds a series to the new dictionary.
func (t *translation) define(ref uint32) {
	s, d := t.from.series[ref], t.to.dict
	names, values := t.from.labels(&s)
	s.metric, s.name, s.values = t.metric(s.metric), t.symbol(s.name), uint32(len(d.values))
	d.names = d.names[:0]
	for i, name := range names {
		d.names = append(d.names, t.symbol(name))
		d.values = append(d.values, t.symbol(values[i]))
	}
	s.shape = d.shaped(d.names)
	d.series = append(d.series, s)
}
