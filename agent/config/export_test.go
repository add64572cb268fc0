package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An endpoint may be a directory. What would do nothing there, or nothing elsewhere, is refused.
func TestExportTarget(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, minimal("BACKWIRE_REMOTE_WRITE_URL=file:///media/stick/out/", "BACKWIRE_REMOTE_WRITE_EXPORT_INTERVAL=15m",
		"BACKWIRE_REMOTE_WRITE_START=oldest", "BACKWIRE_REMOTE_WRITE_SIGNING_KEY_FILE="+key)...)
	e := &c.Endpoints[0]
	if e.URL.Dir() != "/media/stick/out" || time.Duration(e.ExportInterval) != 15*time.Minute || e.Start != "oldest" || string(e.SigningKeyFile) != key {
		t.Errorf("got %+v", e)
	}
	for name, environ := range map[string][]string{
		"BACKWIRE_REMOTE_WRITE_TENANT":           {"BACKWIRE_REMOTE_WRITE_URL=file:///media/out", "BACKWIRE_REMOTE_WRITE_TENANT=a"},
		"BACKWIRE_REMOTE_WRITE_KEEP":             {"BACKWIRE_REMOTE_WRITE_URL=file:///media/out", "BACKWIRE_REMOTE_WRITE_KEEP=nbu_.*"},
		"BACKWIRE_REMOTE_WRITE_SIGNING_KEY_FILE": {"BACKWIRE_REMOTE_WRITE_URL=https://r.example", "BACKWIRE_REMOTE_WRITE_SIGNING_KEY_FILE=" + key},
		"BACKWIRE_REMOTE_WRITE_EXPORT_INTERVAL":  {"BACKWIRE_REMOTE_WRITE_URL=https://r.example", "BACKWIRE_REMOTE_WRITE_EXPORT_INTERVAL=2h"},
		"BACKWIRE_REMOTE_WRITE_START":            {"BACKWIRE_REMOTE_WRITE_URL=https://r.example", "BACKWIRE_REMOTE_WRITE_START=middle"},
		"BACKWIRE_REMOTE_WRITE_URL":              {"BACKWIRE_REMOTE_WRITE_URL=file://media/out"},
	} {
		wantProblem(t, problemsOf(t, minimal(environ...)...), name)
	}
	for _, wrong := range []string{"file:media/out", "file:///out?x=1", "file://"} {
		wantProblem(t, problemsOf(t, minimal("BACKWIRE_REMOTE_WRITE_URL="+wrong)...), "file:///media/stick/out")
	}
	if got := mustLoad(t, minimal("BACKWIRE_REMOTE_WRITE_URL=https://r.example")...).Endpoints[0]; got.Start != "newest" || got.URL.Dir() != "" {
		t.Errorf("got %+v", got)
	}
}

// What all endpoints share does not speak against one that exports.
func TestExportBesideReceivers(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,stick", "BACKWIRE_REMOTE_WRITE_TENANT=backup",
		"BACKWIRE_REMOTE_WRITE_CLOUD_URL=https://r.example", "BACKWIRE_REMOTE_WRITE_STICK_URL=file:///media/out")...)
	if c.Endpoints[0].Tenant != "backup" || c.Endpoints[1].URL.Dir() != "/media/out" {
		t.Errorf("got %+v", c.Endpoints)
	}
}
