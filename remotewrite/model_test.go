package remotewrite

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/source"
)

// wanted is one point that an endpoint has to get.
type wanted struct {
	key   string
	start int64
	t     int64
	bits  uint64
	marks string // the labels of an exemplar
}

func compareWanted(a, b wanted) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.t, b.t), cmp.Compare(a.bits, b.bits),
		cmp.Compare(a.start, b.start), cmp.Compare(a.marks, b.marks))
}

// modelSite makes random cycles and knows what has to become of them.
type modelSite struct {
	rand    *rand.Rand
	name    string
	pool    []*source.Series
	present map[string]*source.Series
	durable map[string]source.Sample
	state   map[string][]byte
	values  map[string]float64
	times   map[string]int64 // of what was delivered last of each series, stale markers included
	t       int64
	cycles  int
	late    int // samples that could not be delivered in order
}

func newModelSite(name string, r *rand.Rand) *modelSite {
	s := &modelSite{
		rand: r, name: name, t: 1_790_000_000_000,
		present: map[string]*source.Series{}, durable: map[string]source.Sample{},
		state: map[string][]byte{}, values: map[string]float64{}, times: map[string]int64{},
	}
	counter := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: "Jobs.", Durable: true}
	histogram := &source.Metric{Name: "wait_seconds", Type: source.Histogram, Unit: "seconds", Durable: true}
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	for i := range 4 {
		n := source.Label{Name: "n", Value: strconv.Itoa(i)}
		s.pool = append(s.pool,
			source.NewSeries(counter, "", s.t-int64(i), source.Label{Name: "site", Value: name}, n),
			source.NewSeries(histogram, "_bucket", s.t, source.Label{Name: "site", Value: name}, n, source.Label{Name: "le", Value: "60"}),
			source.NewSeries(gauge, "", 0, source.Label{Name: "site", Value: name}, n))
	}
	return s
}

// clone is the site as it is, with the same dice.
func (s *modelSite) clone() *modelSite {
	c := *s
	c.pool, c.present, c.durable = slices.Clone(s.pool), maps.Clone(s.present), maps.Clone(s.durable)
	c.state, c.values, c.times = maps.Clone(s.state), maps.Clone(s.values), maps.Clone(s.times)
	return &c
}

// next is a random cycle and the points that it has to become.
func (s *modelSite) next() (source.Cycle, []wanted) {
	c := source.Cycle{Site: s.name}
	var points []wanted
	for range 1 + s.rand.IntN(3) {
		b := source.Batch{T: s.clock(), Partial: s.rand.IntN(6) == 0}
		points = append(points, s.batch(&b)...)
		s.t = max(s.t, b.T)
		c.Batches = append(c.Batches, b)
	}
	s.cycles++
	s.change(&c, "cycles", []byte(strconv.Itoa(s.cycles)))
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
	slices.SortFunc(points, compareWanted)
	return c, points
}

func (s *modelSite) change(c *source.Cycle, key string, value []byte) {
	c.Changes = append(c.Changes, source.Change{Key: key, Value: value})
	if value == nil {
		delete(s.state, key)
	} else {
		s.state[key] = value
	}
}

// clock goes on, stands still, or is back by up to six hours.
func (s *modelSite) clock() int64 {
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

func (s *modelSite) batch(b *source.Batch) []wanted {
	now := map[string]*source.Series{}
	var points []wanted
	for i, series := range s.pool {
		if s.rand.IntN(4) == 0 || s.forgotten(b, series) {
			continue
		}
		if s.rand.IntN(50) == 0 { // it begins to count anew
			series = source.NewSeries(series.Metric, series.Name[len(series.Metric.Name):], series.Start+1, series.Labels...)
			s.pool[i] = series
		}
		now[series.Key()] = series
		v := s.value(series)
		b.Samples = append(b.Samples, source.Sample{Series: series, Value: v})
		if source.IsStale(v) {
			v = math.Float64frombits(plainNaN)
		}
		if series.Metric.Durable {
			s.durable[series.Key()] = source.Sample{Series: series, Value: v}
		}
		points = append(points, wanted{series.Key(), series.Start, b.T, math.Float64bits(v), ""})
		points = append(points, s.exemplar(b, series)...)
	}
	if b.Partial {
		return s.ordered(b, now, points)
	}
	return s.whole(b, now, points)
}

// forgotten keeps out of a batch of the past what the queue need not remember: a gauge that ended a while ago. That this is not delivered
// out of order either is shown by TestTimesAscend.
func (s *modelSite) forgotten(b *source.Batch, series *source.Series) bool {
	return b.Partial && b.T <= s.t && !series.Metric.Durable && s.present[series.Key()] == nil &&
		s.t-s.times[series.Key()] >= endedKept.Milliseconds()
}

// ordered is a partial batch: of each series what is newer than the last.
func (s *modelSite) ordered(b *source.Batch, now map[string]*source.Series, points []wanted) []wanted {
	for key := range now {
		if s.times[key] >= b.T {
			delete(now, key)
			s.late++
		}
	}
	for key, series := range now {
		s.present[key], s.times[key] = series, b.T
	}
	return slices.DeleteFunc(points, func(w wanted) bool { return now[w.key] == nil })
}

// whole is a batch that ends what is not in it. It is delivered whole or not at all.
func (s *modelSite) whole(b *source.Batch, now map[string]*source.Series, points []wanted) []wanted {
	late := b.T < s.t
	for _, all := range []map[string]*source.Series{now, s.present} {
		for key := range all {
			late = late || s.times[key] >= b.T
		}
	}
	if late {
		s.late += len(now)
		return nil
	}
	for key := range s.present {
		if now[key] == nil {
			points = append(points, wanted{key, 0, b.T, math.Float64bits(source.Stale()), ""})
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

func (s *modelSite) exemplar(b *source.Batch, series *source.Series) []wanted {
	if s.rand.IntN(10) > 0 {
		return nil
	}
	e := source.Exemplar{
		Series: series, Value: s.rand.Float64(), T: b.T - int64(s.rand.IntN(1000)),
		Labels: []source.Label{{Name: "job_id", Value: strconv.Itoa(s.rand.IntN(1e6))}},
	}
	b.Exemplars = append(b.Exemplars, e)
	return []wanted{{series.Key(), series.Start, e.T, math.Float64bits(e.Value), fmt.Sprint(e.Labels)}}
}

func (s *modelSite) value(series *source.Series) float64 {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), source.Stale(), 1 << 53, -1 << 53, 1<<53 + 2, 0.1}
	v := s.values[series.Key()]
	switch s.rand.IntN(8) {
	case 0, 1:
	case 2, 3:
		v++
	case 4:
		v += kilo * float64(s.rand.IntN(1<<20))
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

// check holds a checkpoint against the model.
func (s *modelSite) check(t *testing.T, known source.Checkpoint) {
	t.Helper()
	if s.cycles > 0 && known.T != s.t {
		t.Errorf("%s: checkpoint at %d, want %d", s.name, known.T, s.t)
	}
	if !maps.EqualFunc(known.State, s.state, slices.Equal) {
		t.Errorf("%s: state\n%q, want\n%q", s.name, known.State, s.state)
	}
	got := map[string]source.Sample{}
	for _, sample := range known.Series {
		got[sample.Series.Key()] = sample
	}
	if !maps.EqualFunc(got, s.durable, sameSample) || len(got) != len(known.Series) {
		t.Errorf("%s: durable series\n%v, want\n%v", s.name, got, s.durable)
	}
}

func sameSample(a, b source.Sample) bool {
	return math.Float64bits(a.Value) == math.Float64bits(b.Value) && a.Series.Start == b.Series.Start &&
		*a.Series.Metric == *b.Series.Metric && a.Series.Name == b.Series.Name && slices.Equal(a.Series.Labels, b.Series.Labels)
}

// pointsOf lists what is in a window, and checks what must hold for each.
func pointsOf(t *testing.T, w *window) []wanted {
	t.Helper()
	var points []wanted
	samples := 0
	for i, c := range w.columns {
		series := w.dict.source(c.series, map[uint32]*source.Metric{})
		of := w.at(i)
		if !slices.IsSortedFunc(of, func(a, b point) int { return cmp.Compare(a.T, b.T) }) {
			t.Errorf("points of %s are out of order: %v", series.Key(), of)
		}
		for _, p := range of {
			start := series.Start
			if source.IsStale(p.V) {
				start = 0 // it ends whatever has the labels
			}
			points = append(points, wanted{series.Key(), start, p.T, math.Float64bits(p.V), ""})
			samples++
		}
		for _, e := range w.exemplarsOf(&c) {
			points = append(points, wanted{series.Key(), series.Start, e.T, math.Float64bits(e.V), fmt.Sprint(e.Labels)})
		}
	}
	oldest, newest := int64(0), int64(0)
	for _, p := range points {
		if p.marks != "" {
			continue
		}
		if newest = max(newest, p.t); oldest == 0 || p.t < oldest {
			oldest = p.t
		}
	}
	if oldest != w.oldest || newest != w.newest {
		t.Errorf("window says %d to %d and has %d to %d", w.oldest, w.newest, oldest, newest)
	}
	if samples != w.samples {
		t.Errorf("window says %d samples and has %d", w.samples, samples)
	}
	slices.SortFunc(points, compareWanted)
	return points
}

// without is what one list has more often than another.
func without(all, others []wanted) (rest []wanted) {
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

// modelEndpoint reads the queue and compares.
type modelEndpoint struct {
	name   string
	sub    *Subscription
	record int                  // how many records of the model it has read
	stored int                  // how many of them are behind its cursor
	places map[wal.Position]int // how many it has at each place that its cursor may be stored
	window window
}

func newModelEndpoints(names ...string) []*modelEndpoint {
	var endpoints []*modelEndpoint
	for _, name := range names {
		endpoints = append(endpoints, &modelEndpoint{name: name, places: map[wal.Position]int{}})
	}
	return endpoints
}

// subscribe goes on where the cursor is, which is where it was stored or about to be.
func (e *modelEndpoint) subscribe(t *testing.T, q *Queue) error {
	t.Helper()
	sub, err := q.Subscribe(e.name, true)
	if err != nil {
		return err
	}
	e.sub = sub
	record, known := e.places[sub.position()]
	switch {
	case known && record < e.stored:
		t.Fatalf("%s: the cursor moved back from record %d to %d", e.name, e.stored, record)
	case !known && e.stored > 0:
		t.Fatalf("%s: the cursor is at %v, where it never was", e.name, sub.position())
	}
	e.record = record
	return nil
}

// drain reads up to the given number of windows and compares them with the model.
func (e *modelEndpoint) drain(t *testing.T, records [][]wanted, windows, limit int) error {
	t.Helper()
	for range windows {
		err := e.sub.fill(&e.window, limit)
		end := e.record + e.window.records
		if end > len(records) {
			t.Fatalf("%s: %d records beyond the %d of the model", e.name, end-len(records), len(records))
		}
		e.places[e.window.next] = end
		want := slices.Concat(records[e.record:end]...)
		slices.SortFunc(want, compareWanted)
		if got := pointsOf(t, &e.window); !slices.Equal(got, want) {
			t.Fatalf("%s: records %d to %d have\n%v too many and\n%v too few", e.name, e.record, end, without(got, want), without(want, got))
		}
		e.record = end
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.sub.advance(&e.window, nil)
		}
		if err != nil {
			return err
		}
		e.stored = end
	}
	return nil
}
