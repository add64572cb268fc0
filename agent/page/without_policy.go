package page

import (
	"net/http"

	"backwire/source/overview"
)

// hostRow is one client that the server knows and that no active policy names.
type hostRow struct{ Site, Client string }

func hostRows(sites []*overview.Site) (rows []hostRow) {
	for _, s := range sites {
		for _, client := range s.WithoutPolicy {
			rows = append(rows, hostRow{s.Name, client})
		}
	}
	return rows
}

// withoutPolicyCSV answers with all clients that no active policy names.
func (p *page) withoutPolicyCSV(w http.ResponseWriter, _ *http.Request) {
	rows := [][]string{{"site", "client"}}
	for _, r := range hostRows(p.facts.Overviews()) {
		rows = append(rows, []string{r.Site, r.Client})
	}
	p.csv(w, "without-policy", rows)
}
