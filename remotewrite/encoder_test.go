package remotewrite

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"backwire/source"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// draft builds windows for tests by the dictionary's rules: no string, metric or series twice.
type draft struct {
	dict    *dictionary
	drawn   []drawn
	symbols map[string]uint32
	metrics map[string]uint32
}

func newDraft() *draft {
	return &draft{
		dict:    &dictionary{},
		symbols: map[string]uint32{},
		metrics: map[string]uint32{},
	}
}

func (d *draft) symbol(s string) uint32 {
	n, ok := d.symbols[s]
	if !ok {
		n = d.dict.symbols.add(s)
		d.symbols[s] = n
	}
	return n
}

func (d *draft) metric(m *source.Metric) uint32 {
	n, ok := d.metrics[m.Name]
	if !ok {
		n = uint32(len(d.dict.metrics))
		d.metrics[m.Name] = n
		d.dict.metrics = append(d.dict.metrics, dictMetric{
			name: d.symbol(m.Name), unit: d.symbol(m.Unit), help: d.symbol(m.Help), kind: m.Type,
		})
	}
	return n
}

// add puts a column for a new series into the window.
func (d *draft) add(s *source.Series, points []point, exemplars ...exemplar) {
	e := dictSeries{metric: d.metric(s.Metric), name: d.symbol(s.Name), start: s.Start, values: uint32(len(d.dict.values))}
	var names []uint32
	for _, l := range s.Labels {
		names = append(names, d.symbol(l.Name))
		d.dict.values = append(d.dict.values, d.symbol(l.Value))
	}
	e.shape = d.dict.shaped(names)
	d.drawn = append(d.drawn, drawn{uint32(len(d.dict.series)), points, exemplars})
	d.dict.series = append(d.dict.series, e)
}

func (d *draft) window() *window { return windowOf(d.dict, d.drawn) }

const testTime = 1_790_000_000_000

// testWindow is what NetBackup might give: counters and gauges with a dozen labels, an exemplar here and there.
func testWindow(series, points int) *window {
	d := newDraft()
	jobs := &source.Metric{Name: "nbu_jobs_completed_total", Type: source.Counter, Help: "Finished jobs, each counted once."}
	free := &source.Metric{Name: "nbu_storage_unit_free_bytes", Type: source.Gauge, Unit: "bytes", Help: "Free space."}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range series {
		m, start := jobs, int64(testTime-60_000)
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
		ps := make([]point, points)
		v := float64(r.IntN(1000))
		for k := range ps {
			ps[k] = point{T: testTime + int64(k)*60_000, V: v}
			if r.IntN(4) == 0 {
				v += float64(r.IntN(50))
			}
		}
		d.add(s, ps)
	}
	return d.window()
}

func whole(w *window) span { return span{to: place{column: len(w.columns)}} }

func unlimited() limits { return limits{samples: math.MaxInt, bytes: math.MaxInt} }

// expectedLabels merges the slow way: a map, then a sort.
func expectedLabels(w *window, s *dictSeries, external []source.Label) []source.Label {
	merged := map[string]string{}
	for _, l := range external {
		merged[l.Name] = l.Value
	}
	for _, l := range w.dict.sourceLabels(s) {
		merged[l.Name] = l.Value
	}
	merged[metricName] = w.dict.symbol(s.name)
	out := make([]source.Label, 0, len(merged))
	for n, v := range merged {
		out = append(out, source.Label{Name: n, Value: v})
	}
	slices.SortFunc(out, func(a, b source.Label) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// plain is a series as either version brought it.
type plain struct {
	Labels    []source.Label
	Points    []point
	Start     []int64
	Exemplars []exemplar
	Metadata  string
}

func unpacked(t *testing.T, r request) []byte {
	t.Helper()
	raw, err := snappy.Decode(nil, r.body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decodedV1(t *testing.T, r request) []plain {
	t.Helper()
	var m prompb.WriteRequest
	if err := proto.Unmarshal(unpacked(t, r), &m); err != nil {
		t.Fatal(err)
	}
	convert := func(ls []prompb.Label) []source.Label {
		var out []source.Label
		for _, l := range ls {
			out = append(out, source.Label{Name: l.Name, Value: l.Value})
		}
		return out
	}
	families := map[string]string{}
	for _, f := range m.Metadata {
		if _, ok := families[f.MetricFamilyName]; ok {
			t.Errorf("metadata of %s is there twice", f.MetricFamilyName)
		}
		families[f.MetricFamilyName] = fmt.Sprint(int(f.Type), f.Help, f.Unit)
	}
	var out []plain
	for _, ts := range m.Timeseries {
		p := plain{Labels: convert(ts.Labels)}
		for _, s := range ts.Samples {
			p.Points = append(p.Points, point{s.Timestamp, s.Value})
			p.Start = append(p.Start, 0)
		}
		for _, e := range ts.Exemplars {
			p.Exemplars = append(p.Exemplars, exemplar{convert(e.Labels), e.Timestamp, e.Value})
		}
		for _, l := range p.Labels {
			if l.Name == metricName {
				p.Metadata = families[familyOf(l.Value)]
			}
		}
		out = append(out, p)
	}
	return out
}

func decodedV2(t *testing.T, r request) []plain {
	t.Helper()
	var m writev2.Request
	if err := proto.Unmarshal(unpacked(t, r), &m); err != nil {
		t.Fatal(err)
	}
	if m.Symbols[0] != "" {
		t.Errorf("symbols[0] is %q", m.Symbols[0])
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(m.Symbols))); len(unique) != len(m.Symbols) {
		t.Errorf("%d of %d symbols are there twice", len(m.Symbols)-len(unique), len(m.Symbols))
	}
	convert := func(refs []uint32) []source.Label {
		var out []source.Label
		for i := 0; i < len(refs); i += 2 {
			out = append(out, source.Label{Name: m.Symbols[refs[i]], Value: m.Symbols[refs[i+1]]})
		}
		return out
	}
	var out []plain
	for _, ts := range m.Timeseries {
		p := plain{Labels: convert(ts.LabelsRefs)}
		for _, s := range ts.Samples {
			p.Points = append(p.Points, point{s.Timestamp, s.Value})
			p.Start = append(p.Start, s.StartTimestamp)
		}
		for _, e := range ts.Exemplars {
			p.Exemplars = append(p.Exemplars, exemplar{convert(e.LabelsRefs), e.Timestamp, e.Value})
		}
		p.Metadata = fmt.Sprint(int(ts.Metadata.Type), m.Symbols[ts.Metadata.HelpRef], m.Symbols[ts.Metadata.UnitRef])
		out = append(out, p)
	}
	return out
}

func familyOf(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if n := len(name) - len(suffix); n > 0 && name[n:] == suffix {
			return name[:n]
		}
	}
	return name
}

// expected is what a window holds, put together without the encoder.
func expected(w *window, external []source.Label, p protocol) []plain {
	var out []plain
	for i, c := range w.columns {
		points := w.at(i)
		if len(points) == 0 {
			continue
		}
		s := &w.dict.series[c.series]
		m := w.dict.metrics[s.metric]
		want := plain{
			Labels:    expectedLabels(w, s, external),
			Points:    points,
			Exemplars: exemplarsAt(w, i),
			Metadata:  fmt.Sprint(int(metricType(m.kind)), w.dict.symbol(m.help), w.dict.symbol(m.unit)),
		}
		for _, point := range points {
			start := s.start
			if p == protocol1 || start > point.T {
				start = 0
			}
			want.Start = append(want.Start, start)
		}
		out = append(out, want)
	}
	return out
}

// sameBits compares values by their bits, because a stale marker is a NaN among others.
var sameBits = gocmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func decoded(t *testing.T, r request) []plain {
	t.Helper()
	if r.protocol == protocol1 {
		return decodedV1(t, r)
	}
	return decodedV2(t, r)
}

// join puts a series that was cut between two requests together again.
func join(parts []plain) []plain {
	var out []plain
	for _, p := range parts {
		if n := len(out); n > 0 && gocmp.Equal(out[n-1].Labels, p.Labels) {
			last := &out[n-1]
			last.Points = append(last.Points, p.Points...)
			last.Start = append(last.Start, p.Start...)
			last.Exemplars = append(last.Exemplars, p.Exemplars...)
			continue
		}
		out = append(out, p)
	}
	return out
}

// randomWindow has few words, so that labels, values, names, help and exemplars collide in every way.
func randomWindow(r *rand.Rand) *window {
	words := []string{"", "a", "b", "Zone", "__name__", "zone", "cluster", "é", "job_id", "7", "eins", "x_total"}
	word := func() string { return words[r.IntN(len(words))] }
	d := newDraft()
	seen := map[string]bool{}
	for range r.IntN(30) {
		m := &source.Metric{
			Name: "m_" + []string{"x", "y", "z"}[r.IntN(3)], Help: word(),
			Type: []source.Type{source.Gauge, source.Counter, source.Histogram, source.Info}[r.IntN(4)],
		}
		labels := map[string]source.Label{}
		for range r.IntN(5) {
			if n := word(); n != "" && n != metricName {
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
		var points []point
		at := int64(r.IntN(5)) - 2
		for range r.IntN(6) {
			points = append(points, point{at, []float64{0, math.Copysign(0, -1), 1.5, -3, math.Inf(1), source.Stale()}[r.IntN(6)]})
			at += 1 + r.Int64N(1<<40)
		}
		var exemplars []exemplar
		for range r.IntN(3) {
			if len(points) > 0 {
				exemplars = append(exemplars, exemplar{[]source.Label{{Name: "job_id", Value: strconv.Itoa(r.IntN(9))}}, at, 2})
			}
		}
		d.add(s, points, exemplars...)
	}
	return d.window()
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

func TestEncoderAgainstStockTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	external := []source.Label{{Name: "zone", Value: "a"}, {Name: "Zone", Value: "é"}, {Name: "cluster", Value: "zone"}, {Name: "empty"}}
	for _, with := range [][]source.Label{nil, external} {
		e := newEncoder(with)
		for round := range 400 {
			w := randomWindow(r)
			for _, p := range []protocol{protocol1, protocol2} {
				most := unlimited()
				if round%2 == 1 {
					most = limits{samples: 1 + r.IntN(5), bytes: 1 + r.IntN(100)}
				}
				want := join(expected(w, slices.DeleteFunc(slices.Clone(with), func(l source.Label) bool { return l.Value == "" }), p))
				if d := gocmp.Diff(want, encodeAll(t, e, p, w, most), sameBits, gocmp.AllowUnexported(point{}, exemplar{})); d != "" {
					t.Fatalf("round %d, %s, external %v (-want +got):\n%s", round, p, with, d)
				}
			}
		}
	}
}

// encodeAll encodes a window in as many requests as the limits make of it, and decodes them.
func encodeAll(t *testing.T, e *encoder, p protocol, w *window, most limits) []plain {
	t.Helper()
	var got []plain
	for rest := whole(w); !rest.empty(); {
		r := e.encode(p, w, rest, math.MinInt64, most)
		if r.samples > most.samples || r.span.from != rest.from || !r.span.from.before(r.span.to) {
			t.Fatalf("took %+v of %+v, %d samples of %d", r.span, rest, r.samples, most.samples)
		}
		if r.samples > 0 {
			got = append(got, decoded(t, r)...)
		}
		if n := r.span.count(w); n != r.samples {
			t.Fatalf("span %+v has %d samples, encoded %d", r.span, n, r.samples)
		}
		rest.from = r.span.to
	}
	return join(got)
}

func TestEncoderLeavesOutWhatIsTooOld(t *testing.T) {
	w := testWindow(3, 10)
	e := newEncoder(nil)
	r := e.encode(protocol2, w, whole(w), testTime+4*60_000, unlimited())
	if r.samples != 18 || r.expired != 12 || r.newest != testTime+9*60_000 {
		t.Errorf("samples %d, expired %d, newest %d", r.samples, r.expired, r.newest)
	}
	if got := decodedV2(t, r); len(got) != 3 || got[0].Points[0].T != testTime+4*60_000 {
		t.Errorf("got %d series", len(got))
	}
	r = e.encode(protocol1, w, whole(w), math.MaxInt64, unlimited())
	if r.samples != 0 || r.expired != 30 || r.body != nil || r.span != whole(w) {
		t.Errorf("nothing should be left: %+v", r)
	}
}

func TestEncoderDoesNotAllocate(t *testing.T) {
	for _, points := range []int{1, 20} {
		w := testWindow(500, points)
		w.columns[7].exemplars = 1
		w.addExemplar(w.columns[7].series, exemplar{[]source.Label{{Name: "job_id", Value: "1234567"}}, testTime, 3})
		e := newEncoder([]source.Label{{Name: "cluster", Value: "eu"}})
		for _, p := range []protocol{protocol1, protocol2} {
			if n := testing.AllocsPerRun(20, func() { e.encode(p, w, whole(w), 0, unlimited()) }); n != 0 {
				t.Errorf("%s, %d points a series: %v allocations a request", p, points, n)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, points := range []int{1, 20, 100} {
		w := fleetWindow(20_000/points, points)
		for _, p := range []protocol{protocol1, protocol2} {
			b.Run(fmt.Sprintf("backwire/%s/points=%d", p, points), func(b *testing.B) {
				e := newEncoder([]source.Label{{Name: "cluster", Value: "eu"}})
				size := 0
				b.ReportAllocs()
				for b.Loop() {
					size = len(e.encode(p, w, whole(w), 0, unlimited()).body)
				}
				report(b, size)
			})
		}
		b.Run(fmt.Sprintf("stock/2.0/points=%d", points), func(b *testing.B) { benchmarkStock(b, w) })
	}
}

func report(b *testing.B, size int) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/sample")
	b.ReportMetric(float64(size)/20_000, "bytes/sample")
}

// benchmarkStock is the marshaller that Prometheus has, from a message whose symbols are known already.
func benchmarkStock(b *testing.B, w *window) {
	raw, err := snappy.Decode(nil, newEncoder([]source.Label{{Name: "cluster", Value: "eu"}}).encode(protocol2, w, whole(w), 0, unlimited()).body)
	if err != nil {
		b.Fatal(err)
	}
	var m writev2.Request
	if err := proto.Unmarshal(raw, &m); err != nil {
		b.Fatal(err)
	}
	var buf, dst []byte
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = m.OptimizedMarshal(buf[:0]); err != nil {
			b.Fatal(err)
		}
		if n := snappy.MaxEncodedLen(len(buf)); n > cap(dst) {
			dst = make([]byte, n)
		}
		size = len(snappy.Encode(dst[:cap(dst)], buf))
	}
	report(b, size)
}
