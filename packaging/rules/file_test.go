package rules_test

import (
	"bytes"
	"os"
	"testing"

	"gopkg.in/yaml.v3"

	"backwire/packaging/rules"
)

// Both files hold the same rules, each in the layout that its reader wants: Prometheus
// refuses a namespace, mimirtool wants one.
func TestLayouts(t *testing.T) {
	var prometheus, mimir map[string]any
	for path, into := range map[string]*map[string]any{rules.PrometheusFile: &prometheus, rules.MimirFile: &mimir} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if mimir["namespace"] != "backwire" {
		t.Errorf("mimirtool's namespace is %v", mimir["namespace"])
	}
	delete(mimir, "namespace")
	one, _ := yaml.Marshal(prometheus)
	other, _ := yaml.Marshal(mimir)
	if len(prometheus) != 1 || !bytes.Equal(one, other) {
		t.Errorf("%s and %s hold different rules", rules.PrometheusFile, rules.MimirFile)
	}
}
