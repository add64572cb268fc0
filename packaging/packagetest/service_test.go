package packagetest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The faults of a running service, one after the other on one system.
func TestServiceMendsItself(t *testing.T) {
	bounded(t, containerTools...)
	c := boot(t, bookworm, packages(t))
	c.run(install)
	refusesWrongSetting(c.system)

	site := newSite(t, "127.0.0.1")
	site.configure(c.system)
	c.run("systemctl start backwire")
	site.settle(t)
	comesBackAfterKill(c, site)
	comesBackAfterHang(c, site)
	waitsOutTheReceiver(c, site)
}

// refusesWrongSetting stays down, and the journal says what to mend.
func refusesWrongSetting(s *system) {
	s.t.Helper()
	s.run(file("/etc/backwire/backwire.env", "BACKWIRE_NETBACKUP_URL=ftp://primary.example\n", ">>"))
	_, _ = s.shell("systemctl start backwire") // fails where the service notifies of its readiness
	s.becomes("ActiveState", "failed")
	s.says("systemctl show backwire -p ExecMainStatus -p SubState -p NRestarts", "NRestarts=0\nExecMainStatus=78\nSubState=failed")
	if journal := s.journal(); !strings.Contains(journal, "BACKWIRE_NETBACKUP_URL") {
		s.t.Errorf("the journal does not name the variable:\n%s", journal)
	}
	s.run("sed -i /ftp:/d /etc/backwire/backwire.env && systemctl reset-failed backwire")
}

// comesBackAfterKill within the five seconds of RestartSec, and counts what ended meanwhile.
func comesBackAfterKill(c *container, site *site) {
	c.t.Helper()
	site.work()
	site.down(true)
	c.commits()
	pid, committed := c.property("MainPID"), c.committed()
	killed := time.Now()
	c.run("kill -9 " + pid)
	c.runsAgain(pid)
	if took := time.Since(killed); took > 5*time.Second+grace {
		c.t.Errorf("it was back after %s", took)
	}
	site.down(false)
	site.whole(c.t, committed)
	site.settle(c.t)
}

// grace is for the start itself and for asking, on a machine that has other work.
const grace = 5 * time.Second

// comesBackAfterHang is the watchdog's work, with a shorter time than the unit's.
func comesBackAfterHang(c *container, site *site) {
	c.t.Helper()
	c.run("mkdir -p /etc/systemd/system/backwire.service.d\n" +
		"printf '[Service]\\nWatchdogSec=4s\\n' >/etc/systemd/system/backwire.service.d/watchdog.conf\n" +
		"systemctl daemon-reload && systemctl restart backwire")
	site.work()
	site.flows(c.t)
	pid := c.property("MainPID")
	c.run("kill -STOP " + pid)
	c.runsAgain(pid)
	c.run("journalctl -u backwire | grep 'Watchdog timeout (limit 4s)'")
	site.settle(c.t)
}

// waitsOutTheReceiver for longer than the watchdog does: an outage is no reason to start again.
func waitsOutTheReceiver(c *container, site *site) {
	c.t.Helper()
	restarts, refused := c.property("NRestarts"), time.Now()
	site.down(true)
	await(c.t, "the receiver refuses for two watchdogs' time", func() error {
		if since := time.Since(refused); since < 8*time.Second {
			return fmt.Errorf("it has for %s", since)
		}
		return nil
	})
	if now := c.property("NRestarts"); now != restarts {
		c.t.Errorf("%s restarts before the receiver's outage, %s after it", restarts, now)
	}
	site.down(false)
	site.settle(c.t)
}

// runsAgain waits for another main process than the one given.
func (s *system) runsAgain(pid string) {
	s.t.Helper()
	await(s.t, "the service runs again", func() error {
		now, state := s.property("MainPID"), s.property("ActiveState")
		if state != "active" || now == pid || now == "0" {
			return fmt.Errorf("it is %s with process %s", state, now)
		}
		return nil
	})
}

// commits waits for the next one.
func (c *container) commits() {
	c.t.Helper()
	before := c.committed()
	await(c.t, "a commit", func() error {
		if c.committed() == before {
			return fmt.Errorf("the queue still has %d samples", before)
		}
		return nil
	})
}
