package remotewrite

// translation carries series from one dictionary to another that has nothing else: so whatever is carried once is
// there once, as it was.
type translation struct {
	from, to         *dictionary
	symbols, metrics []uint32 // by old reference: the new one and one; 0 is not yet there
}

// translate defines these series in a new dictionary, in this order.
func translate(from *dictionary, refs []uint32) *dictionary {
	t := &translation{from, new(dictionary), make([]uint32, from.symbols.len()), make([]uint32, len(from.metrics))}
	labels := 0
	for _, ref := range refs {
		labels += len(from.shape(from.series[ref].shape))
	}
	t.to.symbols.grow(from.symbols.len(), from.symbols.size())
	t.to.series, t.to.values = make([]dictSeries, 0, len(refs)), make([]uint32, 0, labels)
	for _, ref := range refs {
		t.define(from.series[ref])
	}
	return t.to
}

func (t *translation) symbol(ref uint32) uint32 {
	if t.symbols[ref] == 0 {
		t.symbols[ref] = t.to.symbols.add(t.from.symbol(ref)) + 1
	}
	return t.symbols[ref] - 1
}

func (t *translation) metric(ref uint32) uint32 {
	if t.metrics[ref] == 0 {
		m := t.from.metrics[ref]
		m.name, m.unit, m.help = t.symbol(m.name), t.symbol(m.unit), t.symbol(m.help)
		t.to.metrics = append(t.to.metrics, m)
		t.metrics[ref] = uint32(len(t.to.metrics))
	}
	return t.metrics[ref] - 1
}

func (t *translation) define(s dictSeries) {
	names, values := t.from.labels(&s)
	s.metric, s.name, s.values = t.metric(s.metric), t.symbol(s.name), uint32(len(t.to.values))
	t.to.names = t.to.names[:0]
	for i, name := range names {
		t.to.names = append(t.to.names, t.symbol(name))
		t.to.values = append(t.to.values, t.symbol(values[i]))
	}
	s.shape = t.to.shaped(t.to.names)
	t.to.series = append(t.to.series, s)
}
