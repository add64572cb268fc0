// Package packaging_test holds what is installed beside the binary to what the binary emits.
package packaging_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"backwire/packaging/grafana"
	"backwire/packaging/rules"
	"backwire/remotewrite"
)

// Rules use only names that there are: metrics of the reference page, figures of the queue and
// the endpoints, and what an earlier rule records.
func TestRulesUseKnownNames(t *testing.T) {
	known := knownNames(t)
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			for _, v := range selectors(t, r.Expr) {
				if name := family(v); !known[name] {
					t.Errorf("%s%s uses %s, which there is not", r.Record, r.Alert, name)
				}
			}
			known[r.Record] = true
		}
	}
}

// Dashboards choose the site wherever there is one. Of what the rules record they show what would take too long over a week. What the agent tells of its own cycles is not in a list:
// the dashboards' test on a real Prometheus finds it.
func TestDashboardsUseKnownNames(t *testing.T) {
	known := knownNames(t)
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			known[r.Record] = true
		}
	}
	grafanas := strings.NewReplacer("$__rate_interval", "4m", "$__interval", "15m", "$__range", "1h")
	for _, d := range grafana.Dashboards() {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, v := range selectors(t, grafanas.Replace(target.Expr)) {
					chosen := `site=~"$site"`
					if !strings.HasPrefix(v.Name, "nbu_") && !strings.HasPrefix(v.Name, "site") {
						chosen = `instance=~"$instance"`
					} else if !known[family(v)] {
						t.Errorf("%s: %s uses %s, which there is not", d.Title, p.Title, v.Name)
					}
					if !strings.Contains(v.String(), chosen) {
						t.Errorf("%s: %s asks for %s, want %s", d.Title, p.Title, v, chosen)
					}
				}
			}
		}
	}
}

// selectors are where an expression reads series.
func selectors(t *testing.T, text string) (found []*parser.VectorSelector) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return nil
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			found = append(found, v)
		}
		return nil
	})
	return found
}

// family is the metric's name: a histogram's series have one.
func family(v *parser.VectorSelector) string { return strings.TrimSuffix(v.Name, "_bucket") }

func knownNames(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(nbu_[a-z_]+)` ").FindAllSubmatch(page, -1) {
		known[string(row[1])] = true
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		remotewrite.NewCollector(nil).Describe(descriptions)
	}()
	for d := range descriptions {
		_, after, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(after, `"`)
		known[name] = true
	}
	return known
}
