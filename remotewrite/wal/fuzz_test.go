package wal_test

import (
	"errors"
	"fmt"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

// FuzzOpen opens and reads a log of two segments with any bytes, goes on with
// it, and reads it again: what was there before is there again, and what was
// appended follows.
func FuzzOpen(f *testing.F) {
	whole, _ := twoSegments(f)
	first, second := whole.Content(segment(1)), whole.Content(segment(2))
	f.Add(first, second)
	f.Add(second, first)
	f.Add(first[:100], second[:70])
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := crashfs.New()
		dir.Put(segment(1), first)
		dir.Put(segment(2), second)
		log, rec, err := wal.Open(dir, wal.Options{})
		if _, ok := errors.AsType[*wal.VersionError](err); ok {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		before, _, err := readAll(log.Reader(wal.Position{}))
		if err != nil {
			t.Fatal(err)
		}
		if !rec.Appendable {
			mustRoll(t, log, "head")
		}
		mustAppend(t, log, "more")
		log, _ = open(t, dir)
		after, _ := drain(t, log.Reader(wal.Position{}))
		if len(after) <= len(before) || after[len(after)-1] != "more" {
			t.Fatalf("read %d records before, then %q", len(before), after)
		}
		for i, rec := range before {
			if after[i] != string(rec.Payload) {
				t.Fatalf("record %d was %q, and is %q", i, rec.Payload, after[i])
			}
		}
	})
}

// FuzzReader reads from any position of a log with any damage: it ends, and
// delivers only what was written.
func FuzzReader(f *testing.F) {
	whole, at := twoSegments(f)
	content := whole.Content(segment(1))
	written := map[string]bool{}
	for _, rec := range at.records {
		written[string(rec.Payload)] = true
	}
	f.Add(uint64(1), uint64(64), uint16(70), []byte{0, 1, 2})
	f.Add(uint64(9), uint64(1<<63), uint16(0), []byte("BW"))
	f.Fuzz(func(t *testing.T, number, offset uint64, where uint16, damage []byte) {
		dir := whole.Kill()
		damaged := append([]byte(nil), content...)
		copy(damaged[int(where)%len(damaged):], damage)
		dir.Put(segment(1), damaged)
		log, _ := open(t, dir)
		got, _ := drain(t, log.Reader(wal.Position{Segment: number, Offset: offset}))
		for _, payload := range got {
			if !written[payload] {
				t.Fatalf("read %q, which nobody wrote", payload)
			}
		}
	})
}

// FuzzCursor opens a cursor with any bytes, and stores.
func FuzzCursor(f *testing.F) {
	dir := crashfs.New()
	c := openCursor(f, dir)
	mustStore(f, c, 1)
	mustStore(f, c, 2)
	f.Add(dir.Content("cursors/cloud"))
	f.Add(dir.Content("cursors/cloud")[:40])
	f.Add(fmt.Appendf(nil, "%4096d", 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := crashfs.New()
		dir.Put("cursors/cloud", content)
		before, err := wal.ReadCursor(dir, "cloud")
		c := openCursor(t, dir)
		if loaded, again := c.Load(); loaded != before || (err == nil) != (again == nil) {
			t.Fatalf("%v, %v, after opening %v, %v", before, err, loaded, again)
		}
		mustStore(t, c, 7)
		if pos, err := wal.ReadCursor(dir, "cloud"); pos != at(7) || err != nil {
			t.Fatalf("%v, %v", pos, err)
		}
	})
}
