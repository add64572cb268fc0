package testkit

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"backwire/source"
)

// Wanted is one point that an endpoint has to get.
type Wanted struct {
	Key   string
	Start int64
	T     int64
	Bits  uint64
	Marks string // the labels of an exemplar
}

// CompareWanted orders points by series and time.
func CompareWanted(a, b Wanted) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.T, b.T), cmp.Compare(a.Bits, b.Bits),
		cmp.Compare(a.Start, b.Start), cmp.Compare(a.Marks, b.Marks))
}

// ModelSite makes random cycles and knows what has to become of them.
type ModelSite struct {
	rand    *rand.Rand
	Name    string
	Pool    []*source.Series
	present map[string]*source.Series
	durable map[string]source.Sample
	state   map[string][]byte
	values  map[string]float64
	times   map[string]int64 // of what was delivered last of each series, stale markers included
	t       int64
	Cycles  int
	Late    int // samples that could not be delivered in order
}

// NewModelSite makes a site of a dozen series.
func NewModelSite(name string, r *rand.Rand) *ModelSite {
	s := &ModelSite{
		rand: r, Name: name, t: 1_790_000_000_000,
		present: map[string]*source.Series{}, durable: map[string]source.Sample{},
		state: map[string][]byte{}, values: map[string]float64{}, times: map[string]int64{},
	}
	counter := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: "Jobs.", Durable: true}
	histogram := &source.Metric{Name: "wait_seconds", Type: source.Histogram, Unit: "seconds", Durable: true}
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	for i := range 4 {
		n := source.Label{Name: "n", Value: strconv.Itoa(i)}
		s.Pool = append(s.Pool,
			source.NewSeries(counter, "", s.t-int64(i), source.Label{Name: "site", Value: name}, n),
			source.NewSeries(histogram, "_bucket", s.t, source.Label{Name: "site", Value: name}, n, source.Label{Name: "le", Value: "60"}),
			source.NewSeries(gauge, "", 0, source.Label{Name: "site", Value: name}, n))
	}
	return s
}

// Clone is the site as it is, with the same dice.
func (s *ModelSite) Clone() *ModelSite {
	c := *s
	c.Pool, c.present, c.durable = slices.Clone(s.Pool), maps.Clone(s.present), maps.Clone(s.durable)
	c.state, c.values, c.times = maps.Clone(s.state), maps.Clone(s.values), maps.Clone(s.times)
	return &c
}

// Next is a random cycle and the points that it has to become.
func (s *ModelSite) Next() (source.Cycle, []Wanted) {
	c := source.Cycle{Site: s.Name}
	var points []Wanted
	for range 1 + s.rand.IntN(3) {
		b := source.Batch{T: s.clock(), Partial: s.rand.IntN(6) == 0}
		points = append(points, s.batch(&b)...)
		s.t = max(s.t, b.T)
		c.Batches = append(c.Batches, b)
	}
	s.Cycles++
	s.change(&c, "cycles", []byte(strconv.Itoa(s.Cycles)))
	for range s.rand.IntN(3) {
		var value []byte
		if n := s.rand.IntN(40); n > 8 {
			value = make([]byte, n)
			value[s.rand.IntN(n)] = byte(s.rand.IntN(256))
		} else if n > 6 {
			value = []byte{}
		}
		s.change(&c, "key"+strconv.Itoa(s.rand.IntN(3)), value)
	}
	slices.SortFunc(points, CompareWanted)
	return c, points
}

func (s *ModelSite) change(c *source.Cycle, key string, value []byte) {
	c.Changes = append(c.Changes, source.Change{Key: key, Value: value})
	if value == nil {
		delete(s.state, key)
	} else {
		s.state[key] = value
	}
}

// clock goes on, stands still, or is back by up to six hours.
func (s *ModelSite) clock() int64 {
	if len(s.times) == 0 {
		return s.t // the first
	}
	switch s.rand.IntN(12) {
	case 0:
		return s.t
	case 1:
		return s.t - s.rand.Int64N(300_000)
	case 2:
		return s.t - s.rand.Int64N(6*3_600_000)
	}
	return s.t + 1 + s.rand.Int64N(120_000)
}

func (s *ModelSite) batch(b *source.Batch) []Wanted {
	now := map[string]*source.Series{}
	var points []Wanted
	for i, series := range s.Pool {
		if s.rand.IntN(4) == 0 || s.forgotten(b, series) {
			continue
		}
		if s.rand.IntN(50) == 0 { // it begins to count anew
			series = source.NewSeries(series.Metric, series.Name[len(series.Metric.Name):], series.Start+1, series.Labels...)
			s.Pool[i] = series
		}
		now[series.Key()] = series
		v := s.value(series)
		b.Samples = append(b.Samples, source.Sample{Series: series, Value: v})
		if source.IsStale(v) {
			v = math.Float64frombits(0x7ff8000000000001) // only an end has the stale marker's bits
		}
		if series.Metric.Durable {
			s.durable[series.Key()] = source.Sample{Series: series, Value: v}
		}
		points = append(points, Wanted{series.Key(), series.Start, b.T, math.Float64bits(v), ""})
		points = append(points, s.exemplar(b, series)...)
	}
	if b.Partial {
		return s.ordered(b, now, points)
	}
	return s.whole(b, now, points)
}

// keptFor is how long a series that has ended is remembered.
const keptFor = 5 * time.Minute

// forgotten keeps out of a batch of the past what the queue need not remember: a gauge that ended a while ago. That this is not delivered
// out of order either is shown by TestTimesAscend.
func (s *ModelSite) forgotten(b *source.Batch, series *source.Series) bool {
	return b.Partial && b.T <= s.t && !series.Metric.Durable && s.present[series.Key()] == nil &&
		s.t-s.times[series.Key()] >= keptFor.Milliseconds()
}

// ordered is a partial batch: of each series what is newer than the last.
func (s *ModelSite) ordered(b *source.Batch, now map[string]*source.Series, points []Wanted) []Wanted {
	for key := range now {
		if s.times[key] >= b.T {
			delete(now, key)
			s.Late++
		}
	}
	for key, series := range now {
		s.present[key], s.times[key] = series, b.T
	}
	return slices.DeleteFunc(points, func(w Wanted) bool { return now[w.Key] == nil })
}

// whole is a batch that ends what is not in it. It is delivered whole or not at all.
func (s *ModelSite) whole(b *source.Batch, now map[string]*source.Series, points []Wanted) []Wanted {
	late := b.T < s.t
	for _, all := range []map[string]*source.Series{now, s.present} {
		for key := range all {
			late = late || s.times[key] >= b.T
		}
	}
	if late {
		s.Late += len(now)
		return nil
	}
	for key := range s.present {
		if now[key] == nil {
			points = append(points, Wanted{key, 0, b.T, math.Float64bits(source.Stale()), ""})
			s.times[key] = b.T
		}
	}
	for key := range now {
		s.times[key] = b.T
	}
	s.present = now
	maps.DeleteFunc(s.durable, func(key string, _ source.Sample) bool { return now[key] == nil }) // it has ended
	return points
}

func (s *ModelSite) exemplar(b *source.Batch, series *source.Series) []Wanted {
	if s.rand.IntN(10) > 0 {
		return nil
	}
	e := source.Exemplar{
		Series: series, Value: s.rand.Float64(), T: b.T - int64(s.rand.IntN(1000)),
		Labels: []source.Label{{Name: "job_id", Value: strconv.Itoa(s.rand.IntN(1e6))}},
	}
	b.Exemplars = append(b.Exemplars, e)
	return []Wanted{{series.Key(), series.Start, e.T, math.Float64bits(e.Value), fmt.Sprint(e.Labels)}}
}

func (s *ModelSite) value(series *source.Series) float64 {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), source.Stale(), 1 << 53, -1 << 53, 1<<53 + 2, 0.1}
	v := s.values[series.Key()]
	switch s.rand.IntN(8) {
	case 0, 1:
	case 2, 3:
		v++
	case 4:
		v += kibi * float64(s.rand.IntN(1<<20))
	case 5:
		v = s.rand.NormFloat64()
	case 6:
		v = float64(s.rand.IntN(1000) - 500)
	case 7:
		v = special[s.rand.IntN(len(special))]
	}
	s.values[series.Key()] = v
	return v
}

// Check holds a checkpoint against the model.
func (s *ModelSite) Check(t *testing.T, known source.Checkpoint) {
	t.Helper()
	if s.Cycles > 0 && known.T != s.t {
		t.Errorf("%s: checkpoint at %d, want %d", s.Name, known.T, s.t)
	}
	if !maps.EqualFunc(known.State, s.state, slices.Equal) {
		t.Errorf("%s: state\n%q, want\n%q", s.Name, known.State, s.state)
	}
	got := map[string]source.Sample{}
	for _, sample := range known.Series {
		got[sample.Series.Key()] = sample
	}
	if !maps.EqualFunc(got, s.durable, sameSample) || len(got) != len(known.Series) {
		t.Errorf("%s: durable series\n%v, want\n%v", s.Name, got, s.durable)
	}
}

func sameSample(a, b source.Sample) bool {
	return math.Float64bits(a.Value) == math.Float64bits(b.Value) && a.Series.Start == b.Series.Start &&
		*a.Series.Metric == *b.Series.Metric && a.Series.Name == b.Series.Name && slices.Equal(a.Series.Labels, b.Series.Labels)
}

// Without is what one list has more often than another.
func Without(all, others []Wanted) (rest []Wanted) {
	others = slices.Clone(others)
	for _, w := range all {
		if i := slices.Index(others, w); i >= 0 {
			others = slices.Delete(others, i, i+1)
		} else {
			rest = append(rest, w)
		}
	}
	return rest
}
