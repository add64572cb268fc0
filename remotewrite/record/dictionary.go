package record

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"

	"backwire/source"
)

// Dictionary is what one segment of the log has said so far: every string, metric and
// series once, referred to by index from then on. It grows only at its end and what it
// holds never changes, so that whatever is remembered by index stays right for as long
// as the pointer is the same: the next segment has a new dictionary.
//
// It is large and lives long, so it has next to no pointers: a garbage collector passes over it.
type Dictionary struct {
	symbols texts // no string twice; the empty string is one only where it was needed
	Metrics []Metric
	Series  []Series
	Opened  int  // series that the head of the segment knew: no two of them have the same labels
	Renewed bool // a series has ended in the segment, so that a later one may have its labels

	values  []uint32          // symbols: the values of all series' labels
	shapes  [][]uint32        // symbols: what labels series may have, in order; none twice
	byNames map[string]uint32 // shapes, by the names' bytes

	compared int             // series that [Dictionary.Twins] knows
	twins    map[uint32]bool // among them

	named      int // label names of all shapes
	most       int // bytes of memory that reading may take; 0 is any
	mostText   int // bytes of a text that is read; 0 is any
	mostLabels int // of a series that is read; 0 is any

	key   []byte   // the names' bytes at hand
	names []uint32 // the names at hand
}

// Metric is a source.Metric by reference.
type Metric struct {
	Name, Unit, Help uint32 // symbols
	Kind             source.Type
	durable          bool
}

// Series is a source.Series by reference. Its labels are sorted by name, without __name__.
type Series struct {
	Start  int64  // ms since the epoch; 0 where the series has none
	Metric uint32 // index into metrics
	Name   uint32 // symbol: the value of __name__, the metric's name with the histogram's suffix
	Shape  uint32 // index into shapes and one; 0 where the series has no labels
	values uint32 // index into the dictionary's values of the first label's
}

// Symbol is the string of a reference.
func (d *Dictionary) Symbol(ref uint32) string { return d.symbols.at(ref) }

// SymbolCount is how many symbols there are; their references are below it.
func (d *Dictionary) SymbolCount() int { return d.symbols.len() }

// Labels are the symbols of a series' label names and of their values.
func (d *Dictionary) Labels(s *Series) (names, values []uint32) {
	names = d.Shape(s.Shape)
	return names, d.values[s.values:][:len(names)]
}

// AppendIdentity appends bytes that are the same for series with the same name and labels, and for no others. A series with another
// start or another description is another one here, and the same at a receiver.
func (d *Dictionary) AppendIdentity(dst []byte, ref uint32) []byte {
	s := &d.Series[ref]
	_, values := d.Labels(s)
	dst = binary.LittleEndian.AppendUint32(dst, s.Name)
	dst = binary.LittleEndian.AppendUint32(dst, s.Shape)
	return appendRefs(dst, values)
}

// Twins are the series that have the labels of another one, which began again under another start or another description. A few of them
// may have not. Only those that are new since the last call are compared with the others. It has one caller at a time.
func (d *Dictionary) Twins() map[uint32]bool {
	known, end := max(d.compared, d.Opened), len(d.Series)
	if known >= end {
		return d.twins
	}
	added := make(map[uint64]uint32, end-known) // by the hash of the labels: the texts would take megabytes
	for ref := range uint32(end) {
		at := (ref + uint32(known)) % uint32(end) // the new ones first
		hash := d.hashLabels(at)
		switch other, found := added[hash]; {
		case found:
			if d.twins == nil {
				d.twins = map[uint32]bool{}
			}
			d.twins[at], d.twins[other] = true, true
		case int(at) >= known:
			added[hash] = at
		}
	}
	d.compared = end
	return d.twins
}

// hashLabels is the same for series of the same identity, and hardly for others (FNV-1a).
func (d *Dictionary) hashLabels(ref uint32) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	s := &d.Series[ref]
	_, values := d.Labels(s)
	hash := (uint64(offset)^uint64(s.Name))*prime ^ uint64(s.Shape)
	for _, v := range values {
		hash = hash*prime ^ uint64(v)
	}
	return hash
}

// Shape is label names by a series' reference to them.
func (d *Dictionary) Shape(ref uint32) []uint32 {
	if ref == 0 {
		return nil
	}
	return d.shapes[ref-1]
}

// findShape returns how series refer to label names.
func (d *Dictionary) findShape(names []uint32) (ref uint32, ok bool) {
	if len(names) == 0 {
		return 0, true
	}
	d.key = appendRefs(d.key[:0], names)
	ref, ok = d.byNames[string(d.key)]
	return ref, ok
}

// shaped finds or adds label names.
func (d *Dictionary) shaped(names []uint32) uint32 {
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
func (d *Dictionary) compare(a, b uint32) int {
	s, t := &d.Series[a], &d.Series[b]
	if c := d.compareSymbols(s.Name, t.Name); c != 0 {
		return c
	}
	names, values := d.Labels(s)
	others, theirs := d.Labels(t)
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

func (d *Dictionary) compareSymbols(a, b uint32) int {
	if a == b {
		return 0 // no symbol is there twice
	}
	return strings.Compare(d.Symbol(a), d.Symbol(b))
}

// extent is how long a dictionary was, to say what is new since and to forget it again.
type extent struct{ symbols, metrics, series, values, shapes int }

func (d *Dictionary) extent() extent {
	return extent{d.symbols.len(), len(d.Metrics), len(d.Series), len(d.values), len(d.shapes)}
}

// cut takes back what came after the mark.
func (d *Dictionary) cut(m extent) {
	for _, names := range d.shapes[m.shapes:] {
		d.key = appendRefs(d.key[:0], names)
		delete(d.byNames, string(d.key))
		d.named -= len(names)
	}
	d.symbols.cut(m.symbols)
	d.Metrics, d.Series = d.Metrics[:m.metrics], d.Series[:m.series]
	d.values, d.shapes = d.values[:m.values], d.shapes[:m.shapes]
	d.compared = min(d.compared, m.series)
}

// Flags of a series: what it shares with the one before it in the dictionary.
const (
	seriesSameMetric = 1 << iota // metric and name
	seriesSameShape              // label names
	seriesSameStart
	seriesFlags // the first value that no combination reaches
)

// durableFlag shares a byte with the type of a metric.
const durableFlag = 0x80

// maxMasked is up to how many labels a series may name those that differ by a mask: so
// many bits fit in a number, and so far may a few bytes stand for many references.
const maxMasked = 63

// appendSince writes what came into the dictionary after the mark.
func (d *Dictionary) appendSince(dst []byte, m extent) []byte {
	dst = binary.AppendUvarint(dst, uint64(d.symbols.len()-m.symbols))
	for ref := m.symbols; ref < d.symbols.len(); ref++ {
		dst = appendText(dst, d.Symbol(uint32(ref)))
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.Metrics)-m.metrics))
	for _, metric := range d.Metrics[m.metrics:] {
		dst = appendMetric(dst, metric)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.Series)-m.series))
	for ref := m.series; ref < len(d.Series); ref++ {
		dst = d.appendSeries(dst, ref)
	}
	return dst
}

func appendMetric(dst []byte, m Metric) []byte {
	kind := byte(m.Kind)
	if m.durable {
		kind |= durableFlag
	}
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(m.Name))
	dst = binary.AppendUvarint(dst, uint64(m.Unit))
	return binary.AppendUvarint(dst, uint64(m.Help))
}

// before is the series that ref is described against.
func (d *Dictionary) before(ref int) Series {
	if ref == 0 {
		return Series{}
	}
	return d.Series[ref-1]
}

func (d *Dictionary) appendSeries(dst []byte, ref int) []byte {
	s, before := d.Series[ref], d.before(ref)
	var flags byte
	if ref > 0 && s.Metric == before.Metric && s.Name == before.Name {
		flags |= seriesSameMetric
	}
	if s.Shape == before.Shape && len(d.Shape(s.Shape)) <= maxMasked {
		flags |= seriesSameShape
	}
	if s.Start == before.Start {
		flags |= seriesSameStart
	}
	dst = append(dst, flags)
	if flags&seriesSameMetric == 0 {
		dst = binary.AppendUvarint(dst, uint64(s.Metric))
		dst = binary.AppendUvarint(dst, uint64(s.Name))
	}
	if flags&seriesSameStart == 0 {
		dst = binary.AppendUvarint(dst, zigzag(s.Start-before.Start))
	}
	if flags&seriesSameShape == 0 {
		return d.appendLabels(dst, &s)
	}
	return d.appendLabelValues(dst, &s, &before)
}

func (d *Dictionary) appendLabels(dst []byte, s *Series) []byte {
	names, values := d.Labels(s)
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for i, name := range names {
		dst = binary.AppendUvarint(dst, uint64(name))
		dst = binary.AppendUvarint(dst, uint64(values[i]))
	}
	return dst
}

func (d *Dictionary) appendLabelValues(dst []byte, s, before *Series) []byte {
	_, values := d.Labels(s)
	_, others := d.Labels(before)
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
func (d *Dictionary) extend(s *scanner) {
	d.readSymbols(s)
	for range s.count(4) {
		if !d.fits(s, metricSize) {
			return
		}
		d.Metrics = append(d.Metrics, d.readMetric(s))
	}
	n := s.count(2)
	if !d.fits(s, seriesSize*n) {
		return
	}
	d.Series = slices.Grow(d.Series, n)
	for left := n; left > 0; left-- {
		series := d.readSeries(s, left)
		if s.err != nil || !d.fits(s, 0) {
			return
		}
		d.Series = append(d.Series, series)
	}
}

// readSymbols looks first at how much text there is, so that room for it is made once.
func (d *Dictionary) readSymbols(s *scanner) {
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

func (d *Dictionary) readMetric(s *scanner) Metric {
	kind := s.uint8()
	return Metric{
		Kind:    source.Type(kind &^ durableFlag),
		durable: kind&durableFlag != 0,
		Name:    s.index(d.symbols.len()),
		Unit:    s.index(d.symbols.len()),
		Help:    s.index(d.symbols.len()),
	}
}

// readSeries reads a series, the first of so many that are left.
func (d *Dictionary) readSeries(s *scanner, left int) Series {
	series := d.before(len(d.Series))
	flags := s.uint8()
	if flags >= seriesFlags {
		s.fail("unknown flags of a series")
	}
	if flags&seriesSameMetric != 0 && len(d.Series) == 0 {
		s.fail("the first series has none before it")
	}
	if flags&seriesSameMetric == 0 {
		series.Metric = s.index(len(d.Metrics))
		series.Name = s.index(d.symbols.len())
	}
	if flags&seriesSameStart == 0 {
		series.Start += s.varint()
	}
	if flags&seriesSameShape == 0 {
		series.Shape, series.values = d.readLabels(s, left)
	} else {
		series.values = d.readLabelValues(s, &series, left)
	}
	return series
}

// maxRoom is for how many values room is made at once: a bad number must not take much.
const maxRoom = 1 << 20

// room makes room for a series' values, and where there is none for those of all that are left, as if
// they were alike.
func (d *Dictionary) room(labels, left int) {
	if cap(d.values)-len(d.values) < labels {
		d.values = slices.Grow(d.values, max(labels, min(labels*left, maxRoom)))
	}
}

func (d *Dictionary) readLabels(s *scanner, left int) (shape, values uint32) {
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
func (d *Dictionary) readLabelValues(s *scanner, series *Series, left int) (values uint32) {
	mask := s.uvarint()
	names, before := d.Labels(series)
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
func (d *Dictionary) sourceMetric(ref uint32) *source.Metric {
	m := d.Metrics[ref]
	return &source.Metric{
		Name: d.Symbol(m.Name), Type: m.Kind, Unit: d.Symbol(m.Unit),
		Help: d.Symbol(m.Help), Durable: m.durable,
	}
}

// Source gives a series back in the words of the source. Series of one metric share it
// through metrics.
func (d *Dictionary) Source(ref uint32, metrics map[uint32]*source.Metric) *source.Series {
	series := d.Series[ref]
	metric := metrics[series.Metric]
	if metric == nil {
		metric = d.sourceMetric(series.Metric)
		metrics[series.Metric] = metric
	}
	suffix := strings.TrimPrefix(d.Symbol(series.Name), metric.Name)
	return source.NewSeries(metric, suffix, series.Start, d.SourceLabels(&series)...)
}

// SourceLabels gives the labels of a series back.
func (d *Dictionary) SourceLabels(s *Series) []source.Label {
	names, values := d.Labels(s)
	labels := slices.Grow([]source.Label(nil), len(names))
	for i, name := range names {
		labels = append(labels, source.Label{Name: d.Symbol(name), Value: d.Symbol(values[i])})
	}
	return labels
}
