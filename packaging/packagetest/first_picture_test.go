package packagetest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"backwire/source/netbackup/nbusim"
)

// The chapters Install and Your first picture as they stand, on a booted system with nothing but the package: its Prometheus is Debian's, with
// the installed configuration. In the end it has what happened, and every alert's rule is loaded.
func TestFirstPictureChapter(t *testing.T) {
	full(t, "it installs Prometheus, which takes minutes", containerTools...)
	chapter := blocks(t, "../../docs/first-picture.md")
	text, err := os.ReadFile("../../docs/first-picture.md")
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`(?m)^BACKWIRE_REMOTE_WRITE_URL=http://127\.0\.0\.1:9090/.*$`).FindString(string(text))
	// The network of the container is the host's: its Prometheus has to have the port for itself.
	c := boot(t, tree{suite: "bookworm", extra: []string{"curl"}}, packages(t))
	if out, err := c.shell("curl -s http://127.0.0.1:9090/-/ready"); err == nil {
		t.Fatalf("another Prometheus is at port 9090 of this machine: %s", out)
	}
	c.run(install)
	site := newSite(t, "127.0.0.1")
	c.run("echo 127.0.0.1 " + primaryName + " >>/etc/hosts")
	primary := regexp.MustCompile(`(?m)^BACKWIRE_NETBACKUP_URL=(.*)$`).FindStringSubmatch(site.settings())[1]

	// Install: what is typed where it says sudoedit, and the key that it has pasted.
	fingerprint := c.run("echo yes | backwire trust " + primary)
	if !strings.Contains(fingerprint, "netbackup-ca.pem") {
		t.Errorf("trust says %s", fingerprint)
	}
	c.run("printf %s '" + nbusim.DefaultKey + "' | install -m 0640 -g backwire /dev/stdin /etc/backwire/api-key")
	c.run(file("/etc/backwire/backwire.env", strings.Join([]string{
		"BACKWIRE_NETBACKUP_URL=" + primary, "BACKWIRE_NETBACKUP_API_KEY_FILE=/etc/backwire/api-key",
		"BACKWIRE_NETBACKUP_CA_FILE=/etc/backwire/netbackup-ca.pem", "BACKWIRE_INTERVAL=5s", url, "",
	}, "\n"), ">>"))

	c.run("set -e\napt-get update -qq\n" + chapter["Prometheus"])
	await(t, "Prometheus", func() error {
		out, err := c.shell("curl --fail --silent http://127.0.0.1:9090/-/ready")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	out := c.run(chapter["backwire"])
	if !strings.Contains(out, "takes samples up to 24 h late") {
		t.Errorf("check says\n%s", out)
	}
	await(t, "the first sample", func() error {
		out, err := c.shell(chapter["the first sample"])
		if err == nil && !strings.Contains(out, `"result":"success"`) {
			err = fmt.Errorf("it says %s", out)
		}
		return err
	})
	if rules := c.run("curl --fail --silent http://127.0.0.1:9090/api/v1/rules"); !strings.Contains(rules, "NetBackupBackupMissed") {
		t.Errorf("the rules are %.500s", rules)
	}
	c.run("set -e\nmkdir -p /etc/grafana\n" + strings.Replace(chapter["Grafana"], "systemctl restart grafana-server", "ls /usr/share/backwire/grafana/*.json", 1))
	await(t, "all that happened", func() error {
		total := int64(0)
		for _, n := range site.happened() {
			total += n
		}
		out, err := c.shell("curl --fail --silent --get http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=sum(nbu_jobs_completed_total)'")
		if err == nil && !strings.Contains(out, fmt.Sprintf(`,"%d"]`, total)) {
			err = fmt.Errorf("%d jobs ended, Prometheus says %s", total, out)
		}
		return err
	})
}
