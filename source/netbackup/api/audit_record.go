package api

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// AuditRecord is one row of /security/auditlogs.
type AuditRecord struct {
	Category  string // CATALOG, AZFAILURE, …
	Operation string // DELETE, MODIFY, ACCESS, …
	At        time.Time
}

// The categories of records that are read: images that somebody verified, expired or deleted, and access that was refused.
const (
	AuditCatalog = "CATALOG"
	AuditRefused = "AZFAILURE"
)

// auditPage is what is asked for: for page[limit] of /security/auditlogs no document names a maximum.
const auditPage = 100

// AuditRecords lists the records of these categories since a time of the server's clock.
func (c *Client) AuditRecords(ctx context.Context, since time.Time) iter.Seq2[*AuditRecord, error] {
	return func(yield func(*AuditRecord, error) bool) {
		for _, category := range []string{AuditCatalog, AuditRefused} {
			for r, err := range c.auditRecords(ctx, category, since) {
				if err != nil {
					yield(nil, err)
					return
				}
				if r.Category == category && !yield(r, nil) { // a server may ignore the filter
					return
				}
			}
		}
	}
}

func (c *Client) auditRecords(ctx context.Context, category string, since time.Time) iter.Seq2[*AuditRecord, error] {
	filter := "category eq '" + category + "' and auditDateTime gt " + since.UTC().Format("2006-01-02T15:04:05.000Z")
	return listing[*AuditRecord]{
		row: auditRow,
		list: list{
			client: c, noun: "audit_record", path: "/security/auditlogs", size: auditPage, pager: byOffset,
			query: url.Values{"filter": {filter}},
		},
	}.rows(ctx)
}

func auditRow(d *decoder) (r *AuditRecord, ok bool) {
	r = &AuditRecord{}
	for name := range d.attributes() {
		switch string(name) {
		case "category":
			r.Category = d.word()
		case "operation":
			r.Operation = d.word()
		case "auditDateTime":
			r.At = d.instant()
		default:
			d.skip()
		}
	}
	return r, r.Category != ""
}
