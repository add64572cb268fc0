package grafana

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"backwire/packaging/rules"
)

// What holds for all dashboards: the site and the data source can be chosen, and each leads to
// the others.
func TestDashboardsAreAlike(t *testing.T) {
	for _, d := range Dashboards() {
		var names []string
		for _, v := range d.Templating.List {
			names = append(names, v.Name)
		}
		if !slices.Contains(names, "datasource") || !slices.Contains(names, "site") {
			t.Errorf("%s has the variables %v", d.Title, names)
		}
		if len(d.Links) == 0 || !slices.Equal(d.Links[0].Tags, d.Tags[:1]) || !d.Links[0].KeepTime || !d.Links[0].IncludeVars {
			t.Errorf("%s does not lead to the others: %+v", d.Title, d.Links)
		}
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				checkTarget(t, d.Title+": "+p.Title, target)
			}
		}
	}
}

func checkTarget(t *testing.T, where string, target Target) {
	t.Helper()
	if target.Datasource.UID != "${datasource}" {
		t.Errorf("%s asks %q", where, target.Datasource.UID)
	}
	if target.Instant == target.Range {
		t.Errorf("%s is neither of an instant nor of a range", where)
	}
}

// Panels do not cover each other, none is without a title and a unit.
func TestPanelsHaveTheirPlaces(t *testing.T) {
	for _, d := range Dashboards() {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			if p.Title == "" || (p.FieldConfig.Defaults.Unit == "" && !slices.Contains([]string{"table", "heatmap", "state-timeline", "row"}, p.Type)) {
				t.Errorf("%s: panel %d (%q) has the unit %q", d.Title, p.ID, p.Title, p.FieldConfig.Defaults.Unit)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, covered := taken[[2]int{x, y}]; covered || x >= columns {
						t.Fatalf("%s: %q is at column %d, where %q is", d.Title, p.Title, x, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// What people need on each of them: when agents started and what fired, the documents, a matcher of their own.
func TestDashboardsHaveAnnotationsAndDocuments(t *testing.T) {
	files, err := Files("https://wiki.example/backwire")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Dashboards() {
		var documents []string
		for _, l := range d.Links[1:] {
			documents = append(documents, l.URL)
		}
		if want := []string{rules.Documents + "/metrics.md", rules.Documents + "/alerts.md", rules.Documents + "/troubleshooting.md"}; !slices.Equal(documents, want) {
			t.Errorf("%s leads to %q, want %q", d.Title, documents, want)
		}
		if !bytes.Contains(files[d.UID+".json"], []byte(`"https://wiki.example/backwire/alerts.md"`)) {
			t.Errorf("%s does not lead to documents that are elsewhere", d.Title)
		}
		if len(d.Annotations.List) != 2 {
			t.Errorf("%s has the annotations %+v", d.Title, d.Annotations.List)
		}
		if last := d.Templating.List[len(d.Templating.List)-1]; last.Type != "adhoc" {
			t.Errorf("%s has no ad-hoc filter", d.Title)
		}
	}
}

// The rules of grafana/dashboard-linter that are not excluded in .lint, as far as they can be wrong here. make dashboards runs
// the program itself where it is installed: the gate cannot have it, because one of its modules is not to be had.
func TestDashboardsAsTheLinterWantsThem(t *testing.T) {
	units := []string{unitShare, unitSeconds, unitBytes, unitRate, unitCount, unitDays, "string", "reqps"}
	for _, d := range Dashboards() {
		if v := d.Templating.List[0]; v.Type != "datasource" || v.Name != "datasource" || v.Label != "Data source" {
			t.Errorf("%s: template-datasource-rule: %+v", d.Title, v)
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" && v.Refresh != 2 {
				t.Errorf("%s: template-on-time-change-reload-rule: %s", d.Title, v.Name)
			}
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || p.Description == "" {
				t.Errorf("%s: panel-title-description-rule: %q is described as %q", d.Title, p.Title, p.Description)
			}
			if p.Type != "heatmap" && p.Type != "state-timeline" && !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s: panel-units-rule: %q has %q", d.Title, p.Title, p.FieldConfig.Defaults.Unit)
			}
			if len(p.Targets) == 0 || p.Datasource == nil {
				t.Errorf("%s: panel-no-targets-rule, panel-datasource-rule: %q", d.Title, p.Title)
			}
			for _, target := range p.Targets {
				checkRates(t, d.Title+": "+p.Title, target.Expr)
			}
		}
	}
}

// checkRates is the linter's target-rate-interval-rule and target-counter-agg-rule.
func checkRates(t *testing.T, where, expr string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\b(i?rate)\([^\[]*\[([^\]]*)\]`).FindAllStringSubmatch(expr, -1) {
		if m[2] != "$__rate_interval" {
			t.Errorf("%s: target-rate-interval-rule: %s", where, expr)
		}
	}
	counters, grown := regexp.MustCompile(`\b\w+_total\b`), regexp.MustCompile(`\b(?:rate|irate|increase)\(\w+_total\{[^}]*\}\[`)
	if len(counters.FindAllString(expr, -1)) != len(grown.FindAllString(expr, -1)) {
		t.Errorf("%s: target-counter-agg-rule: %s", where, expr)
	}
}
