package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQueueVerify(t *testing.T) {
	dir, environ := fillQueue(t, 60)
	before := tree(t, dir)
	code, out := said(t, environ, "queue", "verify")
	if code != exitOK || !strings.Contains(out, " segments, 60 records, 1200 samples\n") || strings.Contains(out, "damaged") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	before[segments[0]] = string(b)
	code, out = said(t, environ, "queue", "verify")
	if code != exitFailed || !strings.Contains(out, "damaged: segment 1 at byte ") {
		t.Errorf("with damage, exit code %d:\n%s", code, out)
	}
	if !maps.Equal(before, tree(t, dir)) {
		t.Error("verify has changed a file")
	}
}

func TestQueueVerifyOfADamagedInventory(t *testing.T) {
	dir, environ := fillQueue(t, 5)
	path := filepath.Join(dir, "inventory")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := said(t, environ, "queue", "verify")
	if code != exitFailed || !strings.Contains(out, "damaged: one of the two copies of the inventory cannot be read") || strings.Contains(out, "missing:") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestQueueVerifyOfNothing(t *testing.T) {
	code, out := said(t, []string{"BACKWIRE_QUEUE_DIR=/nowhere/queue"}, "queue", "verify")
	if code != exitFailed || !strings.Contains(out, "/nowhere/queue") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
