package remotewrite

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"backwire/source"
)

// dictionary is what one segment of the log has said so far: every string, metric and
// series once, referred to by index from then on. It grows only at its end and what it
// holds never changes, so that whatever is remembered by index stays right for as long
// as the pointer is the same: the next segment has a new dictionary.
type dictionary struct {
	symbols []string // no string twice; the empty string is one only where it was needed
	metrics []dictMetric
	series  []dictSeries

	room []uint32 // for the labels of series to come
}

// labels returns n symbols to be set, many series' from one allocation.
func (d *dictionary) labels(n int) []uint32 {
	if len(d.room) < n {
		d.room = make([]uint32, max(n, 1024))
	}
	labels := d.room[:n:n]
	d.room = d.room[n:]
	return labels
}

// dictMetric is a source.Metric by reference.
type dictMetric struct {
	name, unit, help uint32 // symbols
	kind             source.Type
	durable          bool
}

// dictSeries is a source.Series by reference.
type dictSeries struct {
	metric uint32   // index into metrics
	name   uint32   // symbol: the value of __name__, the metric's name with the histogram's suffix
	start  int64    // ms since the epoch; 0 where the series has none
	labels []uint32 // symbols, name and value in turn; sorted by name, without __name__
}

// symbol is the string behind a reference.
func (d *dictionary) symbol(ref uint32) string { return d.symbols[ref] }

// compare orders two series by their names and labels.
func (d *dictionary) compare(a, b uint32) int {
	s, t := &d.series[a], &d.series[b]
	if c := strings.Compare(d.symbols[s.name], d.symbols[t.name]); c != 0 {
		return c
	}
	return slices.CompareFunc(s.labels, t.labels, func(x, y uint32) int {
		if x == y {
			return 0 // no symbol is there twice
		}
		return strings.Compare(d.symbols[x], d.symbols[y])
	})
}

// extent is how long a dictionary was, to say what is new since and to forget it again.
type extent struct{ symbols, metrics, series int }

func (d *dictionary) extent() extent { return extent{len(d.symbols), len(d.metrics), len(d.series)} }

// Flags of a series: what it shares with the one before it in the dictionary.
const (
	seriesSameMetric = 1 << iota // metric and name
	seriesSameShape              // label names
	seriesSameStart
	seriesFlags // the first value that no combination reaches
)

// durableFlag is beside a metric's type in one byte.
const durableFlag = 0x80

// maxMasked is up to how many labels a series may name those that differ by a mask: so
// many bits fit in a number, and so far may a few bytes stand for many references.
const maxMasked = 63

// appendSince writes what came into the dictionary after the mark.
func (d *dictionary) appendSince(dst []byte, m extent) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(d.symbols)-m.symbols))
	for _, s := range d.symbols[m.symbols:] {
		dst = appendText(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.metrics)-m.metrics))
	for _, metric := range d.metrics[m.metrics:] {
		dst = appendMetric(dst, metric)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.series)-m.series))
	for ref := m.series; ref < len(d.series); ref++ {
		dst = d.appendSeries(dst, ref)
	}
	return dst
}

func appendMetric(dst []byte, m dictMetric) []byte {
	kind := byte(m.kind)
	if m.durable {
		kind |= durableFlag
	}
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(m.name))
	dst = binary.AppendUvarint(dst, uint64(m.unit))
	return binary.AppendUvarint(dst, uint64(m.help))
}

// before is the series that ref is described against.
func (d *dictionary) before(ref int) dictSeries {
	if ref == 0 {
		return dictSeries{}
	}
	return d.series[ref-1]
}

func (d *dictionary) appendSeries(dst []byte, ref int) []byte {
	s, before := d.series[ref], d.before(ref)
	var flags byte
	if ref > 0 && s.metric == before.metric && s.name == before.name {
		flags |= seriesSameMetric
	}
	if sameShape(s.labels, before.labels) {
		flags |= seriesSameShape
	}
	if s.start == before.start {
		flags |= seriesSameStart
	}
	dst = append(dst, flags)
	if flags&seriesSameMetric == 0 {
		dst = binary.AppendUvarint(dst, uint64(s.metric))
		dst = binary.AppendUvarint(dst, uint64(s.name))
	}
	if flags&seriesSameStart == 0 {
		dst = binary.AppendUvarint(dst, zigzag(s.start-before.start))
	}
	if flags&seriesSameShape == 0 {
		return appendLabels(dst, s.labels)
	}
	return appendLabelValues(dst, s.labels, before.labels)
}

// sameShape says whether two series have the same label names, few enough for a mask.
func sameShape(a, b []uint32) bool {
	if len(a) != len(b) || len(a) > 2*maxMasked {
		return false
	}
	for i := 0; i < len(a); i += 2 {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func appendLabels(dst []byte, labels []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(labels)/2))
	for _, symbol := range labels {
		dst = binary.AppendUvarint(dst, uint64(symbol))
	}
	return dst
}

func appendLabelValues(dst []byte, labels, before []uint32) []byte {
	mask := uint64(0)
	for i := 1; i < len(labels); i += 2 {
		if labels[i] != before[i] {
			mask |= 1 << (i / 2)
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	for ; mask != 0; mask &= mask - 1 {
		dst = binary.AppendUvarint(dst, uint64(labels[2*bits.TrailingZeros64(mask)+1]))
	}
	return dst
}

// extend reads what appendSince wrote.
func (d *dictionary) extend(s *scanner) {
	for range s.count(1) {
		d.symbols = append(d.symbols, string(s.text()))
	}
	for range s.count(4) {
		d.metrics = append(d.metrics, d.readMetric(s))
	}
	for range s.count(2) {
		series := d.readSeries(s)
		if s.err != nil {
			return
		}
		d.series = append(d.series, series)
	}
}

func (d *dictionary) readMetric(s *scanner) dictMetric {
	kind := s.uint8()
	return dictMetric{
		kind:    source.Type(kind &^ durableFlag),
		durable: kind&durableFlag != 0,
		name:    s.index(len(d.symbols)),
		unit:    s.index(len(d.symbols)),
		help:    s.index(len(d.symbols)),
	}
}

func (d *dictionary) readSeries(s *scanner) dictSeries {
	before := d.before(len(d.series))
	flags := s.uint8()
	if flags >= seriesFlags {
		s.fail("unknown flags of a series")
	}
	if flags&seriesSameMetric != 0 && len(d.series) == 0 {
		s.fail("the first series has none before it")
	}
	series := dictSeries{metric: before.metric, name: before.name, start: before.start}
	if flags&seriesSameMetric == 0 {
		series.metric = s.index(len(d.metrics))
		series.name = s.index(len(d.symbols))
	}
	if flags&seriesSameStart == 0 {
		series.start += s.varint()
	}
	if flags&seriesSameShape == 0 {
		series.labels = d.readLabels(s)
	} else {
		series.labels = d.readLabelValues(s, before.labels)
	}
	return series
}

func (d *dictionary) readLabels(s *scanner) []uint32 {
	labels := d.labels(2 * s.count(2))
	for i := range labels {
		labels[i] = s.index(len(d.symbols))
	}
	return labels
}

func (d *dictionary) readLabelValues(s *scanner, before []uint32) []uint32 {
	mask := s.uvarint()
	if len(before) > 2*maxMasked || mask>>(len(before)/2) != 0 {
		s.fail("mask beyond the labels")
		return nil
	}
	labels := d.labels(len(before))
	copy(labels, before)
	for ; mask != 0; mask &= mask - 1 {
		labels[2*bits.TrailingZeros64(mask)+1] = s.index(len(d.symbols))
	}
	return labels
}

// sourceMetric gives a metric back in the words of the source.
func (d *dictionary) sourceMetric(ref uint32) *source.Metric {
	m := d.metrics[ref]
	return &source.Metric{
		Name: d.symbols[m.name], Type: m.kind, Unit: d.symbols[m.unit],
		Help: d.symbols[m.help], Durable: m.durable,
	}
}

// source gives a series back in the words of the source. Series of one metric share it
// through metrics.
func (d *dictionary) source(ref uint32, metrics map[uint32]*source.Metric) *source.Series {
	series := d.series[ref]
	metric := metrics[series.metric]
	if metric == nil {
		metric = d.sourceMetric(series.metric)
		metrics[series.metric] = metric
	}
	labels := make([]source.Label, len(series.labels)/2)
	for i := range labels {
		labels[i] = source.Label{Name: d.symbols[series.labels[2*i]], Value: d.symbols[series.labels[2*i+1]]}
	}
	suffix := strings.TrimPrefix(d.symbols[series.name], metric.Name)
	return source.NewSeries(metric, suffix, series.start, labels...)
}
