package agent

import (
	"testing"

	"backwire/agent/config"
)

// canary is a credential that nothing may show.
const canary = "canary-4711"

// minimal are the settings of one site; more follow and win.
func minimal(more ...string) []string {
	return append([]string{"BACKWIRE_NETBACKUP_URL=https://primary.example:1556/netbackup", "BACKWIRE_NETBACKUP_API_KEY=" + canary}, more...)
}

func mustLoad(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	loaded, err := LoadConfig(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}
