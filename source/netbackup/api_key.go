package netbackup

import (
	"context"
	"iter"
	"time"
)

// apiKey is one row of /security/api-keys.
type apiKey struct {
	UserName string
	Expires  time.Time
}

// apiKeysPage is the documented maximum of page[limit] for /security/api-keys.
const apiKeysPage = 100

func (c *Client) apiKeys(ctx context.Context) iter.Seq2[apiKey, error] {
	return listing[apiKey]{
		client: c, noun: "api_key", path: "/security/api-keys", row: apiKeyRow,
		size: apiKeysPage, pager: byOffset,
	}.rows(ctx)
}

// APIKeyExpiry is when the key in use runs out; zero where the server does not show it.
func (c *Client) APIKeyExpiry(ctx context.Context) (time.Time, error) {
	var soonest time.Time
	for k, err := range c.apiKeys(ctx) {
		if err != nil {
			return time.Time{}, err
		}
		if soonest.IsZero() || k.Expires.Before(soonest) {
			soonest = k.Expires
		}
	}
	return soonest, nil
}

func apiKeyRow(d *decoder) (k apiKey, ok bool) {
	for name := range d.members() {
		if string(name) != "attributes" {
			d.skip()
			continue
		}
		for name := range d.members() {
			switch string(name) {
			case "userName":
				k.UserName = d.text()
			case "expiryDateTime":
				k.Expires = d.instant()
			default:
				d.skip()
			}
		}
	}
	return k, !k.Expires.IsZero()
}
