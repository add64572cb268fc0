package grafana

import (
	"slices"
	"testing"
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
		if len(d.Links) != 1 || !slices.Equal(d.Links[0].Tags, d.Tags[:1]) || !d.Links[0].KeepTime || !d.Links[0].IncludeVars {
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
