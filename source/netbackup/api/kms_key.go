package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/url"
	"time"
)

// KMSKey is a key of a key management service, a row of /security/key-management-services/{kmsId}/key-details.
type KMSKey struct {
	Service string // the name of its key management service
	State   string // keyState: PRELIVE, ACTIVE, INACTIVE, …
	Ends    time.Time
}

const (
	kmsPage      = 100 // what is asked for: no document names a maximum of page[limit]
	mostServices = 100 // whose keys are read
)

// KMSKeys lists the keys of all key management services, without what they are.
func (c *Client) KMSKeys(ctx context.Context) iter.Seq2[*KMSKey, error] {
	return func(yield func(*KMSKey, error) bool) {
		var services []string
		for name, err := range c.kmsNames(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(services) < mostServices {
				services = append(services, *name)
			}
		}
		for _, service := range services {
			for k, err := range c.kmsKeys(ctx, service) {
				if errors.Is(err, ErrNotOffered) { // it was removed since it was listed
					break
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if k.Service = service; !yield(k, nil) {
					return
				}
			}
		}
	}
}

func (c *Client) kmsNames(ctx context.Context) iter.Seq2[*string, error] {
	return listing[*string]{
		row:  kmsName,
		list: list{client: c, noun: "kms_key", path: "/security/key-management-services", size: kmsPage, pager: byOffset},
	}.rows(ctx)
}

func kmsName(d *decoder) (name *string, ok bool) {
	text := ""
	for member := range d.attributes() {
		if string(member) == "name" {
			text = d.text()
		} else {
			d.skip()
		}
	}
	text = cmp.Or(string(d.id), text) // the id is what the keys are asked for by
	return &text, text != ""
}

func (c *Client) kmsKeys(ctx context.Context, service string) iter.Seq2[*KMSKey, error] {
	return listing[*KMSKey]{
		row: kmsKeyRow,
		list: list{
			client: c, noun: "kms_key", path: "/security/key-management-services/" + url.PathEscape(service) + "/key-details", size: kmsPage, pager: byOffset,
		},
	}.rows(ctx)
}

func kmsKeyRow(d *decoder) (k *KMSKey, ok bool) {
	k = &KMSKey{}
	for name := range d.attributes() {
		if string(name) != "keyAttributes" {
			d.skip()
			continue
		}
		for name := range d.members() {
			switch string(name) {
			case "keyState":
				k.State = d.word()
			case "deactivationDate":
				k.Ends = d.instant()
			default:
				d.skip()
			}
		}
	}
	return k, k.State != ""
}
