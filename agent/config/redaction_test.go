package config

import (
	"slices"
	"strings"
	"testing"
)

func TestShowHidesSecretsAndWhatIsUnknown(t *testing.T) {
	t.Parallel()
	file := []Assignment{{Name: "BACKWIRE_INTERVAL", Value: "30s", Origin: "backwire.env:1"}}
	shown := Show([]string{
		"HOME=/root",
		"BACKWIRE_NETBACKUP_SITES=paris",
		"BACKWIRE_NETBACKUP_PARIS_PASSWORD=" + canary,
		"BACKWIRE_NETBACKUP_PASSWORD_FILE=/etc/backwire/password",
		"BACKWIRE_NETBACKUP_PASWORD=" + canary,
		"BACKWIRE_NETBACKUP_URL=https://user:" + canary + "@p.example/?token=" + canary,
		"BACKWIRE_REMOTE_WRITE_HEADERS=X-Key:" + canary,
		"BACKWIRE_REMOTE_WRITE_OAUTH2_PARAMS=client_assertion:" + canary,
		"BACKWIRE_REMOTE_WRITE_PROXY_URL=http://user:" + canary + "@proxy.example",
	}, file)
	want := []Shown{
		{"BACKWIRE_INTERVAL", "30s", "backwire.env:1"},
		{"BACKWIRE_NETBACKUP_PARIS_PASSWORD", redacted, ""},
		{"BACKWIRE_NETBACKUP_PASSWORD_FILE", "/etc/backwire/password", ""},
		{"BACKWIRE_NETBACKUP_PASWORD", redacted, ""},
		{"BACKWIRE_NETBACKUP_SITES", "paris", ""},
		{"BACKWIRE_NETBACKUP_URL", "https://***@p.example/?***", ""},
		{"BACKWIRE_REMOTE_WRITE_HEADERS", redacted, ""},
		{"BACKWIRE_REMOTE_WRITE_OAUTH2_PARAMS", redacted, ""},
		{"BACKWIRE_REMOTE_WRITE_PROXY_URL", "http://***@proxy.example", ""},
	}
	if !slices.Equal(shown, want) {
		t.Errorf("got  %v\nwant %v", shown, want)
	}
}

func TestSecretsAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	secrets := Secrets([]string{
		"BACKWIRE_INTERVAL=not-a-secret",
		"BACKWIRE_NETBACKUP_API_KEY=direct-secret",
		"BACKWIRE_NETBACKUP_PASSWORD_FILE=" + writeSecret(t, "password", "file-secret\n", 0o600),
		"BACKWIRE_NETBACKUP_CA_FILE=" + writeSecret(t, "ca", "not-a-secret", 0o600),
		"BACKWIRE_NETBACKUP_PASWORD=mistyped-secret",
		"BACKWIRE_REMOTE_WRITE_HEADERS=X-Key:header-secret,X-Other:other-secret",
		"BACKWIRE_REMOTE_WRITE_URL=https://m.example/push?token=query-secret",
		"BACKWIRE_REMOTE_WRITE_PROXY_URL=http://user:proxy-secret@proxy.example",
	}, nil)
	for _, want := range []string{
		"direct-secret", "file-secret", "mistyped-secret", "header-secret", "other-secret", "query-secret", "proxy-secret",
	} {
		if !slices.Contains(secrets, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if slices.Contains(secrets, "not-a-secret") {
		t.Errorf("got %v", secrets)
	}
}

// Who writes the secret itself where its file is expected must not find it in the log.
func TestSecretInsteadOfItsFileIsNotShown(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, withKeyFile(canary)...)
	wantProblem(t, problems, "BACKWIRE_NETBACKUP_API_KEY_FILE", "not the secret itself")
	if strings.Contains(problems.Error(), canary) {
		t.Errorf("shown: %v", problems)
	}
}
