package wire

import (
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// Fields of io.prometheus.write.v2.Request and what is in it (Remote-Write 2.0, "Protobuf Message").
const (
	v2Symbols    = 4
	v2Timeseries = 5

	v2SeriesLabels    = 1 // alike in Exemplar
	v2SeriesExemplars = 4
	v2SeriesMetadata  = 5

	v2MetadataType = 1
	v2MetadataHelp = 3
	v2MetadataUnit = 4
)

// messageV2 writes an io.prometheus.write.v2.Request: every string once, in front, and series that refer to it.
//
// A symbol of the segment's dictionary gets its number in the request when it is
// first used, by an index and not by a hash. Strings that are not from the dictionary come first: the empty one, which must be
// number 0, the external labels, and the labels of the request's exemplars. As the dictionary may have the same strings,
// each of its symbols is compared with those once a request; their lengths tell nearly all apart.
type messageV2 struct {
	labeler *labeler
	dict    *record.Dictionary
	numbers numbering // by symbol of the dictionary: its number in the request
	symbols []string
	bytes   int // of the symbols

	foreign map[string]uint32 // strings that are not from the dictionary: their numbers
	added   []reference       // the labeler's labels
	fixed   int               // how many foreign strings every request has
	guests  int               // and how many this one has besides
	lengths uint64            // bit n is set where a foreign string has n mod 64 bytes
	refs    []byte            // label refs of the series or exemplar at hand
	scratch []byte
}

// reference is a label by its symbols' numbers.
type reference struct{ name, value uint32 }

func newMessageV2(external []source.Label) *messageV2 {
	m := &messageV2{labeler: newLabeler(external), foreign: map[string]uint32{}}
	m.intern("")
	for _, l := range m.labeler.added {
		m.added = append(m.added, reference{m.intern(l.Name), m.intern(l.Value)})
	}
	m.fixed = len(m.symbols)
	return m
}

// intern numbers a string that is not from the dictionary.
func (m *messageV2) intern(s string) uint32 {
	if n, ok := m.foreign[s]; ok {
		return n
	}
	n := m.add(s)
	m.foreign[s] = n
	m.lengths |= 1 << (len(s) & 63)
	return n
}

func (m *messageV2) add(s string) uint32 {
	n := uint32(len(m.symbols))
	m.symbols = append(m.symbols, s)
	m.bytes += stringSize(s)
	return n
}

func (m *messageV2) begin(w *window.Window, s window.Span) {
	m.dict = w.Dict
	m.numbers.reset(w.Dict.SymbolCount())
	m.forget()
	for i := s.From.Column; len(w.Exemplars) > 0 && i <= s.To.Column && i < len(w.Columns); i++ {
		for _, e := range w.ExemplarsOf(&w.Columns[i]) {
			for _, l := range e.Labels {
				m.intern(l.Name)
				m.intern(l.Value)
			}
		}
	}
	m.guests = len(m.symbols) - m.fixed
}

// forget drops what only the last request had.
func (m *messageV2) forget() {
	for _, s := range m.symbols[m.fixed : m.fixed+m.guests] {
		delete(m.foreign, s)
	}
	clear(m.symbols[m.fixed:])
	m.symbols = m.symbols[:m.fixed]
	m.lengths, m.bytes = 0, 0
	for _, s := range m.symbols {
		m.lengths |= 1 << (len(s) & 63)
		m.bytes += stringSize(s)
	}
}

// number is a dictionary symbol's number in the request.
func (m *messageV2) number(ref uint32) uint32 {
	if n, ok := m.numbers.get(ref); ok {
		return n
	}
	n := m.newcomer(m.dict.Symbol(ref))
	m.numbers.set(ref, n)
	return n
}

func (m *messageV2) newcomer(s string) uint32 {
	if m.lengths>>(len(s)&63)&1 != 0 {
		if n, ok := m.foreign[s]; ok {
			return n
		}
	}
	return m.add(s)
}

func (m *messageV2) field() byte                  { return v2Timeseries }
func (m *messageV2) start(s *record.Series) int64 { return s.Start }

func (m *messageV2) Before(b []byte, s *record.Series) []byte {
	names, values := m.dict.Labels(s)
	m.refs = m.refs[:0]
	for _, t := range m.labeler.order(m.dict, s) {
		if t.added {
			m.refer(m.label(t, s))
			continue
		}
		m.refer(reference{m.number(names[t.i]), m.number(values[t.i])})
	}
	return m.packed(b)
}

// label is one that was added.
func (m *messageV2) label(t origin, s *record.Series) reference {
	r := m.added[t.i]
	if r.value == 0 { // the metric's name, the one label that is added without a value
		r.value = m.number(s.Name)
	}
	return r
}

func (m *messageV2) refer(r reference) {
	m.refs = appendVarint(appendVarint(m.refs, uint64(r.name)), uint64(r.value))
}

func (m *messageV2) packed(b []byte) []byte {
	return append(appendHead(b, v2SeriesLabels, len(m.refs)), m.refs...)
}

func (m *messageV2) after(b []byte, s *record.Series, exemplars []window.Observation) []byte {
	for _, e := range exemplars {
		m.refs = m.refs[:0]
		for _, l := range e.Labels {
			m.refer(reference{m.foreign[l.Name], m.foreign[l.Value]})
		}
		m.scratch = m.packed(m.scratch[:0])
		b = appendExemplar(b, v2SeriesExemplars, m.scratch, e.Exemplar)
	}
	return m.metadata(b, &m.dict.Metrics[s.Metric])
}

func (m *messageV2) metadata(b []byte, d *record.Metric) []byte {
	kind, help, unit := metricType(d.Kind), uint64(m.number(d.Help)), uint64(m.number(d.Unit))
	b = appendHead(b, v2SeriesMetadata, numberSize(kind)+numberSize(help)+numberSize(unit))
	b = appendNumber(b, v2MetadataType, kind)
	b = appendNumber(b, v2MetadataHelp, help)
	return appendNumber(b, v2MetadataUnit, unit)
}

func (m *messageV2) size() int { return m.bytes }

func (m *messageV2) prefix(b []byte) []byte {
	for _, s := range m.symbols {
		b = appendString(b, v2Symbols, s)
	}
	return b
}

func (m *messageV2) suffix(b []byte) []byte { return b }
