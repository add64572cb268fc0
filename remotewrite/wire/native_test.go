package wire

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/remotewrite/window"
	"backwire/source"

	"github.com/gogo/protobuf/proto"
	"github.com/prometheus/prometheus/model/histogram"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// lot is random histograms of a site over time, and beside them what PromQL should see of them natively.
type lot struct {
	rand    *rand.Rand
	metric  *source.Metric
	strange bool // bounds and values lie
	members []*member
	going   map[*source.Series]bool // have had a sample and not ended
	want    map[string][]nativePoint
}

type member struct {
	series *source.Series
	before []*source.Series // that it continues
	family string           // value of the label by which families differ
	le     string
	v      float64
	alive  bool
}

// nativePoint is a point as the definition of a native histogram with custom buckets has it: cumulative counts by bound.
type nativePoint struct {
	T, Start int64
	Stale    bool
	Count    uint64
	Sum      string // as bits: NaN is like NaN
	Buckets  string
}

func newLot(r *rand.Rand) *lot {
	l := &lot{
		rand: r, strange: r.IntN(2) == 0, going: map[*source.Series]bool{}, want: map[string][]nativePoint{},
		metric: &source.Metric{Name: "nbu_wait_seconds", Type: source.Histogram, Unit: "seconds", Help: "Wait.", Durable: r.IntN(2) == 0},
	}
	for i := range 1 + r.IntN(4) {
		l.family(fmt.Sprint("TYPE_", i))
	}
	return l
}

func (l *lot) add(family, suffix, le string, start int64) {
	labels := []source.Label{{Name: "job_type", Value: family}, {Name: "policy", Value: "p"}}
	if le != "" {
		labels = append(labels, source.Label{Name: "le", Value: le})
	}
	l.members = append(l.members, &member{series: source.NewSeries(l.metric, suffix, start, labels...), family: family, le: le, alive: true})
}

func (l *lot) family(name string) {
	start := []int64{0, 900_000, 5_000_000}[l.rand.IntN(3)]
	bounds := []string{"0.5", "1.0", "60.0", "3600.0", "86400.0", "+Inf"}
	bounds = bounds[l.rand.IntN(len(bounds)):]
	if l.strange {
		strange := []string{"-3", "-Inf", "NaN", "none", "1", "1e300", "0"}
		for range l.rand.IntN(3) {
			bounds = append(bounds, strange[l.rand.IntN(len(strange))])
		}
		l.rand.Shuffle(len(bounds), func(i, j int) { bounds[i], bounds[j] = bounds[j], bounds[i] })
		bounds = bounds[l.rand.IntN(2)*l.rand.IntN(len(bounds)):]
		slices.Sort(bounds)
		bounds = slices.Compact(bounds)
	}
	for _, le := range bounds {
		l.add(name, "_bucket", le, start)
	}
	l.add(name, "_sum", "", start)
	l.add(name, "_count", "", start)
	if l.strange && l.rand.IntN(8) == 0 {
		l.members = slices.Delete(l.members, len(l.members)-1-l.rand.IntN(2), len(l.members))
	}
}

// observe lets time pass: observations, resets, ends, new bounds, and lies.
func (l *lot) observe() {
	for _, m := range l.members {
		switch {
		case strings.HasSuffix(m.series.Name, "_sum"):
			m.v += l.rand.NormFloat64()
		case l.rand.IntN(40) == 0 && l.strange:
			m.v = []float64{math.NaN(), -1, 0.5, 1 << 53, 1<<53 + 2, math.Inf(1), 1e300}[l.rand.IntN(7)]
		}
	}
	families := map[string]float64{}
	for _, m := range l.members {
		if strings.HasSuffix(m.series.Name, "_sum") || l.strange && l.rand.IntN(10) == 0 {
			continue
		}
		if _, ok := families[m.family]; !ok {
			families[m.family] = float64(l.rand.IntN(4))
		}
		bound, err := strconv.ParseFloat(m.le, 64)
		if m.le == "" || err == nil && bound > 30 {
			m.v += families[m.family]
		}
	}
	switch l.rand.IntN(25) {
	case 0: // all begins again
		for _, m := range l.members {
			m.v = 0
		}
	case 1: // a family ends or comes back
		of := l.members[l.rand.IntN(len(l.members))]
		alive := !of.alive
		for _, m := range l.members {
			if m.family == of.family {
				m.alive = alive
			}
		}
	case 2: // one series does
		m := l.members[l.rand.IntN(len(l.members))]
		m.alive = !m.alive
	case 3: // and begins under another start
		m := l.members[l.rand.IntN(len(l.members))]
		s := *m.series
		s.Start += 1000
		m.before = append(m.before, m.series) // goes on until this one is there
		m.series = &s
	}
}

// batch is what the site says at a time: everything, or some of it.
func (l *lot) batch(t int64) source.Batch {
	b := source.Batch{T: t, Partial: l.rand.IntN(4) == 0}
	in := map[*member]bool{}
	for _, m := range l.members {
		if m.alive && (!b.Partial || l.rand.IntN(3) > 0) {
			b.Samples = append(b.Samples, source.Sample{Series: m.series, Value: m.v})
			in[m] = true
		}
	}
	l.expect(b, in)
	return b
}

// expect works the native points of a batch out, from the definition.
func (l *lot) expect(b source.Batch, in map[*member]bool) {
	ended := map[*member]bool{}
	for _, m := range l.members {
		if in[m] || !b.Partial {
			ended[m] = !in[m] && l.goes(m)
			for _, s := range append(m.before, m.series) {
				delete(l.going, s)
			}
		}
		if in[m] {
			l.going[m.series] = true
		}
	}
	for _, count := range l.members {
		if !strings.HasSuffix(count.series.Name, "_count") {
			continue
		}
		if ended[count] {
			l.want[count.family] = append(l.want[count.family], nativePoint{T: b.T, Stale: true})
		}
		if p, ok := l.natively(b.T, count, in); ok && in[count] {
			l.want[count.family] = append(l.want[count.family], p)
		}
	}
}

// goes says whether a member has had a sample and has not ended.
func (l *lot) goes(m *member) bool {
	return l.going[m.series] || slices.ContainsFunc(m.before, func(s *source.Series) bool { return l.going[s] })
}

func (l *lot) natively(t int64, count *member, in map[*member]bool) (p nativePoint, ok bool) {
	h := histogram.Histogram{Schema: histogram.CustomBucketsSchema, Sum: math.Float64frombits(0x7ff0000000000002)}
	type bucket struct{ le, v float64 }
	var buckets []bucket
	for _, m := range l.members {
		switch {
		case m.family != count.family:
			continue
		case l.goes(m) && !in[m]:
			return p, false // its value now is not known
		case in[m] && strings.HasSuffix(m.series.Name, "_sum"):
			h.Sum = m.v
		case m.le != "":
			le, err := strconv.ParseFloat(m.le, 64)
			if in[m] && (err != nil || math.IsNaN(le) || math.IsInf(le, -1)) {
				return p, false
			}
			if in[m] {
				buckets = append(buckets, bucket{le, m.v})
			}
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.le, b.le) })
	if n := len(buckets); n == 0 || !math.IsInf(buckets[n-1].le, 1) || buckets[n-1].v != count.v || h.Sum != h.Sum && math.Float64bits(h.Sum) == 0x7ff0000000000002 {
		return p, false
	}
	last, before := 0.0, int64(0)
	for _, b := range buckets {
		if b.v != math.Floor(b.v) || b.v < last || b.v > 1<<53 {
			return p, false
		}
		n := int64(b.v) - int64(last)
		h.PositiveBuckets = append(h.PositiveBuckets, n-before)
		last, before = b.v, n
		if !math.IsInf(b.le, 1) {
			h.CustomValues = append(h.CustomValues, b.le)
		}
	}
	h.Count = uint64(count.v)
	h.PositiveSpans = []histogram.Span{{Length: uint32(len(buckets))}}
	if err := h.Validate(); err != nil {
		return p, false
	}
	start := count.series.Start
	if start > t {
		start = 0 // as of the zero that announces a counter
	}
	return pointOf(t, start, &h), true
}

func pointOf(t, start int64, h *histogram.Histogram) nativePoint {
	if math.Float64bits(h.Sum) == 0x7ff0000000000002 {
		return nativePoint{T: t, Stale: true}
	}
	p := nativePoint{T: t, Start: start, Count: h.Count, Sum: strconv.FormatFloat(h.Sum, 'g', -1, 64)}
	for at := h.CumulativeBucketIterator(); at.Next(); {
		p.Buckets += fmt.Sprint(at.At().Upper, ":", at.At().Count, " ")
	}
	return p
}

// decodedNatives are the native points of a request by family, read by the types that Prometheus publishes, each a valid histogram.
func decodedNatives(t *testing.T, r Request, most Limits, into map[string][]nativePoint) {
	t.Helper()
	var m writev2.Request
	if err := proto.Unmarshal(unpacked(t, r), &m); err != nil {
		t.Fatal(err)
	}
	if size := len(unpacked(t, r)); len(m.Timeseries) > most.Series || size > 2*most.Bytes+1000 {
		t.Fatalf("%d series in %d bytes, at most %+v", len(m.Timeseries), size, most)
	}
	points := 0
	for _, ts := range m.Timeseries {
		labels := map[string]string{}
		for i := 0; i < len(ts.LabelsRefs); i += 2 {
			labels[m.Symbols[ts.LabelsRefs[i]]] = m.Symbols[ts.LabelsRefs[i+1]]
		}
		if len(ts.Samples) > 0 || labels["__name__"] != "nbu_wait_seconds" || labels["policy"] != "p" || len(labels) != 3 ||
			ts.Metadata.Type != writev2.Metadata_METRIC_TYPE_HISTOGRAM || m.Symbols[ts.Metadata.UnitRef] != "seconds" {
			t.Fatalf("a native series %v with %d samples, %+v", labels, len(ts.Samples), ts.Metadata)
		}
		for _, h := range ts.Histograms {
			of := h.ToIntHistogram()
			if of == nil {
				t.Fatalf("%+v is of floats", h)
			}
			if err := of.Validate(); err != nil {
				t.Fatalf("%v: %v", labels, err)
			}
			into[labels["job_type"]] = append(into[labels["job_type"]], pointOf(h.Timestamp, h.StartTimestamp, of))
			points++
		}
	}
	if points != r.Natives {
		t.Fatalf("%d native points, and the request says %d", points, r.Natives)
	}
}

// written is a log of random histograms.
func (l *lot) written(t *testing.T) *wal.Log {
	t.Helper()
	log, _, err := wal.Open(crashfs.New(), wal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	packer := record.NewPacker(record.NewImage())
	at := int64(1_000_000)
	for range 1 + l.rand.IntN(3) {
		if err := log.Roll(packer.Roll()); err != nil {
			t.Fatal(err)
		}
		packer.Keep()
		packer.Had.Segment = log.End().Segment
		for range 1 + l.rand.IntN(20) {
			c := source.Cycle{Site: "paris"}
			for range 1 + l.rand.IntN(4) {
				at += 1 + l.rand.Int64N(60_000)
				l.observe()
				c.Batches = append(c.Batches, l.batch(at))
			}
			packed, late := packer.Pack(c, false)
			if late > 0 {
				t.Fatalf("%d samples are late", late)
			}
			if _, err := log.Append(packed); err != nil {
				t.Fatal(err)
			}
			packer.Keep()
		}
	}
	return log
}

// Of random histograms in random batches, partial ones included, the native points are those that the definition gives: where a batch has
// all of a histogram's series that go on, and these make a valid histogram.
func TestNativesAreWhatTheClassicSeriesSay(t *testing.T) {
	native := 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 77))
		l := newLot(r)
		log := l.written(t)
		reader := window.NewReader(log, wal.Position{}, func(l window.Loss) { t.Errorf("lost: %+v", l) })
		got := map[string][]nativePoint{}
		for {
			var w window.Window
			if err := reader.Fill(&w, 1+r.IntN(100)); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			encodeNatives(t, r, &w, got)
		}
		testkit.Closed(t, reader)
		testkit.Closed(t, log)
		for family, want := range l.want {
			if fmt.Sprint(got[family]) != fmt.Sprint(want) {
				t.Fatalf("seed %d: family %s\n got %+v\nwant %+v", seed, family, got[family], want)
			}
			native += len(want)
		}
	}
	if native < 2000 {
		t.Errorf("only %d native points", native)
	}
}

// encodeNatives encodes the native histograms of a window in requests within random limits.
func encodeNatives(t *testing.T, r *rand.Rand, w *window.Window, into map[string][]nativePoint) {
	t.Helper()
	e := NewEncoder(nil)
	most := Limits{Samples: 1 + r.IntN(30), Series: 1 + r.IntN(4), Bytes: 1 + r.IntN(5000)}
	for sp := w.Whole(); !sp.Empty(); {
		q := e.EncodeNatives(w, sp, math.MinInt64, most)
		if q.Natives > most.Samples || q.Samples > 0 || (len(q.Body) > 0) != (q.Natives > 0) {
			t.Fatalf("%d samples, %d native points in %d bytes, at most %+v", q.Samples, q.Natives, len(q.Body), most)
		}
		if q.Natives > 0 {
			decodedNatives(t, q, most, into)
		}
		sp.From = q.Span.To
	}
}

// What is older than asked for is left out of native histograms as it is of samples.
func TestNativesLeaveOutWhatIsTooOld(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	l := newLot(r)
	l.strange, l.members = false, nil
	l.family("TYPE_0")
	log := l.written(t)
	defer testkit.Closed(t, log)
	reader := window.NewReader(log, wal.Position{}, func(l window.Loss) { t.Errorf("lost: %+v", l) })
	defer testkit.Closed(t, reader)
	var w window.Window
	if err := reader.Fill(&w, 1000); err != nil {
		t.Fatal(err)
	}
	e, all, most := NewEncoder(nil), map[string][]nativePoint{}, Limits{Samples: 1 << 20, Series: 1 << 20, Bytes: 1 << 20}
	decodedNatives(t, e.EncodeNatives(&w, w.Whole(), math.MinInt64, most), most, all)
	since := all["TYPE_0"][len(all["TYPE_0"])/2].T
	want := slices.DeleteFunc(all["TYPE_0"], func(p nativePoint) bool { return p.T < since })
	got := map[string][]nativePoint{}
	decodedNatives(t, e.EncodeNatives(&w, w.Whole(), since, most), most, got)
	if len(want) < 2 || fmt.Sprint(got["TYPE_0"]) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", got["TYPE_0"], want)
	}
}
