package wire

import (
	"math"
	"testing"

	"github.com/klauspost/compress/s2"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/window"
	"backwire/source"
)

// The first sample of a pair ends with its time and the second begins with it, so that the two times are one piece.
func TestOrderOfFields(t *testing.T) {
	t.Parallel()
	d := &testwindow.Draft{}
	d.Add(source.NewSeries(&source.Metric{Name: "m", Type: source.Gauge}, "", 0), []window.Point{{T: 1, V: 7}, {T: 2, V: 7}, {T: 3, V: 7}, {T: 4, V: 7}})
	w := d.Window()
	b := appendSamples(nil, new(window.Walk).Runs(w, &w.Columns[0]), 0)
	for i := range 4 {
		size, first := int(b[1]), b[2]>>3
		want := byte(fieldSampleValue)
		if i%2 == 1 {
			want = fieldSampleTime
		}
		if first != want {
			t.Errorf("sample %d begins with field %d, want %d", i, first, want)
		}
		b = b[2+size:]
	}
}

// A request ends with the series that reaches its limit of bytes, neither earlier nor later.
func TestRequestEndsAtItsLimitOfBytes(t *testing.T) {
	t.Parallel()
	w := testwindow.New(40, 1)
	e := NewEncoder([]source.Label{{Name: "cluster", Value: "a value of some length, so that symbols count"}})
	length := func(most Limits) (series, bytes int) {
		r := e.Encode(V2, w, w.Whole(), 0, most)
		body, err := s2.Decode(nil, r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.Samples, len(body)
	}
	_, all := length(unlimited())
	for limit := 1; limit <= all; limit++ {
		n, bytes := length(Limits{Samples: math.MaxInt, Series: math.MaxInt, Bytes: limit})
		if bytes < limit && n < 40 {
			t.Fatalf("limit %d: a request of %d series has %d bytes and ends", limit, n, bytes)
		}
		if n == 1 {
			continue
		}
		if _, less := length(Limits{Samples: n - 1, Series: math.MaxInt, Bytes: math.MaxInt}); less >= limit {
			t.Fatalf("limit %d: a request of %d series has %d bytes without the last, and goes on", limit, n, less)
		}
	}
}
