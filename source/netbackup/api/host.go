package api

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"time"
)

// Host is one that the server knows, a row of /config/hosts.
type Host struct {
	ID      string // its UUID
	Name    string
	Mapped  []string // its other names that are approved
	Version string   // NetBackup's, as 10.5
	OS      string   // osType
	Type    string   // PRIMARY_SERVER, MEDIA_SERVER, CLIENT, NOT_DEFINED
	Retired time.Time
}

// The types of hosts.
const (
	hostPrimary = "PRIMARY_SERVER"
	hostMedia   = "MEDIA_SERVER"
	HostClient  = "CLIENT"
)

// mostMapped is how many further names of a host are read: far beyond what a cluster has.
const mostMapped = 64

// Hosts lists all hosts, in one answer: no release has pages of them.
func (c *Client) Hosts(ctx context.Context) iter.Seq2[*Host, error] { return c.hosts(ctx, "host", nil) }

// hostsOf lists the hosts of one type, of which another resource is asked for.
func (c *Client) hostsOf(ctx context.Context, noun, hostType string) iter.Seq2[*Host, error] {
	return c.hosts(ctx, noun, url.Values{"filter": {"nbuHostType eq '" + hostType + "'"}})
}

func (c *Client) hosts(ctx context.Context, noun string, query url.Values) iter.Seq2[*Host, error] {
	return listing[*Host]{
		row:  hostRow,
		list: list{client: c, noun: noun, path: "/config/hosts", under: "hosts", query: query, pager: inOne},
	}.rows(ctx)
}

func hostRow(d *decoder) (h *Host, ok bool) {
	h = &Host{}
	release := ""
	for name := range d.members() {
		switch string(name) {
		case "uuid":
			h.ID = d.identify()
		case "hostName":
			h.Name = d.text()
		case "hostMappings":
			for range d.elements() {
				if mapped := hostMapping(d); mapped != "" && len(h.Mapped) < mostMapped {
					h.Mapped = append(h.Mapped, mapped)
				}
			}
		case "nbuReleaseVersion":
			release = d.text()
		case "nbuVersion":
			h.Version = d.text()
		case "osType":
			h.OS = d.text()
		case "nbuHostType":
			h.Type = d.word()
		case "decommissionedDateTime":
			h.Retired = d.instant()
		default:
			d.skip()
		}
	}
	h.Version = cmp.Or(release, h.Version)
	h.Name = cmp.Or(h.Name, h.ID)
	return h, h.Name != ""
}

// hostMapping is a further name of a host; empty where nobody has approved that it is one.
func hostMapping(d *decoder) (mapped string) {
	approved := Optional[bool]{}
	for name := range d.members() {
		switch string(name) {
		case "mappedHostName":
			mapped = d.text()
		case "isApproved":
			approved = d.boolean()
		default:
			d.skip()
		}
	}
	if !approved.Value {
		return ""
	}
	return mapped
}
