package remotewrite

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenCycles has every form that a record can take.
func goldenCycles() []source.Cycle {
	jobs := &source.Metric{Name: "jobs_total", Type: source.Counter, Help: "Jobs.", Durable: true}
	wait := &source.Metric{Name: "wait_seconds", Type: source.Histogram, Unit: "seconds", Durable: true}
	open := &source.Metric{Name: "open_jobs", Type: source.Gauge}
	label := func(name, value string) source.Label { return source.Label{Name: name, Value: value} }
	a := source.NewSeries(jobs, "", 1000, label("site", "paris"), label("policy", "db"))
	b := source.NewSeries(jobs, "", 2000, label("site", "paris"), label("policy", "files"))
	le := source.NewSeries(wait, "_bucket", 1000, label("site", "paris"), label("le", "60"))
	g := source.NewSeries(open, "", 0, label("site", "paris"))
	again := source.NewSeries(jobs, "", 9000, label("site", "paris"), label("policy", "db"))
	long := fmt.Sprintf("bitmap-%02000d", 1) // long enough to be packed
	return []source.Cycle{
		{
			Site: "paris", Changes: []source.Change{{Key: "watermark", Value: []byte("17:00")}, {Key: "ids", Value: []byte(long)}},
			Batches: []source.Batch{
				{T: 60_000, Partial: true, Samples: []source.Sample{{Series: a, Value: 0}, {Series: b, Value: 0}}},
				{
					T:         120_000,
					Samples:   []source.Sample{{Series: a, Value: 1}, {Series: b, Value: 3 * kilo}, {Series: le, Value: -7}, {Series: g, Value: 0.5}},
					Exemplars: []source.Exemplar{{Series: le, Value: 12.5, T: 119_000, Labels: []source.Label{label("job_id", "4711")}}},
				},
			},
		},
		{
			Site: "paris", Changes: []source.Change{{Key: "watermark", Value: []byte("17:01")}, {Key: "ids"}, {Key: "none", Value: []byte{}}},
			Batches: []source.Batch{{T: 180_000, Samples: []source.Sample{{Series: again, Value: 1}, {Series: b, Value: 3*kilo + 1}, {Series: g, Value: math.Inf(1)}}}},
		},
		{Site: "lyon", Batches: []source.Batch{{T: 180_000}}},
		{Site: "paris", Batches: []source.Batch{{T: 170_000, Samples: []source.Sample{{Series: b, Value: 3*kilo + 5}}}}},
	}
}

// goldenRecords packs two segments.
func goldenRecords() [][]byte {
	p := newPacker(newImage())
	var records [][]byte
	keep := func(record []byte) {
		records = append(records, slices.Clone(record))
		p.keep()
	}
	keep(p.roll())
	for i, c := range goldenCycles() {
		p.had.Segment = 7
		record, _ := p.pack(c, false)
		keep(record)
		if i == 1 {
			keep(p.roll())
		}
	}
	return records
}

// describe says what a record does to an image, in words.
func describe(u *unpacker, block []byte) (string, error) {
	var out strings.Builder
	var w window
	w.reset(wal.Position{})
	if err := u.apply(block, &w); err != nil {
		return "", err
	}
	w.turn()
	for i, c := range w.columns {
		key := strings.ReplaceAll(u.dict.source(c.series, map[uint32]*source.Metric{}).Key(), "\xff", " ")
		fmt.Fprintf(&out, "  %s start %d:", key, u.dict.series[c.series].start)
		for _, p := range w.at(i) {
			fmt.Fprintf(&out, " %d=%v", p.T, stale(p.V))
		}
		for _, e := range w.exemplarsOf(&c) {
			fmt.Fprintf(&out, " exemplar %v %d=%v", e.Labels, e.T, e.V)
		}
		out.WriteByte('\n')
	}
	for _, s := range u.sites {
		fmt.Fprintf(&out, "  site %s at %d, %d present, state %.60q\n", s.name, s.t, s.present.len(), s.state)
	}
	fmt.Fprintf(&out, "  before %v past %+v had %+v\n", u.before, u.past, u.had)
	return out.String(), nil
}

func stale(v float64) string {
	if source.IsStale(v) {
		return "stale"
	}
	return fmt.Sprint(v)
}

// What version 2 means must never change: bytes that were written once are read the same
// for ever, and are still what is written.
func TestGolden(t *testing.T) {
	var got strings.Builder
	u := &unpacker{image: newImage(), state: true}
	for _, record := range goldenRecords() {
		_, block, err := split(record)
		if err != nil {
			t.Fatal(err)
		}
		words, err := describe(u, block)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s\n%s", hex.EncodeToString(record), words)
	}
	path := filepath.Join("testdata", "record-v2.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("records are\n%s\nwant\n%s", got.String(), want)
	}
}

// Nor does what version 1 meant.
func TestGoldenOfVersion1(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "record-v1.golden"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	u := &unpacker{image: newImage(), state: true}
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, " ") {
			continue
		}
		record, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		_, block, err := split(record)
		if err != nil {
			t.Fatal(err)
		}
		words, err := describe(u, block)
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(line + words)
	}
	if got.String() != string(golden) {
		t.Errorf("records are\n%s\nwant\n%s", got.String(), golden)
	}
	for ref, at := range u.owners {
		if u.times[ref] > u.sites[at].t {
			t.Errorf("series %d is at %d, after its site", ref, u.times[ref])
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	record := goldenRecords()[1]
	record[0] = 3
	if _, _, err := split(record); !errors.Is(err, errVersion) || !strings.Contains(err.Error(), "3") {
		t.Errorf("split: %v, want %v that names it", err, errVersion)
	}
}

// Every prefix of a block is an error, and so is a byte too many.
func TestBlockOfWrongLength(t *testing.T) {
	records := goldenRecords()
	for i, record := range records {
		_, block, err := split(record)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(block) + 2 {
			if n == len(block) {
				continue
			}
			wrong := append(slices.Clone(block), 0)[:n]
			if err := imageUpTo(t, records[:i]).apply(wrong, nil); !errors.Is(err, errMalformed) {
				t.Errorf("record %d, %d of %d bytes: %v, want %v", i, n, len(block), err, errMalformed)
			}
		}
	}
}

func imageUpTo(t *testing.T, records [][]byte) *unpacker {
	t.Helper()
	u := &unpacker{image: newImage(), state: true}
	for _, record := range records {
		_, block, err := split(record)
		if err == nil {
			err = u.apply(block, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// A step that leaves the whole numbers is refused, also where the number would come round.
func TestStepsBeyondTheWholeNumbers(t *testing.T) {
	for _, number := range []uint64{
		zigzag(1<<53+1)<<2 | valueStep, zigzag(-1<<53-1)<<2 | valueStep,
		zigzag(1<<54)<<2 | valueKilo, zigzag(-1<<54)<<2 | valueKilo,
	} {
		s := scanner{block: binary.AppendUvarint(nil, number)}
		if v := s.value(0); !errors.Is(s.err, errMalformed) {
			t.Errorf("%#x is %v: %v", number, valueFrom(v), s.err)
		}
	}
}

// A few bytes cannot make the reader allocate much, nor refer to what is not there.
func TestHostileBlocks(t *testing.T) {
	many := binary.AppendUvarint(nil, 1<<40)
	for name, block := range map[string][]byte{
		"packed length":        append([]byte{blockCycle | blockPacked}, binary.AppendUvarint(nil, 1<<31)...),
		"symbols":              append([]byte{blockHead, 0, 0, 0, 0, 0, 0, 0, 0}, many...),
		"metrics":              append([]byte{blockHead, 0, 0, 0, 0, 0, 0, 0, 0, 0}, many...),
		"series":               append([]byte{blockHead, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, many...),
		"first like none":      {blockHead, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, seriesSameMetric | seriesSameShape | seriesSameStart, 0, 1, 0, 0, 1, 0, 0, 0},
		"sites":                append([]byte{blockHead, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, many...),
		"set beyond":           {blockCycle, 1, 1, 'x', 0, 0, 0, 0, 1, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0},
		"unknown kind":         {3, 0},
		"unknown packed kind":  {3 | blockPacked, 0},
		"unknown batch flags":  {blockCycle, 1, 1, 'x', 0, 0, 0, 0, 1, 8, 0, 0, 0},
		"a site that is not":   {blockCycle, 0, 0, 0, 0, 0, 0, 0},
		"nothing but the kind": {blockCycle},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := (&unpacker{image: newImage(), state: true}).apply(block, nil)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v, want %v", name, err, errMalformed)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s: %d bytes are allocated for %d", name, taken, len(block))
		}
	}
}

// Whatever a record holds, reading it ends, with an error or with an image that can be
// written again and says the same.
func FuzzUnpack(f *testing.F) {
	records := goldenRecords()
	for _, record := range records {
		f.Add(record)
	}
	s := newModelSite("paris", rand.New(rand.NewPCG(1, 1)))
	p := newPacker(newImage())
	for range 20 {
		c, _ := s.next()
		record, _ := p.pack(c, false)
		f.Add(record)
		p.keep()
	}
	f.Add(p.roll())
	f.Fuzz(func(t *testing.T, record []byte) {
		echo, block, err := split(record)
		if err != nil {
			return
		}
		for _, before := range [][][]byte{nil, records[:2]} {
			u := imageUpTo(t, before)
			var w window
			w.reset(wal.Position{})
			if len(echo) > 0 && u.apply(echo, &w) != nil {
				continue
			}
			if u.apply(block, &w) == nil {
				rewritable(t, u)
			}
		}
	})
}

func rewritable(t *testing.T, u *unpacker) {
	t.Helper()
	p := newPacker(u.image)
	sites := len(u.sites)
	_, block, err := split(p.roll())
	if err != nil {
		t.Fatal(err)
	}
	again := &unpacker{image: newImage(), state: true}
	if err := again.apply(block, nil); err != nil {
		t.Fatalf("what was read is written as what cannot be read: %v", err)
	}
	if len(again.sites) != sites {
		t.Fatalf("%d sites became %d", sites, len(again.sites))
	}
	second := slices.Clone(block)
	if _, block, _ = split(newPacker(again.image).roll()); !bytes.Equal(block[:1], second[:1]) {
		t.Fatalf("head of kind %x became %x", second[0], block[0])
	}
}
