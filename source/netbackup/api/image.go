package api

import (
	"cmp"
	"context"
	"iter"
)

// Image is one row of /catalog/images.
type Image struct {
	MalwareStatus string // NOT_SCANNED, CLEAN, INFECTION_DETECTED_BY_MALWARE_SCAN, …; before 11.0 malwareScanResult: IMPACTED, …
	AnomalyStatus string // NOT_PROCESSED, ANOMALOUS, NOT_ANOMALOUS, …; empty before 10.5
}

// imagesPage is the documented maximum of page[limit] for /catalog/images.
const imagesPage = 100

// Images lists the images of the last 24 hours: without a filter there are no others.
func (c *Client) Images(ctx context.Context) iter.Seq2[*Image, error] {
	return listing[*Image]{
		row: imageRow,
		list: list{
			client: c, noun: "image", path: "/catalog/images",
			size: imagesPage, pager: byOffset,
		},
	}.rows(ctx)
}

func imageRow(d *decoder) (i *Image, ok bool) {
	i = &Image{}
	var scanned string
	for name := range d.attributes() {
		switch string(name) {
		case "malwareStatus":
			i.MalwareStatus = d.word()
		case "malwareScanResult":
			scanned = d.word()
		case "anomalyStatus":
			i.AnomalyStatus = d.word()
		default:
			d.skip()
		}
	}
	i.MalwareStatus = cmp.Or(i.MalwareStatus, scanned)
	return i, d.described // of some images older releases tell nothing more than that they are
}
