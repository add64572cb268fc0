package wal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"backwire/remotewrite/wal"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := wal.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wal.Lock(dir)
	if want := fmt.Sprintf("%s: in use by another program (pid %d)", dir, os.Getpid()); !errors.Is(err, wal.ErrLocked) || !strings.Contains(err.Error(), want) {
		t.Errorf("locked twice: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = wal.Lock(dir); !errors.Is(err, wal.ErrLocked) || strings.Contains(err.Error(), "pid") {
		t.Errorf("locked by somebody unknown: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err = wal.Lock(dir)
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if _, err := wal.Lock(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestHolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := wal.Holder(dir); !errors.Is(err, wal.ErrNotLocked) {
		t.Errorf("a directory never locked: %v", err)
	}
	lock, err := wal.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := wal.Holder(dir); err != nil || pid != os.Getpid() {
		t.Errorf("a locked directory: pid %d, %v", pid, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pid, err := wal.Holder(dir); err == nil {
		t.Errorf("a locked directory of somebody unknown: pid %d", pid)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Holder(dir); !errors.Is(err, wal.ErrNotLocked) {
		t.Errorf("a released directory: %v", err)
	}
}
