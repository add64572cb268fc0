package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A value is completed to what the flag takes. The directives are those of cobra's protocol with a shell: 0 files, 4 nothing else, 16 directories.
func TestFlagValuesAreCompleted(t *testing.T) {
	t.Parallel()
	s := &stand{dir: t.TempDir(), settings: map[string]string{
		"NETBACKUP_SITES": "paris,lyon", "NETBACKUP_LYON_SITE": "Lyon HQ", "REMOTE_WRITE_ENDPOINTS": "cloud,local",
		"INTERVAL": "wrong", // what else is wrong does not matter
	}}
	for line, want := range map[string]string{
		"status --site":             "paris Lyon HQ :4",
		"status --user":             ":4",
		"status --password-file":    ":0",
		"trust --site":              "paris lyon :4",
		"trust --fingerprint":       ":4",
		"trust --ca-file":           ":0",
		"support-bundle --output":   ":0",
		"queue export --to":         ":16",
		"queue export --endpoint":   "cloud local :4",
		"queue export --since":      "24h 7d 8d 31d :4",
		"queue export --key":        ":0",
		"queue import":              ":16",
		"queue import --to":         ":4",
		"queue import --rejected":   ":16",
		"queue rejected --endpoint": "cloud local :4",
		"check --env-file":          ":0",
	} {
		code, stdout, _ := s.execute(t, append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		if got := strings.Join(strings.Fields(stdout), " "); code != exitOK || got != want {
			t.Errorf("%s completes to %q, exit code %d, want %q", line, got, code, want)
		}
	}
	s.settings = map[string]string{"NETBACKUP_URL": "https://primary.example:1556/netbackup"}
	if _, stdout, _ := s.execute(t, "__complete", "status", "--site", ""); !strings.Contains(stdout, "primary.example\n") {
		t.Errorf("the only site completes to %q", stdout)
	}
}

// No flag that takes a value is left to the shell's guess.
func TestEachFlagSaysWhatItTakes(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, found := cmd.GetFlagCompletionFunc(f.Name); !found && f.NoOptDefVal == "" {
				t.Errorf("%s --%s", cmd.CommandPath(), f.Name)
			}
		})
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(newRoot(&shell{}))
}
