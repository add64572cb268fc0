package wire

import (
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// Fields of prometheus.WriteRequest and what is in it (Remote-Write 1.0, "Protocol").
const (
	v1Timeseries = 1
	v1Metadata   = 3

	v1SeriesLabels    = 1
	v1SeriesExemplars = 3

	v1LabelName  = 1
	v1LabelValue = 2

	v1MetadataType = 1
	v1MetadataName = 2
	v1MetadataHelp = 4
	v1MetadataUnit = 5

	exemplarLabels = 1 // alike in both versions
	exemplarValue  = 2
	exemplarTime   = 3
)

// messageV1 writes a prometheus.WriteRequest: each series with all its labels in full, and after the series the
// metadata of each metric once.
type messageV1 struct {
	labeler *labeler
	dict    *record.Dictionary
	metrics numbering // which metrics the request has
	used    []uint32
	scratch []byte
}

func newMessageV1(external []source.Label) *messageV1 {
	return &messageV1{labeler: newLabeler(external)}
}

func (m *messageV1) begin(w *window.Window, _ window.Span) {
	m.dict = w.Dict
	m.metrics.reset(len(w.Dict.Metrics))
	m.used = m.used[:0]
}

func (m *messageV1) field() byte                { return v1Timeseries }
func (m *messageV1) start(*record.Series) int64 { return 0 }

func (m *messageV1) Before(b []byte, s *record.Series) []byte {
	if _, ok := m.metrics.get(s.Metric); !ok {
		m.metrics.set(s.Metric, 1)
		m.used = append(m.used, s.Metric)
	}
	names, values := m.dict.Labels(s)
	for _, t := range m.labeler.order(m.dict, s) {
		if t.added {
			name, value := m.label(t, s)
			b = appendLabel(b, v1SeriesLabels, name, value)
			continue
		}
		b = appendLabel(b, v1SeriesLabels, m.dict.Symbol(names[t.i]), m.dict.Symbol(values[t.i]))
	}
	return b
}

// label is one that was added.
func (m *messageV1) label(t origin, s *record.Series) (name, value string) {
	l := m.labeler.added[t.i]
	if l.Name == metricName {
		return metricName, m.dict.Symbol(s.Name)
	}
	return l.Name, l.Value
}

func appendLabel(b []byte, field byte, name, value string) []byte {
	b = appendHead(b, field, stringSize(name)+stringSize(value))
	b = appendString(b, v1LabelName, name)
	return appendString(b, v1LabelValue, value)
}

func (m *messageV1) after(b []byte, _ *record.Series, exemplars []window.Observation) []byte {
	for _, e := range exemplars {
		m.scratch = m.scratch[:0]
		for _, l := range e.Labels {
			m.scratch = appendLabel(m.scratch, exemplarLabels, l.Name, l.Value)
		}
		b = appendExemplar(b, v1SeriesExemplars, m.scratch, e.Exemplar)
	}
	return b
}

// appendExemplar writes an exemplar whose labels are written already.
func appendExemplar(b []byte, field byte, labels []byte, e record.Exemplar) []byte {
	b = appendHead(b, field, len(labels)+doubleSize(e.V)+numberSize(uint64(e.T)))
	b = append(b, labels...)
	b = appendDouble(b, exemplarValue, e.V)
	return appendNumber(b, exemplarTime, uint64(e.T))
}

// size is a guess: a metric's metadata takes about as much as a line of help.
func (m *messageV1) size() int { return 128 * len(m.used) }

func (m *messageV1) prefix(b []byte) []byte { return b }

func (m *messageV1) suffix(b []byte) []byte {
	for _, i := range m.used {
		b = m.metadata(b, &m.dict.Metrics[i])
	}
	return b
}

func (m *messageV1) metadata(b []byte, d *record.Metric) []byte {
	name, help, unit := m.dict.Symbol(d.Name), m.dict.Symbol(d.Help), m.dict.Symbol(d.Unit)
	m.scratch = appendNumber(m.scratch[:0], v1MetadataType, metricType(d.Kind))
	m.scratch = appendString(m.scratch, v1MetadataName, name)
	m.scratch = appendString(m.scratch, v1MetadataHelp, help)
	m.scratch = appendString(m.scratch, v1MetadataUnit, unit)
	b = appendHead(b, v1Metadata, len(m.scratch))
	return append(b, m.scratch...)
}

// metricType is a type's number, which is the same in both versions.
func metricType(t source.Type) uint64 {
	switch t {
	case source.Counter:
		return 1
	case source.Gauge:
		return 2
	case source.Histogram:
		return 3
	case source.Info:
		return 6
	}
	return 0
}
