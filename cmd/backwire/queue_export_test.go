package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

func TestQueueExportSince(t *testing.T) {
	_, environ := fillQueue(t, 60)
	whole := filepath.Join(t.TempDir(), "out")
	code, out := said(t, environ, "queue", "export", "--to", whole)
	if code != exitOK || !strings.Contains(out, " 60 records, 1200 samples") || len(tree(t, whole)) < 3 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	late := filepath.Join(t.TempDir(), "out")
	code, out = said(t, environ, "queue", "export", "--to", late, "--since", "5m")
	if code != exitOK || len(tree(t, late)) >= len(tree(t, whole)) {
		t.Errorf("since 5m, exit code %d:\n%s", code, out)
	}
}

// Each week the same two commands, on the same stick: nothing is in the way, and all of it arrives.
func TestQueueIsExportedEachWeek(t *testing.T) {
	t.Parallel()
	_, environ := fillQueue(t, 60)
	key, trusted := keyFiles(t)
	for name, made := range map[string]bool{"out was made": true, "out is made by the first export": false} {
		out := filepath.Join(t.TempDir(), "out")
		if made {
			if err := os.Mkdir(out, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for week := range 3 {
			code, text := said(t, environ, "queue", "export", "--to", out, "--since", "8d", "--key", key)
			if code != exitOK {
				t.Fatalf("%s: week %d, exit code %d:\n%s", name, week, code, text)
			}
			r := receiver.New(receiver.Options{})
			server := httptest.NewServer(r)
			code, text = said(t, nil, "queue", "import", out, "--trusted-key", trusted, "--to", server.URL)
			server.Close()
			if code != exitOK || strings.Count(text, ": verified, ") != week+1 || len(data(r)) != 20 {
				t.Errorf("%s: week %d, exit code %d, %d series:\n%s", name, week, code, len(data(r)), text)
			}
		}
	}
}

func TestQueueExportUsedWrongly(t *testing.T) {
	_, environ := fillQueue(t, 1)
	to := filepath.Join(t.TempDir(), "out")
	cases := map[string]struct {
		args []string
		code int
		want string
	}{
		"no directory": {nil, exitUsage, "--to DIR"},
		"both limits":  {[]string{"--to", to, "--endpoint", "a", "--since", "1h"}, exitUsage, "not both"},
		"no moment":    {[]string{"--to", to, "--since", "yesterday"}, exitUsage, "yesterday"},
		"no endpoint":  {[]string{"--to", to, "--endpoint", "a"}, exitFailed, `endpoint "a" has no position`},
		"no key":       {[]string{"--to", to, "--key", "/nowhere.pem"}, exitFailed, "/nowhere.pem"},
	}
	for name, c := range cases {
		code, out := said(t, environ, append([]string{"queue", "export"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d:\n%s", name, code, out)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	cases := map[string]time.Time{
		"":                     {},
		"36h":                  now.Add(-36 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"2026-03-01":           time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01T10:00:00Z": time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	}
	for text, want := range cases {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}
