package api

import (
	"context"
	"iter"
)

// Alert is one row of /manage/alerts.
type Alert struct {
	Severity string // INFO, WARNING, ERROR
	Category string // JOB
}

// alertsPage is the maximum of page[limit] of the other listings: for /manage/alerts none is documented.
const alertsPage = 100

// Alerts lists all alerts that the server keeps.
func (c *Client) Alerts(ctx context.Context) iter.Seq2[*Alert, error] {
	return listing[*Alert]{
		row: alertRow,
		list: list{
			client: c, noun: "alert", path: "/manage/alerts",
			size: alertsPage, pager: byOffset,
		},
	}.rows(ctx)
}

func alertRow(d *decoder) (a *Alert, ok bool) {
	a = &Alert{}
	for name := range d.attributes() {
		switch string(name) {
		case "severity":
			a.Severity = d.word()
		case "category":
			a.Category = d.word()
		default:
			d.skip()
		}
	}
	return a, a.Severity != "" || a.Category != ""
}
