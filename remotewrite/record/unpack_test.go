package record

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

	"backwire/remotewrite/internal/testkit"
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
	p := NewPacker(NewImage())
	var records [][]byte
	keep := func(record []byte) {
		records = append(records, slices.Clone(record))
		p.Keep()
	}
	keep(p.Roll())
	for i, c := range goldenCycles() {
		p.Had.Segment = 7
		record, _ := p.Pack(c, false)
		keep(record)
		if i == 1 {
			keep(p.Roll())
		}
	}
	return records
}

// What version 2 means must never change: bytes that were written once are read the same
// for ever, and are still what is written.
func TestGolden(t *testing.T) {
	var got strings.Builder
	u := &Unpacker{Image: NewImage(), State: true}
	for _, record := range goldenRecords() {
		_, block, err := Split(record)
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
	u := &Unpacker{Image: NewImage(), State: true}
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, " ") {
			continue
		}
		record, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		_, block, err := Split(record)
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
	if _, _, err := Split(record); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "3") {
		t.Errorf("split: %v, want %v that names it", err, ErrVersion)
	}
}

// Every prefix of a block is an error, and so is a byte too many.
func TestBlockOfWrongLength(t *testing.T) {
	records := goldenRecords()
	for i, record := range records {
		_, block, err := Split(record)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(block) + 2 {
			if n == len(block) {
				continue
			}
			wrong := append(slices.Clone(block), 0)[:n]
			if err := imageUpTo(t, records[:i]).Apply(wrong, nil); !errors.Is(err, errMalformed) {
				t.Errorf("record %d, %d of %d bytes: %v, want %v", i, n, len(block), err, errMalformed)
			}
		}
	}
}

func imageUpTo(t *testing.T, records [][]byte) *Unpacker {
	t.Helper()
	u := &Unpacker{Image: NewImage(), State: true}
	for _, record := range records {
		_, block, err := Split(record)
		if err == nil {
			err = u.Apply(block, nil)
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
			t.Errorf("%#x is %v: %v", number, math.Float64frombits(v), s.err)
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
		err := (&Unpacker{Image: NewImage(), State: true}).Apply(block, nil)
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
	s := testkit.NewModelSite("paris", rand.New(rand.NewPCG(1, 1)))
	p := NewPacker(NewImage())
	for range 20 {
		c, _ := s.Next()
		record, _ := p.Pack(c, false)
		f.Add(record)
		p.Keep()
	}
	f.Add(p.Roll())
	f.Fuzz(func(t *testing.T, record []byte) {
		echo, block, err := Split(record)
		if err != nil {
			return
		}
		for _, before := range [][][]byte{nil, records[:2]} {
			u := imageUpTo(t, before)
			if len(echo) > 0 && u.Apply(echo, newNotebook()) != nil {
				continue
			}
			if u.Apply(block, newNotebook()) == nil {
				rewritable(t, u)
			}
		}
	})
}

func rewritable(t *testing.T, u *Unpacker) {
	t.Helper()
	p := NewPacker(u.Image)
	sites := len(u.sites)
	_, block, err := Split(p.Roll())
	if err != nil {
		t.Fatal(err)
	}
	again := &Unpacker{Image: NewImage(), State: true}
	if err := again.Apply(block, nil); err != nil {
		t.Fatalf("what was read is written as what cannot be read: %v", err)
	}
	if len(again.sites) != sites {
		t.Fatalf("%d sites became %d", sites, len(again.sites))
	}
	second := slices.Clone(block)
	if _, block, _ = Split(NewPacker(again.Image).Roll()); !bytes.Equal(block[:1], second[:1]) {
		t.Fatalf("head of kind %x became %x", second[0], block[0])
	}
}
