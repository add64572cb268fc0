package packagetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree is an installed Debian: a folder with all its files.
type tree struct {
	suite string
	extra []string // packages beside systemd
	setup string   // shell script run in it at last
}

// The systems the packages are tried on, by the version of systemd.
var (
	bullseye = tree{suite: "bullseye"} // 247
	bookworm = tree{suite: "bookworm"} // 252
	trixie   = tree{suite: "trixie"}   // 257
)

// folder is where the tree is, made by debootstrap on first use.
func (s tree) folder(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "backwire-packagetest")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock := lock(t, filepath.Join(cache, "lock"))
	defer unlock()
	return s.made(t, cache)
}

// made returns the folder below the cache. Its name is the recipe, so that another one makes another tree.
func (s tree) made(t *testing.T, cache string) string {
	t.Helper()
	recipe := sha256.Sum256(fmt.Append(nil, s))
	folder := filepath.Join(cache, fmt.Sprintf("%s-%x", s.suite, recipe[:4]))
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return folder
	}
	partial := folder + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		t.Fatal(err)
	}
	if len(s.extra) == 0 && s.setup == "" {
		s.bootstrap(t, partial)
	} else {
		s.extend(t, tree{suite: s.suite}.made(t, cache), partial)
	}
	if err := os.Rename(partial, folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

func (s tree) bootstrap(t *testing.T, folder string) {
	t.Helper()
	command(t, "debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", s.suite, folder, mirror(t))
}

// extend installs more into a copy of the plain tree.
func (s tree) extend(t *testing.T, plain, folder string) {
	t.Helper()
	command(t, "cp", "-a", plain, folder)
	install := "export DEBIAN_FRONTEND=noninteractive; apt-get install -qq -y --no-install-recommends " + strings.Join(s.extra, " ")
	// The TMPDIR of the tests is not there inside.
	command(t, "env", "-u", "TMPDIR", "chroot", folder, "sh", "-ec", install+"\n"+s.setup)
}

// mirror is where the host's apt gets its own packages from.
func mirror(t *testing.T) string {
	t.Helper()
	out := command(t, "apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)", "Created-By: Packages")
	codename := strings.TrimSpace(command(t, "sh", "-c", `. /etc/os-release && echo "$VERSION_CODENAME"`))
	for line := range strings.Lines(out) {
		if uri, ok := strings.CutPrefix(strings.TrimSpace(line), "Debian main "+codename+" "); ok {
			return uri
		}
	}
	t.Fatalf("apt's sources name no mirror of %s (is apt-get update to be run?):\n%s", codename, out)
	return ""
}

// lock keeps a second run on the same machine waiting.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock %s: %v", path, err)
	}
	return func() { f.Close() }
}

// command runs a program of the host and returns its output.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(c.Args, " "), err, out, errs.Bytes())
	}
	return string(out)
}
