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
// the window, series that come, go and pause; or all of them with the same times. A long one has more samples than a
// compressor looks back.
func grownWindow(r *rand.Rand, alike, long bool) *window {
	d := newDraft()
	kinds := []*source.Metric{
		{Name: "nbu_jobs", Type: source.Gauge, Help: "Jobs that are not done."},
		{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs."},
	}
	length, series := 1+r.IntN(40), 1+r.IntN(60)
	if long {
		length, series = 3700+r.IntN(500), 4+r.IntN(4)
	}
	for i := range series {
		m := kinds[r.IntN(2)]
		start := int64(0)
		if m.Type == source.Counter {
			start = testTime + int64(r.IntN(3)-1)*60_000*int64(r.IntN(2*length))
		}
		s := source.NewSeries(m, "", start, source.Label{Name: "policy", Value: fmt.Sprintf("policy-%03d", i)})
		from, rate := 0, []float64{0, 0, 0.05, 0.5, 1}[r.IntN(5)]
		if r.IntN(4) == 0 && !alike {
			from = r.IntN(length)
		}
		v := []float64{0, 1, 437, 5 << 40, 0.3, math.Inf(1)}[r.IntN(6)]
		if alike && v == 0 {
			rate = 0
		}
		var points []point
		for k := from; k < length; k++ {
			if r.IntN(40) == 0 && !alike {
				continue // a pause
			}
			if r.Float64() < rate {
				v = []float64{v + 1, v + 1024*float64(r.IntN(1000)), -v, source.Stale(), 0}[r.IntN(5)]
				if alike && v == 0 {
					v = 437
				}
			}
			points = append(points, point{testTime + int64(k)*60_000, v})
		}
		if r.IntN(20) == 0 && len(points) > 0 && !alike { // beside the grid
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
		w := grownWindow(r, round%4 > 1, round%133 > 130)
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
	d := newDraft()
	d.addFleet(newFleet("paris", series, 0.05), points)
	return d.window()
}

func (d *draft) addFleet(f *fleet, points int) {
	columns := make([][]point, len(f.series))
	for range points {
		for i, s := range f.cycle().Batches[0].Samples {
			columns[i] = append(columns[i], point{f.t, s.Value})
		}
	}
	for i, s := range f.series {
		d.add(s, columns[i])
	}
}

// A backlog of counters, 5 % of which move each minute, labels and symbols included. The stock marshaller and snappy need
// 6.2 bytes a sample for the same at 20 points a series. Two sites that tick at different times take no more than one.
func TestBytesOnTheWire(t *testing.T) {
	two := newDraft()
	for i, site := range []string{"paris", "lyon"} {
		f := newFleet(site, 500, 0.05)
		f.t += int64(i) * 1234
		two.addFleet(f, windowDepth)
	}
	for name, c := range map[string]struct {
		window   *window
		one, two float64 // bytes a sample at most, by version
	}{
		"20 points":             {fleetWindow(1000, 20), 5.0, 4.7},
		"a window's points":     {fleetWindow(1000, windowDepth), 4.1, 4.1},
		"the same of two sites": {two.window(), 4.1, 4.1},
	} {
		for p, most := range map[protocol]float64{protocol1: c.one, protocol2: c.two} {
			r := newEncoder(nil).encode(p, c.window, whole(c.window), math.MinInt64, unlimited())
			if got := float64(len(r.body)) / float64(r.samples); got > most {
				t.Errorf("%s, %s: %.2f bytes a sample, want at most %v", name, p, got, most)
			}
		}
	}
}

// What nobody changes is a few copies from series to series.
func TestSeriesThatStayTakeAByte(t *testing.T) {
	for _, v := range []float64{0, 1} {
		d := newDraft()
		m := &source.Metric{Name: "nbu_policy_info", Type: source.Gauge, Help: "A policy."}
		points := make([]point, windowDepth)
		for k := range points {
			points[k] = point{testTime + int64(k)*60_000, v}
		}
		for i := range 400 {
			d.add(source.NewSeries(m, "", 0, source.Label{Name: "policy", Value: fmt.Sprintf("policy-%03d", i)}), points)
		}
		r := newEncoder(nil).encode(protocol2, d.window(), whole(d.window()), math.MinInt64, unlimited())
		if got := float64(len(r.body)) / float64(r.samples); got > 1.5 {
			t.Errorf("value %v: %.2f bytes a sample", v, got)
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
