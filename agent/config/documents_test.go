package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeBlock  = regexp.MustCompile("(?ms)^ *```[a-z]*\n(.*?)^ *```")
	settings   = regexp.MustCompile(`(?m)^ *(#.*|BACKWIRE_[A-Z0-9_]+=.*)$`)
	secretFile = regexp.MustCompile(`/etc/backwire/[a-z.-]+`)
)

// TestBlocksOfDocumentsLoad copies each block of settings out of the documents into an env file, as a person does, and loads it. Files that
// it names are there.
func TestBlocksOfDocumentsLoad(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			lines := slices.DeleteFunc(settings.FindAllString(block[1], -1), func(line string) bool { return strings.Contains(line, " backwire ") })
			if !strings.Contains(strings.Join(lines, "\n"), "BACKWIRE_") {
				continue
			}
			blocks++
			dir := t.TempDir()
			env := strings.ReplaceAll(strings.Join(lines, "\n"), "=…", "=https://mimir.example/api/v1/push")
			env = secretFile.ReplaceAllStringFunc(env, func(path string) string {
				path = filepath.Join(dir, filepath.Base(path))
				if err := os.WriteFile(path, []byte(canary), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			})
			wantLoaded(t, page, filepath.Join(dir, "backwire.env"), env)
		}
	}
	if blocks < 9 {
		t.Errorf("%d blocks were found", blocks)
	}
}

func wantLoaded(t *testing.T, page, path, env string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := ReadEnvFile(path)
	if err != nil {
		t.Errorf("%s: %v\n%s", page, err, env)
		return
	}
	var missing []string // what the block leaves to the one that the page shows before
	if !strings.Contains(env, "BACKWIRE_NETBACKUP_URL=") {
		missing = minimal()
	}
	if !strings.Contains(env, "_URL=") {
		missing = append(missing, "BACKWIRE_REMOTE_WRITE_URL=https://mimir.example/api/v1/push")
	}
	c, err := load(missing, file)
	if err != nil {
		t.Errorf("%s: %v\n%s", page, err, env)
		return
	}
	if len(c.Warnings) > 0 {
		t.Errorf("%s warns %q\n%s", page, c.Warnings, env)
	}
}

// The settings of the Kubernetes example load as its container gives them: as environment, with the files of the secret.
func TestKubernetesExampleLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../packaging/kubernetes/backwire.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var environ []string
	for _, m := range regexp.MustCompile(`- \{name: (BACKWIRE_\w+), value: "?(.*?)"?\}`).FindAllStringSubmatch(string(text), -1) {
		if name, found := strings.CutPrefix(m[2], "/etc/backwire/"); found {
			if !strings.Contains(string(text), "--from-file="+name) {
				t.Errorf("the secret has no %s", name)
			}
			m[2] = filepath.Join(dir, name)
			if err := os.WriteFile(m[2], []byte(canary), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		environ = append(environ, m[1]+"="+m[2])
	}
	if len(environ) < 6 || len(environ) != strings.Count(string(text), "name: BACKWIRE_") {
		t.Errorf("%q was found", environ)
	}
	c, err := load(environ, nil)
	if err != nil || len(c.Warnings) > 0 {
		t.Errorf("%v, %+v", err, c)
	}
}

// The settings of the Ansible example load as the role writes them.
func TestAnsibleExampleLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../packaging/ansible/example.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var environ []string
	for _, m := range regexp.MustCompile(`(?m)^ +([A-Z0-9_]+): (.+)$`).FindAllStringSubmatch(string(text), -1) {
		if name, found := strings.CutPrefix(m[2], "/etc/backwire/"); found {
			if name != "netbackup-ca.pem" && !strings.Contains(string(text), name+": \"{{") {
				t.Errorf("the example has no secret %s", name)
			}
			m[2] = filepath.Join(dir, name)
			if err := os.WriteFile(m[2], []byte(canary), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		environ = append(environ, "BACKWIRE_"+m[1]+"="+m[2])
	}
	c, err := load(environ, nil)
	if len(environ) < 5 || err != nil || len(c.Warnings) > 0 {
		t.Errorf("%q: %v, %+v", environ, err, c)
	}
}
