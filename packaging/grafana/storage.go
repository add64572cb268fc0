package grafana

func storage() Dashboard {
	const byPool = "{{site}} {{disk_pool}}"
	pool := func(metric string) string { return "max by (site, disk_pool) (" + of(metric) + ")" }
	growth := "predict_linear(" + of("nbu_disk_pool_used_bytes") + "[7d], 86400) - predict_linear(" + of("nbu_disk_pool_used_bytes") + "[7d], 0)"
	days := "clamp_min((" + pool("nbu_disk_pool_usable_bytes") + " * (" + pool("nbu_disk_pool_high_water_mark_ratio") + " or 0 * " + pool("nbu_disk_pool_usable_bytes") + " + 1)" +
		" - " + pool("nbu_disk_pool_used_bytes") + "), 0) / (max by (site, disk_pool) (" + growth + ") > 0)"
	return dashboard(uidStorage, "Storage and forecast", "Used space, growth and components that are down.", "now-30d", nil, lay(
		numbers(
			stat("Fullest disk pool", "Used share of the fullest pool.", unitShare, poolColors, now("max("+poolShare+")", "")),
			stat("First to be full", "Days until the first pool reaches its high-water mark at last week's growth.", unitDays,
				thresholds(bad, step(warn, 14), step(good, 60)), now("min("+days+")", "")),
			stat("Room", "Available space in all disk pools.", unitBytes, plain, now("sum("+of("nbu_disk_pool_available_bytes")+")", "")),
			stat("Pools down", "Disk pools that are not up.", unitCount, anyIsBad, now(zeroElse("count("+of("nbu_disk_pool_up")+" == 0)"), "")).whole(),
			stat("Volumes down", "Disk volumes that are not up.", unitCount, anyIsBad, now(zeroElse("count("+of("nbu_disk_volume_up")+" == 0)"), "")).whole(),
			stat("Storage servers down", "Storage servers that are not up.", unitCount, anyIsBad,
				now(zeroElse("count("+of("nbu_storage_server_up")+" == 0)"), "")).whole(),
		),
		graphs(
			graph("Use of disk pools", "Used share. The lines are the default high-water marks.", unitShare, query(poolShare, byPool)).upToAll().marked(poolColors),
			graph("In 30 days", "Expected used share 30 days later, at the growth of the week before. Above 100 % the space does not suffice.", unitShare,
				query("max by (site, disk_pool) (predict_linear("+of("nbu_disk_pool_used_bytes")+"[7d], 30 * 86400)) / "+pool("nbu_disk_pool_usable_bytes"), byPool)).
				marked(thresholds(good, step(warn, 0.8), step(bad, 1))),
		),
		graphs(
			meters("Days until full", "Days until the high-water mark at last week's growth. Pools that do not grow are not shown.", unitDays,
				thresholds(bad, step(warn, 14), step(good, 60)), now("sort("+days+")", byPool)),
			graph("Growth per day", "By linear regression over the week before.", unitBytes, query("max by (site, disk_pool) ("+growth+")", byPool)).sinking(),
		),
		line{10, []Panel{table("Disk pools", "Use of each pool and its water marks.", "used",
			[]column{
				{"disk_pool", "disk pool", "", nil},
				{"site", "site", "", nil},
				{"Value #A", "used", unitShare, poolColors},
				{"Value #B", "usable", unitBytes, nil},
				{"Value #C", "available", unitBytes, nil},
				{"Value #D", "high-water mark", unitShare, nil},
				{"Value #E", "low-water mark", unitShare, nil},
			},
			row(poolShare), row(pool("nbu_disk_pool_usable_bytes")), row(pool("nbu_disk_pool_available_bytes")),
			row(pool("nbu_disk_pool_high_water_mark_ratio")), row(pool("nbu_disk_pool_low_water_mark_ratio")))}},
		graphs(
			states("Disk pools up", "Whether each pool is up.", query(pool("nbu_disk_pool_up"), byPool)),
			states("Storage servers up", "Whether each storage server is up.", query("max by (site, storage_server, type) ("+of("nbu_storage_server_up")+")", "{{storage_server}} {{type}}")),
		),
		graphs(
			graph("Use of disk volumes", "A full volume gets no more jobs, whatever room its pool has. Cloud has no size.", unitShare,
				query("1 - "+of("nbu_disk_volume_free_bytes")+" / "+of("nbu_disk_volume_size_bytes"), "{{site}} {{disk_pool}} {{volume}}")).upToAll(),
			graph("Use of storage units", "Storage units can share a disk pool: do not add them up. Tape and cloud have no capacity.", unitShare,
				query(of("nbu_storage_unit_used_bytes")+" / "+of("nbu_storage_unit_capacity_bytes"), "{{site}} {{storage_unit}}")).upToAll(),
			graph("Deduplication", "Deduplication ratio, as reported by the storage server.", unitCount,
				query("max by (site, storage_server) ("+of("nbu_storage_server_dedup_ratio")+")", "{{storage_server}}")),
		),
		heading("Copies by storage lifecycle policies"), copyNumbers(), copyGraphs(),
		heading("Servers"), serverGraphs(),
		heading("Tapes"), tapeNumbers(), tapeGraphs(),
	))
}
