package remotewrite

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"backwire/remotewrite/hostile"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// FuzzAllocation opens any two records as a bundle and as a queue of one's own: all that is allocated on the way is at most a
// factor of their bytes and a constant. What is held at a time is a part of it.
func FuzzAllocation(f *testing.F) {
	for _, b := range hostile.Bundles() {
		f.Add(b.Records[0], append([][]byte{nil}, b.Records...)[len(b.Records)-1])
	}
	golden := goldenRecords()
	f.Add(golden[0], golden[1])
	s := newModelSite("paris", rand.New(rand.NewPCG(1, 1)))
	p := newPacker(newImage())
	c, _ := s.next()
	record, _ := p.pack(c, false)
	p.keep()
	f.Add(p.roll(), record)
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
		closed(t, log)
		size := uint64(len(first) + len(second))
		for name, c := range map[string]struct {
			room             room
			factor, constant uint64
		}{
			"bundle": {bundleRoom(false, nil), 8, 64 << 20},
			"signed": {bundleRoom(true, nil), 8 * 32, 64 << 20},
			"own":    {ownRoom(), 8 * 128, 4 * 64 << 20},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			log, _, err := wal.Open(files, wal.Options{ReadOnly: true, MostPayload: c.room.payload})
			if err == nil {
				in := inspector{log: log, standing: new(standing), room: c.room}
				err = in.walk(wal.Position{}, noProgress)
				closed(t, log)
			}
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > c.constant+c.factor*size {
				t.Errorf("%s: %d bytes are allocated for %d: %v", name, taken, size, err)
			}
		}
	})
}
