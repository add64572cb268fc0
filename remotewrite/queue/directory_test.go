package queue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
)

func TestDirectoryIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := openDir(t, dir, Options{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v, want mode 0700", info.Mode(), err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever is wrong with the directory is said with what to do about it, and nothing is left
// locked.
func TestDirectoryRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir string) string
		want    string
	}{
		{"parent missing", func(_ *testing.T, dir string) string { return filepath.Join(dir, "a", "b") }, "create "},
		{"a file", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "file")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, "must be a directory"},
		{"writable by others", func(t *testing.T, dir string) string {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "chmod 700"},
		{"somebody else's", func(t *testing.T, dir string) string {
			if err := os.Chown(dir, 65534, 65534); err != nil {
				skip(t, "only root can give a directory away: "+err.Error())
			}
			return dir
		}, "belongs to user 65534"},
		{"in use", func(t *testing.T, dir string) string {
			q := openDir(t, dir, Options{})
			t.Cleanup(func() { _ = q.Close() })
			return dir
		}, "only one agent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.prepare(t, t.TempDir()), Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// skip leaves a test out where something is missing, unless nothing may be missing.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func TestTwoAgents(t *testing.T) {
	dir := t.TempDir()
	first := openDir(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, wal.ErrLocked) {
		t.Fatalf("second open: %v, want %v", err, wal.ErrLocked)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openDir(t, dir, Options{})
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

// A removed directory takes writes without an error, to files that nobody will ever see.
func TestDirectoryVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := openDir(t, dir, Options{})
	f := testkit.NewFleet("paris", 10, 0.5)
	testkit.Commit(t, q, f, 2)
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	err := q.Commit(f.Cycle())
	if !errors.Is(err, ErrRetained) || !strings.Contains(err.Error(), dir+" is gone") {
		t.Errorf("commit into nothing: %v", err)
	}
	other := openDir(t, dir, Options{})
	testkit.Commit(t, other, testkit.NewFleet("lyon", 1, 0.5), 1)
	if err := q.Commit(f.Cycle()); err == nil || !strings.Contains(err.Error(), "already contains a queue") {
		t.Errorf("commit into another log's directory: %v", err)
	}
	if err := errors.Join(other.Close(), os.RemoveAll(dir), os.Rename(dir+"-away", dir)); err != nil {
		t.Fatal(err)
	}
	testkit.Commit(t, q, f, 1)
	s := mustSubscribe(t, q, "a")
	if got := testwindow.Drain(t, s); got != (record.Totals{Records: 5, Samples: 50}) {
		t.Errorf("delivered %v, want everything", got)
	}
	if err := errors.Join(s.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
}
