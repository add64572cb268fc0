package wire

import (
	"testing"

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
