package page

import (
	"net/http"
	"strings"
	"time"

	"backwire/source/overview"
)

// pausedRow is one client whose backups are paused.
type pausedRow struct {
	Site string
	overview.Paused
}

func pausedRows(sites []*overview.Site) (rows []pausedRow) {
	for _, s := range sites {
		for _, c := range s.Paused {
			rows = append(rows, pausedRow{s.Name, c})
		}
	}
	return rows
}

// From and Until are nil where there is none.
func (r pausedRow) From() *time.Time  { return moment(r.Paused.From) }
func (r pausedRow) Until() *time.Time { return moment(r.Paused.Until) }

// Why says who paused it, and why as far as that is said.
func (r pausedRow) Why() string {
	by := r.By
	if r.Automatic {
		by = "the server"
	}
	words := []string{}
	if by != "" {
		words = append(words, "by "+by)
	}
	if r.Reason != "" {
		words = append(words, r.Reason)
	}
	return strings.Join(words, ": ")
}

// pausedCSV answers with all clients that are paused.
func (p *page) pausedCSV(w http.ResponseWriter, _ *http.Request) {
	rows := [][]string{{"site", "client", "since", "until", "automatic", "by", "reason"}}
	for _, r := range pausedRows(p.facts.Overviews()) {
		automatic := "no"
		if r.Automatic {
			automatic = "yes"
		}
		rows = append(rows, []string{r.Site, r.Client, instant(r.From(), p.where), instant(r.Until(), p.where), automatic, r.By, r.Reason})
	}
	p.csv(w, "paused", rows)
}
