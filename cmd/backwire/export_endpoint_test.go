package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An agent whose endpoint is a directory writes signed bundles there, and says when that is not there; another machine
// imports the directory.
func TestEndpointThatIsADirectory(t *testing.T) {
	s := newStand(t)
	key, trusted := keyFiles(t)
	out := filepath.Join(s.dir, "stick", "out")
	s.settings["REMOTE_WRITE_URL"] = "file://" + out
	s.settings["REMOTE_WRITE_SIGNING_KEY_FILE"] = key
	if code, stdout, stderr := s.execute(t, "once", "--push"); code != exitFailed || !strings.Contains(stderr+stdout, out+" does not exist") {
		t.Errorf("without the directory: exit code %d:\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Dir(out)); err == nil {
		t.Fatal("something was written where the medium should be")
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := s.execute(t, "once", "--push"); code != exitOK {
		t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	r, push := startReceiver(t)
	code, said := said(t, nil, "queue", "import", out, "--to", push, "--trusted-key", trusted)
	if code != exitOK || strings.Count(said, "verified") != 1 {
		t.Errorf("import, exit code %d:\n%s", code, said)
	}
	if got, want := completedAt(r), completedBy(s.primary.Truth()); len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("arrived  %v\nhappened %v", got, want)
	}
}
