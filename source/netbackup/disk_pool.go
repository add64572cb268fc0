package netbackup

import (
	"context"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// diskPools reads the disk pools and their volumes.
type diskPools struct {
	*workplace
	told    collect.LastTold[api.DiskPool]
	volumes collect.LastTold[api.DiskVolume]

	raw, usable, used, available            *collect.Family
	highWater, lowWater, up, info, volumeUp *collect.Family
	volumeSize, volumeFree                  *collect.Family
}

const collectorDiskPools = "disk_pools"

func diskPoolCollector() collector {
	return collector{
		Name: collectorDiskPools, Noun: "disk_pool", Section: sectionStorage, Optional: true, First: firstOf((*api.Client).DiskPools),
		Role:  collect.Role{Namespace: "|STORAGE|DISK-POOLS|", Screen: "Storage > Disk pools", Without: "no forecast, no state of pools and volumes"},
		Start: startDiskPools,
	}
}

func startDiskPools(w *workplace) collect.Reader {
	w.site.pools = &diskPools{
		workplace: w,
		raw: w.Gauge("nbu_disk_pool_raw_bytes", "bytes",
			"Raw size of the disk pool. disk_pool is the id of the pool, as in nbu_storage_unit_info; nbu_disk_pool_info has its name.", "disk_pool", "category"),
		usable: w.Gauge("nbu_disk_pool_usable_bytes", "bytes",
			"Usable size of the disk pool.", "disk_pool", "category"),
		used: w.Gauge("nbu_disk_pool_used_bytes", "bytes",
			"Used space in the disk pool.", "disk_pool", "category"),
		available: w.Gauge("nbu_disk_pool_available_bytes", "bytes",
			"Available space in the disk pool.", "disk_pool", "category"),
		highWater: w.Gauge("nbu_disk_pool_high_water_mark_ratio", "ratio",
			"High-water mark: used share at which the disk pool counts as full.", "disk_pool"),
		lowWater: w.Gauge("nbu_disk_pool_low_water_mark_ratio", "ratio",
			"Low-water mark: used share down to which NetBackup deletes expired images.", "disk_pool"),
		up: w.Gauge("nbu_disk_pool_up", "",
			"1 when the disk pool is up, 0 when it is down or changing state. Absent if the server reports neither.", "disk_pool"),
		info: w.Info("nbu_disk_pool_info",
			"Name of the disk pool with this id. Pools of different server types can have the same name.",
			"disk_pool", "name", "category", "server_type"),
		volumeUp: w.Gauge("nbu_disk_volume_up", "",
			"1 when the disk volume is up, 0 when it is down. Absent if the server reports neither.", "disk_pool", "volume"),
		volumeSize: w.Gauge("nbu_disk_volume_size_bytes", "bytes",
			"Size of the disk volume. Absent for cloud.", "disk_pool", "volume"),
		volumeFree: w.Gauge("nbu_disk_volume_free_bytes", "bytes",
			"Free space on the disk volume. Absent for cloud.", "disk_pool", "volume"),
	}
	return w.site.pools.read
}

func (d *diskPools) read(ctx context.Context, _ int64) (int, error) {
	d.told.Begin()
	d.volumes.Begin()
	return collect.CountRows(d.client().DiskPools, func(g *collect.Gauges, p api.DiskPool) {
		d.told.Complete(p.ID, &p, (*api.DiskPool).KeepFacts)
		for i := range p.Volumes {
			if v := &p.Volumes[i]; v.ID != "" {
				d.volumes.Complete(p.ID+"\xff"+v.ID, v, (*api.DiskVolume).KeepFacts)
			}
		}
		d.note(g, &p)
	})(ctx, d.Gauges)
}

func (d *diskPools) note(g *collect.Gauges, p *api.DiskPool) {
	g.Tell(d.info, 1, p.ID, p.Name, p.Category, p.ServerType)
	setBytes(g, d.raw, p.Raw, p.ID, p.Category)
	setBytes(g, d.usable, p.Usable, p.ID, p.Category)
	setBytes(g, d.used, p.Used, p.ID, p.Category)
	setBytes(g, d.available, p.Available, p.ID, p.Category)
	setPercent(g, d.highWater, p.HighWaterMark, p.ID)
	setPercent(g, d.lowWater, p.LowWaterMark, p.ID)
	setState(g, d.up, p.State, p.ID)
	d.compat().DiskPool(g, p)
	for _, v := range p.Volumes {
		setState(g, d.volumeUp, v.State, p.ID, v.Name)
		setBytes(g, d.volumeSize, v.Size, p.ID, v.Name)
		setBytes(g, d.volumeFree, v.Free, p.ID, v.Name)
	}
}
