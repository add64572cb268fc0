package wal_test

import (
	"bytes"
	"log/slog"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// A record may have just the largest size, and comes back whole.
func TestLargestRecord(t *testing.T) {
	dir := crashfs.New()
	log, _ := open(t, dir)
	large := bytes.Repeat([]byte{0xa5}, wal.MaxPayload)
	mustRoll(t, log, string(large))
	if _, err := log.Append(large); err != nil {
		t.Fatal(err)
	}
	r := log.Reader(wal.Position{})
	for range 2 {
		if rec, err := r.Next(); err != nil || !bytes.Equal(rec.Payload, large) {
			t.Fatalf("%d bytes, %v", len(rec.Payload), err)
		}
	}
}

// A segment is 20 digits and .seg, and its number is one that a position can have: 0 says "from the oldest", and what no 64 bits hold
// is no number. Other files are not read, not counted and not removed.
func TestNamesThatAreNoSegments(t *testing.T) {
	names := []string{
		"00000000000000000000.seg", "18446744073709551616.seg", "99999999999999999999.seg", "0000000000000000001.seg",
		"000000000000000000001.seg", "0000000000000000000x.seg", "-0000000000000000001.seg", "00000000000000000001.tmp", "00000000000000000001",
	}
	dir := crashfs.New()
	for _, name := range names {
		dir.Put(name, []byte("of somebody else"))
	}
	log, _, err := wal.Open(dir, wal.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil || len(log.Segments()) != 0 {
		t.Fatalf("segments %+v, %v", log.Segments(), err)
	}
	mustRoll(t, log, "head")
	if got := log.Segments(); len(got) != 1 || got[0].Number != 1 {
		t.Errorf("segments %+v, want the first", got)
	}
	for _, name := range names {
		if string(dir.Content(name)) != "of somebody else" {
			t.Errorf("%s was changed", name)
		}
	}
}
