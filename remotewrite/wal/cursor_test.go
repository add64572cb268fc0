package wal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

func mustStore(tb testing.TB, c *wal.Cursor, offset uint64) {
	tb.Helper()
	if err := c.Store(at(offset)); err != nil {
		tb.Fatal(err)
	}
}

func at(offset uint64) wal.Position { return wal.Position{Segment: 3, Offset: offset} }

func openCursor(tb testing.TB, dir wal.FS) *wal.Cursor {
	tb.Helper()
	c, err := wal.OpenCursor(dir, "cloud")
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestCursor(t *testing.T) {
	dir := crashfs.New()
	if names, err := wal.Cursors(dir); len(names) > 0 || err != nil {
		t.Errorf("cursors of an empty directory: %q, %v", names, err)
	}
	c := openCursor(t, dir)
	if _, err := c.Load(); !errors.Is(err, wal.ErrNoPosition) {
		t.Errorf("load before the first store: %v", err)
	}
	for offset := range uint64(5) {
		mustStore(t, c, offset)
		if pos, err := c.Load(); pos != at(offset) || err != nil {
			t.Errorf("load after storing %d: %v, %v", offset, pos, err)
		}
	}
	if pos, err := openCursor(t, dir).Load(); pos != at(4) || err != nil {
		t.Errorf("load after reopening: %v, %v", pos, err)
	}
	if names, err := wal.Cursors(dir); fmt.Sprint(names) != "[cloud]" || err != nil {
		t.Errorf("cursors: %q, %v", names, err)
	}
	if err := wal.DeleteCursor(dir, "cloud"); err != nil {
		t.Error(err)
	}
	if _, err := wal.ReadCursor(dir, "cloud"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read a deleted cursor: %v", err)
	}
}

func TestCursorName(t *testing.T) {
	for _, name := range []string{"", ".", "..", ".hidden", "a/b", "../lock", "ä", "a b"} {
		if _, err := wal.OpenCursor(crashfs.New(), name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("open cursor %q: %v", name, err)
		}
	}
}

// TestCursorEveryBit flips each bit of a cursor: it is where it was, or where
// it was before that.
func TestCursorEveryBit(t *testing.T) {
	const file = "cursors/cloud"
	dir := crashfs.New()
	c := openCursor(t, dir)
	mustStore(t, c, 1)
	mustStore(t, c, 2)
	content := dir.Content(file)
	for bit := range len(content) * 8 {
		content[bit/8] ^= 1 << (bit % 8)
		dir.Put(file, content)
		content[bit/8] ^= 1 << (bit % 8)
		want := at(2)
		if bit/8 >= 4096 && bit/8 < 4096+52 {
			want = at(1)
		}
		c := openCursor(t, dir)
		if pos, err := c.Load(); pos != want || err != nil {
			t.Fatalf("bit %d: %v, %v", bit, pos, err)
		}
		mustStore(t, c, 3)
		if pos, err := wal.ReadCursor(dir, "cloud"); pos != at(3) || err != nil {
			t.Fatalf("bit %d, stored again: %v, %v", bit, pos, err)
		}
	}
}

// TestCursorEveryLength cuts a cursor at each length.
func TestCursorEveryLength(t *testing.T) {
	const file = "cursors/cloud"
	dir := crashfs.New()
	c := openCursor(t, dir)
	mustStore(t, c, 1)
	mustStore(t, c, 2)
	content := dir.Content(file)
	for length := range content {
		dir.Put(file, content[:length])
		pos, err := wal.ReadCursor(dir, "cloud")
		switch {
		case length == 0 && errors.Is(err, wal.ErrNoPosition):
		case length > 0 && length < 52 && errors.Is(err, wal.ErrCursorDamaged):
		case length >= 52 && length < 4096+52 && pos == at(1) && err == nil:
		case length >= 4096+52 && pos == at(2) && err == nil:
		default:
			t.Fatalf("cut at %d: %v, %v", length, pos, err)
		}
	}
}

func TestCursorBothSlotsDamaged(t *testing.T) {
	dir := crashfs.New()
	mustStore(t, openCursor(t, dir), 1)
	content := dir.Content("cursors/cloud")
	content[20] ^= 1
	dir.Put("cursors/cloud", content)
	c := openCursor(t, dir)
	if _, err := c.Load(); !errors.Is(err, wal.ErrCursorDamaged) {
		t.Errorf("load: %v", err)
	}
	mustStore(t, c, 2)
	if pos, err := c.Load(); pos != at(2) || err != nil {
		t.Errorf("load after storing again: %v, %v", pos, err)
	}
}

// TestCursorAfterFailedSync: what Load returns stays, although the system shows
// a slot that it will never write to the disk.
func TestCursorAfterFailedSync(t *testing.T) {
	dir := crashfs.New()
	c := openCursor(t, dir)
	mustStore(t, c, 1)
	dir.Inject(crashfs.Fault{Ops: crashfs.Sync, Err: syscall.EIO})
	if err := c.Store(at(2)); !errors.Is(err, syscall.EIO) {
		t.Fatalf("store with a failing sync: %v", err)
	}
	dir = dir.Kill()
	loaded, err := openCursor(t, dir).Load()
	if err != nil {
		t.Fatal(err)
	}
	dir = dir.Restart(crashfs.KeepNone, rand.New(rand.NewPCG(0, 0)))
	if pos, err := wal.ReadCursor(dir, "cloud"); pos != loaded || err != nil {
		t.Errorf("loaded %v, after the power was lost %v, %v", loaded, pos, err)
	}
}

// TestCursorOnFullDisk: a cursor that exists moves without taking space.
func TestCursorOnFullDisk(t *testing.T) {
	dir := crashfs.New()
	c := openCursor(t, dir)
	dir.SetSpace(0)
	mustStore(t, c, 1)
	mustStore(t, c, 2)
}

// TestCursorBegun: what was begun is known after a power loss, the note about it where it reached the disk, and
// both are over with the next position.
func TestCursorBegun(t *testing.T) {
	for name, keep := range map[string]crashfs.Keep{"nothing unsynced": crashfs.KeepNone, "all": crashfs.KeepAll} {
		dir := crashfs.New()
		c := openCursor(t, dir)
		mustStore(t, c, 1)
		if err := errors.Join(c.Begin(at(2)), c.Note([]byte("half"))); err != nil {
			t.Fatal(err)
		}
		dir = dir.Restart(keep, rand.New(rand.NewPCG(0, 0)))
		c = openCursor(t, dir)
		pos, err := c.Load()
		until, note := c.Begun()
		if pos != at(1) || err != nil || until != at(2) || (string(note) == "half") != (keep == crashfs.KeepAll) {
			t.Errorf("%s is kept: at %v, begun until %v with %q, %v", name, pos, until, note, err)
		}
		mustStore(t, c, 2)
		if until, note := openCursor(t, dir).Begun(); until.Compare(at(2)) > 0 || note != nil {
			t.Errorf("%s is kept: after a new position begun until %v with %q", name, until, note)
		}
	}
}

// TestNoteEveryBit: a note that is not whole is none, and costs the cursor nothing.
func TestNoteEveryBit(t *testing.T) {
	const file = "cursors/cloud"
	dir := crashfs.New()
	c := openCursor(t, dir)
	if err := errors.Join(c.Store(at(1)), c.Begin(at(2)), c.Note([]byte("half"))); err != nil {
		t.Fatal(err)
	}
	content := dir.Content(file)
	for bit := 8192 * 8; bit < (8192+28)*8; bit++ {
		content[bit/8] ^= 1 << (bit % 8)
		dir.Put(file, content)
		content[bit/8] ^= 1 << (bit % 8)
		if until, note := openCursor(t, dir).Begun(); note != nil || until != at(2) {
			t.Fatalf("bit %d: begun until %v with %q", bit, until, note)
		}
	}
	if err := c.Note(make([]byte, 4096)); !errors.Is(err, wal.ErrTooLarge) {
		t.Errorf("a note beyond its sector: %v", err)
	}
}

// TestCursorPastAReadError: what cannot be read when a cursor is opened costs no position: it is read again, or the cursor is
// not opened and nothing is written.
func TestCursorPastAReadError(t *testing.T) { synctest.Test(t, testCursorPastAReadError) }

func testCursorPastAReadError(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOMEM} {
		for after := range 2 {
			for stores := 1; stores < 4; stores++ {
				dir := crashfs.New()
				c, err := wal.OpenCursor(dir, "a")
				if err != nil {
					t.Fatal(err)
				}
				for i := range stores {
					if err := c.Store(at(uint64(i + 1))); err != nil {
						t.Fatal(err)
					}
				}
				dir.Inject(crashfs.Fault{Ops: crashfs.Read, After: after, Err: cause})
				c, err = wal.OpenCursor(dir, "a")
				if (err == nil) != errors.Is(cause, syscall.EIO) {
					t.Fatalf("opened past %v: %v", cause, err)
				}
				if err == nil {
					if err := c.Begin(at(9)); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := wal.ReadCursor(dir, "a"); err != nil || got != at(uint64(stores)) {
					t.Errorf("%v at read %d after %d stores: at %v, %v", cause, after, stores, got, err)
				}
			}
		}
	}
}

// TestCursorOfAKilledProgram: names that a program made and was killed before it could sync them are synced by the next.
func TestCursorOfAKilledProgram(t *testing.T) {
	for after := range 6 {
		dir := crashfs.New()
		dir.Inject(crashfs.Fault{Ops: crashfs.Change, After: after, Crash: true})
		if _, err := wal.OpenCursor(dir, "a"); err == nil {
			continue
		}
		dir = dir.Kill()
		c, err := wal.OpenCursor(dir, "a")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Store(at(7)); err != nil {
			t.Fatal(err)
		}
		dir = dir.Restart(crashfs.KeepNone, rand.New(rand.NewPCG(1, 1)))
		if got, err := wal.ReadCursor(dir, "a"); err != nil || got != at(7) {
			t.Errorf("killed at operation %d: %v, %v", after, got, err)
		}
	}
}
