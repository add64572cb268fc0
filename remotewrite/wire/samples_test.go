package wire

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

func TestSamplesAgainstStockTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	e := NewEncoder(nil)
	for round := range 400 {
		w := testwindow.Grown(r, round%4 > 1, round%133 > 130)
		for _, p := range []Protocol{V1, V2} {
			most := unlimited()
			if round%2 == 1 {
				most = Limits{Samples: 1 + r.IntN(200), Series: math.MaxInt, Bytes: math.MaxInt}
			}
			want := join(expected(w, nil, p))
			if d := gocmp.Diff(want, encodeAll(t, e, p, w, most), sameBits, gocmp.AllowUnexported(window.Point{}, record.Exemplar{})); d != "" {
				t.Fatalf("round %d, %s (-want +got):\n%s", round, p, d)
			}
		}
	}
}

// A backlog of counters, 5 % of which move each minute, labels and symbols included. The stock marshaller and snappy need
// 6.2 bytes a sample for the same at 20 points a series. Two sites that tick at different times take no more than one.
func TestBytesOnTheWire(t *testing.T) {
	two := &testwindow.Draft{}
	for i, site := range []string{"paris", "lyon"} {
		f := testkit.NewFleet(site, 500, 0.05)
		f.T += int64(i) * 1234
		two.AddFleet(f, window.Depth)
	}
	for name, c := range map[string]struct {
		window   *window.Window
		one, two float64 // bytes a sample at most, by version
	}{
		"20 points":             {testwindow.Fleet(1000, 20), 5.0, 4.7},
		"a window's points":     {testwindow.Fleet(1000, window.Depth), 4.1, 4.1},
		"the same of two sites": {two.Window(), 4.1, 4.1},
	} {
		for p, most := range map[Protocol]float64{V1: c.one, V2: c.two} {
			r := NewEncoder(nil).Encode(p, c.window, c.window.Whole(), math.MinInt64, unlimited())
			if got := float64(len(r.Body)) / float64(r.Samples); got > most {
				t.Errorf("%s, %s: %.2f bytes a sample, want at most %v", name, p, got, most)
			}
		}
	}
}

// What nobody changes is a few copies from series to series.
func TestSeriesThatStayTakeAByte(t *testing.T) {
	for _, v := range []float64{0, 1} {
		d := &testwindow.Draft{}
		m := &source.Metric{Name: "nbu_policy_info", Type: source.Gauge, Help: "A policy."}
		points := make([]window.Point, window.Depth)
		for k := range points {
			points[k] = window.Point{T: testwindow.Time + int64(k)*60_000, V: v}
		}
		for i := range 400 {
			d.Add(source.NewSeries(m, "", 0, source.Label{Name: "policy", Value: fmt.Sprintf("policy-%03d", i)}), points)
		}
		r := NewEncoder(nil).Encode(V2, d.Window(), d.Window().Whole(), math.MinInt64, unlimited())
		if got := float64(len(r.Body)) / float64(r.Samples); got > 1.5 {
			t.Errorf("value %v: %.2f bytes a sample", v, got)
		}
	}
}

// The same samples are the same bytes when they are sent again, whatever was sent in between.
func TestSendingAgainIsIdentical(t *testing.T) {
	w := testwindow.Fleet(200, 20)
	e := NewEncoder(nil)
	first := string(e.Encode(V2, w, w.Whole(), math.MinInt64, unlimited()).Body)
	e.Encode(V1, w, window.Span{From: window.Place{Column: 50}, To: window.Place{Column: 70}}, math.MinInt64, unlimited())
	if again := string(e.Encode(V2, w, w.Whole(), math.MinInt64, unlimited()).Body); again != first {
		t.Error("the body differs")
	}
}
