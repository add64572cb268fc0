package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"backwire/source/netbackup/nbusim"
)

// unpack reads a bundle's files.
func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(unpacked); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(header.Name, "backwire-support/")] = string(content)
	}
}

func TestSupportBundleOfARunningAgent(t *testing.T) {
	s := newStand(t)
	s.settings["LISTEN"] = freePort(t)
	start(t, s.environ(), buildPrograms(t).backwire, "run")
	answers(t, "http://"+s.settings["LISTEN"]+"/-/ready")
	path := filepath.Join(s.dir, "bundle.tar.gz")
	if code, _, errs := s.execute(t, "support-bundle", "--output", path); code != exitOK {
		t.Fatalf("exits with %d: %s", code, errs)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want a file for its owner alone", info, err)
	}
	files := unpack(t, path)
	for name, want := range map[string]string{
		"version.txt":    "backwire ",
		"settings.txt":   "BACKWIRE_NETBACKUP_API_KEY_FILE=" + s.settings["NETBACKUP_API_KEY_FILE"],
		"status.json":    `"name": "paris"`,
		"metrics.txt":    "go_goroutines",
		"goroutines.txt": "goroutine ",
		"heap.pprof":     "\x1f\x8b",
		"queue.txt":      "SEGMENT",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s is without %q:\n%.300s", name, want, files[name])
		}
	}
	if code, _, errs := s.execute(t, "support-bundle", "--output", path); code != exitFailed || !strings.Contains(errs, "exists") {
		t.Errorf("a bundle is overwritten: %d, %s", code, errs)
	}
}

// Without an agent and with wrong settings there is a bundle too: that is when it is needed.
func TestSupportBundleOfWhatDoesNotRun(t *testing.T) {
	s := newStand(t)
	s.settings["INTERVAL"] = "soon"
	s.settings["NETBACKUP_PASWORD"] = nbusim.DefaultKey
	path := filepath.Join(s.dir, "bundle.tar.gz")
	if code, _, errs := s.execute(t, "support-bundle", "--output", path); code != exitOK {
		t.Fatalf("exits with %d: %s", code, errs)
	}
	files := unpack(t, path)
	if !strings.Contains(files["settings.txt"], `BACKWIRE_INTERVAL="soon": expected a duration`) || !strings.Contains(files["settings.txt"], "BACKWIRE_NETBACKUP_PASWORD=[redacted]") {
		t.Errorf("settings:\n%s", files["settings.txt"])
	}
	if !strings.Contains(files["missing.txt"], "metrics.txt") {
		t.Errorf("missing:\n%s", files["missing.txt"])
	}
}
