package receiver

import (
	"errors"
	"fmt"
	"math"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages are read by their definitions: prompb/types.proto and prompb/io/prometheus/write/v2/types.proto of Prometheus 3. The
// types that are generated from them bring 1.5 MB of code into every program with a receiver; tests hold that they read the same.

// decode reads the message of one version.
func decode(v Version, raw []byte) (m message, err error) {
	if v == V1 {
		if err := m.readV1(raw); err != nil {
			return message{}, refuse(http.StatusBadRequest, "decode WriteRequest: %w", err)
		}
		return m, nil
	}
	symbols, timeseries, err := readRequestV2(raw)
	if err != nil {
		return message{}, refuse(http.StatusBadRequest, "decode Request: %w", err)
	}
	if err := checkSymbols(symbols); err != nil {
		return message{}, refuse(http.StatusBadRequest, "%w", err)
	}
	for i, ts := range timeseries {
		s, err := ts.series(symbols)
		if err != nil {
			m.problems = append(m.problems, fmt.Errorf("series %d: %w", i, err))
			continue
		}
		m.series = append(m.series, s)
	}
	return m, nil
}

// field is one field of a message: a number, or what it holds.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bits   uint64
	bytes  []byte
}

// fields goes through the fields of a message. Those that each does not know it leaves alone.
func fields(b []byte, each func(f field) error) error {
	for len(b) > 0 {
		var f field
		var n int
		if f.number, f.kind, n = protowire.ConsumeTag(b); n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch f.kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f.number, f.kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := each(f); err != nil {
			return fmt.Errorf("field %d: %w", f.number, err)
		}
	}
	return nil
}

func (f field) is(kind protowire.Type) error {
	if f.kind != kind {
		return fmt.Errorf("has wire type %d, want %d", f.kind, kind)
	}
	return nil
}

func (f field) text(into *string) error {
	*into = string(f.bytes)
	return f.is(protowire.BytesType)
}

func (f field) float(into *float64) error {
	*into = math.Float64frombits(f.bits)
	return f.is(protowire.Fixed64Type)
}

func (f field) integer(into *int64) error {
	*into = int64(f.bits) //nolint:gosec // negative numbers are sent so
	return f.is(protowire.VarintType)
}

func (f field) reference(into *uint32) error {
	*into = uint32(f.bits) //nolint:gosec // what does not fit is cut off, as the generated types do
	return f.is(protowire.VarintType)
}

func (f field) typeName(into *string) error {
	*into = typeName(int32(f.bits)) //nolint:gosec // an enumeration
	return f.is(protowire.VarintType)
}

// references appends numbers, which may be packed.
func (f field) references(into *[]uint32) error {
	return f.numbers(protowire.VarintType, func(bits uint64) {
		*into = append(*into, uint32(bits)) //nolint:gosec // as above
	})
}

// numbers goes through numbers of a kind, which may be packed.
func (f field) numbers(kind protowire.Type, each func(bits uint64)) error {
	if f.kind != protowire.BytesType {
		each(f.bits)
		return f.is(kind)
	}
	for b := f.bytes; len(b) > 0; {
		consume := protowire.ConsumeVarint
		if kind == protowire.Fixed64Type {
			consume = protowire.ConsumeFixed64
		}
		bits, n := consume(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		each(bits)
		b = b[n:]
	}
	return nil
}

// message reads a message that the field holds.
func (f field) message(each func(f field) error) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	return fields(f.bytes, each)
}

func (m *message) readV1(raw []byte) error {
	return fields(raw, func(f field) error {
		switch f.number {
		case 1:
			var s Series
			err := f.message(s.readV1)
			m.series = append(m.series, s)
			return err
		case 3:
			family := Metadata{Type: typeName(0)}
			err := f.message(family.readV1)
			m.families = append(m.families, family)
			return err
		}
		return nil
	})
}

func (s *Series) readV1(f field) error {
	switch f.number {
	case 1:
		return readLabel(f, &s.Labels)
	case 2:
		err := s.readPoint(f)
		s.Points[len(s.Points)-1].Start = 0 // 1.0 knows none
		return err
	case 3:
		e := Exemplar{Labels: []Label{}}
		err := f.message(func(f field) error {
			switch f.number {
			case 1:
				return readLabel(f, &e.Labels)
			case 2:
				return f.float(&e.V)
			case 3:
				return f.integer(&e.T)
			}
			return nil
		})
		s.Exemplars = append(s.Exemplars, e)
		return err
	case 4:
		return s.readHistogram(f, V1)
	}
	return nil
}

// readPoint reads a sample, with the start that 2.0 has.
func (s *Series) readPoint(f field) error {
	var p Point
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.float(&p.V)
		case 2:
			return f.integer(&p.T)
		case 3:
			return f.integer(&p.Start)
		}
		return nil
	})
	s.Points = append(s.Points, p)
	return err
}

func readLabel(f field, into *[]Label) error {
	var l Label
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&l.Name)
		case 2:
			return f.text(&l.Value)
		}
		return nil
	})
	*into = append(*into, l)
	return err
}

func (m *Metadata) readV1(f field) error {
	switch f.number {
	case 1:
		return f.typeName(&m.Type)
	case 2:
		return f.text(&m.Family)
	case 4:
		return f.text(&m.Help)
	case 5:
		return f.text(&m.Unit)
	}
	return nil
}

// seriesV2 is a series of 2.0 whose texts are references to symbols.
type seriesV2 struct {
	Series
	labels     []uint32
	exemplars  [][]uint32 // their labels
	help, unit uint32
}

func readRequestV2(raw []byte) (symbols []string, timeseries []seriesV2, err error) {
	err = fields(raw, func(f field) error {
		switch f.number {
		case 4:
			var s string
			err := f.text(&s)
			symbols = append(symbols, s)
			return err
		case 5:
			s := seriesV2{Series: Series{Metadata: Metadata{Type: typeName(0)}}}
			err := f.message(s.read)
			timeseries = append(timeseries, s)
			return err
		}
		return nil
	})
	return symbols, timeseries, err
}

func (s *seriesV2) read(f field) error {
	switch f.number {
	case 1:
		return f.references(&s.labels)
	case 2:
		return s.readPoint(f)
	case 3:
		return s.readHistogram(f, V2)
	case 4:
		var e Exemplar
		var labels []uint32
		err := f.message(func(f field) error {
			switch f.number {
			case 1:
				return f.references(&labels)
			case 2:
				return f.float(&e.V)
			case 3:
				return f.integer(&e.T)
			}
			return nil
		})
		s.Exemplars, s.exemplars = append(s.Exemplars, e), append(s.exemplars, labels)
		return err
	case 5:
		return f.message(func(f field) error {
			switch f.number {
			case 1:
				return f.typeName(&s.Metadata.Type)
			case 3:
				return f.reference(&s.help)
			case 4:
				return f.reference(&s.unit)
			}
			return nil
		})
	}
	return nil
}

// series looks the texts up.
func (s *seriesV2) series(symbols []string) (_ Series, err error) {
	if s.Labels, err = labelsV2(symbols, s.labels); err != nil {
		return Series{}, err
	}
	for i, refs := range s.exemplars {
		if s.Exemplars[i].Labels, err = labelsV2(symbols, refs); err != nil {
			return Series{}, fmt.Errorf("exemplar: %w", err)
		}
	}
	if s.Metadata.Help, err = symbol(symbols, s.help); err != nil {
		return Series{}, fmt.Errorf("help: %w", err)
	}
	if s.Metadata.Unit, err = symbol(symbols, s.unit); err != nil {
		return Series{}, fmt.Errorf("unit: %w", err)
	}
	return s.Series, nil
}

func checkSymbols(symbols []string) error {
	if len(symbols) == 0 || symbols[0] != "" {
		return errors.New("symbols[0] is not the empty string")
	}
	seen := make(map[string]bool, len(symbols))
	for _, s := range symbols {
		if seen[s] {
			return fmt.Errorf("symbol %q is there twice", s)
		}
		seen[s] = true
	}
	return nil
}

func labelsV2(symbols []string, refs []uint32) ([]Label, error) {
	if len(refs)%2 != 0 {
		return nil, fmt.Errorf("%d label refs, an odd number", len(refs))
	}
	out := make([]Label, 0, len(refs)/2)
	for i := 0; i < len(refs); i += 2 {
		name, err := symbol(symbols, refs[i])
		if err != nil {
			return nil, err
		}
		value, err := symbol(symbols, refs[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, Label{name, value})
	}
	return out, nil
}

func symbol(symbols []string, ref uint32) (string, error) {
	if int64(ref) >= int64(len(symbols)) {
		return "", fmt.Errorf("symbol ref %d, but there are %d symbols", ref, len(symbols))
	}
	return symbols[ref], nil
}

// typeName spells a metric type; both versions number them alike.
func typeName(n int32) string {
	names := [...]string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}
	if n < 0 || int(n) >= len(names) {
		return fmt.Sprintf("invalid type %d", n)
	}
	return names[n]
}
