package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func withKeyFile(path string, more ...string) []string {
	return append([]string{
		"BACKWIRE_NETBACKUP_URL=https://primary.example:1556/netbackup",
		"BACKWIRE_NETBACKUP_API_KEY_FILE=" + path,
		"BACKWIRE_REMOTE_WRITE_URL=https://m.example",
	}, more...)
}

func TestSecretFileIsReadAnewEachTime(t *testing.T) {
	t.Parallel()
	path := writeSecret(t, "api-key", "first\r\n", 0o600)
	site := mustLoad(t, withKeyFile(path)...).Sites[0]
	read := Credential(site.APIKey, site.APIKeyFile)
	if secret, err := read(); err != nil || secret != "first" {
		t.Fatalf("read %q, %v", secret, err)
	}
	if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if secret, err := read(); err != nil || secret != "second" {
		t.Errorf("after rotation read %q, %v", secret, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("after removal: %v", err)
	}
}

func TestSecretFileInCredentialsDirectory(t *testing.T) {
	t.Parallel()
	path := writeSecret(t, "api-key", canary, 0o600)
	directory := "CREDENTIALS_DIRECTORY=" + filepath.Dir(path)
	for _, named := range []string{"api-key", "/etc/backwire/api-key"} {
		if got := mustLoad(t, withKeyFile(named, directory)...).Sites[0].APIKeyFile; string(got) != path {
			t.Errorf("%s resolved to %s, want %s", named, got, path)
		}
	}
	other := writeSecret(t, "api-key", "absolute", 0o600)
	if got := mustLoad(t, withKeyFile(other, directory)...).Sites[0].APIKeyFile; string(got) != other {
		t.Errorf("an absolute path that is there resolved to %s", got)
	}
}

func TestSecretFileRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ path, expected string }{
		"missing":   {"/nowhere/api-key", "no such file"},
		"directory": {t.TempDir(), "is not a file"},
		"empty":     {writeSecret(t, "empty", "\n", 0o600), "is empty"},
		"too large": {writeSecret(t, "large", strings.Repeat(canary, 10000), 0o600), "larger than 64 KiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, problemsOf(t, withKeyFile(c.path)...), "BACKWIRE_NETBACKUP_API_KEY_FILE", c.path, c.expected)
		})
	}
}

func TestSecretFileOpenToAllIsAWarning(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o604: 1} {
		warnings := mustLoad(t, withKeyFile(writeSecret(t, "api-key", canary, mode))...).Warnings
		if len(warnings) != want {
			t.Errorf("mode %o: warnings %v", mode, warnings)
		}
		if want > 0 && (!strings.Contains(warnings[0], "every user") || strings.Contains(warnings[0], canary)) {
			t.Errorf("mode %o: warning %q", mode, warnings[0])
		}
	}
}

func TestSecretZeroValue(t *testing.T) {
	t.Parallel()
	var s Secret
	if s.Set() || s.Reveal() != "" || s.String() != "" {
		t.Errorf("zero secret: %v %q %q", s.Set(), s.Reveal(), s.String())
	}
}
