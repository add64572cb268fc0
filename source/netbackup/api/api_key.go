package api

import (
	"context"
	"iter"
	"slices"
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
		row: apiKeyRow,
		list: list{
			client: c, noun: "api_key", path: "/security/api-keys",
			size: apiKeysPage, pager: byOffset, emptyIs404: true,
		},
	}.rows(ctx)
}

// APIKeyExpiry is when the key in use runs out; zero where the server does not show which
// one that is. A role that may see other users' keys sees them here too.
func (c *Client) APIKeyExpiry(ctx context.Context) (time.Time, error) {
	own, _, err := c.APIKeyExpiries(ctx)
	return own, err
}

// APIKeyExpiries is beside that when each key runs out that the role may see; zero for one that never does.
func (c *Client) APIKeyExpiries(ctx context.Context) (own time.Time, all []time.Time, err error) {
	var keys []apiKey
	for k, err := range c.apiKeys(ctx) {
		if err != nil {
			return time.Time{}, nil, err
		}
		keys, all = append(keys, k), append(all, k.Expires)
	}
	if len(keys) > 1 {
		id, err := c.Identity(ctx)
		if err != nil {
			return time.Time{}, nil, err
		}
		keys = slices.DeleteFunc(keys, func(k apiKey) bool { return !id.names(k.UserName) })
	}
	return soonest(keys), all, nil
}

// soonest is when the first key runs out; one without a date never does.
func soonest(keys []apiKey) (first time.Time) {
	for _, k := range keys {
		if !k.Expires.IsZero() && (first.IsZero() || k.Expires.Before(first)) {
			first = k.Expires
		}
	}
	return first
}

func apiKeyRow(d *decoder) (k apiKey, ok bool) {
	for name := range d.attributes() {
		switch string(name) {
		case "userName":
			k.UserName = d.text()
		case "expiryDateTime":
			k.Expires = d.instant()
		default:
			d.skip()
		}
	}
	return k, k.UserName != "" || !k.Expires.IsZero()
}
