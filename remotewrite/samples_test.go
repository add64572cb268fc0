package remotewrite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"backwire/source"
)

// grownWindow is like a site's: times on a grid, values that mostly stay, counters that began before, within and after
// the window, series that come, go and pause.
func grownWindow(r *rand.Rand) *window {
	d := newDraft()
	kinds := []*source.Metric{
		{Name: "nbu_jobs", Type: source.Gauge, Help: "Jobs that are not done."},
		{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs."},
	}
	length := 1 + r.IntN(40)
	for i := range 1 + r.IntN(60) {
		m := kinds[r.IntN(2)]
		start := int64(0)
		if m.Type == source.Counter {
			start = testTime + int64(r.IntN(3)-1)*60_000*int64(r.IntN(2*length))
		}
		s := source.NewSeries(m, "", start, source.Label{Name: "policy", Value: fmt.Sprintf("policy-%03d", i)})
		from, rate := 0, []float64{0, 0, 0.05, 0.5, 1}[r.IntN(5)]
		if r.IntN(4) == 0 {
			from = r.IntN(length)
		}
		v := []float64{0, 1, 437, 5 << 40, 0.3, math.Inf(1)}[r.IntN(6)]
		var points []point
		for k := from; k < length; k++ {
			if r.IntN(40) == 0 {
				continue // a pause
			}
			if r.Float64() < rate {
				v = []float64{v + 1, v + 1024*float64(r.IntN(1000)), 0, -v, source.Stale()}[r.IntN(5)]
			}
			points = append(points, point{testTime + int64(k)*60_000, v})
		}
		if r.IntN(20) == 0 && len(points) > 0 { // beside the grid
			points[len(points)-1].T += 1
		}
		d.add(s, points)
	}
	return d.window()
}

func TestSamplesAgainstStockTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	e := newEncoder(nil)
	for round := range 400 {
		w := grownWindow(r)
		for _, p := range []protocol{protocol1, protocol2} {
			most := unlimited()
			if round%2 == 1 {
				most = limits{samples: 1 + r.IntN(200), bytes: math.MaxInt}
			}
			want := join(expected(w, nil, p))
			if d := gocmp.Diff(want, encodeAll(t, e, p, w, most), sameBits, gocmp.AllowUnexported(point{}, exemplar{})); d != "" {
				t.Fatalf("round %d, %s (-want +got):\n%s", round, p, d)
			}
		}
	}
}

// fleetWindow is what a backlog of counters looks like when it is turned.
func fleetWindow(series, points int) *window {
	f := newFleet("paris", series, 0.05)
	columns := make([][]point, series)
	for range points {
		for i, s := range f.cycle().Batches[0].Samples {
			columns[i] = append(columns[i], point{f.t, s.Value})
		}
	}
	d := newDraft()
	for i, s := range f.series {
		d.add(s, columns[i])
	}
	return d.window()
}

// A backlog of counters, 5 % of which move each minute, 20 points a series, labels and symbols included. The stock
// marshaller and snappy need 6.2 bytes a sample for the same.
func TestBytesOnTheWire(t *testing.T) {
	w := fleetWindow(1000, 20)
	for p, most := range map[protocol]float64{protocol1: 5.0, protocol2: 4.7} {
		r := newEncoder(nil).encode(p, w, whole(w), math.MinInt64, unlimited())
		if got := float64(len(r.body)) / float64(r.samples); got > most {
			t.Errorf("%s: %.2f bytes a sample, want at most %v", p, got, most)
		}
	}
}

// The same samples are the same bytes when they are sent again, whatever was sent in between.
func TestSendingAgainIsIdentical(t *testing.T) {
	w := fleetWindow(200, 20)
	e := newEncoder(nil)
	first := string(e.encode(protocol2, w, whole(w), math.MinInt64, unlimited()).body)
	e.encode(protocol1, w, span{from: place{column: 50}, to: place{column: 70}}, math.MinInt64, unlimited())
	if again := string(e.encode(protocol2, w, whole(w), math.MinInt64, unlimited()).body); again != first {
		t.Error("the body differs")
	}
}
