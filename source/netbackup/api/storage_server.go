package api

import (
	"context"
	"iter"
)

// StorageServer is one row of /storage/storage-servers. What identifies it is its name together with its type: one host
// serves MSDP and AdvancedDisk as two servers of one name. A row without either is not readable.
type StorageServer struct {
	Name       string
	Type       string            // sType: PureDisk, AdvancedDisk, …
	State      string            // UP, DOWN
	DedupRatio Optional[float64] // MSDP: deduplicationRatioPercentage, as it is given
}

// storageServersPage is the documented maximum of page[limit] for /storage/storage-servers.
const storageServersPage = 100

// StorageServers lists all storage servers.
func (c *Client) StorageServers(ctx context.Context) iter.Seq2[StorageServer, error] {
	return listing[StorageServer]{
		row: storageServerRow,
		list: list{
			client: c, noun: "storage_server", path: "/storage/storage-servers",
			size: storageServersPage, pager: byOffset,
		},
	}.rows(ctx)
}

func storageServerRow(d *decoder) (s StorageServer, ok bool) {
	for name := range d.members() {
		if string(name) == "attributes" {
			storageServerAttributes(d, &s)
		} else {
			d.skip()
		}
	}
	return s, s.Name != "" && s.Type != ""
}

func storageServerAttributes(d *decoder, s *StorageServer) {
	for name := range d.members() {
		switch string(name) {
		case "name":
			s.Name = d.text()
		case "sType":
			s.Type = d.text()
		case "storageServerState":
			s.State = d.word()
		case "msdpAttributes":
			for name := range d.members() {
				if string(name) == "deduplicationRatioPercentage" {
					s.DedupRatio = d.numberUpTo(mostDedupRatio)
				} else {
					d.skip()
				}
			}
		default:
			d.skip()
		}
	}
}
