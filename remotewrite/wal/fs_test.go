package wal_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"backwire/remotewrite/wal"
)

// TestDir: the FS of production creates private files, lists no directories and
// stays where it is.
func TestDir(t *testing.T) {
	path := t.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	dir := wal.NewDir(root)
	log, _ := open(t, dir)
	mustRoll(t, log, "head")
	mustRoll(t, log, "head 2")
	mustStore(t, openCursor(t, dir), 5)
	if err := log.Remove(1); err != nil {
		t.Error(err)
	}
	if names, err := dir.List("."); fmt.Sprint(names) != "["+segment(2)+"]" || err != nil {
		t.Errorf("listed %q, %v", names, err)
	}
	for name, want := range map[string]fs.FileMode{segment(2): 0o600, "cursors": 0o700 | fs.ModeDir, "cursors/cloud": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := dir.OpenFile("../elsewhere", os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		t.Error("left the directory")
	}
	if pos, err := wal.ReadCursor(dir, "cloud"); pos != at(5) || err != nil {
		t.Errorf("cursor %v, %v", pos, err)
	}
}

// TestDirectoryGone: a directory that vanished, or cannot be read, is a clear error.
func TestDirectoryGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	log, _ := openDir(t, path)
	mustRoll(t, log, "head")
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := log.Roll([]byte("head 2")); err == nil {
		t.Error("rolled in a directory that is gone")
	}
}
