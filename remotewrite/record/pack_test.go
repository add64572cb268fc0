package record

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/source"
)

// A cycle costs a fixed number of allocations, whatever the number of its samples.
func TestPackAllocations(t *testing.T) {
	perCycle := func(n int) float64 {
		f := testkit.NewFleet("paris", n, 0.05)
		p := NewPacker(NewImage())
		p.Roll()
		p.Keep()
		for range 3 { // buffers grow
			p.Pack(f.Cycle(), false)
			p.Keep()
		}
		cycles := make([]source.Cycle, 101)
		for i := range cycles {
			cycles[i] = f.Cycle()
			cycles[i].Batches[0].Samples = append([]source.Sample{}, f.Samples...)
		}
		i := 0
		return testing.AllocsPerRun(100, func() {
			p.Pack(cycles[i], false)
			p.Keep()
			i++
		})
	}
	few, many := perCycle(100), perCycle(5000)
	if few > 5 || many > 5 {
		t.Errorf("%v allocations for 100 samples, %v for 5000, want at most 5", few, many)
	}
}

// The memory that a head took is not kept for the cycles behind it, neither where they are written nor where they are read.
func TestBuffersOfAHead(t *testing.T) {
	f := testkit.NewFleet("paris", 20_000, 0.01)
	p, u := NewPacker(NewImage()), &Unpacker{Image: NewImage()}
	apply := func() {
		t.Helper()
		if err := u.Apply(p.block, nil); err != nil {
			t.Fatal(err)
		}
		p.Keep()
	}
	buffers := func() int {
		return cap(p.body) + cap(p.block) + cap(p.packed) + cap(p.record) + cap(p.echo) + cap(u.inflated)
	}
	cycle := func() {
		p.Pack(f.Cycle(), false)
		apply()
	}
	p.Roll()
	apply()
	cycle()
	p.Roll()
	apply()
	head := buffers()
	for range 3 {
		cycle()
	}
	if n := buffers(); head < 1<<20 || n > head/16 {
		t.Errorf("buffers have %d bytes after a head, and %d after three cycles", head, n)
	}
}

// After a revert the packer is as if the cycle had never been: the same cycle gives the
// same record.
func TestRevert(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 11))
	sites := []*testkit.ModelSite{testkit.NewModelSite("paris", r), testkit.NewModelSite("lyon", r)}
	p := NewPacker(NewImage())
	p.Roll()
	p.Keep()
	for i := range 200 {
		s := sites[r.IntN(2)]
		c, _ := s.Next()
		first, _ := p.Pack(c, false)
		first = append([]byte{}, first...)
		p.Revert()
		second, _ := p.Pack(c, false)
		if string(first) != string(second) {
			t.Fatalf("cycle %d gives\n%x, and after a revert\n%x", i, first, second)
		}
		p.Keep()
		if i%20 == 19 {
			p.Roll()
			p.Keep()
		}
	}
}

// A metric whose help changes with a new version of the program goes on as the same series.
func TestChangedMetric(t *testing.T) {
	p := NewPacker(NewImage())
	u := &Unpacker{Image: NewImage()}
	told := newNotebook()
	apply := func() {
		t.Helper()
		if err := u.Apply(p.block, told); err != nil {
			t.Fatal(err)
		}
		p.Keep()
	}
	p.Roll()
	apply()
	for i, help := range []string{"Jobs.", "Finished jobs."} {
		m := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: help, Durable: true}
		sample := source.Sample{Series: source.NewSeries(m, "", 0), Value: float64(i)}
		p.Pack(source.Cycle{Site: "paris", Batches: []source.Batch{{T: int64(i + 1), Samples: []source.Sample{sample}}}}, false)
		apply()
	}
	of := told.sorted()
	if len(of) != 2 || len(told.series[of[0]].points) != 1 || len(told.series[of[1]].points) != 1 {
		t.Fatalf("%v were told of, want two series of one sample each, before and after, and no stale marker", of)
	}
	if help := u.Dict.Symbol(u.Dict.Metrics[u.Dict.Series[of[1][1]].Metric].Help); help != "Finished jobs." {
		t.Errorf("help is %q", help)
	}
	if known := p.Checkpoint("paris").Series; len(known) != 1 || known[0].Value != 1 {
		t.Errorf("checkpoint has %v, want the last value once", known)
	}
}

// What ended leaves the head, durable or not: a batch that is a site's whole truth and does not name a series has
// ended it. A partial batch ends nothing, and a silent one may change what was not present.
func TestRollLeavesEndedSeries(t *testing.T) {
	p, u := NewPacker(NewImage()), &Unpacker{Image: NewImage(), State: true}
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	remembered := &source.Metric{Name: "last_success", Type: source.Gauge, Durable: true}
	keep := func() {
		t.Helper()
		p.Keep()
		if err := u.Apply(p.block, nil); err != nil {
			t.Fatal(err)
		}
	}
	cycle := func(at int64, m *source.Metric, partial, silent bool) {
		t.Helper()
		b := source.Batch{T: at, Partial: partial}
		for i := range 10 {
			b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)}), Value: float64(at)})
		}
		p.Pack(source.Cycle{Site: "paris", Batches: []source.Batch{b}}, silent)
		keep()
	}
	wantHead := func(when string, series, durable int) {
		t.Helper()
		for how, im := range map[string]*Image{"written": p.Image, "read again": u.Image} {
			q := NewPacker(im)
			if n := len(q.Checkpoint("paris").Series); n != durable {
				t.Errorf("%s, as it was %s: a checkpoint of %d durable series, want %d", when, how, n, durable)
			}
		}
		p.Roll()
		keep()
		if n := len(p.Dict.Series); n != series {
			t.Errorf("%s: a head of %d series, want %d", when, n, series)
		}
	}
	const long = 600_000 // ms, of which the queue remembers who ended in the last 300,000
	p.Roll()
	keep()
	cycle(1*long, gauge, false, false)
	cycle(2*long, remembered, false, false)
	cycle(3*long, gauge, true, false)
	wantHead("after a partial batch", 20, 10)
	cycle(4*long, gauge, false, false)
	wantHead("after a whole batch that ended them", 20, 0)
	cycle(5*long, gauge, false, false)
	wantHead("after the next", 10, 0)
	for range 2 { // with other values and with the same
		cycle(6*long, remembered, true, true)
	}
	wantHead("after a silent batch", 20, 10)
	cycle(7*long, gauge, false, false)
	wantHead("after the next whole batch", 10, 0)
}

// A value is the same in every bit after any other.
func TestValues(t *testing.T) {
	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 1023, 1024, -1024, 1 << 20, 1<<53 - 1, 1 << 53, -1 << 53, 1<<53 + 2,
		1e300, 5e-324, 0.1, -0.1, math.Pi, math.NaN(), math.Inf(1), math.Inf(-1), source.Stale(), 1.5, 3, 1e15,
	}
	for _, before := range values {
		for _, now := range values {
			b, n := math.Float64bits(before), math.Float64bits(now)
			s := scanner{block: appendValue(nil, b, n)}
			if got := s.value(b); got != n || s.err != nil || s.left() > 0 {
				t.Errorf("%v after %v: got %x, want %x (%v, %d bytes left)", now, before, got, n, s.err, s.left())
			}
		}
	}
}

func TestSets(t *testing.T) {
	for _, set := range []Set{nil, {1}, {0, 1 << 63}, {^uint64(0), ^uint64(0)}, {0xf0f0f0f0, 0, 0x8000000000000001}, {5, 0}} {
		s := scanner{block: appendSet(nil, set)}
		got := s.set(Set{7, 7, 7, 7}, 192)
		for ref := range uint32(192) {
			if got.Has(ref) != set.Has(ref) {
				t.Errorf("%x became %x", set, got)
				break
			}
		}
		if s.err != nil || s.left() > 0 {
			t.Errorf("%x: %v, %d bytes left", set, s.err, s.left())
		}
	}
}

// What 20,000 counters with 9 labels take on disk and cost to pack, 5 % of them moving each
// cycle: whole segments, with the state that opens them and the echo of each record.
func BenchmarkPack(b *testing.B) {
	f := testkit.NewFleet("paris", 20_000, 0.05)
	p := NewPacker(NewImage())
	p.Roll()
	p.Keep()
	p.Pack(f.Cycle(), false)
	p.Keep()
	total, samples, heads, i := 0, 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := f.Cycle()
		if i++; i%256 == 1 {
			n := len(p.Roll())
			p.Keep()
			heads++
			total += n
		}
		b.StartTimer()
		record, _ := p.Pack(c, false)
		p.Keep()
		total += len(record)
		samples += 20_000
	}
	b.ReportMetric(float64(total)/float64(samples), "B/sample")
	b.ReportMetric(float64(len(p.echo)), "B/cycle")
}

func BenchmarkPackHead(b *testing.B) {
	f := testkit.NewFleet("paris", 20_000, 0.05)
	p := NewPacker(NewImage())
	p.Roll()
	p.Keep()
	p.Pack(f.Cycle(), false)
	p.Keep()
	bytes := 0
	for b.Loop() {
		bytes = len(p.Roll())
		p.Keep()
	}
	b.ReportMetric(float64(bytes)/20_000, "B/series")
}

// A reader knows which series may be another's successor under the same labels: it came after the head, and something has ended.
func TestSuccessorIsKnown(t *testing.T) {
	p, u := NewPacker(NewImage()), &Unpacker{Image: NewImage()}
	apply := func() {
		t.Helper()
		if err := u.Apply(p.block, nil); err != nil {
			t.Fatal(err)
		}
		p.Keep()
	}
	metric := &source.Metric{Name: "backwire_cycles_total", Type: source.Counter}
	cycle := func(at, start int64) {
		t.Helper()
		s := source.NewSeries(metric, "", start, source.Label{Name: "site", Value: "paris"})
		p.Pack(source.Cycle{Site: "paris", Batches: []source.Batch{{T: at, Samples: []source.Sample{{Series: s, Value: 1}}}}}, false)
		apply()
	}
	identity := func(ref uint32) string { return string(u.Dict.AppendIdentity(nil, ref)) }
	p.Roll()
	apply()
	cycle(1000, 1)
	if n := len(u.Dict.Series); n != 1 || u.Dict.Renewed {
		t.Fatalf("%d series, renewed %v", n, u.Dict.Renewed)
	}
	cycle(2000, 2)
	if n := len(u.Dict.Series); n != 2 || u.Dict.Opened != 0 || !u.Dict.Renewed || identity(0) != identity(1) {
		t.Errorf("%d series, the head had %d, renewed %v", n, u.Dict.Opened, u.Dict.Renewed)
	}
	if twins := u.Dict.Twins(); len(twins) != 2 || !twins[0] || !twins[1] {
		t.Errorf("the twins are %v, want both series", twins)
	}
	cycle(3000, 3)
	if twins := u.Dict.Twins(); len(twins) != 3 {
		t.Errorf("the twins are %v, want all three series", twins)
	}
	p.Roll()
	apply()
	if twins := u.Dict.Twins(); len(twins) != 0 {
		t.Errorf("the twins of a new segment are %v", twins)
	}
	if n := len(u.Dict.Series); n != u.Dict.Opened || u.Dict.Renewed {
		t.Errorf("%d series, the head had %d, renewed %v", n, u.Dict.Opened, u.Dict.Renewed)
	}
	seen := map[string]bool{}
	for ref := range u.Dict.Series {
		if id := identity(uint32(ref)); seen[id] {
			t.Error("a head has two series with the same labels")
		} else {
			seen[id] = true
		}
	}
}
