package netbackup

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"backwire/source"
)

// store is what a queue remembers of a site, and what every queue demands of the cycles it
// is given.
type store struct {
	t       testing.TB
	site    string
	last    int64
	state   map[string][]byte
	durable map[string]source.Sample
	present map[string]bool  // in the last batch that was not partial
	newest  map[string]int64 // time of each series' last sample
	ended   []string         // keys, in the order of their stale markers

	cycles, batches, samples int
}

func newStore(t testing.TB, site string) *store {
	return &store{
		t: t, site: site, state: map[string][]byte{}, durable: map[string]source.Sample{},
		present: map[string]bool{}, newest: map[string]int64{},
	}
}

func (s *store) commit(c source.Cycle) {
	s.t.Helper()
	if c.Site != s.site {
		s.t.Fatalf("cycle of site %q, want %q", c.Site, s.site)
	}
	var before int64
	for _, b := range c.Batches {
		if b.T < before {
			s.t.Fatalf("batch at %d after one at %d in the same cycle", b.T, before)
		}
		before = b.T
		s.batch(b)
	}
	for _, ch := range c.Changes {
		if ch.Value == nil {
			delete(s.state, ch.Key)
			continue
		}
		s.state[ch.Key] = slices.Clone(ch.Value)
	}
	s.cycles++
}

func (s *store) batch(b source.Batch) {
	s.t.Helper()
	seen := make(map[string]bool, len(b.Samples))
	for _, x := range b.Samples {
		s.sample(x, b.T, seen)
	}
	s.last = max(s.last, b.T)
	s.batches++
	if b.Partial {
		maps.Copy(s.present, seen) // a partial batch says nothing of those that it does not name
		return
	}
	for key := range s.present {
		if !seen[key] {
			s.end(key, b.T)
		}
	}
	s.present = seen
}

func (s *store) sample(x source.Sample, t int64, seen map[string]bool) {
	s.t.Helper()
	key := x.Series.Key()
	if seen[key] {
		s.t.Fatalf("series twice in one batch: %v %v", x.Series.Name, x.Series.Labels)
	}
	seen[key] = true
	if at, ok := s.newest[key]; ok && t <= at {
		s.t.Fatalf("%v %v: sample at %d after one at %d", x.Series.Name, x.Series.Labels, t, at)
	}
	s.newest[key] = t
	s.samples++
	if !x.Series.Metric.Durable {
		return
	}
	was, known := s.durable[key]
	if x.Series.Metric.Type != source.Gauge {
		switch {
		case !known && x.Value != 0:
			s.t.Fatalf("%v %v begins with %v, not 0", x.Series.Name, x.Series.Labels, x.Value)
		case !known && x.Series.Start != t:
			s.t.Fatalf("%v %v begins at %d, its start says %d", x.Series.Name, x.Series.Labels, t, x.Series.Start)
		case known && x.Value < was.Value:
			s.t.Fatalf("%v %v goes back from %v to %v", x.Series.Name, x.Series.Labels, was.Value, x.Value)
		case known && x.Series.Start != was.Series.Start:
			s.t.Fatalf("%v %v: start moved from %d to %d", x.Series.Name, x.Series.Labels, was.Series.Start, x.Series.Start)
		}
	}
	s.durable[key] = x
}

func (s *store) end(key string, t int64) {
	s.t.Helper()
	if t <= s.newest[key] {
		s.t.Fatalf("stale marker of %q at %d, its last sample is at %d", key, t, s.newest[key])
	}
	s.newest[key] = t
	s.ended = append(s.ended, key)
	delete(s.durable, key)
}

func (s *store) checkpoint() source.Checkpoint {
	return source.Checkpoint{
		T: s.last, State: maps.Clone(s.state), Series: slices.Collect(maps.Values(s.durable)),
	}
}

// sum adds up the durable series of a name that have all these labels, given as name, value.
func (s *store) sum(name string, labels ...string) (total float64) {
	for _, x := range s.durable {
		if x.Series.Name == name && hasLabels(x.Series, labels) {
			total += x.Value
		}
	}
	return total
}

// count is of how many series sum is the sum.
func (s *store) count(name string, labels ...string) (n int) {
	for _, x := range s.durable {
		if x.Series.Name == name && hasLabels(x.Series, labels) {
			n++
		}
	}
	return n
}

func hasLabels(s *source.Series, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		if s.Label(labels[i]) != labels[i+1] {
			return false
		}
	}
	return true
}

func TestStoreRefusesWhatAQueueWould(t *testing.T) {
	m := &source.Metric{Name: "x_total", Type: source.Counter, Durable: true}
	s := source.NewSeries(m, "", 1000)
	inner := &failing{TB: t}
	st := newStore(inner, "paris")
	for _, v := range []struct {
		t     int64
		value float64
		bad   bool
	}{{1000, 1, true}, {1000, 0, false}, {2000, 2, false}, {2000, 2, true}, {3000, 1, true}} {
		inner.failed = ""
		func() {
			defer func() { _ = recover() }()
			st.commit(source.Cycle{Site: "paris", Batches: []source.Batch{{T: v.t, Samples: []source.Sample{{Series: s, Value: v.value}}}}})
		}()
		if (inner.failed != "") != v.bad {
			t.Errorf("value %v at %d: refused with %q, want refused: %v", v.value, v.t, inner.failed, v.bad)
		}
		if v.bad {
			st.newest[s.Key()] = min(st.newest[s.Key()], 2000)
			if v.t == 1000 {
				st = newStore(inner, "paris")
			}
		}
	}
}

// failing catches what a store has to say.
type failing struct {
	testing.TB
	failed string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.failed = fmt.Sprintf(format, args...)
	panic(f.failed)
}
