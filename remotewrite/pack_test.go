package remotewrite

import (
	"testing"

	"backwire/remotewrite/wal"
)

func BenchmarkPackSteady(b *testing.B) {
	f := newFleet("paris", 20_000, 0.05)
	p := newPacker(newImage())
	p.roll()
	p.keep()
	p.pack(f.cycle(), false)
	p.keep()
	total, samples, heads := 0, 0, 0
	const perSegment = 256
	i := 0
	for b.Loop() {
		b.StopTimer()
		c := f.cycle()
		b.StartTimer()
		if i%perSegment == 0 {
			n := len(p.roll())
			p.keep()
			heads += n
			total += n
		}
		i++
		record, _ := p.pack(c, false)
		p.keep()
		total += len(record)
		samples += 20_000
	}
	b.ReportMetric(float64(total)/float64(samples), "B/sample")
	b.ReportMetric(float64(heads)/float64((i+perSegment-1)/perSegment), "B/head")
	b.ReportMetric(float64(len(p.echo)), "B/block")
}

func BenchmarkUnpack(b *testing.B) {
	f := newFleet("paris", 20_000, 0.05)
	p := newPacker(newImage())
	u := &unpacker{image: newImage()}
	p.roll()
	p.keep()
	var blocks [][]byte
	for range 100 {
		p.pack(f.cycle(), false)
		p.keep()
		blocks = append(blocks, append([]byte{}, p.block...))
	}
	var w window
	samples := 0
	empty := emptyHead()
	b.ReportAllocs()
	for b.Loop() {
		if err := u.apply(empty, nil); err != nil {
			b.Fatal(err)
		}
		for i := range blocks {
			if i%5 == 0 {
				w.reset(wal.Position{})
			}
			if err := u.apply(blocks[i], &w); err != nil {
				b.Fatal(err)
			}
			if i%5 == 4 {
				samples += w.samples
			}
		}
	}
	b.ReportMetric(float64(samples)/b.Elapsed().Seconds()/1e6, "Msamples/s")
}

// emptyHead is the block that opens the first segment of all.
func emptyHead() []byte {
	p := newPacker(newImage())
	p.roll()
	return p.block
}
