package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
)

// come copies a bundle into a directory as rsync -a does: the times are those of long ago, and the manifest is not the last file.
func come(t *testing.T, from, in string) {
	t.Helper()
	to := filepath.Join(in, filepath.Base(from))
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for path, content := range tree(t, from) {
		name := filepath.Join(to, filepath.Base(path))
		if err := errors.Join(os.WriteFile(name, []byte(content), 0o600), os.Chtimes(name, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(to, old, old); err != nil {
		t.Fatal(err)
	}
}

// doneBundles are the names in done/.
func doneBundles(in string) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(in, "done"))
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// The program is killed again and again, at any moment, while bundles come and the receiver is slow or down. In the end every bundle is done,
// each sample is there, and the receiver, which takes no point behind another, refused none.
func TestFollowedImportSurvivesKills(t *testing.T) {
	t.Parallel()
	_, _, bundles := numberedBundles(t, 30)
	in := t.TempDir()
	r := receiver.New(receiver.Options{Ordered: true})
	server := httptest.NewServer(r)
	defer server.Close()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	args := []string{"queue", "import", "--follow", in, "--to", server.URL, "--listen", ""}
	for i, from := range bundles {
		come(t, from, in)
		if i%2 == 1 {
			continue
		}
		r.Always([]*receiver.Answer{nil, {Status: http.StatusServiceUnavailable}, {Delay: 20 * time.Millisecond}}[random.IntN(3)])
		victim := start(t, nil, buildPrograms(t).backwire, args...)
		wait(t.Context(), time.Duration(random.Int64N(int64(300*time.Millisecond))))
		if err := victim.end(syscall.SIGKILL); err == nil {
			t.Fatal("it ended by itself")
		}
	}
	r.Always(nil)
	last := start(t, nil, buildPrograms(t).backwire, args...)
	await(t, "all bundles", func() error {
		if n := len(doneBundles(in)); n != len(bundles) {
			return fmt.Errorf("%d of %d are done", n, len(bundles))
		}
		return nil
	})
	if err := last.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if n := held(r); n != len(bundles) {
		t.Errorf("%d samples arrived, want %d", n, len(bundles))
	}
	nothingRefused(t, r)
}

// The page and the metrics name what is missing, and a key that cannot be read is a setting that a restart does not mend.
func TestFollowedImportShowsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir, _, bundles := numberedBundles(t, 3)
	in, listen := t.TempDir(), freePort(t)
	come(t, bundles[0], in)
	come(t, bundles[2], in)
	r := receiver.New(receiver.Options{})
	server := httptest.NewServer(r)
	defer server.Close()
	start(t, []string{"BACKWIRE_REMOTE_WRITE_URL=" + server.URL}, buildPrograms(t).backwire, "queue", "import", "--follow", in, "--listen", listen)
	await(t, "both bundles", func() error {
		if n := len(doneBundles(in)); n != 2 {
			return fmt.Errorf("%d are done", n)
		}
		return nil
	})
	var text string
	await(t, "the page", func() error {
		body, err := fetch(http.DefaultClient, "http://"+listen+"/")
		if text = string(body); err == nil && !strings.Contains(text, "2 bundles imported") {
			err = errors.New(text)
		}
		return err
	})
	wantLines(t, text, "MISSING: bundle 2 of ", dir+" is missing", "up to bundle 3", "endpoint default: 2 samples sent, 0 rejected")
	metrics, err := fetch(http.DefaultClient, "http://"+listen+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"backwire_import_bundles_total 2", "backwire_import_bundles_waiting 0", `:` + dir + `"} 1`, `backwire_import_samples_total{endpoint="default"} 2`} {
		if !strings.Contains(string(metrics), line) {
			t.Errorf("there is no %q:\n%s", line, metrics)
		}
	}
	statusShowsImport(t, listen, dir)
}

// statusShowsImport where no agent ever ran, which is the other side of an air gap, and below an agent that is down.
func statusShowsImport(t *testing.T, listen, dir string) {
	t.Helper()
	nowhere := []string{"BACKWIRE_QUEUE_DIR=" + filepath.Join(t.TempDir(), "none"), "BACKWIRE_LISTEN="}
	for _, c := range []struct {
		environ []string
		args    []string
		code    int
		want    []string
	}{
		{nowhere, nil, exitOK, []string{"MISSING: bundle 2 of ", dir + " is missing", "2 bundles imported"}},
		{nowhere, []string{"--fail"}, exitFailed, []string{"MISSING: bundle 2 of "}},
		{nowhere, []string{"--json"}, exitOK, []string{`"import": {`, "bundle 2 of "}},
		{[]string{"BACKWIRE_QUEUE_DIR=" + t.TempDir(), "BACKWIRE_LISTEN="}, nil, exitFailed, []string{"The queue is empty.", "MISSING: bundle 2 of "}},
		{nowhere, []string{"--import="}, exitFailed, []string{"no such file"}},
	} {
		code, out := said(t, c.environ, append([]string{"status", "--import", listen}, c.args...)...)
		if code != c.code {
			t.Errorf("%q: exit code %d, want %d", c.args, code, c.code)
		}
		out = strings.Join(strings.Fields(out), " ") // as it is without its line breaks
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q: no %q in %s", c.args, want, out)
			}
		}
	}
}

func TestFollowedImportUsedWrongly(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	for want, c := range map[string]struct {
		args []string
		code int
	}{
		"/nowhere.pem":                      {[]string{in, "--trusted-key", "/nowhere.pem"}, exitRefused},
		"expected a loopback host":          {[]string{in, "--listen", "0.0.0.0:9470"}, exitUsage},
		"/nowhere: mkdir /nowhere/done: no": {[]string{"/nowhere"}, exitFailed},
	} {
		code, out := said(t, nil, append([]string{"queue", "import", "--follow", "--to", "http://localhost:1"}, c.args...)...)
		if code != c.code || !strings.Contains(out, want) {
			t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, want, out)
		}
	}
}
