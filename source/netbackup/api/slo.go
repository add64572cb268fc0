package api

import (
	"context"
	"iter"
)

// SLO is one row of /servicecatalog/slos: a protection plan, in the words of the web UI.
type SLO struct {
	ID       string
	Workload string // CLOUD, VMWARE, …
}

// slosPage is the maximum of page[limit] of the other listings: for /servicecatalog/slos none is documented.
const slosPage = 100

// SLOs lists all service level objectives.
func (c *Client) SLOs(ctx context.Context) iter.Seq2[*SLO, error] {
	return listing[*SLO]{
		row: sloRow,
		list: list{
			client: c, noun: "slo", path: "/servicecatalog/slos",
			size: slosPage, pager: byOffset,
		},
	}.rows(ctx)
}

func sloRow(d *decoder) (s *SLO, ok bool) {
	s = &SLO{}
	for name := range d.attributes() {
		if string(name) == "workloadType" {
			s.Workload = d.word()
		} else {
			d.skip()
		}
	}
	s.ID = string(d.id)
	return s, s.ID != ""
}
