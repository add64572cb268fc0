package packagetest

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

// The chapter on air gaps as it stands, on a booted system that is both sides: the agent has no endpoint, the import has one in a drop-in. What
// happened arrives, by hand and by the service, which goes on after a kill.
func TestAirGapChapter(t *testing.T) {
	bounded(t, containerTools...)
	chapter := blocks(t, "../../docs/air-gap.md")
	c := boot(t, tree{suite: "bookworm", extra: []string{"openssl"}}, packages(t))
	c.run(install)
	c.says("systemctl is-active backwire-import; systemctl is-enabled backwire-import", "inactive\ndisabled")
	c.says("systemd-analyze verify --man=no backwire-import.service", "")
	site := newSite(t, "127.0.0.1")
	site.receiver = receiver.New(receiver.Options{OutOfOrder: 48 * time.Hour}) // as the chapter wants it
	settings := regexp.MustCompile(`(?m)^BACKWIRE_REMOTE_WRITE_.*\n`)
	endpoint := settings.FindString(site.settings())
	c.run(file("/etc/backwire/backwire.env", settings.ReplaceAllString(site.settings(), ""), ">>") +
		file("/etc/backwire/api-key", nbusim.DefaultKey, ">") +
		file("/etc/backwire/netbackup-ca.pem", string(site.primary.CA()), ">") +
		"chgrp backwire /etc/backwire/api-key && chmod 640 /etc/backwire/api-key\n" +
		"echo 127.0.0.1 " + primaryName + " >>/etc/hosts\nmkdir -p /media/stick")
	c.run("systemctl start backwire")
	c.commits()

	c.run(chapter["on the backup network, once"])
	c.run(chapter["on the other side, once"])
	for range 2 { // weeks
		site.work()
		c.commits()
		c.run(chapter["on the backup network, each time"])
		c.run("export " + strings.TrimSpace(endpoint) + "\n" + chapter["on the other side, each time"])
	}

	// A service without an endpoint says so and is not started again and again.
	_, _ = c.shell(chapter["on the other side, once, for the service"])
	c.says("systemctl show backwire-import -p ExecMainStatus -p ActiveState -p NRestarts", "NRestarts=0\nExecMainStatus=2\nActiveState=failed")
	c.run("mkdir -p /etc/systemd/system/backwire-import.service.d\n" +
		"printf '[Service]\\nEnvironment=%s\\n' '" + strings.TrimSpace(endpoint) + "' >/etc/systemd/system/backwire-import.service.d/endpoint.conf\n" +
		"systemctl daemon-reload")
	c.run(chapter["on the other side, once, for the service"])
	c.says("systemctl is-active backwire-import", "active")
	c.run("systemctl kill -s KILL backwire-import")
	site.primary.Work(nbusim.Workload{})
	await(t, "all jobs have ended", func() error {
		before := site.happened()
		for range 3 {
			c.commits()
		}
		if !maps.Equal(site.happened(), before) {
			return errors.New("some end")
		}
		return nil
	})
	c.run(chapter["on the backup network, each time"])
	c.run(chapter["on the other side, each time, for the service"])
	site.settle(t)
	await(t, "all bundles are done", func() error {
		_, err := c.shell("set -e; test $(ls /var/lib/backwire-import/in/done | wc -l) -eq 4; test -z \"$(ls /var/lib/backwire-import/in | grep -v done)\"")
		return err
	})
	c.run(chapter["on the other side, now and then, for the service"])
	c.says("systemctl is-active backwire-import", "active")

	c.run("apt-get purge -y backwire")
	c.says("ls -d /var/lib/backwire-import /etc/systemd/system/*/backwire-import.service 2>/dev/null", "")
}

// blocks are the scripts of a document, by the comment that each begins with.
func blocks(t *testing.T, document string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```sh\n# (.*?)\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = "set -e\n" + m[2]
	}
	return found
}
