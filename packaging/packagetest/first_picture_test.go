package packagetest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"backwire/source/netbackup/nbusim"
)

func TestFirstPictureOnBookworm(t *testing.T) {
	full(t, "it installs receivers, which takes minutes", containerTools...)
	testFirstPicture(t, "bookworm")
}

func TestFirstPictureOnTrixie(t *testing.T) {
	full(t, "it installs receivers, which takes minutes", containerTools...)
	testFirstPicture(t, "trixie")
}

// The chapters Install and Your first picture as they stand, on a booted system with nothing but the package: its Prometheus is Debian's, with
// the installed configuration. In the end it has what happened, and every alert's rule is loaded. Then the chapter Receivers, for those that
// Debian has.
func testFirstPicture(t *testing.T, suite string) {
	chapter := blocks(t, "../../docs/first-picture.md")
	text, err := os.ReadFile("../../docs/first-picture.md")
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`(?m)^BACKWIRE_REMOTE_WRITE_URL=http://127\.0\.0\.1:9090/.*$`).FindString(string(text))
	// The network of the container is the host's: its Prometheus has to have the port for itself.
	// What the chapters install is downloaded already: that may take longer than anything is waited for.
	c := boot(t, tree{suite: suite, extra: []string{"curl"}, setup: "apt-get install -qq -y --no-install-recommends --download-only prometheus victoria-metrics"}, packages(t))
	for _, at := range []string{prometheusAt, victoriaAt} {
		if out, err := c.shell("curl -s " + at); err == nil {
			t.Fatalf("something else is at %s of this machine: %s", at, out)
		}
	}
	c.run(install)
	site := newSite(t, "127.0.0.1")
	c.run("echo 127.0.0.1 " + primaryName + " >>/etc/hosts")
	primary := regexp.MustCompile(`(?m)^BACKWIRE_NETBACKUP_URL=(.*)$`).FindStringSubmatch(site.settings())[1]

	// Install: what is typed at the question and where it says sudoedit, and the key that it has pasted. script(1) gives a terminal.
	if out := c.run("echo yes | script -qec 'backwire trust " + primary + "' /dev/null"); !strings.Contains(out, "BACKWIRE_NETBACKUP_CA_FILE=/etc/backwire/netbackup-ca.pem") {
		t.Errorf("trust says %s", out)
	}
	c.run("printf %s '" + nbusim.DefaultKey + "' | install -m 0640 -g backwire /dev/stdin /etc/backwire/api-key")
	c.run(file("/etc/backwire/backwire.env", strings.Join([]string{
		"BACKWIRE_NETBACKUP_URL=" + primary, "BACKWIRE_NETBACKUP_API_KEY_FILE=/etc/backwire/api-key",
		"BACKWIRE_NETBACKUP_CA_FILE=/etc/backwire/netbackup-ca.pem", "BACKWIRE_INTERVAL=5s", url, "",
	}, "\n"), ">>"))

	c.run(chapter["Prometheus"])
	c.answers(prometheusAt + "/-/ready")
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
	if rules := c.run("curl --fail --silent " + prometheusAt + "/api/v1/rules"); !strings.Contains(rules, "NetBackupBackupMissed") {
		t.Errorf("the rules are %.500s", rules)
	}
	c.run("set -e\nmkdir -p /etc/grafana\n" + strings.Replace(chapter["Grafana"], "systemctl restart grafana-server", "ls /usr/share/backwire/grafana/*.json", 1))
	c.has(prometheusAt, site)

	// Receivers: its Prometheus in place of the chapter's, then VictoriaMetrics.
	text, err = os.ReadFile("../../docs/receivers.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)## Prometheus\n\n```\n(prometheus .*?)\n```\n```yaml\n(.*?)```").FindStringSubmatch(string(text))
	c.run("systemctl stop prometheus\nmkdir -p /srv/prometheus\ncp /usr/share/backwire/rules/backwire.rules.yaml /srv/prometheus\n" +
		file("/srv/prometheus/prometheus.yml", block[2], ">") + "cd /srv/prometheus && systemd-run --unit=receiver --same-dir " + block[1])
	c.answers(prometheusAt + "/-/ready")
	c.has(prometheusAt, site)
	settings := regexp.MustCompile("(?s)## VictoriaMetrics\n\n```\n(.*?)```").FindStringSubmatch(string(text))[1]
	c.run("apt-get install -y --no-install-recommends victoria-metrics\nsed -i '/^BACKWIRE_REMOTE_WRITE/d' /etc/backwire/backwire.env\n" +
		file("/etc/backwire/backwire.env", strings.Replace(settings, "https://victoria.example:8428", victoriaAt, 1), ">>"))
	c.answers(victoriaAt + "/health")
	c.run("systemctl reload backwire")
	c.has(victoriaAt, site)
}

// Where receivers listen, by their own defaults.
const (
	prometheusAt = "http://127.0.0.1:9090"
	victoriaAt   = "http://127.0.0.1:8428"
)

// answers waits for a web server.
func (c *container) answers(url string) {
	c.t.Helper()
	await(c.t, url, func() error {
		out, err := c.shell("curl --fail --silent " + url)
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// has waits until a receiver has all that happened, and new samples of it.
func (c *container) has(receiver string, site *site) {
	c.t.Helper()
	site.work()
	before := total(site)
	await(c.t, "jobs that end meanwhile", func() error {
		if n := total(site); n < before+3 {
			return fmt.Errorf("%d of %d have", n, before+3)
		}
		return nil
	})
	site.primary.Work(nbusim.Workload{})
	await(c.t, "all that happened, at "+receiver, func() error {
		out, err := c.shell("curl --fail --silent --get " + receiver + "/api/v1/query --data-urlencode 'query=sum(nbu_jobs_completed_total)'")
		if err == nil && !strings.Contains(out, fmt.Sprintf(`,"%d"]`, total(site))) {
			err = fmt.Errorf("%d jobs ended, it says %s", total(site), out)
		}
		return err
	})
}

func total(site *site) (n int64) {
	for _, of := range site.happened() {
		n += of
	}
	return n
}
