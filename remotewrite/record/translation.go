package record

// translation carries series from one dictionary to another that has nothing else: so whatever is carried once is
// there once, as it was.
type translation struct {
	from, to         *Dictionary
	symbols, metrics []uint32 // by old reference: the new one and one; 0 is not yet there
}

// translate defines these series in a new dictionary, in this order.
func translate(from *Dictionary, refs []uint32) *Dictionary {
	t := &translation{from, new(Dictionary), make([]uint32, from.symbols.len()), make([]uint32, len(from.Metrics))}
	labels := 0
	for _, ref := range refs {
		labels += len(from.Shape(from.Series[ref].Shape))
	}
	t.to.symbols.grow(from.symbols.len(), from.symbols.size())
	t.to.Series, t.to.values = make([]Series, 0, len(refs)), make([]uint32, 0, labels)
	for _, ref := range refs {
		t.define(from.Series[ref])
	}
	return t.to
}

func (t *translation) symbol(ref uint32) uint32 {
	if t.symbols[ref] == 0 {
		t.symbols[ref] = t.to.symbols.add(t.from.Symbol(ref)) + 1
	}
	return t.symbols[ref] - 1
}

func (t *translation) metric(ref uint32) uint32 {
	if t.metrics[ref] == 0 {
		m := t.from.Metrics[ref]
		m.Name, m.Unit, m.Help = t.symbol(m.Name), t.symbol(m.Unit), t.symbol(m.Help)
		t.to.Metrics = append(t.to.Metrics, m)
		t.metrics[ref] = uint32(len(t.to.Metrics))
	}
	return t.metrics[ref] - 1
}

func (t *translation) define(s Series) {
	names, values := t.from.Labels(&s)
	s.Metric, s.Name, s.values = t.metric(s.Metric), t.symbol(s.Name), uint32(len(t.to.values))
	t.to.names = t.to.names[:0]
	for i, name := range names {
		t.to.names = append(t.to.names, t.symbol(name))
		t.to.values = append(t.to.values, t.symbol(values[i]))
	}
	s.Shape = t.to.shaped(t.to.names)
	t.to.Series = append(t.to.Series, s)
}
