package packagetest

import (
	"path/filepath"
	"strings"
	"testing"
)

// The unit as systemd judges it: no word of complaint, and an exposure of at most 1.3 of 10.
func TestUnitIsSound(t *testing.T) {
	bounded(t, containerTools...)
	c := boot(t, bookworm, packages(t))
	c.run(install)
	c.says("systemd-analyze verify --man=no backwire.service", "")
	out := c.run("systemd-analyze security --offline=true --threshold=13 --no-pager backwire.service")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	t.Log(lines[len(lines)-1])
}

// What the distributions' own tools say, with the overrides that the packages carry and packaging/lint holds.
func TestPackagesAreClean(t *testing.T) {
	bounded(t, "gpg", "lintian", "rpmlint", "rpmsign")
	// The signature is where debsigs puts it and debsig-verify looks for it; lintian would have it elsewhere.
	const signed = "misplaced-extra-member-in-deb"
	deb := built(t, "new/*.deb")
	if out := command(t, "lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", signed, deb); out != "" {
		t.Error(out)
	}
	// rpmlint knows no key of a test.
	rpm := filepath.Join(t.TempDir(), filepath.Base(built(t, "new/*.rpm")))
	command(t, "cp", built(t, "new/*.rpm"), rpm)
	command(t, "rpmsign", "--delsign", rpm)
	out := command(t, "rpmlint", "--config", filepath.Join("..", "lint", "rpmlint.toml"), rpm)
	if !strings.Contains(out, " 0 errors, 0 warnings") {
		t.Error(out)
	}
}

// An install, a removal and a purge leave a system as it was.
func TestDebLeavesNothingBehind(t *testing.T) {
	bounded(t, "debootstrap", "gpg", "piuparts")
	command(t, "piuparts", "--distribution", bookworm.suite, "--mirror", mirror(t)+" main", "--existing-chroot", bookworm.folder(t),
		"--no-eatmydata", built(t, "new/*.deb"))
}
