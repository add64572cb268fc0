package main

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/remotewrite/rejected"
	"backwire/remotewrite/send"
	"backwire/source"
)

// refuse puts one refusal into a store.
func refuse(t *testing.T, dir string) {
	t.Helper()
	s, err := rejected.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	series := send.RejectedSeries{
		Name: "up", Labels: []source.Label{{Name: "site", Value: "paris"}},
		Points: []send.RejectedPoint{{T: 1000, V: 7}},
	}
	err = s.Reject(send.Rejection{
		Time: time.UnixMilli(1_790_000_000_000), Endpoint: "cloud", Status: 400, Words: "out of bounds\x1b[2J",
		Samples: 2, Series: []send.RejectedSeries{series, {Name: "down"}},
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
	var r send.Rejection
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

// What was refused is pushed again once the receiver is put right; what it still refuses stays.
func TestQueueRejectedPush(t *testing.T) {
	bad := "p7"
	r := receiver.New(receiver.Options{Poison: func(s *receiver.Series, _ receiver.Point) error {
		if p := s.Label("policy"); p == "p3" || p != "" && p == bad { // the canary has none
			return errors.New("no room for " + p)
		}
		return nil
	}})
	server := httptest.NewServer(r)
	defer server.Close()
	_, environ := fillQueue(t, 3)
	bundle := filepath.Join(t.TempDir(), "out")
	if code, out := said(t, environ, "queue", "export", "--to", bundle); code != exitOK {
		t.Fatalf("export, exit code %d:\n%s", code, out)
	}
	dir := t.TempDir()
	there := []string{
		"BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,other", "BACKWIRE_REMOTE_WRITE_CLOUD_URL=" + server.URL,
		"BACKWIRE_REMOTE_WRITE_OTHER_URL=" + server.URL, "BACKWIRE_QUEUE_DIR=" + dir, "BACKWIRE_EXTERNAL_LABELS=region:north",
	}
	code, out := said(t, there, "queue", "import", bundle, "--rejected", dir)
	if code != exitFailed || !strings.Contains(out, "54 samples delivered, 6 rejected") || !strings.Contains(out, "rejected 6 samples") {
		t.Fatalf("import, exit code %d:\n%s", code, out)
	}
	push := func(want string, wantCode int, args ...string) {
		t.Helper()
		code, out := said(t, there, append([]string{"queue", "rejected", "--push"}, args...)...)
		if code != wantCode || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want %q:\n%s", args, code, want, out)
		}
	}
	left := func(want int) {
		t.Helper()
		n := 0
		for r, err := range rejected.Read(dir) {
			n += r.Samples
			if err != nil {
				t.Error(err)
			}
		}
		if n != want {
			t.Errorf("%d samples are left, want %d", n, want)
		}
	}
	left(12)
	push("cloud: 0 of", exitFailed)
	left(12)
	bad = ""
	push("rejected 3 samples again", exitFailed, "--endpoint", "cloud")
	left(9)
	r.Set(receiver.Options{})
	push("other: ", exitOK)
	left(0)
	for _, s := range r.Series() {
		if p := s.Label("policy"); (p == "p3" || p == "p7") && (s.Label("region") != "north" || len(s.Points) < 3 || s.Metadata.Type != "counter") {
			t.Errorf("arrived as %+v", s)
		}
	}
	there = there[3:]
	refuse(t, dir)
	push("endpoint cloud is no longer configured", exitFailed)
	left(2)
}
