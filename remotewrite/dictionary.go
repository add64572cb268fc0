package remotewrite

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"

	"backwire/source"
)

// dictionary is what one segment of the log has said so far: every string, metric and
// series once, referred to by index from then on. It grows only at its end and what it
// holds never changes, so that whatever is remembered by index stays right for as long
// as the pointer is the same: the next segment has a new dictionary.
//
// It is large and lives long, so it has next to no pointers: a garbage collector passes over it.
type dictionary struct {
	symbols texts // no string twice; the empty string is one only where it was needed
	metrics []dictMetric
	series  []dictSeries

	values  []uint32          // symbols: the values of all series' labels
	shapes  [][]uint32        // symbols: what labels series may have, in order; none twice
	byNames map[string]uint32 // shapes, by the names' bytes

	named      int // label names of all shapes
	most       int // bytes of memory that reading may take; 0 is any
	mostText   int // bytes of a text that is read; 0 is any
	mostLabels int // of a series that is read; 0 is any

	key   []byte   // the names' bytes at hand
	names []uint32 // the names at hand
}

// dictMetric is a source.Metric by reference.
type dictMetric struct {
	name, unit, help uint32 // symbols
	kind             source.Type
	durable          bool
}

// dictSeries is a source.Series by reference. Its labels are sorted by name, without __name__.
type dictSeries struct {
	start  int64  // ms since the epoch; 0 where the series has none
	metric uint32 // index into metrics
	name   uint32 // symbol: the value of __name__, the metric's name with the histogram's suffix
	shape  uint32 // index into shapes and one; 0 where the series has no labels
	values uint32 // index into the dictionary's values of the first label's
}

// symbol is the string behind a reference.
func (d *dictionary) symbol(ref uint32) string { return d.symbols.at(ref) }

// labels are the symbols of a series' label names and of their values.
func (d *dictionary) labels(s *dictSeries) (names, values []uint32) {
	names = d.shape(s.shape)
	return names, d.values[s.values:][:len(names)]
}

// shape is label names by a series' reference to them.
func (d *dictionary) shape(ref uint32) []uint32 {
	if ref == 0 {
		return nil
	}
	return d.shapes[ref-1]
}

// findShape returns how series refer to label names.
func (d *dictionary) findShape(names []uint32) (ref uint32, ok bool) {
	if len(names) == 0 {
		return 0, true
	}
	d.key = appendRefs(d.key[:0], names)
	ref, ok = d.byNames[string(d.key)]
	return ref, ok
}

// shaped finds or adds label names.
func (d *dictionary) shaped(names []uint32) uint32 {
	ref, ok := d.findShape(names)
	if !ok {
		if d.byNames == nil {
			d.byNames = make(map[string]uint32)
		}
		d.shapes = append(d.shapes, slices.Clone(names))
		d.named += len(names)
		ref = uint32(len(d.shapes))
		d.byNames[string(d.key)] = ref
	}
	return ref
}

func appendRefs(dst []byte, refs []uint32) []byte {
	for _, ref := range refs {
		dst = binary.LittleEndian.AppendUint32(dst, ref)
	}
	return dst
}

// compare orders two series by their names and labels.
func (d *dictionary) compare(a, b uint32) int {
	s, t := &d.series[a], &d.series[b]
	if c := d.compareSymbols(s.name, t.name); c != 0 {
		return c
	}
	names, values := d.labels(s)
	others, theirs := d.labels(t)
	for i := range min(len(names), len(others)) {
		if c := d.compareSymbols(names[i], others[i]); c != 0 {
			return c
		}
		if c := d.compareSymbols(values[i], theirs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(names), len(others))
}

func (d *dictionary) compareSymbols(a, b uint32) int {
	if a == b {
		return 0 // no symbol is there twice
	}
	return strings.Compare(d.symbol(a), d.symbol(b))
}

// extent is how long a dictionary was, to say what is new since and to forget it again.
type extent struct{ symbols, metrics, series, values, shapes int }

func (d *dictionary) extent() extent {
	return extent{d.symbols.len(), len(d.metrics), len(d.series), len(d.values), len(d.shapes)}
}

// cut takes back what came after the mark.
func (d *dictionary) cut(m extent) {
	for _, names := range d.shapes[m.shapes:] {
		d.key = appendRefs(d.key[:0], names)
		delete(d.byNames, string(d.key))
		d.named -= len(names)
	}
	d.symbols.cut(m.symbols)
	d.metrics, d.series = d.metrics[:m.metrics], d.series[:m.series]
	d.values, d.shapes = d.values[:m.values], d.shapes[:m.shapes]
}

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
	dst = binary.AppendUvarint(dst, uint64(d.symbols.len()-m.symbols))
	for ref := m.symbols; ref < d.symbols.len(); ref++ {
		dst = appendText(dst, d.symbol(uint32(ref)))
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
	if s.shape == before.shape && len(d.shape(s.shape)) <= maxMasked {
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
		return d.appendLabels(dst, &s)
	}
	return d.appendLabelValues(dst, &s, &before)
}

func (d *dictionary) appendLabels(dst []byte, s *dictSeries) []byte {
	names, values := d.labels(s)
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for i, name := range names {
		dst = binary.AppendUvarint(dst, uint64(name))
		dst = binary.AppendUvarint(dst, uint64(values[i]))
	}
	return dst
}

func (d *dictionary) appendLabelValues(dst []byte, s, before *dictSeries) []byte {
	_, values := d.labels(s)
	_, others := d.labels(before)
	mask := uint64(0)
	for i := range values {
		if values[i] != others[i] {
			mask |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	for ; mask != 0; mask &= mask - 1 {
		dst = binary.AppendUvarint(dst, uint64(values[bits.TrailingZeros64(mask)]))
	}
	return dst
}

// extend reads what appendSince wrote.
func (d *dictionary) extend(s *scanner) {
	d.readSymbols(s)
	for range s.count(4) {
		if !d.fits(s, metricSize) {
			return
		}
		d.metrics = append(d.metrics, d.readMetric(s))
	}
	n := s.count(2)
	if !d.fits(s, seriesSize*n) {
		return
	}
	d.series = slices.Grow(d.series, n)
	for left := n; left > 0; left-- {
		series := d.readSeries(s, left)
		if s.err != nil || !d.fits(s, 0) {
			return
		}
		d.series = append(d.series, series)
	}
}

// readSymbols looks first at how much text there is, so that room for it is made once.
func (d *dictionary) readSymbols(s *scanner) {
	n := s.count(1)
	ahead, size := *s, 0
	for range n {
		text := ahead.text()
		if d.mostText > 0 && len(text) > d.mostText {
			s.oversize("too long a text")
			return
		}
		size += len(text)
	}
	if d.symbols.size()+size > math.MaxUint32 {
		s.fail("more text than a segment may have")
	}
	if !d.fits(s, size+4*n) {
		return
	}
	d.symbols.grow(n, size)
	for range n {
		d.symbols.addBytes(s.text())
	}
}

func (d *dictionary) readMetric(s *scanner) dictMetric {
	kind := s.uint8()
	return dictMetric{
		kind:    source.Type(kind &^ durableFlag),
		durable: kind&durableFlag != 0,
		name:    s.index(d.symbols.len()),
		unit:    s.index(d.symbols.len()),
		help:    s.index(d.symbols.len()),
	}
}

// readSeries reads a series, the first of so many that are left.
func (d *dictionary) readSeries(s *scanner, left int) dictSeries {
	series := d.before(len(d.series))
	flags := s.uint8()
	if flags >= seriesFlags {
		s.fail("unknown flags of a series")
	}
	if flags&seriesSameMetric != 0 && len(d.series) == 0 {
		s.fail("the first series has none before it")
	}
	if flags&seriesSameMetric == 0 {
		series.metric = s.index(len(d.metrics))
		series.name = s.index(d.symbols.len())
	}
	if flags&seriesSameStart == 0 {
		series.start += s.varint()
	}
	if flags&seriesSameShape == 0 {
		series.shape, series.values = d.readLabels(s, left)
	} else {
		series.values = d.readLabelValues(s, &series, left)
	}
	return series
}

// maxRoom is for how many values room is made at once: a bad number must not take much.
const maxRoom = 1 << 20

// room makes room for a series' values, and where there is none for those of all that are left, as if
// they were alike.
func (d *dictionary) room(labels, left int) {
	if cap(d.values)-len(d.values) < labels {
		d.values = slices.Grow(d.values, max(labels, min(labels*left, maxRoom)))
	}
}

func (d *dictionary) readLabels(s *scanner, left int) (shape, values uint32) {
	n := s.count(2)
	if d.mostLabels > 0 && n > d.mostLabels {
		s.oversize("too many labels")
	}
	if !d.fits(s, 4*n) {
		return 0, 0
	}
	d.room(n, left)
	values = uint32(len(d.values))
	d.names = d.names[:0]
	for range n {
		d.names = append(d.names, s.index(d.symbols.len()))
		d.values = append(d.values, s.index(d.symbols.len()))
	}
	return d.shaped(d.names), values
}

// readLabelValues reads those that the series before, whose labels are in series, does not have.
func (d *dictionary) readLabelValues(s *scanner, series *dictSeries, left int) (values uint32) {
	mask := s.uvarint()
	names, before := d.labels(series)
	if len(names) > maxMasked || mask>>len(names) != 0 {
		s.fail("mask beyond the labels")
	}
	if s.err != nil || mask == 0 {
		return series.values
	}
	d.room(len(names), left)
	values = uint32(len(d.values))
	d.values = append(d.values, before...)
	for ; mask != 0; mask &= mask - 1 {
		d.values[int(values)+bits.TrailingZeros64(mask)] = s.index(d.symbols.len())
	}
	return values
}

// sourceMetric gives a metric back in the words of the source.
func (d *dictionary) sourceMetric(ref uint32) *source.Metric {
	m := d.metrics[ref]
	return &source.Metric{
		Name: d.symbol(m.name), Type: m.kind, Unit: d.symbol(m.unit),
		Help: d.symbol(m.help), Durable: m.durable,
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
	suffix := strings.TrimPrefix(d.symbol(series.name), metric.Name)
	return source.NewSeries(metric, suffix, series.start, d.sourceLabels(&series)...)
}

func (d *dictionary) sourceLabels(s *dictSeries) []source.Label {
	names, values := d.labels(s)
	labels := slices.Grow([]source.Label(nil), len(names))
	for i, name := range names {
		labels = append(labels, source.Label{Name: d.symbol(name), Value: d.symbol(values[i])})
	}
	return labels
}
