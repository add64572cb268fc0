package record

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"backwire/source"
)

// randomSeries has few labels or more than a mask may name, and often nearly those of another.
func randomSeries(r *rand.Rand) *source.Series {
	m := &source.Metric{Name: fmt.Sprint("m", r.IntN(3)), Type: source.Type(r.IntN(4)), Help: []string{"", "Help."}[r.IntN(2)]}
	var labels []source.Label
	first := r.IntN(2)
	for i := range []int{0, 1, 5, maxMasked, maxMasked + 1}[r.IntN(5)] {
		labels = append(labels, source.Label{Name: fmt.Sprintf("l%02d", first+i), Value: "v"})
	}
	if len(labels) > 0 {
		labels[r.IntN(len(labels))].Value = fmt.Sprint("v", r.IntN(5))
	}
	return source.NewSeries(m, "", r.Int64N(3), labels...)
}

// A dictionary that reads what another wrote, piece by piece, says the same; what was taken back was never there.
func TestDictionaryIsReadAsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	d, read := new(Dictionary), new(Dictionary)
	n := newNames(&Image{Dict: d})
	var all []*source.Series
	for range 100 {
		mark, before := d.extent(), len(all)
		for range r.IntN(8) {
			s := randomSeries(r)
			n.define(n.metric(s.Metric), s)
			all = append(all, s)
		}
		if r.IntN(4) == 0 {
			d.cut(mark)
			n, all = newNames(&Image{Dict: d}), all[:before]
			if d.extent() != mark {
				t.Fatalf("the dictionary is %+v after a cut, and was %+v", d.extent(), mark)
			}
		}
		s := scanner{block: d.appendSince(nil, mark)}
		read.extend(&s)
		if s.err != nil || s.left() > 0 {
			t.Fatalf("what was written cannot be read: %v, %d bytes left", s.err, s.left())
		}
	}
	for ref, want := range all {
		got := read.Source(uint32(ref), map[uint32]*source.Metric{})
		if got.Key() != want.Key() || got.Start != want.Start || *got.Metric != *want.Metric {
			t.Errorf("series %d is %+v, want %+v", ref, got, want)
		}
	}
	if len(all) < 200 || len(read.shapes) > 10 || len(read.shapes) != len(d.shapes) {
		t.Errorf("%d series have %d shapes", len(all), len(read.shapes))
	}
}

// Series are in the order of their names and labels; one that has fewer labels comes first.
func TestDictionaryOrder(t *testing.T) {
	d := new(Dictionary)
	n := newNames(&Image{Dict: d})
	for _, labels := range []string{"", "a=1", "a=1 b=1", "a=1 b=2", "a=1 c=0", "a=2", "b=0"} {
		for _, name := range []string{"x", "y"} {
			s := &source.Series{Metric: &source.Metric{Name: name}, Name: name}
			for l := range strings.FieldsSeq(labels) {
				s.Labels = append(s.Labels, source.Label{Name: l[:1], Value: l[2:]})
			}
			n.define(n.metric(s.Metric), s)
		}
	}
	refs := []uint32{13, 0, 3, 12, 7, 6, 9, 4, 11, 8, 5, 10, 1, 2}
	slices.SortFunc(refs, d.compare)
	if want := []uint32{0, 2, 4, 6, 8, 10, 12, 1, 3, 5, 7, 9, 11, 13}; !slices.Equal(refs, want) {
		t.Errorf("the order is %v, want %v", refs, want)
	}
}

// A series with more labels than a mask has bits cannot say which of them differ.
func TestMaskBeyondLabels(t *testing.T) {
	for labels, want := range map[int]bool{maxMasked: true, maxMasked + 1: false} {
		block := []byte{1, 1, 'x', 1, 0, 0, 0, 0, 2, seriesSameStart, 0, 0, byte(labels)}
		block = append(block, make([]byte, 2*labels)...)
		s := scanner{block: append(block, seriesSameMetric|seriesSameShape|seriesSameStart, 0)}
		new(Dictionary).extend(&s)
		if ok := s.err == nil; ok != want || !ok && !errors.Is(s.err, errMalformed) {
			t.Errorf("%d labels: %v", labels, s.err)
		}
	}
}

// However many labels the first of many series has, there is not room made for as many of each.
func TestRoomIsBounded(t *testing.T) {
	const labels, series = 1 << 12, 1 << 14
	block := []byte{1, 1, 'x', 1, 0, 0, 0, 0, 0x80, 0x80, 1, seriesSameStart, 0, 0, 0x80, 0x20}
	s := scanner{block: append(block, make([]byte, 2*labels+2*series)...)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	new(Dictionary).extend(&s)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("%d bytes are allocated for %d (%v)", taken, len(block)+2*labels+2*series, s.err)
	}
}

// Text that there is no room for is refused before any of it is taken.
func TestTextBeyondTheRoomIsNotTaken(t *testing.T) {
	const text = 1 << 14
	block := append([]byte{1, 0x80, 0x80, 1}, make([]byte, text)...) // one symbol of so many bytes
	for most, want := range map[int]int{text / 2: 0, 4 * text: 1} {
		d := &Dictionary{most: most}
		s := scanner{block: block}
		d.readSymbols(&s)
		if refused := s.err != nil; refused != (want == 0) || d.SymbolCount() != want {
			t.Errorf("room for %d bytes: %d symbols are taken, error %v", most, d.SymbolCount(), s.err)
		}
	}
}
