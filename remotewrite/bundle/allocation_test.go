package bundle

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"backwire/remotewrite/hostile"
	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// FuzzAllocation opens any two records as a bundle and as a queue of one's own: all that is allocated on the way is at most a
// factor of their bytes and a constant. What is held at a time is a part of it.
func FuzzAllocation(f *testing.F) {
	for _, b := range hostile.Bundles() {
		f.Add(b.Records[0], append([][]byte{nil}, b.Records...)[len(b.Records)-1])
	}
	golden := writtenRecords(f)
	f.Add(golden[0], golden[1])
	s := testkit.NewModelSite("paris", rand.New(rand.NewPCG(1, 1)))
	p := record.NewPacker(record.NewImage())
	c, _ := s.Next()
	packed, _ := p.Pack(c, false)
	p.Keep()
	f.Add(p.Roll(), packed)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		files := crashfs.New()
		log, _, err := wal.Open(files, wal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Roll(first); err != nil {
			t.Skip("left out: no record can be like this:", err)
		}
		if len(second) > 0 {
			if _, err := log.Append(second); err != nil {
				t.Fatal(err)
			}
		}
		testkit.Closed(t, log)
		size := uint64(len(first) + len(second))
		for name, c := range map[string]struct {
			room             record.Room
			factor, constant uint64
		}{
			"bundle": {bundleRoom(false, nil), 8, 64 << 20},
			"signed": {bundleRoom(true, nil), 8 * 32, 64 << 20},
			"own":    {record.OwnRoom(), 8 * 128, 4 * 64 << 20},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			log, _, err := wal.Open(files, wal.Options{ReadOnly: true, MostPayload: c.room.Payload})
			if err == nil {
				in := queue.NewInspector(log, c.room)
				err = in.Walk(wal.Position{}, noProgress)
				testkit.Closed(t, log)
			}
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > c.constant+c.factor*size {
				t.Errorf("%s: %d bytes are allocated for %d: %v", name, taken, size, err)
			}
		}
	})
}

// writtenRecords are those whose bytes are written down.
func writtenRecords(tb testing.TB) (records [][]byte) {
	tb.Helper()
	golden, err := os.ReadFile(filepath.Join("..", "record", "testdata", "record-v2.golden"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		if record, err := hex.DecodeString(strings.TrimSpace(line)); err == nil && len(record) > 0 {
			records = append(records, record)
		}
	}
	return records
}
