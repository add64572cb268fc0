package api

import (
	"context"
	"iter"
	"time"
)

// Anomaly is one row of /security/anomalies: something about a backup that differs from the ones before.
type Anomaly struct {
	Severity string // HIGH, MEDIUM, LOW
	Type     string // JOB_BASED, FILE_BASED, SUSPICIOUS_FILE_EXTENSION, CLIENT_OFFLINE_BASED, FILE_ENTROPY, DB_CORRUPTION
	Status   string // ANOMALY, NOT_REVIEWED, REPORTED_FALSE_POSITIVE, IGNORED
	Created  time.Time
}

// anomaliesPage is the documented maximum of page[limit] for /security/anomalies.
const anomaliesPage = 100

// Anomalies lists all anomalies that the server keeps.
func (c *Client) Anomalies(ctx context.Context) iter.Seq2[*Anomaly, error] {
	return listing[*Anomaly]{
		row:  anomalyRow,
		list: list{client: c, noun: "anomaly", path: "/security/anomalies", size: anomaliesPage, pager: byOffset},
	}.rows(ctx)
}

func anomalyRow(d *decoder) (a *Anomaly, ok bool) {
	a = &Anomaly{}
	for name := range d.attributes() {
		switch string(name) {
		case "anomalySeverity":
			a.Severity = d.word()
		case "anomalyType":
			a.Type = d.word()
		case "anomalyStatus":
			a.Status = d.word()
		case "createdDateTime":
			a.Created = d.instant()
		default:
			d.skip()
		}
	}
	return a, d.described // one of which nothing else is known is one all the same
}
