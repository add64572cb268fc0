package rules_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"

	"backwire/packaging/rules"
)

// needProgram finds a program that this machine may not have.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
		t.Fatalf("%s is required and is not installed", name)
	}
	t.Skipf("left out: %s is not installed", name)
	return ""
}

// What promtool reads.
type (
	testFile struct {
		RuleFiles []string   `yaml:"rule_files"`
		Every     string     `yaml:"evaluation_interval"`
		Order     []string   `yaml:"group_eval_order"`
		Tests     []testCase `yaml:"tests"`
	}
	testCase struct {
		Name     string       `yaml:"name"`
		Interval string       `yaml:"interval"`
		Input    []series     `yaml:"input_series"`
		Alerts   []alertCheck `yaml:"alert_rule_test,omitempty"`
		Exprs    []exprCheck  `yaml:"promql_expr_test,omitempty"`
	}
	alertCheck struct {
		At       string          `yaml:"eval_time"`
		Name     string          `yaml:"alertname"`
		Expected []expectedAlert `yaml:"exp_alerts"`
	}
	expectedAlert struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	}
	exprCheck struct {
		At      string           `yaml:"eval_time"`
		Expr    string           `yaml:"expr"`
		Samples []expectedSample `yaml:"exp_samples"`
	}
	expectedSample struct {
		Labels string  `yaml:"labels"`
		Value  float64 `yaml:"value"`
	}
)

// promtool runs test cases on the rules as they are installed, with an interval of evaluation. Of the groups those that are named are
// evaluated, which takes the longest, and what they use; all where none is named.
func promtool(t *testing.T, every string, cases []testCase, groups ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out of -short: promtool evaluates for minutes, and no code of ours runs meanwhile")
	}
	program := needProgram(t, "promtool")
	dir := t.TempDir()
	file := testFile{RuleFiles: []string{filepath.Join(dir, "rules.yaml")}, Every: every, Tests: cases}
	installed := installedRules(t)
	for _, g := range rules.Groups() {
		file.Order = append(file.Order, g.Name)
	}
	if len(groups) > 0 {
		groups = append(groups, file.Order[0]) // what the others use is recorded there
		unused := func(name string) bool { return !slices.Contains(groups, name) }
		file.Order = slices.DeleteFunc(file.Order, unused)
		installed.Groups = slices.DeleteFunc(installed.Groups, func(g map[string]any) bool { return unused(fmt.Sprint(g["name"])) })
	}
	writeYAML(t, file.RuleFiles[0], installed)
	path := filepath.Join(dir, "rules_test.yaml")
	writeYAML(t, path, file)
	if out, err := exec.Command(program, "test", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

type ruleFile struct {
	Groups []map[string]any `yaml:"groups"`
}

func installedRules(t *testing.T) (installed ruleFile) {
	t.Helper()
	b, err := os.ReadFile(rules.PrometheusFile)
	if err == nil {
		err = yaml.Unmarshal(b, &installed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return installed
}

func writeYAML(t *testing.T, path string, v any) {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryAlertFiresAndItsTwinIsSilent(t *testing.T) {
	byName, groupOf := map[string]rules.Rule{}, map[string]string{}
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			if r.Alert != "" {
				byName[r.Alert], groupOf[r.Alert] = r, g.Name
			}
		}
	}
	type run struct{ group, every string }
	runs := map[run][]testCase{}
	tried := map[string]bool{}
	for _, x := range trials() {
		r, known := byName[x.alert]
		if !known {
			t.Fatalf("a trial of %s, which is no alert", x.alert)
		}
		tried[x.alert] = true
		in := run{groupOf[x.alert], "5m"}
		if x.every == "1h" {
			in.every = "1h"
		}
		runs[in] = append(runs[in], x.fired(r), x.twin())
	}
	for name := range byName {
		if !tried[name] {
			t.Errorf("%s has no trial", name)
		}
	}
	for in, cases := range runs {
		t.Run(in.group+"/"+in.every, func(t *testing.T) {
			t.Parallel()
			promtool(t, in.every, cases, in.group)
		})
	}
}

func (x trial) fired(r rules.Rule) testCase {
	labels := map[string]string{"severity": r.Labels["severity"]}
	maps.Copy(labels, x.labels)
	notes := maps.Clone(r.Annotations)
	notes["summary"] = x.summary
	return testCase{
		Name: x.alert + " fires", Interval: x.every, Input: x.fires,
		Alerts: []alertCheck{{At: x.at, Name: x.alert, Expected: []expectedAlert{{labels, notes}}}},
	}
}

func (x trial) twin() testCase {
	return testCase{
		Name: x.alert + " is silent", Interval: x.every, Input: x.silent,
		Alerts: []alertCheck{{At: x.at, Name: x.alert, Expected: []expectedAlert{}}},
	}
}

// What is recorded, by hand: two clients of three in order, a pool with ten days left.
func TestRecordedValues(t *testing.T) {
	promtool(t, "1h", []testCase{{
		Name: "recorded", Interval: "5m",
		Input: []series{
			{ended, "0+3x1000"},
			{broken, "0+1x1000"},
			{parent, "0+9x1000"},
			{success, "0+300x1000"},
			{attempt, "0+300x1000"},
			{"nbu_client_last_status" + client, "1x1000"},
			{`nbu_client_last_success_timestamp_seconds{site="paris",client="web1",policy="linux"}`, "0+300x1000"},
			{`nbu_client_last_attempt_timestamp_seconds{site="paris",client="web1",policy="linux"}`, "0+300x1000"},
			{`nbu_client_last_status{site="paris",client="web1",policy="linux"}`, "0x1000"},
			{`nbu_client_last_attempt_timestamp_seconds{site="paris",client="web2",policy="linux"}`, "0+300x1000"},
			{`nbu_client_last_status{site="paris",client="web2",policy="linux"}`, "58x1000"},
			{rpo, "21600x1000"},
			{never, "0x1000"},
			{`nbu_client_never_succeeded{site="paris",client="web1",policy="linux"}`, "0x1000"},
			{`nbu_client_never_succeeded{site="paris",client="web2",policy="linux"}`, "1x1000"},
			{usable, "1000000x1000"},
			{mark, "0.9x1000"},
			{used, "540000+100x1000"},
			{unitFree, "158400-100x1000"},
			{unitUsed, "0+100x1000"},
			{`nbu_job_bytes_total{site="paris",job_type="BACKUP",policy_type="STANDARD",policy="a"}`, "0+600x1000"},
			{`nbu_job_bytes_total{site="paris",job_type="BACKUP",policy_type="STANDARD",policy="b"}`, "0+300x1000"},
			{`nbu_job_moved_bytes_total{site="paris",job_type="BACKUP",policy_type="STANDARD",policy="a"}`, "0+30x1000"},
		},
		Exprs: []exprCheck{
			recorded("site:nbu_backup_success:ratio1d", `{site="paris"}`, 0.75),
			recorded("site:nbu_client_success:ratio1d", `{site="paris"}`, 2.0/3),
			recorded("site_client_policy:nbu_rpo:seconds", `{site="paris",client="web1",policy="linux"}`, 604800),
			recorded("site_client_policy:nbu_rpo:seconds", client, 21600),
			recorded("site:nbu_rpo_compliance:ratio", `{site="paris"}`, 2.0/3),
			recorded("site_disk_pool:nbu_disk_pool_full:days", pool, 10),
			recorded("site_storage_unit:nbu_storage_unit_full:days", `{site="paris",storage_unit="disk",category="BASIC_DISK"}`, 3),
			recorded("site_policy_type:nbu_backup_bytes:rate1h", `{site="paris",policy_type="STANDARD"}`, 3),
			recorded("site_policy_type:nbu_backup_moved_bytes:rate1h", `{site="paris",policy_type="STANDARD"}`, 0.1),
		},
	}})
}

// recorded checks a rule's value two days and a half after the beginning. Floating point does not
// divide exactly, so it is rounded.
func recorded(name, labels string, value float64) exprCheck {
	const digits = 1e6
	return exprCheck{
		At: "60h", Expr: "round(" + name + labels + ", 1e-6)",
		Samples: []expectedSample{{labels, math.Round(value*digits) / digits}},
	}
}
