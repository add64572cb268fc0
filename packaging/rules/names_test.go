package rules_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"backwire/packaging/rules"
	"backwire/remotewrite"
)

// Rules use only names that there are: metrics of the reference page, figures of the queue and
// the endpoints, and what an earlier rule records.
func TestRulesUseKnownNames(t *testing.T) {
	known := knownNames(t)
	for _, g := range rules.Groups() {
		for _, r := range g.Rules {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
			if err != nil {
				t.Errorf("%s%s: %v", r.Record, r.Alert, err)
				continue
			}
			for _, name := range metricsOf(expr) {
				if !known[name] {
					t.Errorf("%s%s uses %s, which there is not", r.Record, r.Alert, name)
				}
			}
			known[r.Record] = true
		}
	}
}

func metricsOf(expr parser.Expr) (names []string) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

func knownNames(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{
		"nbu_client_rpo_seconds": true, "nbu_client_never_succeeded": true, // of the collector of policies, in the metrics' contract
	}
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
