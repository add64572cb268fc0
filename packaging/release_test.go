package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// make release refuses what is not the state of a tag, before it builds anything. Whole releases are made by packagetest.
func TestReleaseRefuses(t *testing.T) {
	dir := t.TempDir()
	in := func(script string) (string, error) {
		c := exec.Command("sh", "-ec", script)
		c.Dir = dir
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "SIGNING_KEY_FILE=",
			"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@t.invalid", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@t.invalid")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if err := os.Mkdir(filepath.Join(dir, "packaging"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"release", "common"} {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "packaging", name), b, 0o700) //nolint:gosec // a script
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct{ change, want string }{
		{"git init -q; printf '## master / unreleased\n' >CHANGELOG.md; git add .; git commit -qm one", "no tag vX.Y.Z is on this commit"},
		{"git tag -a -m one v1.2.3", "the tag is v1.2.3, the first heading of CHANGELOG.md is master"},
		{"printf '## 1.2.3 / 2026-01-31\n' >CHANGELOG.md", "the tree has changes that no commit has:\n M CHANGELOG.md"},
		{"git commit -qam two", "no tag vX.Y.Z is on this commit"},
		{"git tag v1.2.4", "the tag is v1.2.4, the first heading of CHANGELOG.md is 1.2.3"},
		{"git tag -d v1.2.4; git tag -f v1.2.3; touch stray", "the tree has changes that no commit has:\n?? stray"},
		{"rm stray", "a release is signed: set SIGNING_KEY_FILE"},
	} {
		if out, err := in(step.change); err != nil {
			t.Fatalf("%s: %v\n%s", step.change, err, out)
		}
		if out, err := in("packaging/release"); err == nil || !strings.Contains(out, step.want) {
			t.Errorf("after %q: %v, want %q in\n%s", step.change, err, step.want, out)
		}
	}
}
