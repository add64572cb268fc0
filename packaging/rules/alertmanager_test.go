package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"backwire/packaging/rules"
)

const exampleFile = "alertmanager.example.yaml"

// The example names alerts that there are, and tells each in which some clients are counted apart from these.
func TestAlertmanagerExampleNamesAlerts(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			known = append(known, r.Alert)
			if strings.HasPrefix(r.Alert, "NetBackupPolicy") && !bytes.Contains(text, []byte(`source_matchers: [alertname="`+r.Alert+`"]`)) {
				t.Errorf("%s inhibits nothing", r.Alert)
			}
		}
	}
	for _, name := range regexp.MustCompile(`\b(?:NetBackup|Backwire)\w+`).FindAllString(string(text), -1) {
		if !slices.Contains(known, name) {
			t.Errorf("the example names %s, which is no alert", name)
		}
	}
}

// postedAlert is an alert as Prometheus posts it.
type postedAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// message is what Alertmanager sends to a webhook.
type message struct {
	Receiver string
	Alerts   []struct{ Labels map[string]string }
}

// A site's storage fails, and with it the backups of twenty policies with fifty clients each: that is one message. When the
// windows have closed it is one for who is on call. The alerts of the clients are in neither.
func TestStormIsOneMessage(t *testing.T) {
	said := make(chan message, 100)
	am := startAlertmanager(t, said)
	const policies, clients = 20, 50

	am.post(t, storm("NetBackupPolicyBackupsFailed", "NetBackupBackupFailingAgain", policies, clients))
	expectMessage(t, said, "mail", "NetBackupPolicyBackupsFailed", policies)
	am.post(t, storm("NetBackupPolicyBackupsMissed", "NetBackupBackupMissed", policies, clients))
	expectMessage(t, said, "on-call", "NetBackupPolicyBackupsMissed", policies)

	// At another site a single client fails and is then missed: its own alert comes once.
	am.post(t, []postedAlert{firing("NetBackupBackupFailed", "lyon", "oracle", "db1"), firing("NetBackupBackupMissed", "lyon", "oracle", "db1")})
	expectMessage(t, said, "mail", "NetBackupBackupMissed", 1)
	select {
	case m := <-said:
		t.Errorf("another message to %s of %d alerts", m.Receiver, len(m.Alerts))
	default:
	}
}

func expectMessage(t *testing.T, said <-chan message, receiver, alert string, many int) {
	t.Helper()
	select {
	case m := <-said:
		for _, a := range m.Alerts {
			if a.Labels["alertname"] != alert {
				t.Fatalf("%s is told of %v", m.Receiver, a.Labels)
			}
		}
		if m.Receiver != receiver || len(m.Alerts) != many {
			t.Errorf("%s is told of %d alerts, want %s of %d", m.Receiver, len(m.Alerts), receiver, many)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s is told nothing", receiver)
	}
}

// storm is an alert of each policy and one of each of its clients.
func storm(ofPolicy, ofClient string, policies, clients int) (all []postedAlert) {
	for p := range policies {
		policy := fmt.Sprintf("policy-%02d", p)
		all = append(all, firing(ofPolicy, "paris", policy, ""))
		for c := range clients {
			all = append(all, firing(ofClient, "paris", policy, fmt.Sprintf("client-%02d-%02d", p, c)))
		}
	}
	return all
}

// firing has the labels that the rule of that name gives it.
func firing(alert, site, policy, client string) postedAlert {
	labels := map[string]string{"alertname": alert, "site": site, "policy": policy}
	if client != "" {
		labels["client"] = client
	}
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			if r.Alert == alert {
				labels["severity"] = r.Labels["severity"]
			}
		}
	}
	return postedAlert{Labels: labels, StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour)}
}

// alertmanager is a running one, with the example's routes and inhibitions and with shorter pauses.
type alertmanager struct{ url string }

func startAlertmanager(t *testing.T, said chan<- message) alertmanager {
	t.Helper()
	program := needProgram(t, "prometheus-alertmanager")
	if out, err := exec.Command(needProgram(t, "amtool"), "check-config", exampleFile).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		said <- m
	}))
	t.Cleanup(hook.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yaml")
	if err := os.WriteFile(config, exampleWithHook(t, hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	run := exec.Command(program, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	var log bytes.Buffer
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	am := alertmanager{"http://" + address}
	am.await(t)
	return am
}

// exampleWithHook is the example, but every receiver is a webhook, and what waits for minutes waits for ten seconds: a busy machine
// takes some to read the alerts. Groups are not
// told again.
func exampleWithHook(t *testing.T, hook string) []byte {
	t.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	route := config["route"].(map[string]any)
	for _, r := range append(route["routes"].([]any), route) {
		r.(map[string]any)["group_wait"], r.(map[string]any)["group_interval"] = "10s", "1h"
	}
	for i, r := range config["receivers"].([]any) {
		config["receivers"].([]any)[i] = map[string]any{"name": r.(map[string]any)["name"], "webhook_configs": []any{map[string]any{"url": hook}}}
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// await waits until it answers.
func (a alertmanager) await(t *testing.T) {
	t.Helper()
	for ready := time.After(time.Minute); ; {
		if res, err := http.Get(a.url + "/-/ready"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ready:
			t.Fatal("Alertmanager does not start")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (a alertmanager) post(t *testing.T, alerts []postedAlert) {
	t.Helper()
	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(a.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("post %d alerts: %s", len(alerts), res.Status)
	}
}
