package config_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"backwire/agent/config"
)

var update = flag.Bool("update", false, "write what is made from the code: the reference page and the env file")

const (
	referencePage = "../../docs/configuration.md"
	envTemplate   = "../../packaging/backwire.env"
)

// What is written about the settings comes from the settings.
func TestReferenceIsCurrent(t *testing.T) {
	for path, want := range map[string]string{referencePage: reference(), envTemplate: template()} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not current: go test ./agent/config -run Reference -update", path)
		}
	}
}

// The env file as it is installed sets nothing and can be read.
func TestEnvTemplateIsReadable(t *testing.T) {
	assignments, err := config.ReadEnvFile(envTemplate)
	if err != nil || len(assignments) != 0 {
		t.Errorf("got %v, %v, want no assignment", assignments, err)
	}
}

func reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Settings are environment variables. backwire also reads them from an env file in the syntax of systemd's EnvironmentFile:
` + "`/etc/backwire/backwire.env`" + `, or the file that ` + "`--env-file`" + ` names. An environment variable overrides the file.
` + "`backwire check`" + ` tests the settings, ` + "`backwire reload`" + ` applies them to the running agent.

Every secret can be in a file, which is read again when it changes. A file name without a path is also looked up in
` + "`$CREDENTIALS_DIRECTORY`" + `. Write durations as ` + "`90s`, `5m`, `24h` or `7d`" + `, sizes as ` + "`512MiB` or `2GiB`" + `.

With several primary servers, list their names in ` + "`BACKWIRE_NETBACKUP_SITES=paris,lyon`" + `. Each site then has its own settings,
such as ` + "`BACKWIRE_NETBACKUP_PARIS_URL`" + `. A setting without a site name applies to every site. Endpoints work the same way, with
` + "`BACKWIRE_REMOTE_WRITE_ENDPOINTS`" + `.

| variable | default | meaning |
|---|---|---|
`)
	for _, v := range config.Describe() {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, value, strings.ReplaceAll(v.Description, "|", `\|`))
	}
	return b.String()
}

func template() string {
	var b strings.Builder
	b.WriteString(`# Settings of backwire, in the syntax of systemd's EnvironmentFile. Put comments on lines of their own.
# After a change, run backwire check, then systemctl reload backwire.
`)
	for _, v := range config.Describe() {
		fmt.Fprintf(&b, "\n# %s\n#%s=%s\n", v.Description, v.Name, v.Default)
	}
	return b.String()
}
