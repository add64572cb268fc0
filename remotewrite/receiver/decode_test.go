package receiver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// TestDecodesAsThePublishedTypes reads random messages, and random damage of them, beside the types that Prometheus generates. Where both read
// a message they read the same; one that Prometheus writes is always read, and one that it cannot read never is.
func TestDecodesAsThePublishedTypes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		v := []Version{V1, V2}[i%2]
		var m proto.Message = randomV1(random)
		if v == V2 {
			m = randomV2(random)
		}
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		compareDecoding(t, v, raw, true)
		for range 5 {
			if len(raw) > 0 {
				compareDecoding(t, v, damage(random, raw), false)
			}
		}
		if t.Failed() {
			t.Fatalf("message %d", i)
		}
	}
}

func damage(random *rand.Rand, raw []byte) []byte {
	out := append([]byte(nil), raw...)
	switch random.IntN(3) {
	case 0:
		return out[:random.IntN(len(out))]
	case 1:
		out[random.IntN(len(out))] ^= 1 << random.IntN(8)
	default:
		at := random.IntN(len(out))
		out = append(out[:at], append([]byte{byte(random.Uint32()), byte(random.Uint32())}, out[at:]...)...)
	}
	return out
}

func compareDecoding(t *testing.T, v Version, raw []byte, whole bool) {
	t.Helper()
	got, err := decode(v, raw)
	want, wantErr := published(v, raw)
	switch {
	case err == nil && wantErr != nil:
		t.Errorf("%s %x is read, and Prometheus says: %v", v, raw, wantErr)
	case err != nil && whole:
		t.Errorf("%s %x is not read: %v", v, raw, err)
	case err == nil:
		if got, want := said(got), said(want); got != want {
			t.Errorf("%s %x is read as\n%s\nwant\n%s", v, raw, got, want)
		}
	}
}

func said(m message) string {
	return fmt.Sprintf("%+v %+v %v", m.series, m.families, errors.Join(m.problems...))
}

// published reads a message with the types that Prometheus publishes.
func published(v Version, raw []byte) (m message, err error) {
	if v == V1 {
		return publishedV1(raw)
	}
	var req writev2.Request
	if err := proto.Unmarshal(raw, &req); err != nil {
		return m, err
	}
	if err := checkSymbols(req.Symbols); err != nil {
		return m, err
	}
	for i, ts := range req.Timeseries {
		s, err := publishedV2(&req, ts)
		if err != nil {
			m.problems = append(m.problems, fmt.Errorf("series %d: %w", i, err))
			continue
		}
		m.series = append(m.series, s)
	}
	return m, nil
}

func publishedV1(raw []byte) (m message, err error) {
	var req prompb.WriteRequest
	if err := proto.Unmarshal(raw, &req); err != nil {
		return m, err
	}
	labels := func(from []prompb.Label) (to []Label) {
		for _, l := range from {
			to = append(to, Label{Name: l.Name, Value: l.Value})
		}
		return to
	}
	for _, ts := range req.Timeseries {
		s := Series{Labels: labels(ts.Labels)}
		for _, h := range ts.Histograms {
			into := histogramOf(&h)
			into.NegativeSpans, into.PositiveSpans = spansOf(h.NegativeSpans, spanV1), spansOf(h.PositiveSpans, spanV1)
			s.Histograms = append(s.Histograms, into)
		}
		for _, p := range ts.Samples {
			s.Points = append(s.Points, Point{T: p.Timestamp, V: p.Value})
		}
		for _, e := range ts.Exemplars {
			s.Exemplars = append(s.Exemplars, Exemplar{Labels: labels(e.Labels), T: e.Timestamp, V: e.Value})
		}
		m.series = append(m.series, s)
	}
	for _, f := range req.Metadata {
		m.families = append(m.families, Metadata{Family: f.MetricFamilyName, Type: typeName(int32(f.Type)), Help: f.Help, Unit: f.Unit})
	}
	return m, nil
}

func publishedV2(req *writev2.Request, ts writev2.TimeSeries) (s Series, err error) {
	for _, h := range ts.Histograms {
		into := histogramOf(&h)
		into.NegativeSpans, into.PositiveSpans, into.Start = spansOf(h.NegativeSpans, spanV2), spansOf(h.PositiveSpans, spanV2), h.StartTimestamp
		s.Histograms = append(s.Histograms, into)
	}
	if s.Labels, err = labelsV2(req.Symbols, ts.LabelsRefs); err != nil {
		return s, err
	}
	for _, p := range ts.Samples {
		s.Points = append(s.Points, Point{T: p.Timestamp, V: p.Value, Start: p.StartTimestamp})
	}
	for _, e := range ts.Exemplars {
		x := Exemplar{T: e.Timestamp, V: e.Value}
		if x.Labels, err = labelsV2(req.Symbols, e.LabelsRefs); err != nil {
			return s, fmt.Errorf("exemplar: %w", err)
		}
		s.Exemplars = append(s.Exemplars, x)
	}
	s.Metadata.Type = typeName(int32(ts.Metadata.Type))
	if s.Metadata.Help, err = symbol(req.Symbols, ts.Metadata.HelpRef); err != nil {
		return s, fmt.Errorf("help: %w", err)
	}
	if s.Metadata.Unit, err = symbol(req.Symbols, ts.Metadata.UnitRef); err != nil {
		return s, fmt.Errorf("unit: %w", err)
	}
	return s, nil
}

// publishedHistogram is what the types of both versions have in common.
type publishedHistogram interface {
	GetCountInt() uint64
	GetCountFloat() float64
	GetSum() float64
	GetSchema() int32
	GetZeroThreshold() float64
	GetZeroCountInt() uint64
	GetZeroCountFloat() float64
	GetNegativeDeltas() []int64
	GetNegativeCounts() []float64
	GetPositiveDeltas() []int64
	GetPositiveCounts() []float64
	GetTimestamp() int64
	GetCustomValues() []float64
	IsFloatHistogram() bool
}

func histogramOf(h publishedHistogram) Histogram {
	into := Histogram{
		T: h.GetTimestamp(), Float: h.IsFloatHistogram(), Count: h.GetCountInt(), CountFloat: h.GetCountFloat(), Sum: h.GetSum(),
		Schema: h.GetSchema(), ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCountInt(), ZeroCountFloat: h.GetZeroCountFloat(),
		NegativeDeltas: h.GetNegativeDeltas(), NegativeCounts: h.GetNegativeCounts(),
		PositiveDeltas: h.GetPositiveDeltas(), PositiveCounts: h.GetPositiveCounts(), CustomValues: h.GetCustomValues(),
	}
	switch of := h.(type) {
	case *prompb.Histogram:
		into.ResetHint = int32(of.ResetHint)
	case *writev2.Histogram:
		into.ResetHint = int32(of.ResetHint)
	}
	return into
}

func spansOf[S any](from []S, of func(*S) BucketSpan) (to []BucketSpan) {
	for i := range from {
		to = append(to, of(&from[i]))
	}
	return to
}

func spanV1(s *prompb.BucketSpan) BucketSpan  { return BucketSpan{s.Offset, s.Length} }
func spanV2(s *writev2.BucketSpan) BucketSpan { return BucketSpan{s.Offset, s.Length} }

func randomHistogramV2(random *rand.Rand) writev2.Histogram {
	spans := func() []writev2.BucketSpan {
		return some(random, 3, func() writev2.BucketSpan {
			return writev2.BucketSpan{Offset: random.Int32() - 1<<30, Length: random.Uint32()}
		})
	}
	deltas := func() []int64 { return some(random, 4, func() int64 { return int64(random.Uint64()) }) } //nolint:gosec // any
	counts := func() []float64 { return some(random, 4, random.NormFloat64) }
	h := writev2.Histogram{
		Sum: random.NormFloat64(), Schema: random.Int32N(120) - 60, ZeroThreshold: random.NormFloat64(),
		NegativeSpans: spans(), NegativeDeltas: deltas(), NegativeCounts: counts(), PositiveSpans: spans(), PositiveDeltas: deltas(), PositiveCounts: counts(),
		ResetHint: writev2.Histogram_ResetHint(random.Int32N(5)), Timestamp: int64(random.Uint64()), CustomValues: counts(), //nolint:gosec // any
		StartTimestamp: random.Int64N(100) - 50,
	}
	if random.IntN(2) == 0 {
		h.Count, h.ZeroCount = &writev2.Histogram_CountInt{CountInt: random.Uint64()}, &writev2.Histogram_ZeroCountInt{ZeroCountInt: random.Uint64N(9)}
	} else if random.IntN(4) > 0 {
		h.Count, h.ZeroCount = &writev2.Histogram_CountFloat{CountFloat: random.NormFloat64()}, &writev2.Histogram_ZeroCountFloat{ZeroCountFloat: 2}
	}
	return h
}

// randomHistogramV1 is one of the other version, whose fields have the same numbers; it has no start.
func randomHistogramV1(random *rand.Rand) (h prompb.Histogram) {
	of := randomHistogramV2(random)
	of.StartTimestamp = 0
	raw, err := proto.Marshal(&of)
	if err != nil || proto.Unmarshal(raw, &h) != nil {
		panic("the versions do not agree on histograms")
	}
	return h
}

func randomText(random *rand.Rand) string {
	return []string{"", "__name__", "jobs_total", "paris", "\xff\x00", "größe"}[random.IntN(6)]
}

func some[T any](random *rand.Rand, most int, value func() T) []T {
	var all []T
	for range random.IntN(most + 1) {
		all = append(all, value())
	}
	return all
}

func randomV1(random *rand.Rand) *prompb.WriteRequest {
	text := func() string { return randomText(random) }
	labels := func() []prompb.Label {
		return some(random, 3, func() prompb.Label { return prompb.Label{Name: text(), Value: text()} })
	}
	return &prompb.WriteRequest{
		Timeseries: some(random, 3, func() prompb.TimeSeries {
			return prompb.TimeSeries{
				Labels: labels(),
				Samples: some(random, 3, func() prompb.Sample {
					return prompb.Sample{Value: random.NormFloat64(), Timestamp: int64(random.Uint64())} //nolint:gosec // any
				}),
				Exemplars: some(random, 2, func() prompb.Exemplar {
					return prompb.Exemplar{Labels: labels(), Value: random.NormFloat64(), Timestamp: random.Int64N(100) - 50}
				}),
				Histograms: some(random, 2, func() prompb.Histogram { return randomHistogramV1(random) }),
			}
		}),
		Metadata: some(random, 2, func() prompb.MetricMetadata {
			return prompb.MetricMetadata{Type: prompb.MetricMetadata_MetricType(random.Int32N(12) - 2), MetricFamilyName: text(), Help: text(), Unit: text()}
		}),
	}
}

func randomV2(random *rand.Rand) *writev2.Request {
	r := &writev2.Request{Symbols: []string{"", "__name__", "jobs_total", "site", "\xff", "größe"}}
	refs := func() []uint32 {
		all := some(random, 4, func() uint32 { return random.Uint32N(6) })
		if random.IntN(20) == 0 {
			all = append(all, random.Uint32())
		}
		return all
	}
	r.Timeseries = some(random, 3, func() writev2.TimeSeries {
		return writev2.TimeSeries{
			LabelsRefs: refs(),
			Samples: some(random, 3, func() writev2.Sample {
				return writev2.Sample{Value: random.NormFloat64(), Timestamp: int64(random.Uint64()), StartTimestamp: random.Int64N(100) - 50} //nolint:gosec // any
			}),
			Exemplars: some(random, 2, func() writev2.Exemplar {
				return writev2.Exemplar{LabelsRefs: refs(), Value: random.NormFloat64(), Timestamp: random.Int64N(100) - 50}
			}),
			Histograms: some(random, 2, func() writev2.Histogram { return randomHistogramV2(random) }),
			Metadata: writev2.Metadata{
				Type: writev2.Metadata_MetricType(random.Int32N(12) - 2), HelpRef: random.Uint32N(7), UnitRef: random.Uint32N(7),
			},
		}
	})
	return r
}
