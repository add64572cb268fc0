package crashfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"backwire/remotewrite/wal/crashfs"
)

// TestFault strikes the operation it is for, once or for good.
func TestFault(t *testing.T) {
	dir := crashfs.New()
	f := create(t, dir, "a")
	dir.Inject(crashfs.Fault{Ops: crashfs.Write, After: 1, Err: syscall.EIO, Written: 50})
	write(t, f, []byte("1234"), 0)
	if n, err := f.WriteAt([]byte("5678"), 4); n != 2 || !errors.Is(err, syscall.EIO) {
		t.Errorf("wrote %d, %v", n, err)
	}
	write(t, f, []byte("78"), 6)
	if got := dir.Content("a"); string(got) != "12345678" {
		t.Errorf("content %q", got)
	}
	dir.Inject(crashfs.Fault{Ops: crashfs.SyncDir | crashfs.Truncate, Err: syscall.EROFS, Sticky: true})
	for range 2 {
		if err := errors.Join(dir.SyncDir("."), f.Truncate(0)); !errors.Is(err, syscall.EROFS) {
			t.Error(err)
		}
	}
	ops := dir.Ops()
	dir.Heal()
	must(t, f.Truncate(1))
	if dir.Ops() != ops+1 {
		t.Errorf("%d operations, then %d", ops, dir.Ops())
	}
}

// TestSpace: a write takes what there is, a removal and a truncation give it back.
func TestSpace(t *testing.T) {
	dir := crashfs.New()
	f := create(t, dir, "a")
	dir.SetSpace(6)
	write(t, f, []byte("1234"), 0)
	if n, err := f.WriteAt([]byte("5678"), 4); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d, %v", n, err)
	}
	write(t, f, []byte("abc"), 0) // in place
	must(t, f.Truncate(4))
	g := create(t, dir, "b")
	write(t, g, []byte("12"), 0)
	if _, err := g.WriteAt([]byte("3"), 2); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	must(t, dir.Remove("a"))
	write(t, g, []byte("3456"), 2)
}

// TestBadBlock can be read up to it, and behind it.
func TestBadBlock(t *testing.T) {
	dir := crashfs.New()
	dir.Put("a", make([]byte, 10_000))
	dir.BadBlock("a", 4096)
	f, err := dir.OpenFile("a", os.O_RDONLY, 0)
	must(t, err)
	for off, want := range map[int64]int{0: 4096, 4000: 96, 5000: 0, 8192: 1808} {
		n, err := f.ReadAt(make([]byte, 9000), off)
		if n != want || (off < 8192) != errors.Is(err, syscall.EIO) || off == 8192 && !errors.Is(err, io.EOF) {
			t.Errorf("at %d: read %d, %v", off, n, err)
		}
	}
	if _, err := f.WriteAt(nil, 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("wrote to a file open for reading: %v", err)
	}
}
