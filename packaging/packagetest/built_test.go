package packagetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// The two versions that are built.
const (
	oldVersion = "0.9.0"
	newVersion = "0.9.1"
)

// releases is a folder with the packages in old and new, built once, and key.asc, whose other half has signed them.
var releases = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "backwire-releases-")
	if err != nil {
		return "", err
	}
	if err := newKey(dir); err != nil {
		return dir, err
	}
	for name, version := range map[string]string{"old": oldVersion, "new": newVersion} {
		if err := build(dir, name, version, filepath.Join(dir, "secret.asc")); err != nil {
			return dir, err
		}
	}
	return dir, nil
})

// TestMain has all that is temporary in one folder, and deletes it.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "backwire-packagetest-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// newKey makes the pair key.asc and secret.asc.
func newKey(dir string) error {
	const script = `
	export GNUPGHOME=$(mktemp -d)
	gpg --batch --quiet --passphrase '' --quick-generate-key 'backwire tests <tests@backwire.invalid>' rsa3072 sign never
	gpg --batch --armor --export >key.asc
	gpg --batch --armor --export-secret-keys >secret.asc
	gpgconf --kill gpg-agent
	rm -r "$GNUPGHOME"`
	c := exec.Command("sh", "-ec", script)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("make a key: %w\n%s", err, out)
	}
	return nil
}

// build makes the packages of a version into a folder of dir; key signs them, unless it is empty.
func build(dir, name, version, key string) error {
	return makeFiles(dir, name, "packaging/build amd64", "VERSION="+version, "VARIANTS=backwire", "SIGNING_KEY_FILE="+key)
}

// makeFiles runs a script of the project in a copy of the checkout, whose dist is the developer's, and takes what it leaves in dist into a folder
// of dir.
func makeFiles(dir, name, build string, env ...string) error {
	const script = `
	git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar -c --null -T - | tar -x -C "$COPY"
	cd "$COPY"
	$BUILD
	mkdir "$INTO/$NAME"
	find dist -maxdepth 1 -type f -exec mv -t "$INTO/$NAME" {} +`
	copied, err := os.MkdirTemp("", "backwire-checkout-")
	if err != nil {
		return err
	}
	c := exec.Command("sh", "-ec", script)
	c.Dir = filepath.Join("..", "..")
	c.Env = append(os.Environ(), "COPY="+copied, "INTO="+dir, "NAME="+name, "BUILD="+build, "SOURCE_DATE_EPOCH=1750000000")
	c.Env = append(c.Env, env...)
	if out, buildErr := c.CombinedOutput(); buildErr != nil {
		err = fmt.Errorf("%s: %w\n%s", build, buildErr, out)
	}
	return errors.Join(err, os.RemoveAll(copied))
}

// packages returns the folder of the built ones.
func packages(t *testing.T) string {
	t.Helper()
	dir, err := releases()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Two builds of one state are the same to the bit, wherever they are made; a signature has a time of its own.
func TestBuildsAreTheSameToTheBit(t *testing.T) {
	bounded(t, "sha256sum")
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := build(dir, name, oldVersion, ""); err != nil {
			t.Fatal(err)
		}
	}
	const hash = `cd "$1" && sha256sum *`
	if one, two := command(t, "sh", "-ec", hash, "sh", dir+"/one"), command(t, "sh", "-ec", hash, "sh", dir+"/two"); one != two {
		t.Errorf("%s\n%s", one, two)
	}
}

// built is the one file of that folder that a pattern means.
func built(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(packages(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v %v", pattern, found, err)
	}
	return found[0]
}
