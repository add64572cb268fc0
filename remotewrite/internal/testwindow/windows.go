// Package testwindow makes windows for the tests of whoever encodes or sends them.
package testwindow

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"
)

// Draft builds windows for tests.
type Draft struct {
	series []*source.Series
	drawn  []window.Series
}

// Add puts a column for a new series into the window. The first of several metrics with one name is that of all.
func (d *Draft) Add(s *source.Series, points []window.Point, exemplars ...record.Exemplar) {
	named := *s
	if i := slices.IndexFunc(d.series, func(o *source.Series) bool { return o.Metric.Name == s.Metric.Name }); i >= 0 {
		named.Metric = d.series[i].Metric
	}
	d.drawn = append(d.drawn, window.Series{Ref: uint32(len(d.series)), Points: points, Exemplars: exemplars})
	d.series = append(d.series, &named)
}

// Window is what was added.
func (d *Draft) Window() *window.Window { return window.Of(record.Define(d.series...), d.drawn) }

// Time is when windows begin, ms since the epoch.
const Time = 1_790_000_000_000

// New is what NetBackup might give: counters and gauges with a dozen labels, an exemplar here and there.
func New(series, points int) *window.Window {
	d := &Draft{}
	jobs := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs, each counted once."}
	free := &source.Metric{Name: "nbu_storage_unit_free_bytes", Type: source.Gauge, Unit: "bytes", Help: "Free space."}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range series {
		m, start := jobs, int64(Time-60_000)
		if i%4 == 0 {
			m, start = free, 0
		}
		s := source.NewSeries(m, "", start,
			source.Label{Name: "site", Value: "paris"},
			source.Label{Name: "job_type", Value: []string{"BACKUP", "RESTORE", "DUPLICATE"}[i%3]},
			source.Label{Name: "policy_type", Value: fmt.Sprintf("TYPE_%d", i%7)},
			source.Label{Name: "policy", Value: fmt.Sprintf("policy-%04d", i/9)},
			source.Label{Name: "schedule_type", Value: []string{"FULL", "INCR"}[i%2]},
			source.Label{Name: "result", Value: "success"},
			source.Label{Name: "status", Value: strconv.Itoa(i % 9)},
			source.Label{Name: "parent", Value: "false"},
			source.Label{Name: "client", Value: fmt.Sprintf("client-%05d.example.com", i)},
			source.Label{Name: "storage_unit", Value: fmt.Sprintf("stu-%02d", i%40)},
			source.Label{Name: "media_server", Value: fmt.Sprintf("media-%02d", i%12)},
		)
		ps := make([]window.Point, points)
		v := float64(r.IntN(1000))
		for k := range ps {
			ps[k] = window.Point{T: Time + int64(k)*60_000, V: v}
			if r.IntN(4) == 0 {
				v += float64(r.IntN(50))
			}
		}
		d.Add(s, ps)
	}
	return d.Window()
}

// Points are a column's points.
func Points(w *window.Window, i int) []window.Point {
	return new(window.Walk).Runs(w, &w.Columns[i]).Points(nil)
}

// Altered is a window whose columns have other points; those that have none are left out.
func Altered(w *window.Window, points func(i int, was []window.Point) []window.Point) *window.Window {
	var all []window.Series
	var k window.Walk // one for all: a new one costs far more than a column
	for i := range w.Columns {
		if now := points(i, k.Runs(w, &w.Columns[i]).Points(nil)); len(now) > 0 {
			all = append(all, window.Series{Ref: w.Columns[i].Series, Points: now, Exemplars: ExemplarsAt(w, i)})
		}
	}
	out := window.Of(w.Dict, all)
	out.Records, out.Repeated = w.Records, w.Repeated
	return out
}

// ExemplarsAt are a column's exemplars.
func ExemplarsAt(w *window.Window, i int) (of []record.Exemplar) {
	for _, o := range w.ExemplarsOf(&w.Columns[i]) {
		of = append(of, o.Exemplar)
	}
	return of
}

// Shifted moves the times of each column.
func Shifted(w *window.Window, ms func(column int) int64) *window.Window {
	return Altered(w, func(i int, points []window.Point) []window.Point {
		for k := range points {
			points[k].T += ms(i)
		}
		return points
	})
}

// Only is a window of some of the columns.
func Only(w *window.Window, from, to int) *window.Window {
	out := w.Part(slices.Clone(w.Columns[from:to]))
	out.Oldest, out.Newest = w.Oldest, w.Newest
	return out
}

// Later returns a window whose points follow those of testWindow.
func Later(series, points int, by time.Duration) *window.Window {
	return Shifted(New(series, points), func(int) int64 { return by.Milliseconds() })
}

// Unique gives every sample of a window a time of its own, so that a poison hits exactly one.
func Unique(w *window.Window) *window.Window {
	return Shifted(w, func(column int) int64 { return int64(column) })
}

// Fleet is what a backlog of counters looks like when it is turned.
func Fleet(series, points int) *window.Window {
	d := &Draft{}
	d.AddFleet(testkit.NewFleet("paris", series, 0.05), points)
	return d.Window()
}

// AddFleet adds the series of a fleet, with the points of so many cycles.
func (d *Draft) AddFleet(f *testkit.Fleet, points int) {
	columns := make([][]window.Point, len(f.Series))
	for range points {
		for i, s := range f.Cycle().Batches[0].Samples {
			columns[i] = append(columns[i], window.Point{T: f.T, V: s.Value})
		}
	}
	for i, s := range f.Series {
		d.Add(s, columns[i])
	}
}

// Grown is like a site's: aligned times, values that mostly stay, counters that began before, within and after
// the window, series that come, go and pause; or all of them with the same times. A long one has more samples than a
// compressor looks back.
func Grown(r *rand.Rand, alike, long bool) *window.Window {
	d := &Draft{}
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
			start = Time + int64(r.IntN(3)-1)*60_000*int64(r.IntN(2*length))
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
		var points []window.Point
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
			points = append(points, window.Point{T: Time + int64(k)*60_000, V: v})
		}
		if r.IntN(20) == 0 && len(points) > 0 && !alike { // beside the aligned times
			points[len(points)-1].T += 1
		}
		d.Add(s, points)
	}
	return d.Window()
}

// Labels merges the slow way: a map, then a sort.
func Labels(w *window.Window, s *record.Series, external []source.Label) []source.Label {
	merged := map[string]string{}
	for _, l := range external {
		merged[l.Name] = l.Value
	}
	for _, l := range w.Dict.SourceLabels(s) {
		merged[l.Name] = l.Value
	}
	merged["__name__"] = w.Dict.Symbol(s.Name)
	out := make([]source.Label, 0, len(merged))
	for n, v := range merged {
		out = append(out, source.Label{Name: n, Value: v})
	}
	slices.SortFunc(out, func(a, b source.Label) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Random has few words, so that labels, values, names, help and exemplars collide in every way.
func Random(r *rand.Rand) *window.Window {
	words := []string{"", "a", "b", "Zone", "__name__", "zone", "cluster", "é", "job_id", "7", "eins", "x_total"}
	word := func() string { return words[r.IntN(len(words))] }
	d := &Draft{}
	seen := map[string]bool{}
	for range r.IntN(30) {
		m := &source.Metric{
			Name: "m_" + []string{"x", "y", "z"}[r.IntN(3)], Help: word(),
			Type: []source.Type{source.Gauge, source.Counter, source.Histogram, source.Info}[r.IntN(4)],
		}
		labels := map[string]source.Label{}
		for range r.IntN(5) {
			if n := word(); n != "" && n != "__name__" {
				labels[n] = source.Label{Name: n, Value: word()}
			}
		}
		suffix := ""
		if m.Type == source.Histogram {
			suffix = "_bucket"
		}
		s := source.NewSeries(m, suffix, int64(r.IntN(3)), slices.Collect(mapValues(labels))...)
		if seen[s.Key()] {
			continue
		}
		seen[s.Key()] = true
		var points []window.Point
		at := int64(r.IntN(5)) - 2
		for range r.IntN(6) {
			points = append(points, window.Point{T: at, V: []float64{0, math.Copysign(0, -1), 1.5, -3, math.Inf(1), source.Stale()}[r.IntN(6)]})
			at += 1 + r.Int64N(1<<40)
		}
		var exemplars []record.Exemplar
		for range r.IntN(3) {
			if len(points) > 0 {
				exemplars = append(exemplars, record.Exemplar{Labels: []source.Label{{Name: "job_id", Value: strconv.Itoa(r.IntN(9))}}, T: at, V: 2})
			}
		}
		d.Add(s, points, exemplars...)
	}
	return d.Window()
}

func mapValues(m map[string]source.Label) func(func(source.Label) bool) {
	return func(yield func(source.Label) bool) {
		for _, l := range m {
			if !yield(l) {
				return
			}
		}
	}
}

// Wanted lists what is in a window, and checks what must hold for each.
func Wanted(t *testing.T, w *window.Window) []testkit.Wanted {
	t.Helper()
	var points []testkit.Wanted
	samples := 0
	for i, c := range w.Columns {
		series := w.Dict.Source(c.Series, map[uint32]*source.Metric{})
		of := Points(w, i)
		if !slices.IsSortedFunc(of, func(a, b window.Point) int { return cmp.Compare(a.T, b.T) }) {
			t.Errorf("points of %s are out of order: %v", series.Key(), of)
		}
		for _, p := range of {
			start := series.Start
			if source.IsStale(p.V) {
				start = 0 // it ends whatever has the labels
			}
			points = append(points, testkit.Wanted{Key: series.Key(), Start: start, T: p.T, Bits: math.Float64bits(p.V), Marks: ""})
			samples++
		}
		for _, e := range w.ExemplarsOf(&c) {
			points = append(points, testkit.Wanted{Key: series.Key(), Start: series.Start, T: e.T, Bits: math.Float64bits(e.V), Marks: fmt.Sprint(e.Labels)})
		}
	}
	oldest, newest := int64(0), int64(0)
	for _, p := range points {
		if p.Marks != "" {
			continue
		}
		if newest = max(newest, p.T); oldest == 0 || p.T < oldest {
			oldest = p.T
		}
	}
	if oldest != w.Oldest || newest != w.Newest {
		t.Errorf("window says %d to %d and has %d to %d", w.Oldest, w.Newest, oldest, newest)
	}
	if samples != w.Samples {
		t.Errorf("window says %d samples and has %d", w.Samples, samples)
	}
	slices.SortFunc(points, testkit.CompareWanted)
	return points
}
