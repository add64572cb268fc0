package crashfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"backwire/remotewrite/wal"
	"backwire/remotewrite/wal/crashfs"
)

func create(tb testing.TB, dir *crashfs.FS, name string) wal.File {
	tb.Helper()
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func write(tb testing.TB, f wal.File, content []byte, off int64) {
	tb.Helper()
	if _, err := f.WriteAt(content, off); err != nil {
		tb.Fatal(err)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }

// TestPowerLossKeepsWhatWasSynced, whatever else it keeps.
func TestPowerLossKeepsWhatWasSynced(t *testing.T) {
	dir := crashfs.New()
	f := create(t, dir, "a")
	write(t, f, []byte("synced"), 0)
	must(t, f.Sync())
	must(t, dir.SyncDir("."))
	write(t, f, []byte(" or not"), 6)
	for _, keep := range crashfs.Keeps() {
		rng, seen := seeded(), map[string]bool{}
		for range 100 {
			content := dir.Restart(keep, rng).Content("a")
			if !bytes.HasPrefix(content, []byte("synced")) {
				t.Fatalf("kept %v: %q", keep, content)
			}
			seen[string(content)] = true
		}
		want := map[crashfs.Keep]int{crashfs.KeepNone: 1, crashfs.KeepAll: 1, crashfs.KeepPrefix: 8, crashfs.KeepRandom: 3}[keep]
		if len(seen) != want {
			t.Errorf("kept %v: %d ways, want %d: %v", keep, len(seen), want, seen)
		}
	}
}

// TestPowerLossUndoesNames: creations, removals and whole directories.
func TestPowerLossUndoesNames(t *testing.T) {
	dir := crashfs.New()
	create(t, dir, "old")
	must(t, dir.SyncDir("."))
	must(t, dir.Remove("old"))
	create(t, dir, "new")
	must(t, dir.Mkdir("sub", 0o700))
	create(t, dir, "sub/file")
	must(t, dir.SyncDir("sub"))
	for keep, want := range map[crashfs.Keep][2]int{crashfs.KeepNone: {1, 0}, crashfs.KeepAll: {1, 1}} {
		after := dir.Restart(keep, seeded())
		names, err := after.List(".")
		must(t, err)
		below, err := after.List("sub")
		if len(names) != want[0] || len(below) != want[1] || (keep == crashfs.KeepNone) != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("kept %v: %q, below %q, %v", keep, names, below, err)
		}
	}
}

// TestKill: everything is there, and still nothing of it is sure to be on the disk.
func TestKill(t *testing.T) {
	dir := crashfs.New()
	f := create(t, dir, "a")
	write(t, f, []byte("written"), 0)
	dir.Inject(crashfs.Fault{Ops: crashfs.Change, Crash: true})
	if err := f.Sync(); !errors.Is(err, crashfs.ErrCrashed) {
		t.Fatal(err)
	}
	if _, err := dir.List("."); !errors.Is(err, crashfs.ErrCrashed) {
		t.Errorf("alive after the crash: %v", err)
	}
	killed := dir.Kill()
	if got := killed.Content("a"); string(got) != "written" {
		t.Errorf("after a kill: %q", got)
	}
	if got := killed.Restart(crashfs.KeepNone, seeded()).Content("a"); got != nil {
		t.Errorf("after a power loss: %q", got)
	}
	write(t, create(t, killed, "a"), []byte("changed"), 0)
	if got := dir.Content("a"); string(got) != "written" {
		t.Errorf("a future changed its past: %q", got)
	}
}

// TestFailedSync: the next one does not write what the failed one lost.
func TestFailedSync(t *testing.T) {
	dir := crashfs.New()
	f := create(t, dir, "a")
	must(t, dir.SyncDir("."))
	write(t, f, []byte("lost"), 0)
	dir.Inject(crashfs.Fault{Ops: crashfs.Sync, Err: syscall.EIO})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	write(t, f, []byte("kept"), 4)
	must(t, f.Sync())
	if got := dir.Content("a"); string(got) != "lostkept" {
		t.Errorf("seen %q", got)
	}
	if got := dir.Restart(crashfs.KeepAll, seeded()).Content("a"); string(got) != "\x00\x00\x00\x00kept" {
		t.Errorf("on the disk %q", got)
	}
}
