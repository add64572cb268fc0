package netbackup

import (
	"context"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// storageServers reads the storage servers.
type storageServers struct {
	*workplace
	up, dedup *collect.Family
}

const collectorStorageServers = "storage_servers"

func storageServerCollector() collector {
	return collector{
		Name: collectorStorageServers, Noun: "storage_server", Section: sectionStorage, Optional: true, First: firstOf((*api.Client).StorageServers),
		Role: collect.Role{Namespace: "|STORAGE|STORAGE-SERVERS|", Screen: "Storage > Storage servers", Without: "no state of storage servers, no deduplication ratio"},
		Start: func(w *workplace) collect.Reader {
			s := &storageServers{
				workplace: w,
				up: w.Gauge("nbu_storage_server_up", "",
					"1 when the storage server is up, 0 when it is down. Absent if the server reports neither.", "storage_server", "type"),
				dedup: w.Gauge("nbu_storage_server_dedup_ratio", "ratio",
					"Deduplication ratio, as reported by the storage server.", "storage_server", "type"),
			}
			return s.read
		},
	}
}

func (s *storageServers) read(ctx context.Context, _ int64) (int, error) {
	return collect.CountRows(s.client().StorageServers, func(g *collect.Gauges, v api.StorageServer) {
		setState(g, s.up, v.State, v.Name, v.Type)
		if v.DedupRatio.Given && v.DedupRatio.Value >= 0 { // a negative one is no ratio
			g.Tell(s.dedup, v.DedupRatio.Value, v.Name, v.Type)
		}
	})(ctx, s.Gauges)
}
