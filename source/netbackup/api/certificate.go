package api

import (
	"cmp"
	"context"
	"iter"
	"time"
)

// Certificate is the newest certificate of a host, a row of /security/certificates/current.
type Certificate struct {
	Host    string // its name; where there is none, its id
	Expires time.Time
	Valid   bool // neither revoked nor deleted
}

// stateActive is the state of a certificate that was not revoked (security.yaml, certificateList).
const stateActive = 1

// Certificates lists the newest certificate of each host, in one answer.
func (c *Client) Certificates(ctx context.Context) iter.Seq2[*Certificate, error] {
	return listing[*Certificate]{
		row:  certificateRow,
		list: list{client: c, noun: "certificate", path: "/security/certificates/current", under: "certificateList", pager: inOne},
	}.rows(ctx)
}

func certificateRow(d *decoder) (c *Certificate, ok bool) {
	c = &Certificate{}
	state, deleted, id := Optional[int64]{}, Optional[bool]{}, ""
	for name := range d.members() {
		switch string(name) {
		case "hostId":
			id = d.text()
		case "hostName":
			c.Host = d.text()
		case "notAfter":
			c.Expires = d.instant()
		case "state":
			state = d.within(0, mostThings)
		case "isCertDeleted":
			deleted = d.boolean()
		default:
			d.skip()
		}
	}
	c.Host = cmp.Or(c.Host, id)
	c.Valid = (!state.Given || state.Value == stateActive) && !deleted.Value
	return c, c.Host != ""
}
