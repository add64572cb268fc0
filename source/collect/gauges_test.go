package collect

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strconv"
	"testing"

	"backwire/source"
	"backwire/source/guard"
)

func TestGaugesForgetWhatIsNotSetAnyMore(t *testing.T) {
	g := NewGauges("paris")
	for i := range 10_000 {
		g.Reset()
		g.Set(metric("stalled", "job_type"), 1, "job"+strconv.Itoa(i))
		g.Set(metric("stalled", "job_type"), 2, "always")
	}
	if n := len(g.order); n > 300 || n != len(g.index) {
		t.Errorf("%d series are kept, %d are found", n, len(g.index))
	}
	if s := g.AppendTo(nil); len(s) != 2 || s[0].Series.Label("job_type") != "always" {
		t.Errorf("%d samples", len(s))
	}
}

// However often a cycle is begun, and though one fails half way or sets nothing at all: what is set again is the same series.
func TestGaugesAreMadeOnce(t *testing.T) {
	g := NewGauges("paris")
	cycle := func(resets, policies int) []source.Sample {
		for range resets {
			g.Reset()
		}
		for i := range policies {
			g.Set(metric("oldest_active", "job_type", "policy"), 1, "BACKUP", strconv.Itoa(i))
		}
		return g.AppendTo(nil)
	}
	const policies = 1000
	before := cycle(1, policies)
	for _, x := range []struct{ resets, policies int }{{2, policies}, {1, 10}, {1, 0}, {3, policies}} {
		now := cycle(x.resets, x.policies)
		if len(now) != x.policies {
			t.Fatalf("%d samples, want %d", len(now), x.policies)
		}
		for i := range now {
			if now[i].Series != before[i].Series {
				t.Fatalf("after %d resets series %d of %d was made anew", x.resets, i, x.policies)
			}
		}
	}
}

func TestGaugesKeepTheLeast(t *testing.T) {
	g := NewGauges("paris")
	for range 2 {
		g.Reset()
		for _, v := range []float64{7, 3, 5} {
			g.Least(metric("oldest_queued", "job_type"), v, "BACKUP")
		}
		if s := g.AppendTo(nil); len(s) != 1 || s[0].Value != 3 {
			t.Errorf("samples %v", s)
		}
	}
}

// What is put is given in its cycle alone, and counts among what a collector may have.
func TestGaugesGiveWhatIsPut(t *testing.T) {
	g := NewGauges("paris")
	due := NewSeries(metric("due", "client"), "paris", "", 0, "db-1")
	for cycle := range 3 {
		g.Reset()
		g.Set(metric("stalled", "job_type"), 1, "BACKUP")
		g.Put(due, float64(cycle))
		if s := g.AppendTo(nil); len(s) != 2 || s[1] != (source.Sample{Series: due, Value: float64(cycle)}) {
			t.Errorf("cycle %d gives %v", cycle, s)
		}
	}
	g.Reset()
	if s := g.AppendTo(nil); len(s) > 0 {
		t.Errorf("%v is given though nothing was put", s)
	}
	for range seriesLimit + 1 {
		g.Put(due, 1)
	}
	if n := len(g.AppendTo(nil)); n != seriesLimit || g.Beyond() == nil {
		t.Errorf("%d samples and the error %v, want %d and one", n, g.Beyond(), seriesLimit)
	}
}

func metric(name string, labels ...string) *Family {
	return &Family{Metric: &source.Metric{Name: name, Type: source.Gauge}, Labels: labels}
}

// A list of a million states costs its collector in its first rows: the others are not asked for, and what was made of them is
// not kept.
func TestAListOfTooManyLabelsIsNotReadToItsEnd(t *testing.T) {
	read := 0
	states := func(context.Context) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for ; read < 1_000_000 && yield("state"+strconv.Itoa(read), nil); read++ {
			}
		}
	}
	count := CountRows(states, func(g *Gauges, state string) { g.Count(metric("stalled", "job_type"), state) })
	g := NewGauges("paris")
	_, err := count(t.Context(), g)
	if _, beyond := errors.AsType[guard.Limit](err); !beyond || read > seriesLimit {
		t.Errorf("%d rows were read, then: %v", read, err)
	}
	g.Reset()
	if len(g.index) > 0 || len(g.order) > 0 || g.Beyond() != nil {
		t.Errorf("%d series are kept of what nobody is told", len(g.index))
	}
}

// Whatever the order and whoever is missing, a value is that of its series, and each is given once.
func TestGaugesAreFoundInAnyOrder(t *testing.T) {
	g := NewGauges("paris")
	f := metric("due", "client")
	random := rand.New(rand.NewPCG(1, 2))
	for cycle := range 200 {
		g.Reset()
		want := map[string]float64{}
		clients := make([]int, 400)
		for i := range clients {
			clients[i] = i + cycle/20*50
		}
		if cycle%3 == 1 {
			random.Shuffle(len(clients), func(i, j int) { clients[i], clients[j] = clients[j], clients[i] })
		}
		for _, c := range clients {
			if cycle%5 != 0 && random.IntN(10) == 0 {
				continue
			}
			want[strconv.Itoa(c)] = float64(c * cycle)
			g.Set(f, float64(c*cycle), strconv.Itoa(c))
		}
		got := g.AppendTo(nil)
		if len(got) != len(want) {
			t.Fatalf("cycle %d: %d samples, want %d", cycle, len(got), len(want))
		}
		for _, s := range got {
			if name := s.Series.Label("client"); s.Value != want[name] {
				t.Fatalf("cycle %d: %s is %v, want %v", cycle, name, s.Value, want[name])
			}
		}
	}
}
