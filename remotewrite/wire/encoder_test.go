package wire

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
	"backwire/source"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

func unlimited() Limits { return Limits{Samples: math.MaxInt, Series: math.MaxInt, Bytes: math.MaxInt} }

// plain is a series as either version brought it.
type plain struct {
	Labels    []source.Label
	Points    []window.Point
	Start     []int64
	Exemplars []record.Exemplar
	Metadata  string
}

func unpacked(t *testing.T, r Request) []byte {
	t.Helper()
	raw, err := snappy.Decode(nil, r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decodedV1(t *testing.T, r Request) []plain {
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
			p.Points = append(p.Points, window.Point{T: s.Timestamp, V: s.Value})
			p.Start = append(p.Start, 0)
		}
		for _, e := range ts.Exemplars {
			p.Exemplars = append(p.Exemplars, record.Exemplar{Labels: convert(e.Labels), T: e.Timestamp, V: e.Value})
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

func decodedV2(t *testing.T, r Request) []plain {
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
			p.Points = append(p.Points, window.Point{T: s.Timestamp, V: s.Value})
			p.Start = append(p.Start, s.StartTimestamp)
		}
		for _, e := range ts.Exemplars {
			p.Exemplars = append(p.Exemplars, record.Exemplar{Labels: convert(e.LabelsRefs), T: e.Timestamp, V: e.Value})
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
func expected(w *window.Window, external []source.Label, p Protocol) []plain {
	var out []plain
	for i, c := range w.Columns {
		points := testwindow.Points(w, i)
		if len(points) == 0 {
			continue
		}
		s := &w.Dict.Series[c.Series]
		m := w.Dict.Metrics[s.Metric]
		want := plain{
			Labels:    testwindow.Labels(w, s, external),
			Points:    points,
			Exemplars: testwindow.ExemplarsAt(w, i),
			Metadata:  fmt.Sprint(int(metricType(m.Kind)), w.Dict.Symbol(m.Help), w.Dict.Symbol(m.Unit)),
		}
		for _, point := range points {
			start := s.Start
			if p == V1 || start > point.T {
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

func decoded(t *testing.T, r Request) []plain {
	t.Helper()
	if r.Protocol == V1 {
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

func TestEncoderAgainstStockTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	external := []source.Label{{Name: "zone", Value: "a"}, {Name: "Zone", Value: "é"}, {Name: "cluster", Value: "zone"}, {Name: "empty"}}
	for _, with := range [][]source.Label{nil, external} {
		e := NewEncoder(with)
		for round := range 400 {
			w := testwindow.Random(r)
			for _, p := range []Protocol{V1, V2} {
				most := unlimited()
				if round%2 == 1 {
					most = Limits{Samples: 1 + r.IntN(5), Series: 1 + r.IntN(3), Bytes: 1 + r.IntN(100)}
				}
				want := join(expected(w, slices.DeleteFunc(slices.Clone(with), func(l source.Label) bool { return l.Value == "" }), p))
				if d := gocmp.Diff(want, encodeAll(t, e, p, w, most), sameBits, gocmp.AllowUnexported(window.Point{}, record.Exemplar{})); d != "" {
					t.Fatalf("round %d, %s, external %v (-want +got):\n%s", round, p, with, d)
				}
			}
		}
	}
}

// encodeAll encodes a window in as many requests as the limits make of it, and decodes them.
func encodeAll(t *testing.T, e *Encoder, p Protocol, w *window.Window, most Limits) []plain {
	t.Helper()
	var got []plain
	for rest := w.Whole(); !rest.Empty(); {
		r := e.Encode(p, w, rest, math.MinInt64, most)
		if r.Samples > most.Samples || r.Span.From != rest.From || !r.Span.From.Before(r.Span.To) {
			t.Fatalf("took %+v of %+v, %d samples of %d", r.Span, rest, r.Samples, most.Samples)
		}
		if r.Samples > 0 {
			series := decoded(t, r)
			if len(series) > most.Series {
				t.Fatalf("%d series, want %d at most", len(series), most.Series)
			}
			got = append(got, series...)
		}
		if n := r.Span.Count(w); n != r.Samples {
			t.Fatalf("span %+v has %d samples, encoded %d", r.Span, n, r.Samples)
		}
		rest.From = r.Span.To
	}
	return join(got)
}

func TestEncoderLeavesOutWhatIsTooOld(t *testing.T) {
	w := testwindow.New(3, 10)
	e := NewEncoder(nil)
	r := e.Encode(V2, w, w.Whole(), testwindow.Time+4*60_000, unlimited())
	if r.Samples != 18 || r.Expired != 12 || r.Newest != testwindow.Time+9*60_000 {
		t.Errorf("samples %d, expired %d, newest %d", r.Samples, r.Expired, r.Newest)
	}
	if got := decodedV2(t, r); len(got) != 3 || got[0].Points[0].T != testwindow.Time+4*60_000 {
		t.Errorf("got %d series", len(got))
	}
	r = e.Encode(V1, w, w.Whole(), math.MaxInt64, unlimited())
	if r.Samples != 0 || r.Expired != 30 || r.Body != nil || r.Span != w.Whole() {
		t.Errorf("nothing should be left: %+v", r)
	}
}

func TestEncoderDoesNotAllocate(t *testing.T) {
	for _, points := range []int{1, 20} {
		w := testwindow.New(500, points)
		w.Columns[7].Exemplars = 1
		w.AddExemplar(w.Columns[7].Series, record.Exemplar{Labels: []source.Label{{Name: "job_id", Value: "1234567"}}, T: testwindow.Time, V: 3})
		e := NewEncoder([]source.Label{{Name: "cluster", Value: "eu"}})
		for _, p := range []Protocol{V1, V2} {
			if n := testing.AllocsPerRun(20, func() { e.Encode(p, w, w.Whole(), 0, unlimited()) }); n != 0 {
				t.Errorf("%s, %d points a series: %v allocations a request", p, points, n)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, points := range []int{1, 20, 100} {
		w := testwindow.Fleet(20_000/points, points)
		for _, p := range []Protocol{V1, V2} {
			b.Run(fmt.Sprintf("backwire/%s/points=%d", p, points), func(b *testing.B) {
				e := NewEncoder([]source.Label{{Name: "cluster", Value: "eu"}})
				size := 0
				b.ReportAllocs()
				for b.Loop() {
					size = len(e.Encode(p, w, w.Whole(), 0, unlimited()).Body)
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
func benchmarkStock(b *testing.B, w *window.Window) {
	raw, err := snappy.Decode(nil, NewEncoder([]source.Label{{Name: "cluster", Value: "eu"}}).Encode(V2, w, w.Whole(), 0, unlimited()).Body)
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
