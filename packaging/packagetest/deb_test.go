package packagetest

import (
	"strings"
	"testing"

	"backwire/remotewrite/queue"
)

// What an administrator types.
const (
	install   = "apt-get install -y /packages/old/*.deb"
	upgrade   = "apt-get install -y /packages/new/*.deb"
	downgrade = "apt-get install -y --allow-downgrades /packages/old/*.deb"
)

func TestDebLivesAndGoesOnBookworm(t *testing.T) {
	bounded(t, containerTools...)
	testDeb(t, bookworm)
}

func TestDebLivesAndGoesOnBullseye(t *testing.T) {
	full(t, "a second system takes a minute", containerTools...)
	testDeb(t, bullseye)
}

func TestDebLivesAndGoesOnTrixie(t *testing.T) {
	full(t, "a second system takes a minute", containerTools...)
	testDeb(t, trixie)
}

// testDeb is the life of a package on one system, from the first install to the purge.
func testDeb(t *testing.T, s tree) {
	c := boot(t, s, packages(t))
	t.Log(strings.TrimSpace(c.run("systemctl --version | head -1")))
	debInstalls(c.system)

	site := newSite(t, "127.0.0.1")
	site.configure(c.system)
	c.run("systemctl enable --now backwire")
	c.state("active enabled")
	site.settle(t)

	debReloads(c.system, site)
	debUpgrades(c, site)
	c.keepsState(upgrade, downgrade)
	debRemoves(c, site)
	debPurges(c.system)
}

// debInstalls offline and leaves a service that waits for its configuration.
func debInstalls(s *system) {
	s.t.Helper()
	s.run(`echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >/etc/apt/apt.conf.d/offline`) // where nobody listens
	s.isNew(s.run(install))
	s.says("getent passwd backwire | cut -d: -f6,7", "/var/lib/backwire:/usr/sbin/nologin")
}

// debReloads takes a right configuration over without a restart, and refuses a wrong one.
func debReloads(s *system, site *site) {
	s.t.Helper()
	pid := s.property("MainPID")
	s.run("echo BACKWIRE_EXTERNAL_LABELS=floor:third >>/etc/backwire/backwire.env && systemctl reload backwire")
	site.floor = "third"
	site.settle(s.t)

	s.run("cp /etc/backwire/backwire.env /root && echo BACKWIRE_INTERVALL=5s >>/etc/backwire/backwire.env")
	s.refuse("systemctl reload backwire")
	s.run("mv /root/backwire.env /etc/backwire/ && chgrp backwire /etc/backwire/backwire.env")
	s.state("active enabled")
	if now := s.property("MainPID"); now != pid {
		s.t.Errorf("the reload has made process %s of process %s", now, pid)
	}
	site.flows(s.t)
}

// debUpgrades there and back, with a queue that the receiver has not taken.
func debUpgrades(c *container, site *site) {
	c.t.Helper()
	const settings = "sha256sum /etc/backwire/*"
	before := c.run(settings)
	site.down(true)
	site.work()
	for _, step := range []struct{ command, version string }{{upgrade, newVersion}, {downgrade, oldVersion}} {
		pid, committed := c.property("MainPID"), c.committed()
		c.run(step.command)
		c.says("dpkg-query -W -f '${source:Upstream-Version}' backwire", step.version)
		c.says(settings, strings.TrimSpace(before))
		c.state("active enabled")
		if c.property("MainPID") == pid {
			c.t.Errorf("%s did not restart the service that ran", step.command)
		}
		if now := c.committed(); now < committed {
			c.t.Errorf("%s left %d of %d samples in the queue", step.command, now, committed)
		}
	}
	committed := c.committed()
	site.down(false)
	site.whole(c.t, committed)
	site.settle(c.t)
}

// debRemoves the package and installs it again: what it knew is still there.
func debRemoves(c *container, site *site) {
	c.t.Helper()
	site.work()
	site.flows(c.t)
	committed := c.committed()
	c.run("apt-get remove -y backwire")
	if active, _ := c.shell("systemctl is-active backwire"); strings.TrimSpace(active) != "inactive" {
		c.t.Errorf("after the removal the service is %s", active)
	}
	c.says("ls /usr/bin/backwire /usr/lib/systemd/system/backwire.service 2>/dev/null", "")
	c.run("grep -q floor:third /etc/backwire/backwire.env")
	if left := c.committed(); left < committed {
		c.t.Errorf("the removal left %d of %d samples", left, committed)
	}
	c.run(install)
	c.run("grep -q floor:third /etc/backwire/backwire.env")
	c.says("systemctl is-active backwire", "inactive")
	c.run("systemctl enable --now backwire")
	site.settle(c.t)
}

// debPurges deletes all but the user.
func debPurges(s *system) {
	s.t.Helper()
	s.run("apt-get purge -y backwire")
	s.says("ls -d /var/lib/backwire /etc/backwire /etc/systemd/system/*/backwire.service /var/lib/systemd/deb-systemd-helper-*/backwire* 2>/dev/null", "")
	s.run("getent passwd backwire && getent group backwire")
	s.says("systemctl show backwire -p LoadState", "LoadState=not-found")
}

// committed is how many samples are in the queue.
func (c *container) committed() uint64 {
	c.t.Helper()
	found, err := queue.Verify(c.t.Context(), c.path("/var/lib/backwire"), func(int64, int64) {})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(found.Damages) > 0 {
		c.t.Errorf("the queue is damaged: %v", found.Damages)
	}
	var n uint64
	for _, s := range found.Segments {
		n += s.Samples
	}
	return n
}
