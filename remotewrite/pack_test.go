package remotewrite

import (
	"fmt"
	"math"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
	"backwire/source"
)

// A cycle costs a fixed number of allocations, whatever the number of its samples.
func TestPackAllocations(t *testing.T) {
	perCycle := func(n int) float64 {
		f := newFleet("paris", n, 0.05)
		p := newPacker(newImage())
		p.roll()
		p.keep()
		for range 3 { // buffers grow
			p.pack(f.cycle(), false)
			p.keep()
		}
		cycles := make([]source.Cycle, 101)
		for i := range cycles {
			cycles[i] = f.cycle()
			cycles[i].Batches[0].Samples = append([]source.Sample{}, f.samples...)
		}
		i := 0
		return testing.AllocsPerRun(100, func() {
			p.pack(cycles[i], false)
			p.keep()
			i++
		})
	}
	few, many := perCycle(100), perCycle(5000)
	if few > 5 || many > 5 {
		t.Errorf("%v allocations for 100 samples, %v for 5000, want at most 5", few, many)
	}
}

// Reading a backlog allocates for a segment's head, not for its samples.
func TestFillAllocations(t *testing.T) {
	perWindow := func(n int) float64 {
		q := openTest(t, crashfs.New(), Options{Endpoints: []string{"a"}})
		s := mustSubscribe(t, q, "a")
		f := newFleet("paris", n, 0.05)
		for range 120 {
			if err := q.Commit(f.cycle()); err != nil {
				t.Fatal(err)
			}
		}
		var w window
		for range 5 { // buffers grow
			if err := s.fill(&w, n); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(100, func() {
			if err := s.fill(&w, n); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := perWindow(100), perWindow(3000)
	if few > 10 || many > 10 {
		t.Errorf("%v allocations for 100 samples, %v for 3000, want at most 10", few, many)
	}
}

// The memory that a head took is not kept for the cycles behind it, neither where they are written nor where they are read.
func TestBuffersOfAHead(t *testing.T) {
	f := newFleet("paris", 20_000, 0.01)
	p, u := newPacker(newImage()), &unpacker{image: newImage()}
	apply := func() {
		t.Helper()
		if err := u.apply(p.block, nil); err != nil {
			t.Fatal(err)
		}
		p.keep()
	}
	buffers := func() int {
		return cap(p.body) + cap(p.block) + cap(p.packed) + cap(p.record) + cap(p.echo) + cap(u.inflated)
	}
	cycle := func() {
		p.pack(f.cycle(), false)
		apply()
	}
	p.roll()
	apply()
	cycle()
	p.roll()
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
	h := newHistory(5)
	p := newPacker(newImage())
	p.roll()
	p.keep()
	for i := range 200 {
		s := h.sites[h.rand.IntN(2)]
		c, _ := s.next()
		first, _ := p.pack(c, false)
		first = append([]byte{}, first...)
		p.revert()
		second, _ := p.pack(c, false)
		if string(first) != string(second) {
			t.Fatalf("cycle %d gives\n%x, and after a revert\n%x", i, first, second)
		}
		p.keep()
		if i%20 == 19 {
			p.roll()
			p.keep()
		}
	}
}

// A metric whose help changes with a new version of the program goes on as the same series.
func TestChangedMetric(t *testing.T) {
	p := newPacker(newImage())
	u := &unpacker{image: newImage()}
	var w window
	w.reset(wal.Position{})
	apply := func() {
		t.Helper()
		if err := u.apply(p.block, &w); err != nil {
			t.Fatal(err)
		}
		p.keep()
	}
	p.roll()
	apply()
	for i, help := range []string{"Jobs.", "Finished jobs."} {
		m := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: help, Durable: true}
		sample := source.Sample{Series: source.NewSeries(m, "", 0), Value: float64(i)}
		p.pack(source.Cycle{Site: "paris", Batches: []source.Batch{{T: int64(i + 1), Samples: []source.Sample{sample}}}}, false)
		apply()
	}
	w.turn()
	if len(w.columns) != 2 || w.samples != 2 {
		t.Fatalf("%d samples of %d series, want one each before and after, and no stale marker", w.samples, len(w.columns))
	}
	if help := u.dict.symbol(u.dict.metrics[u.dict.series[w.columns[1].series].metric].help); help != "Finished jobs." {
		t.Errorf("help is %q", help)
	}
	if known := p.checkpoint("paris").Series; len(known) != 1 || known[0].Value != 1 {
		t.Errorf("checkpoint has %v, want the last value once", known)
	}
}

// A series that has ended does not stay for ever, unless it is durable.
func TestRollLeavesEndedSeries(t *testing.T) {
	p := newPacker(newImage())
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	remembered := &source.Metric{Name: "last_success", Type: source.Gauge, Durable: true}
	cycle := func(t int64, n int, m *source.Metric) {
		b := source.Batch{T: t}
		for i := range n {
			b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "n", Value: fmt.Sprint(t, i)}), Value: 1})
		}
		p.pack(source.Cycle{Site: "paris", Batches: []source.Batch{b}}, false)
		p.keep()
	}
	p.roll()
	cycle(1, 10, gauge)
	cycle(2, 10, remembered)
	cycle(3, 10, gauge)
	p.roll()
	if n := len(p.dict.series); n != 20 {
		t.Errorf("%d series after the roll, want 10 that are present and 10 that are durable", n)
	}
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
	for _, set := range []refSet{nil, {1}, {0, 1 << 63}, {^uint64(0), ^uint64(0)}, {0xf0f0f0f0, 0, 0x8000000000000001}, {5, 0}} {
		s := scanner{block: appendSet(nil, set)}
		got := s.set(refSet{7, 7, 7, 7}, 192)
		for ref := range uint32(192) {
			if got.has(ref) != set.has(ref) {
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
	f := newFleet("paris", 20_000, 0.05)
	p := newPacker(newImage())
	p.roll()
	p.keep()
	p.pack(f.cycle(), false)
	p.keep()
	total, samples, heads, i := 0, 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := f.cycle()
		if i++; i%segmentRecords == 1 {
			n := len(p.roll())
			p.keep()
			heads++
			total += n
		}
		b.StartTimer()
		record, _ := p.pack(c, false)
		p.keep()
		total += len(record)
		samples += 20_000
	}
	b.ReportMetric(float64(total)/float64(samples), "B/sample")
	b.ReportMetric(float64(len(p.echo)), "B/cycle")
}

func BenchmarkPackHead(b *testing.B) {
	f := newFleet("paris", 20_000, 0.05)
	p := newPacker(newImage())
	p.roll()
	p.keep()
	p.pack(f.cycle(), false)
	p.keep()
	bytes := 0
	for b.Loop() {
		bytes = len(p.roll())
		p.keep()
	}
	b.ReportMetric(float64(bytes)/20_000, "B/series")
}

func BenchmarkUnpack(b *testing.B) {
	f := newFleet("paris", 20_000, 0.05)
	p := newPacker(newImage())
	p.roll()
	p.keep()
	blocks := [][]byte{append([]byte{}, p.block...)}
	for range 100 {
		p.pack(f.cycle(), false)
		p.keep()
		blocks = append(blocks, append([]byte{}, p.block...))
	}
	u := &unpacker{image: newImage()}
	var w window
	samples := 0
	b.ReportAllocs()
	for b.Loop() {
		for i, block := range blocks {
			if i%20 == 1 {
				samples += w.samples
				w.reset(wal.Position{})
			}
			if err := u.apply(block, &w); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(samples)/b.Elapsed().Seconds()/1e6, "Msamples/s")
}
