package api

import (
	"cmp"
	"context"
	"iter"
	"time"
)

// PausedClient is one row of /config/paused-clients: backups of the client are held back, by somebody or by the server
// itself after it found malware. A client that was taken offline by its attributes is one, too (addInLegacyFlag).
type PausedClient struct {
	Name       string // that is displayed; where there is none the identifier, or the id of the row
	Identifier string // the server's own; for some clients it is the name by which policies know them
	From       time.Time
	Until      time.Time // zero where no end is set
	Trigger    string    // AUTOMATIC or MANUAL
	By         string    // who asked for it
	Reason     string
}

// pausedClientsPage is the documented maximum of page[limit] for /config/paused-clients.
const pausedClientsPage = 100

// PausedClients lists the clients whose backups are paused.
func (c *Client) PausedClients(ctx context.Context) iter.Seq2[*PausedClient, error] {
	return listing[*PausedClient]{
		row: pausedClientRow,
		list: list{
			client: c, noun: "paused_client", path: "/config/paused-clients",
			size: pausedClientsPage, pager: byOffset,
		},
	}.rows(ctx)
}

func pausedClientRow(d *decoder) (p *PausedClient, ok bool) {
	p = &PausedClient{}
	for name := range d.attributes() {
		switch string(name) {
		case "displayName":
			p.Name = d.text()
		case "clientUniqueIdentifier":
			p.Identifier = d.text()
		case "blockedTime":
			p.From = d.instant()
		case "blockedUntilTime":
			p.Until = d.instant()
		case "triggerMethod":
			p.Trigger = d.word()
		case "blockedBy":
			p.By = d.text()
		case "reason":
			p.Reason = d.text()
		default:
			d.skip()
		}
	}
	p.Name = cmp.Or(p.Name, p.Identifier, string(d.id))
	return p, p.Name != ""
}
