package api

import (
	"cmp"
	"context"
	"iter"
)

// MediaServer is one row of /config/media-servers. Jobs and drives name a media server by its host's name; the row's id
// stands in where that is missing.
type MediaServer struct {
	Name    string
	Version string         // NetBackup's, as 10.5
	OS      string         // osType
	Status  string         // ACTIVE_FOR_TAPE_AND_DISK, ACTIVE_FOR_TAPE, ACTIVE_FOR_DISK, DEACTIVATED, OFFLINE, VIRTUAL_NODE
	Up      Optional[bool] // isMachineUp
}

// mediaServersPage is the documented maximum of page[limit] for /config/media-servers.
const mediaServersPage = 500

// MediaServers lists all media servers.
func (c *Client) MediaServers(ctx context.Context) iter.Seq2[*MediaServer, error] {
	return listing[*MediaServer]{
		row: mediaServerRow,
		list: list{
			client: c, noun: "media_server", path: "/config/media-servers",
			size: mediaServersPage, pager: byOffset,
		},
	}.rows(ctx)
}

func mediaServerRow(d *decoder) (m *MediaServer, ok bool) {
	m = &MediaServer{}
	for name := range d.attributes() {
		switch string(name) {
		case "hostName":
			m.Name = d.text()
		case "nbuVersion":
			m.Version = d.text()
		case "osType":
			m.OS = d.text()
		case "isMachineUp":
			m.Up = d.boolean()
		case "status":
			m.Status = d.wordOf("name")
		default:
			d.skip()
		}
	}
	m.Name = cmp.Or(m.Name, string(d.id))
	return m, m.Name != ""
}

// KeepFacts takes the facts that the row leaves out from the form that it had last. Its status is none: it changes.
func (m *MediaServer) KeepFacts(last *MediaServer) {
	keep(&m.Version, last.Version)
	keep(&m.OS, last.OS)
}
