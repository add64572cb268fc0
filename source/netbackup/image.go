package netbackup

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
func (c *Client) Images(ctx context.Context) iter.Seq2[Image, error] {
	return listing[Image]{
		client: c, noun: "image", path: "/catalog/images", row: imageRow,
		size: imagesPage, pager: byOffset,
	}.rows(ctx)
}

func imageRow(d *decoder) (i Image, ok bool) {
	for name := range d.members() {
		if string(name) != "attributes" {
			d.skip()
			continue
		}
		i, ok = imageAttributes(d), true
	}
	return i, ok
}

func imageAttributes(d *decoder) (i Image) {
	var scanned string
	for name := range d.members() {
		switch string(name) {
		case "malwareStatus":
			i.MalwareStatus = d.text()
		case "malwareScanResult":
			scanned = d.text()
		case "anomalyStatus":
			i.AnomalyStatus = d.text()
		default:
			d.skip()
		}
	}
	i.MalwareStatus = cmp.Or(i.MalwareStatus, scanned)
	return i
}
