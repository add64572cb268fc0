package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite"
	"backwire/source"
)

// refuse puts one refusal into a store.
func refuse(t *testing.T, dir string) {
	t.Helper()
	s, err := remotewrite.OpenRejected(dir)
	if err != nil {
		t.Fatal(err)
	}
	series := remotewrite.RejectedSeries{
		Name: "up", Labels: []source.Label{{Name: "site", Value: "paris"}},
		Points: []remotewrite.RejectedPoint{{T: 1000, V: 7}},
	}
	err = s.Reject(remotewrite.Rejection{
		Time: time.UnixMilli(1_790_000_000_000), Endpoint: "cloud", Status: 400, Words: "out of bounds\x1b[2J",
		Samples: 2, Series: []remotewrite.RejectedSeries{series, {Name: "down"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestQueueRejected(t *testing.T) {
	dir := t.TempDir()
	environ := []string{"BACKWIRE_QUEUE_DIR=" + dir}
	refuse(t, dir)
	code, out := said(t, environ, "queue", "rejected")
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"2026-09-21T", "cloud", "400", `up{site="paris"} and 1 more`, `"out of bounds\x1b[2J"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the list lacks %s:\n%s", want, out)
		}
	}
	code, out = said(t, environ, "queue", "rejected", "--json")
	var r remotewrite.Rejection
	if err := json.Unmarshal([]byte(out), &r); code != exitOK || err != nil || r.Series[0].Points[0].V != 7 || r.Samples != 2 {
		t.Errorf("exit code %d, %v, %+v:\n%s", code, err, r, out)
	}
}

// A line that cannot be read does not hide the others, and is told by the exit code.
func TestQueueRejectedWithDamage(t *testing.T) {
	dir := t.TempDir()
	refuse(t, dir)
	path := filepath.Join(dir, "rejected.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("00000000 {}\n"), b...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := said(t, []string{"BACKWIRE_QUEUE_DIR=" + dir}, "queue", "rejected")
	if code != exitFailed || !strings.Contains(out, "cloud") || !strings.Contains(out, "rejected.jsonl line 1") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
