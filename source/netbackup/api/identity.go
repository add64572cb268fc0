package api

import (
	"context"
	"strings"
	"unicode"
)

// Identity is whom the server takes this client for, by /authorization-context. A key
// without a role is answered 200 and no rows: its identity tells that from an empty server.
type Identity struct {
	Subject     string // domain, user and domain type, in the server's own form
	Admin       bool
	Permissions []string // nil where the server does not list them
}

// Identity asks the server whom it takes this client for.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	a, err := c.get(ctx, "/authorization-context", nil)
	if err != nil {
		return Identity{}, err
	}
	defer a.release()
	d := c.borrowDecoder("identity")
	defer c.returnDecoder(d)
	var id Identity
	if err := d.document(a.body, func() { id = identityAttributes(d) }); err != nil {
		return Identity{}, c.unreadable(a, "expected the authorization context", err)
	}
	return id, nil
}

func identityAttributes(d *decoder) (id Identity) {
	for name := range d.members() {
		switch string(name) {
		case "subject":
			id.Subject = d.text()
		case "isAdmin":
			id.Admin = d.boolean().Value
		case "permissions":
			if d.json.PeekKind() == '[' {
				id.Permissions = []string{}
			}
			for range d.elements() {
				if p := memberText(d, "permission"); p != "" {
					id.Permissions = append(id.Permissions, p)
				}
			}
		default:
			d.skip()
		}
	}
	return id
}

// names says whether user is one of the words that the subject consists of. The vendor
// documents what is in it, not how it is put together.
func (id Identity) names(user string) bool {
	parts := strings.FieldsFunc(id.Subject, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`:;,|/\=@`, r)
	})
	for _, w := range parts {
		if strings.EqualFold(w, user) {
			return true
		}
	}
	return false
}
