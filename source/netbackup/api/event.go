package api

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Event is one row of /eventlog/notifications.
type Event struct {
	Severity string // CRITICAL, ERROR, WARNING, INFO, DEBUG, RCA
	Created  time.Time
}

// eventsPage is the documented maximum of page[limit] for /eventlog/notifications.
const eventsPage = 100

// Events lists what the server has logged since a time of its clock.
func (c *Client) Events(ctx context.Context, since time.Time) iter.Seq2[*Event, error] {
	return listing[*Event]{
		row: eventRow,
		list: list{
			client: c, noun: "event", path: "/eventlog/notifications", size: eventsPage, pager: byOffset,
			query: url.Values{"filter": {"createdDateTime ge " + since.UTC().Format("2006-01-02T15:04:05.000Z")}},
		},
	}.rows(ctx)
}

func eventRow(d *decoder) (e *Event, ok bool) {
	e = &Event{}
	for name := range d.attributes() {
		switch string(name) {
		case "severity":
			e.Severity = d.word()
		case "createdDateTime":
			e.Created = d.instant()
		default:
			d.skip()
		}
	}
	return e, *e != Event{}
}
