package packagetest

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"

	"backwire/source/netbackup/nbusim"
)

// The role installs, configures and starts, so that data arrives. Again it changes nothing. A changed setting is taken over without a restart, and
// a wrong one is refused before it is in place.
func TestAnsibleRole(t *testing.T) {
	full(t, "Ansible takes a minute to install", containerTools...)
	c := boot(t, tree{suite: "bookworm", extra: []string{"ansible-core", "python3-apt"}}, packages(t))
	command(t, "cp", "-r", "../ansible", c.path("/root/ansible"))
	c.run(`echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >/etc/apt/apt.conf.d/offline`)
	site := newSite(t, "127.0.0.1")
	c.run("echo 127.0.0.1 " + primaryName + " >>/etc/hosts")
	settings := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^BACKWIRE_(\w+)=(.*)$`).FindAllStringSubmatch(site.settings(), -1) {
		settings[m[1]] = m[2]
	}
	play := func(change map[string]string) string {
		with := maps.Clone(settings)
		maps.Copy(with, change)
		vars, err := json.Marshal(map[string]any{
			"backwire_package": "/packages/new/" + strings.TrimPrefix(built(t, "new/*.deb"), packages(t)+"/new/"), "backwire_settings": with,
			"backwire_secrets": map[string]string{"api-key": nbusim.DefaultKey}, "backwire_netbackup_ca": string(site.primary.CA()),
		})
		if err != nil {
			t.Fatal(err)
		}
		return file("/root/ansible/vars.json", string(vars), ">") + `cd /root/ansible && cat >play.yml <<'END'
- hosts: all
  roles: [backwire]
END
ansible-playbook -i localhost, -c local -e @vars.json play.yml`
	}
	t.Log(recap(t, c.run(play(nil))))
	c.state("active enabled")
	site.settle(t)
	if again := recap(t, c.run(play(nil))); !strings.Contains(again, "changed=0 ") {
		t.Errorf("the second run says %s", again)
	}
	pid := c.property("MainPID")
	if changed := recap(t, c.run(play(map[string]string{"EXTERNAL_LABELS": "floor:third"}))); !strings.Contains(changed, "changed=2 ") {
		t.Errorf("a changed setting says %s, want the file and the reload", changed)
	}
	site.floor = "third"
	site.settle(t)
	before := c.run("sha256sum /etc/backwire/backwire.env")
	if out := c.refuse(play(map[string]string{"INTERVALL": "5s"})); !strings.Contains(out, "BACKWIRE_INTERVALL") {
		t.Errorf("a wrong setting is refused for another reason:\n%s", out)
	}
	c.says("sha256sum /etc/backwire/backwire.env", strings.TrimSpace(before))
	if now := c.property("MainPID"); now != pid {
		t.Errorf("the role has made process %s of process %s", now, pid)
	}
	if out := c.run(play(nil) + " --diff -v"); strings.Contains(out, nbusim.DefaultKey) {
		t.Errorf("the key is shown:\n%s", out)
	}
}

// recap is the line that a playbook ends with.
func recap(t *testing.T, out string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^localhost +: .*$`).FindString(out)
	if line == "" {
		t.Errorf("no recap:\n%s", out)
	}
	return line
}
