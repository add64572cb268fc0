package api

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"time"
)

// SLPImage is one row of /catalog/slp-images: an image of which a storage lifecycle policy makes copies.
type SLPImage struct {
	SLP        string
	State      string    // one of the states of incompleteStates
	BackupTime time.Time // of the data, wherever the image was imported from
	Copies     []SLPCopy // those that are made, and those that the server has begun to plan
}

// SLPCopy is one copy of an image.
type SLPCopy struct {
	Type  string // BACKUP, DUPLICATE, REPLICATE_TO_REMOTE_MASTER, IMPORT, …
	State string // NOT_STARTED, IN_PROCESS, COPYCOMPLETE, DEFERRED, IMPORT_PENDING, …
}

// slpImagesPage is half of the documented maximum of page[limit] for /catalog/slp-images: a thousand images of six copies each
// are more than an answer may have.
const slpImagesPage = 500

// incompleteStates are the values of slpImageState of images that lack a copy (catalog.yaml of 10.3 to 11.2). An image that
// begins to be copied while they are read comes twice rather than not at all.
func incompleteStates() []string {
	return []string{"NOT_STARTED", "NOT_STARTED|INACTIVE", "IN_PROCESS", "IN_PROCESS|INACTIVE"}
}

// IncompleteSLPImages lists the images that lack a copy, one state after the other: the filter takes one value. Images that are
// complete, which most are, are never asked for, and left out where a server gives them all the same.
func (c *Client) IncompleteSLPImages(ctx context.Context) iter.Seq2[*SLPImage, error] {
	return func(yield func(*SLPImage, error) bool) {
		for _, state := range incompleteStates() {
			for image, err := range c.slpImages(ctx, state) {
				if err != nil {
					yield(nil, err)
					return
				}
				if image.State = cmp.Or(image.State, state); image.State == state && !yield(image, nil) {
					return
				}
			}
		}
	}
}

func (c *Client) slpImages(ctx context.Context, state string) iter.Seq2[*SLPImage, error] {
	return listing[*SLPImage]{
		row: slpImageRow,
		list: list{
			client: c, noun: "slp_image", path: "/catalog/slp-images", size: slpImagesPage, pager: byCursor,
			query: url.Values{"filter": {"slpImageState eq '" + state + "'"}},
		},
	}.rows(ctx)
}

func slpImageRow(d *decoder) (i *SLPImage, ok bool) {
	i = &SLPImage{}
	for name := range d.attributes() {
		switch string(name) {
		case "slpName":
			i.SLP = d.text()
		case "slpImageState":
			i.State = d.word()
		case "backupTime":
			i.BackupTime = d.instant()
		case "copies":
			for range d.elements() {
				i.Copies = append(i.Copies, slpCopy(d))
			}
		default:
			d.skip()
		}
	}
	return i, i.SLP != ""
}

func slpCopy(d *decoder) (c SLPCopy) {
	for name := range d.members() {
		switch string(name) {
		case "copyType":
			c.Type = d.word()
		case "copyState":
			c.State = d.word()
		default:
			d.skip()
		}
	}
	return c
}

// SLP is one row of /config/slps, a storage lifecycle policy.
type SLP struct {
	Name   string
	Active Optional[bool] // it makes copies
}

// slpsPage is the documented maximum of page[limit] for /config/slps.
const slpsPage = 100

// SLPs lists all storage lifecycle policies.
func (c *Client) SLPs(ctx context.Context) iter.Seq2[*SLP, error] {
	return listing[*SLP]{
		row: slpRow,
		list: list{
			client: c, noun: "slp", path: "/config/slps", size: slpsPage, pager: byOffset,
		},
	}.rows(ctx)
}

func slpRow(d *decoder) (s *SLP, ok bool) {
	s = &SLP{}
	for name := range d.attributes() {
		switch string(name) {
		case "slpName":
			s.Name = d.text()
		case "active":
			s.Active = d.boolean()
		default:
			d.skip()
		}
	}
	s.Name = cmp.Or(s.Name, string(d.id))
	return s, s.Name != ""
}
