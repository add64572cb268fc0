package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/bundle"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/receiver"
	"backwire/source"
)

// keyFiles writes a private key and its public one.
func keyFiles(t *testing.T) (key, trusted string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	q, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, trusted = filepath.Join(dir, "key.pem"), filepath.Join(dir, "trusted.pem")
	for path, block := range map[string]*pem.Block{key: {Type: "PRIVATE KEY", Bytes: p}, trusted: {Type: "PUBLIC KEY", Bytes: q}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key, trusted
}

// data are a receiver's series without the canary.
func data(r *receiver.Receiver) []receiver.Series {
	return slices.DeleteFunc(r.Series(), func(s receiver.Series) bool { return s.Label("__name__") == "backwire_canary" })
}

// held is how many samples a receiver has, without the canary.
func held(r *receiver.Receiver) (n int) {
	for _, s := range data(r) {
		n += len(s.Points)
	}
	return n
}

func TestQueueExportAndImport(t *testing.T) {
	_, environ := fillQueue(t, 60)
	key, trusted := keyFiles(t)
	bundle := filepath.Join(t.TempDir(), "out")
	if code, out := said(t, environ, "queue", "export", "--to", bundle, "--key", key); code != exitOK {
		t.Fatalf("export, exit code %d:\n%s", code, out)
	}
	configured, named := receiver.New(receiver.Options{}), receiver.New(receiver.Options{Ordered: true})
	first, second := httptest.NewServer(configured), httptest.NewServer(named)
	defer first.Close()
	defer second.Close()
	// Another machine: no queue, no site.
	there := []string{
		"BACKWIRE_REMOTE_WRITE_URL=" + first.URL, "BACKWIRE_REMOTE_WRITE_HEADERS=x-team:backup",
		"BACKWIRE_EXTERNAL_LABELS=region:north", "BACKWIRE_LOG_LEVEL=error",
	}
	code, out := said(t, there, "queue", "import", bundle, "--trusted-key", trusted)
	if code != exitOK || !strings.Contains(out, "default: 1200 samples delivered, 0 rejected") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if held(configured) != 1200 || data(configured)[0].Label("region") != "north" {
		t.Errorf("%d points: %v", held(configured), data(configured)[0].Labels)
	}
	code, out = said(t, there, "queue", "import", bundle, "--to", second.URL)
	if code != exitOK || held(named) != 1200 || data(named)[0].Label("region") != "north" {
		t.Errorf("with --to, exit code %d, %d points:\n%s", code, held(named), out)
	}
	if held(configured) != 1200 || named.Requests()[0].Header.Get("X-Team") != "" {
		t.Error("with --to, a configured endpoint was sent to, or its headers to another")
	}
}

func TestQueueImportRefuses(t *testing.T) {
	_, environ := fillQueue(t, 60)
	key, _ := keyFiles(t)
	_, other := keyFiles(t)
	bundle := filepath.Join(t.TempDir(), "out")
	if code, out := said(t, environ, "queue", "export", "--to", bundle, "--key", key); code != exitOK {
		t.Fatalf("export, exit code %d:\n%s", code, out)
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	cases := map[string]struct {
		args []string
		code int
		want string
	}{
		"another's key":  {[]string{bundle, "--to", server.URL, "--trusted-key", other}, exitFailed, "manifest.sig"},
		"no bundle":      {[]string{t.TempDir(), "--to", server.URL}, exitFailed, "manifest.json is missing"},
		"no directory":   {[]string{"--to", server.URL}, exitUsage, "one directory"},
		"no URL":         {[]string{bundle, "--to", "localhost:9090"}, exitUsage, "localhost:9090"},
		"no endpoint":    {[]string{bundle}, exitUsage, "BACKWIRE_REMOTE_WRITE_URL"},
		"wrong endpoint": {[]string{bundle, "--env-file", wrongEnvFile(t)}, exitRefused, "BACKWIRE_REMOTE_WRITE_URL"},
	}
	for name, c := range cases {
		code, out := said(t, nil, append([]string{"queue", "import"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d:\n%s", name, code, out)
		}
	}
	if asked != 0 {
		t.Errorf("%d requests were sent", asked)
	}
}

func wrongEnvFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backwire.env")
	if err := os.WriteFile(path, []byte("BACKWIRE_REMOTE_WRITE_URL=ftp://r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A manifest is anybody's text: it must not write a line of its own to the terminal, nor to the log.
func TestQueueImportShowsNothingThatATerminalObeys(t *testing.T) {
	_, environ := fillQueue(t, 60)
	bundle := filepath.Join(t.TempDir(), "out")
	if code, out := said(t, environ, "queue", "export", "--to", bundle); code != exitOK {
		t.Fatalf("export, exit code %d:\n%s", code, out)
	}
	server := httptest.NewServer(receiver.New(receiver.Options{}))
	defer server.Close()
	path := filepath.Join(bundle, "manifest.json")
	right, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "\x1b[2J\u009b1A\u202e\r\nbundle: verified, all is well"
	for name, change := range map[string]func(m map[string]any){
		"agent":   func(m map[string]any) { m["agent"] = hostile },
		"sites":   func(m map[string]any) { m["sites"] = []string{hostile} },
		"created": func(m map[string]any) { m["created"] = hostile },
		"file":    func(m map[string]any) { m["files"].([]any)[0].(map[string]any)["name"] = hostile },
		"version": func(m map[string]any) { m["version"] = hostile },
	} {
		var m map[string]any
		if err := json.Unmarshal(right, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"text", "json"} {
			_, out := said(t, []string{"BACKWIRE_LOG_LEVEL=debug", "BACKWIRE_LOG_FORMAT=" + format}, "queue", "import", bundle, "--to", server.URL)
			if strings.ContainsAny(out, "\x1b\u009b\u202e\r") || strings.Contains(out, "\nbundle: verified") || out == "" {
				t.Errorf("%s, %s: %q", name, format, out)
			}
		}
	}
}

// numberedBundles is a queue and what an agent that exports to a stick has made of it: so many bundles, of a cycle each.
func numberedBundles(t *testing.T, n int) (dir, medium string, bundles []string) {
	t.Helper()
	dir, medium = filepath.Join(t.TempDir(), "queue"), t.TempDir()
	q, err := queue.Open(dir, queue.Options{Endpoints: []string{"stick"}})
	if err != nil {
		t.Fatal(err)
	}
	subscription, err := q.Subscribe("stick", true)
	if err != nil {
		t.Fatal(err)
	}
	exporter := bundle.NewExporter(bundle.ExporterConfig{Name: "stick", Queue: dir, Dir: medium, Interval: time.Hour}, subscription, slog.New(slog.DiscardHandler))
	now, cancel := context.WithCancel(t.Context())
	cancel() // what is there is exported at once
	up := source.NewSeries(&source.Metric{Name: "up", Type: source.Gauge}, "", 0)
	for i := range n {
		cycle := source.Cycle{Site: "paris", Batches: []source.Batch{{T: int64(1+i) * 60_000, Samples: []source.Sample{{Series: up, Value: 1}}}}}
		if err := errors.Join(q.Commit(cycle), exporter.Run(now, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(subscription.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	bundles, err = bundle.Bundles(medium)
	if err != nil || len(bundles) != n {
		t.Fatalf("%q, %v", bundles, err)
	}
	return dir, medium, bundles
}

// Bundles of an endpoint that writes to a stick are numbered: one that was left behind is named, the others are sent.
func TestQueueImportNamesAMissingBundle(t *testing.T) {
	dir, medium, bundles := numberedBundles(t, 3)
	r := receiver.New(receiver.Options{})
	server := httptest.NewServer(r)
	defer server.Close()
	if code, out := said(t, nil, "queue", "import", medium, "--to", server.URL); code != exitOK || strings.Contains(out, "missing") {
		t.Errorf("with all bundles, exit code %d:\n%s", code, out)
	}
	r = receiver.New(receiver.Options{})
	server.Config.Handler = r
	if err := os.RemoveAll(bundles[1]); err != nil {
		t.Fatal(err)
	}
	code, out := said(t, nil, "queue", "import", medium, "--to", server.URL)
	if code != exitFailed || !strings.Contains(out, "bundle 2 of ") || !strings.Contains(out, dir+" is missing") {
		t.Errorf("without the second bundle, exit code %d:\n%s", code, out)
	}
	if delivered := held(r); delivered != 2 {
		t.Errorf("%d samples were delivered, want the 2 that are there", delivered)
	}
}
