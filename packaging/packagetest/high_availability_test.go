package packagetest

import (
	"strings"
	"testing"
	"time"
)

// The chapter on a standby on a shared disk, on two booted systems: where the active agent is killed the other one goes on, within the ten
// seconds that the chapter says, and every job is counted once; and back again.
func TestHighAvailabilityChapter(t *testing.T) {
	full(t, "a second system takes a minute", containerTools...)
	shared := t.TempDir()
	site := newSite(t, "127.0.0.1")
	hosts := make([]*container, 2)
	listen := make([]string, 2)
	for i := range hosts {
		c := boot(t, tree{suite: "bookworm", extra: []string{"curl"}}, packages(t), shared+":/srv/shared")
		hosts[i], listen[i] = c, freeAddress(t)
		c.run(install)
		site.configure(c.system)
		c.run("set -e\nmkdir -p /etc/systemd/system/backwire.service.d /srv/shared/backwire\n" +
			"cp /usr/share/doc/backwire/examples/standby.conf /etc/systemd/system/backwire.service.d/\n" +
			"sed -i '/^BACKWIRE_LISTEN=/d' /etc/backwire/backwire.env\n" +
			file("/etc/backwire/backwire.env", "BACKWIRE_QUEUE_DIR=/srv/shared/backwire/queue\nBACKWIRE_LISTEN="+listen[i]+"\n", ">>") +
			"install -d -m 0750 -o backwire -g backwire /srv/shared/backwire/queue\nsystemctl daemon-reload\nsystemctl enable --now backwire")
		c.answers("http://" + listen[i] + "/-/healthy")
	}
	if one, other := hosts[0].run("id backwire"), hosts[1].run("id backwire"); one != other {
		t.Fatalf("the hosts have %s and %s", one, other)
	}
	site.work()
	for active := range 2 { // and back
		standby := 1 - active
		hosts[active].answers("http://" + listen[active] + "/-/ready")
		if out := hosts[standby].run("curl --silent http://" + listen[standby] + "/-/ready; systemctl is-active backwire"); !strings.Contains(out, "standby") {
			t.Errorf("host %d is no standby: %s", standby, out)
		}
		site.flows(t)
		killed := time.Now()
		hosts[active].run("kill -9 " + hosts[active].property("MainPID") + " && systemctl stop backwire")
		hosts[standby].answers("http://" + listen[standby] + "/-/ready")
		if took := time.Since(killed); took > 10*time.Second+grace {
			t.Errorf("host %d has taken over after %s", standby, took)
		}
		site.flows(t)
		hosts[active].run("systemctl start backwire")
		hosts[active].answers("http://" + listen[active] + "/-/healthy")
	}
	for _, c := range hosts {
		c.run("systemctl reload backwire")
		c.state("active enabled")
	}
	site.settle(t)
}
