package netbackup

import (
	"context"
	"errors"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// errEmpty is an answer without the rows that every server has. A credential whose role
// does not allow to see them gets exactly this, and not a refusal.
var errEmpty = errors.New("the answer is 200 with an empty list; the role of the credential is probably missing a permission")

// storageUnits reads the storage units.
type storageUnits struct {
	*workplace
	told collect.LastTold[api.StorageUnit]

	capacity, used, free, maxJobs, info *collect.Family
}

const collectorStorage = "storage"

func storageUnitCollector() collector {
	return collector{
		Name: collectorStorage, Noun: "storage_unit", Section: sectionStorage, Optional: true, First: firstOf((*api.Client).StorageUnits),
		Role: collect.Role{Namespace: "|STORAGE|STORAGE-UNITS|", Screen: "Storage > Storage units", Without: "no storage units", Always: true},
		Start: func(w *workplace) collect.Reader {
			const pool = " Storage units can share a disk pool: do not add them up."
			w.site.units = &storageUnits{
				workplace: w,
				capacity: w.Gauge("nbu_storage_unit_capacity_bytes", "bytes",
					"Capacity of the storage unit. Absent for tape and cloud."+pool, "storage_unit", "category"),
				used: w.Gauge("nbu_storage_unit_used_bytes", "bytes",
					"Used space in the storage unit. Absent for tape and cloud."+pool, "storage_unit", "category"),
				free: w.Gauge("nbu_storage_unit_free_bytes", "bytes",
					"Free space in the storage unit. Absent for tape and cloud."+pool, "storage_unit", "category"),
				maxJobs: w.Gauge("nbu_storage_unit_max_concurrent_jobs", "",
					"Maximum number of concurrent jobs of the storage unit. Absent for tape.", "storage_unit"),
				info: w.Info("nbu_storage_unit_info",
					"Properties of the storage unit. disk_pool is the id of its disk pool, as in the metrics of the pool.",
					"storage_unit", "category", "type", "subtype", "server_type", "disk_pool",
					"cloud", "worm_capable", "worm", "replication_capable", "instant_access"),
			}
			return w.site.units.read
		},
	}
}

func (s *storageUnits) read(ctx context.Context, _ int64) (int, error) {
	s.told.Begin()
	rows, err := collect.CountRows(s.client().StorageUnits, func(g *collect.Gauges, u api.StorageUnit) {
		s.told.Complete(u.Name, &u, (*api.StorageUnit).KeepFacts)
		s.note(g, &u)
	})(ctx, s.Gauges)
	if err == nil && rows == 0 {
		err = errEmpty
	}
	return rows, err
}

func (s *storageUnits) note(g *collect.Gauges, u *api.StorageUnit) {
	setBytes(g, s.capacity, u.Capacity, u.Name, u.Category)
	setBytes(g, s.used, u.Used, u.Name, u.Category)
	setBytes(g, s.free, u.Free, u.Name, u.Category)
	setBytes(g, s.maxJobs, u.MaxConcurrentJobs, u.Name)
	s.compat().StorageUnit(g, u)
	g.Tell(s.info, 1, u.Name, u.Category, u.Type, u.SubType, u.ServerType, u.DiskPool,
		u.IsCloud.String(), u.WormCapable.String(), u.UseWorm.String(), u.ReplicationCapable.String(), u.InstantAccess.String())
}
