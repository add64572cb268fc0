package source

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestStateReader(t *testing.T) {
	b := binary.AppendUvarint(nil, math.MaxUint64)
	b = binary.AppendVarint(b, math.MinInt64)
	b = append(binary.AppendUvarint(b, 4), "gold"...)
	b = append(binary.AppendUvarint(b, 0), ""...)
	for end := range len(b) + 1 {
		r := ReadState(b[:end])
		n, signed, text, empty := r.Uvarint(), r.Varint(), r.Text(), r.Text()
		if whole := end == len(b); whole == r.Short() || r.More() {
			t.Errorf("%d of %d bytes: short is %v, more is %v", end, len(b), r.Short(), r.More())
		}
		if !r.Short() && (n != math.MaxUint64 || signed != math.MinInt64 || text != "gold" || empty != "") {
			t.Errorf("read %d %d %q %q", n, signed, text, empty)
		}
	}
}

// What stands for more than 64 bits, or a text that is longer than the value, is truncated, and nothing behind it is read.
func TestStateReaderOfHostileValues(t *testing.T) {
	tooLong := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}
	for name, r := range map[string]*StateReader{
		"number": ReadState(tooLong), "length of a text": ReadState(append(binary.AppendUvarint(nil, math.MaxUint64), 1)),
	} {
		if got := r.Text(); got != "" || !r.Short() || r.More() || r.Uvarint() != 0 || r.Varint() != 0 {
			t.Errorf("%s: %q, short is %v, more is %v", name, got, r.Short(), r.More())
		}
	}
}

// What a caller refuses reads as truncated, and so does a text of a length that cannot be.
func TestStateReaderRefuses(t *testing.T) {
	for name, refuse := range map[string]func(*StateReader){
		"caller": (*StateReader).Refuse, "negative length": func(r *StateReader) { r.TextOf(-1) }, "length beyond the value": func(r *StateReader) { r.TextOf(4) },
	} {
		r := ReadState([]byte{1, 2, 3})
		if refuse(r); !r.Short() || r.More() || r.Uvarint() != 0 {
			t.Errorf("%s: short is %v, more is %v", name, r.Short(), r.More())
		}
	}
	if r := ReadState([]byte("gold")); r.TextOf(4) != "gold" || r.Short() || r.More() {
		t.Error("a text that ends with the value is truncated")
	}
}
