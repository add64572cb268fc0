package wal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
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
		if err := errors.Join(c.Begin(wal.Past, at(2)), c.Note(wal.Past, []byte("half"))); err != nil {
			t.Fatal(err)
		}
		dir = dir.Restart(keep, rand.New(rand.NewPCG(0, 0)))
		c = openCursor(t, dir)
		pos, err := c.Load()
		until, note := c.Begun(wal.Past)
		if pos != at(1) || err != nil || until != at(2) || (string(note) == "half") != (keep == crashfs.KeepAll) {
			t.Errorf("%s is kept: at %v, begun until %v with %q, %v", name, pos, until, note, err)
		}
		mustStore(t, c, 2)
		if until, note := openCursor(t, dir).Begun(wal.Past); until.Compare(at(2)) > 0 || note != nil {
			t.Errorf("%s is kept: after a new position begun until %v with %q", name, until, note)
		}
	}
}

// TestNoteEveryBit: a note that is not whole is none, and costs the cursor nothing.
func TestNoteEveryBit(t *testing.T) {
	const file = "cursors/cloud"
	dir := crashfs.New()
	c := openCursor(t, dir)
	if err := errors.Join(c.Store(at(1)), c.Begin(wal.Past, at(2)), c.Note(wal.Past, []byte("half"))); err != nil {
		t.Fatal(err)
	}
	content := dir.Content(file)
	for bit := 8192 * 8; bit < (8192+28)*8; bit++ {
		content[bit/8] ^= 1 << (bit % 8)
		dir.Put(file, content)
		content[bit/8] ^= 1 << (bit % 8)
		if until, note := openCursor(t, dir).Begun(wal.Past); note != nil || until != at(2) {
			t.Fatalf("bit %d: begun until %v with %q", bit, until, note)
		}
	}
	if err := c.Note(wal.Past, make([]byte, 4096)); !errors.Is(err, wal.ErrTooLarge) {
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
					if err := c.Begin(wal.Past, at(9)); err != nil {
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

// lanes is a cursor with a past, a stretch that was passed before its turn, and a live lane that has begun something.
func lanes(offset uint64) wal.Places {
	return wal.Places{At: at(offset), Passed: []wal.Stretch{
		{From: wal.Position{Segment: 5}, To: wal.Position{Segment: 5, Offset: 80}},
		{From: wal.Position{Segment: 7}, To: wal.Position{Segment: 9, Offset: offset}},
	}}
}

// TestCursorLanes: all places are one write; each lane's note lasts while the other moves, and no longer than what it is about.
func TestCursorLanes(t *testing.T) {
	dir := crashfs.New()
	c := openCursor(t, dir)
	want := lanes(1)
	want.Begun[wal.Past] = at(4)
	err := errors.Join(c.StorePlaces(lanes(1)), c.Begin(wal.Past, at(4)), c.Note(wal.Past, []byte("past")))
	for offset := range uint64(4) {
		want.Begun[wal.Live] = wal.Position{Segment: 9, Offset: 10 + offset}
		err = errors.Join(err, c.Begin(wal.Live, want.Begun[wal.Live]), c.Note(wal.Live, []byte{byte(offset)}))
		c = openCursor(t, dir)
		got, failed := c.Places()
		_, past := c.Begun(wal.Past)
		_, live := c.Begun(wal.Live)
		if err := errors.Join(err, failed); err != nil || !reflect.DeepEqual(got, want) || string(past) != "past" || string(live) != string([]byte{byte(offset)}) {
			t.Fatalf("places %v with notes %q and %q, %v, want %v", got, past, live, err, want)
		}
		want.Passed[1].To, want.Begun[wal.Live] = want.Begun[wal.Live], wal.Position{}
		err = c.StorePlaces(want)
		if _, live := c.Begun(wal.Live); live != nil {
			t.Fatalf("a note %q of what is passed", live)
		}
	}
	if err := c.StorePlaces(wal.Places{Passed: make([]wal.Stretch, wal.MaxStretches+1)}); !errors.Is(err, wal.ErrTooLarge) {
		t.Errorf("more stretches than there is room for: %v", err)
	}
	mustStore(t, c, 5)
	if got, err := openCursor(t, dir).Places(); err != nil || !reflect.DeepEqual(got, wal.Places{At: at(5)}) {
		t.Errorf("joined: %v, %v", got, err)
	}
}

// TestCursorLanesEveryBit flips each bit of a cursor with lanes: it is as it was, or as it was before that, never half of it.
func TestCursorLanesEveryBit(t *testing.T) {
	const file = "cursors/cloud"
	for name, last := range map[string]wal.Places{"lanes": lanes(2), "joined": {At: at(2)}} {
		dir := crashfs.New()
		c := openCursor(t, dir)
		if err := errors.Join(c.StorePlaces(lanes(1)), c.StorePlaces(last)); err != nil {
			t.Fatal(err)
		}
		content := dir.Content(file)
		older := 0
		for bit := range len(content) * 8 {
			content[bit/8] ^= 1 << (bit % 8)
			dir.Put(file, content)
			content[bit/8] ^= 1 << (bit % 8)
			got, err := wal.ReadPlaces(dir, "cloud")
			switch {
			case err == nil && reflect.DeepEqual(got, last):
			case err == nil && bit/8 >= 4096 && bit/8 < 8192 && reflect.DeepEqual(got, lanes(1)):
				older++
			default:
				t.Fatalf("%s, bit %d: %v, %v", name, bit, got, err)
			}
		}
		if want := 8 * (52 + 52 + 4 + 32*len(last.Passed)); older != want {
			t.Errorf("%s: %d bits matter, want %d", name, older, want)
		}
	}
}

// TestCursorOfAnOlderProgram: what does not know of lanes finds the oldest place, and what it writes then holds.
func TestCursorOfAnOlderProgram(t *testing.T) {
	const file = "cursors/cloud"
	dir := crashfs.New()
	c := openCursor(t, dir)
	if err := errors.Join(c.StorePlaces(lanes(1)), c.StorePlaces(lanes(2))); err != nil {
		t.Fatal(err)
	}
	older := crashfs.New() // the same positions without lanes, as an older program writes them
	o := openCursor(t, older)
	mustStore(t, o, 1)
	mustStore(t, o, 2)
	content, plain := dir.Content(file), older.Content(file)
	if string(content[:52]) != string(plain[:52]) || string(content[4096:4096+52]) != string(plain[4096:4096+52]) {
		t.Error("an older program does not find the position")
	}
	mustStore(t, o, 3)
	mustStore(t, o, 4)
	plain = older.Content(file)
	copy(content[:52], plain[:52])
	copy(content[4096:4096+52], plain[4096:4096+52])
	dir.Put(file, content)
	if got, err := wal.ReadPlaces(dir, "cloud"); err != nil || !reflect.DeepEqual(got, wal.Places{At: at(4)}) {
		t.Errorf("after an older program: %v, %v", got, err)
	}
}
