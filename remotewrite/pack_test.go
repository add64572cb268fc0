package remotewrite

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

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

// What ended leaves the head, durable or not: a batch that is a site's whole truth and does not name a series has
// ended it. A partial batch ends nothing, and a silent one may change what was not present.
func TestRollLeavesEndedSeries(t *testing.T) {
	p, u := newPacker(newImage()), &unpacker{image: newImage(), state: true}
	gauge := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	remembered := &source.Metric{Name: "last_success", Type: source.Gauge, Durable: true}
	keep := func() {
		t.Helper()
		p.keep()
		if err := u.apply(p.block, nil); err != nil {
			t.Fatal(err)
		}
	}
	cycle := func(at int64, m *source.Metric, partial, silent bool) {
		t.Helper()
		b := source.Batch{T: at, Partial: partial}
		for i := range 10 {
			b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "n", Value: strconv.Itoa(i)}), Value: float64(at)})
		}
		p.pack(source.Cycle{Site: "paris", Batches: []source.Batch{b}}, silent)
		keep()
	}
	wantHead := func(when string, series, durable int) {
		t.Helper()
		for how, im := range map[string]*image{"written": p.image, "read again": u.image} {
			q := newPacker(im)
			if n := len(q.checkpoint("paris").Series); n != durable {
				t.Errorf("%s, as it was %s: a checkpoint of %d durable series, want %d", when, how, n, durable)
			}
		}
		p.roll()
		keep()
		if n := len(p.dict.series); n != series {
			t.Errorf("%s: a head of %d series, want %d", when, n, series)
		}
	}
	const long = 600_000 // ms, of which the queue remembers who ended in the last 300,000
	p.roll()
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

// A head does not grow with what came and went: a year of clients that turn over, a hundred at a time.
func TestHeadHoldsWhatIsAlive(t *testing.T) {
	q := openTest(t, crashfs.New(), Options{SegmentBytes: 32 << 10})
	m := &source.Metric{Name: "last_success", Type: source.Gauge, Durable: true}
	for at := range int64(1000) {
		b := source.Batch{T: 60_000 * (at + 1)}
		for i := range int64(100) {
			b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", 0, source.Label{Name: "client", Value: strconv.FormatInt(at+i, 10)}), Value: float64(at)})
		}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(q.Checkpoint("paris").Series); n != 100 {
		t.Errorf("a checkpoint of %d series, want the 100 that are alive", n)
	}
	if err := q.roll(); err != nil {
		t.Fatal(err)
	}
	if n := len(q.packer.dict.series); n < 100 || n > 105 {
		t.Errorf("a head of %d series, want the 100 that are alive, and those that ended just now", n)
	}
}

// What is delivered of a series ascends in time, whatever the clock does: it is back by seconds or days, stands still, or goes on; series
// come and go with every batch, begin anew, and batches are whole or not. What cannot be delivered so is counted, and nothing else.
func TestTimesAscend(t *testing.T) {
	for seed := range seeds(t, 20) {
		r := rand.New(rand.NewPCG(seed, 12))
		fs := crashfs.New()
		o := Options{SegmentBytes: 2500, Endpoints: []string{"a"}}
		newest, last := int64(1_790_000_000_000), map[string]int64{}
		var starts [8]int64
		handed, lost, got := 0, uint64(0), 0
		for range 5 { // lives
			q := openTest(t, fs, o)
			a := mustSubscribe(t, q, "a")
			for range 60 {
				c := source.Cycle{Site: "paris"}
				for range 1 + r.IntN(3) {
					b := source.Batch{T: newest, Partial: r.IntN(2) == 0}
					switch r.IntN(6) {
					case 0:
					case 1:
						b.T -= r.Int64N(int64(30 * 24 * time.Hour / time.Millisecond))
					case 2:
						b.T -= r.Int64N(300_001)
					default:
						b.T += 1 + r.Int64N(3_600_000)
					}
					newest = max(newest, b.T)
					for i := range starts {
						if r.IntN(2) == 0 {
							continue
						}
						if r.IntN(20) == 0 {
							starts[i]++
						}
						m := &source.Metric{Name: fmt.Sprint("m", i), Type: source.Counter, Durable: i%2 == 0}
						b.Samples = append(b.Samples, source.Sample{Series: source.NewSeries(m, "", starts[i]), Value: r.Float64()})
					}
					handed += len(b.Samples)
					c.Batches = append(c.Batches, b)
				}
				if err := q.Commit(c); err != nil {
					t.Fatal(err)
				}
			}
			got += ascending(t, a, last)
			lost += lossOf(q, "", reasonOrder).Samples
			if r.IntN(2) == 0 {
				closed(t, a)
				closed(t, q)
			}
			fs = fs.Kill()
		}
		if t.Failed() || got+int(lost) != handed {
			t.Fatalf("seed %d: %d samples delivered and %d lost of %d", seed, got, lost, handed)
		}
	}
}

// ascending reads everything and says how many samples that is, stale markers not included.
func ascending(t *testing.T, s *Subscription, last map[string]int64) (samples int) {
	t.Helper()
	var w window
	for {
		err := s.fill(&w, 100)
		if errors.Is(err, io.EOF) {
			return samples
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range w.columns {
			key := w.dict.source(c.series, map[uint32]*source.Metric{}).Key()
			for _, p := range w.at(i) {
				if p.T <= last[key] {
					t.Errorf("%s: %d comes after %d", key, p.T, last[key])
				}
				last[key] = p.T
				if !source.IsStale(p.V) {
					samples++
				}
			}
		}
		if err := s.advance(&w, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// What is known of the times of series is the same after a restart: a history that was half read goes on.
func TestHistoryGoesOnAfterARestart(t *testing.T) {
	fs := crashfs.New()
	q := openTest(t, fs, Options{Endpoints: []string{"a"}})
	up := source.NewSeries(&source.Metric{Name: "up", Type: source.Gauge}, "", 0)
	jobs := source.NewSeries(&source.Metric{Name: "jobs_total", Type: source.Counter, Durable: true}, "", 40_000)
	commit := func(at int64, s *source.Series) {
		t.Helper()
		b := source.Batch{T: at, Partial: true, Samples: []source.Sample{{Series: s, Value: 1}}}
		if err := q.Commit(source.Cycle{Site: "paris", Batches: []source.Batch{b}}); err != nil {
			t.Fatal(err)
		}
	}
	commit(100_000, up)
	commit(40_000, jobs)
	for _, roll := range []bool{false, true} {
		if roll {
			if err := q.roll(); err != nil {
				t.Fatal(err)
			}
		}
		closed(t, q)
		q = openTest(t, fs, Options{Endpoints: []string{"a"}})
		commit(map[bool]int64{false: 50_000, true: 60_000}[roll], jobs)
		commit(50_000, jobs)
		if lost := lossOf(q, "", reasonOrder); lost != (Totals{Samples: 1}) {
			t.Errorf("rolled %v: lost %v, want the sample that comes twice", roll, lost)
		}
	}
	if got := drainAll(t, mustSubscribe(t, q, "a")); got.Samples != 4 {
		t.Errorf("delivered %v, want four samples", got)
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
