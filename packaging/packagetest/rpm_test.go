package packagetest

import (
	"strings"
	"testing"
)

// rpmTree is bookworm with dnf. In its rpm database is what Debian has in another one.
var rpmTree = tree{suite: "bookworm", extra: []string{"dnf", "rpm", "createrepo-c", "curl"}, setup: `
cat >/root/debian.spec <<'END'
Name: debian
Version: 12
Release: 1
Summary: What Debian's own packages provide
License: none
BuildArch: noarch
Provides: /bin/sh
Provides: shadow-utils
%description
%files
END
rpmbuild -bb --quiet --define '_rpmdir /root' /root/debian.spec
rpm -i --nodeps /root/noarch/debian-12-1.noarch.rpm
mkdir -p /root/repository /etc/yum.repos.d /usr/lib/systemd/system-preset
echo 'disable *' >/usr/lib/systemd/system-preset/99-default-disable.preset # as RHEL and SLES have it
cat >/etc/yum.repos.d/local.repo <<'END'
[local]
name=local
baseurl=file:///root/repository
gpgcheck=1
gpgkey=file:///packages/key.asc
metadata_expire=0
END`}

// The life of the rpm, from a signed repository to the erasure.
func TestRPMLivesAndGoes(t *testing.T) {
	bounded(t, containerTools...)
	c := boot(t, rpmTree, packages(t))
	publish(c.system, "old")
	rpmRefusesUnsigned(c.system)
	rpmInstalls(c.system)

	site := newSite(t, "127.0.0.1")
	site.configure(c.system)
	c.run("systemctl enable --now backwire")
	site.settle(t)
	rpmUpgrades(c, site)
	c.keepsState("dnf -y downgrade backwire", "dnf -y upgrade backwire")
	rpmErases(c.system)
}

// publish puts a version into the local repository.
func publish(s *system, version string) {
	s.t.Helper()
	s.run("cp /packages/" + version + "/*.rpm /root/repository/ && createrepo_c -q /root/repository")
}

// rpmRefusesUnsigned shows that the repository's gpgcheck means something.
func rpmRefusesUnsigned(s *system) {
	s.t.Helper()
	s.run("cp -r /root/repository /root/signed && rpmsign --delsign /root/repository/*.rpm && createrepo_c -q /root/repository")
	if out := s.refuse("dnf -y install backwire"); !strings.Contains(out, "not signed") {
		s.t.Errorf("dnf refused an unsigned package for another reason:\n%s", out)
	}
	s.run("rm -r /root/repository && mv /root/signed /root/repository && dnf -q clean all")
}

func rpmInstalls(s *system) {
	s.t.Helper()
	s.isNew(s.run("dnf -y install backwire"))
	s.run("rpm -K /root/repository/*.rpm")
	s.says("rpm -V backwire", "")
}

// rpmUpgrades keeps the configuration and the queue, and restarts what ran.
func rpmUpgrades(c *container, site *site) {
	c.t.Helper()
	const settings = "sha256sum /etc/backwire/*"
	before, pid := c.run(settings), c.property("MainPID")
	site.down(true)
	site.work()
	c.commits()
	committed := c.committed()
	publish(c.system, "new")
	c.run("dnf -y upgrade backwire")
	c.says("rpm -q --qf '%{VERSION}' backwire", newVersion)
	c.says(settings, strings.TrimSpace(before))
	c.says("rpm -V backwire | grep -v ' c /etc/backwire/backwire.env$'", "")
	c.state("active enabled")
	if c.property("MainPID") == pid {
		c.t.Error("the upgrade did not restart the service that ran")
	}
	site.down(false)
	site.whole(c.t, committed)
	site.settle(c.t)
}

// rpmErases the package; queue and user stay, and the configuration as rpm keeps one that was edited.
func rpmErases(s *system) {
	s.t.Helper()
	s.run("dnf -y remove backwire")
	s.says("systemctl is-active backwire", "inactive")
	s.says("ls -d /usr/bin/backwire /usr/lib/systemd/system/backwire.service /etc/systemd/system/*/backwire.service 2>/dev/null", "")
	s.run("grep -q NETBACKUP_URL=https /etc/backwire/backwire.env.rpmsave && ls /var/lib/backwire/* && getent passwd backwire")
}
