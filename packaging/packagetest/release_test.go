package packagetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A release of a tagged commit: all of its files are signed for, the document's block verifies them, the version is the tag's in each, and a file
// that was changed is found out.
func TestReleaseIsWhole(t *testing.T) {
	full(t, "it builds packages and an image once more", "gpg", "dpkg-deb")
	dir := t.TempDir()
	command(t, "sh", "-ec", `cd ../..; git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar -c --null -T - | tar -x -C "$1"
		cd "$1"
		sed -i '0,/^## .*/s||## 0.9.9 / 2026-01-31|' CHANGELOG.md
		export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t.invalid GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t.invalid
		git init -q && git add . && git commit -qm release && git tag v0.9.9`, "sh", dir)
	command(t, "env", "VARIANTS=backwire", "SIGNING_KEY_FILE="+filepath.Join(packages(t), "secret.asc"), dir+"/packaging/release", "amd64")
	dist := filepath.Join(dir, "dist")
	want := []string{
		"SHA256SUMS", "SHA256SUMS.asc", "backwire-0.9.9-1.x86_64.rpm", "backwire_0.9.9-1_amd64.deb", "backwire_0.9.9_amd64.cdx.json",
		"backwire_0.9.9_amd64.oci.tar", "release-notes.md",
	}
	if found := strings.Fields(command(t, "find", dist, "-maxdepth", "1", "-type", "f", "-printf", "%f\n")); !slices.Equal(slices.Sorted(slices.Values(found)), want) {
		t.Errorf("the release has %q", found)
	}
	if version := command(t, filepath.Join(dist, "backwire-amd64/backwire"), "version"); !strings.Contains(version, "backwire v0.9.9 (") {
		t.Errorf("the program says %q", version)
	}
	if notes, err := os.ReadFile(filepath.Join(dist, "release-notes.md")); err != nil || !strings.HasPrefix(string(notes), "* [CHANGE] ") || strings.Contains(string(notes), "\n## ") {
		t.Errorf("%v, the notes are %.300s", err, notes)
	}
	const verify = `export GNUPGHOME=$(mktemp -d)
		gpg --batch --quiet --import "$1"
		cd "$2" && eval "$3"`
	block := blocks(t, "../../SECURITY.md")["verify a release"]
	out := command(t, "sh", "-ec", verify, "sh", filepath.Join(packages(t), "key.asc"), dist, block)
	if strings.Count(out, ": OK") != len(want)-2 {
		t.Errorf("verified is\n%s", out)
	}
	change(t, filepath.Join(dist, "release-notes.md"), "[CHANGE]", "[CHANGED]")
	changed := exec.Command("sh", "-ec", verify, "sh", filepath.Join(packages(t), "key.asc"), dist, block)
	if out, err := changed.CombinedOutput(); err == nil || !strings.Contains(string(out), "release-notes.md: FAILED") {
		t.Errorf("a changed file: %v\n%s", err, out)
	}
}
