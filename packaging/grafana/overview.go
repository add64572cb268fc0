package grafana

func overview() Dashboard {
	completed := of("nbu_jobs_completed_total", isBackup)
	return dashboard(uidOverview, "Overview", "Were we backed up last night?", "now-24h", nil, lay(
		numbers(
			stat("Successful backups", "Share of the backup jobs that ended with status 0 or 1, after NetBackup's own retries.",
				unitShare, shareColors, now(jobSuccess, "")).leading(uidJobs, "Jobs"),
			stat("Failed", "Backup jobs that ended with a status above 1.", unitCount, anyIsWarn,
				now(zeroElse("sum("+during(of("nbu_jobs_completed_total", isBackup, isFailed))+")"), "")).whole().leading(uidJobs, "Jobs"),
			stat("Clients beyond their RPO", "Clients whose last success is older than their schedules allow, plus a quarter.",
				unitCount, anyIsBad, now(zeroElse(missedClients), "")).whole().leading(uidClients, "Clients and RPO"),
			stat("Catalog backup", "Time since the last successful backup of the NetBackup catalog, for the site where it is longest.", unitSeconds, catalogAge,
				now("max(time() - "+of("nbu_catalog_backup_last_success_timestamp_seconds")+")", "")),
			stat("Fullest disk pool", "Used share of the fullest pool.", unitShare, poolColors,
				now("max("+poolShare+")", "")).leading(uidStorage, "Storage and forecast"),
			stat("Sites that answer", "Share of the known primary servers that answer.", unitShare, thresholds(bad, step(good, 1)),
				now("avg("+of("nbu_up")+")", "")).leading(uidPipeline, "Pipeline"),
		),
		pictures(
			bars("Backups by result", "Finished backup jobs, by result. The dots are exemplars with job ids.", unitCount,
				query("sum by (result) ("+each(completed)+")", "{{result}}").withJobs()).
				colored("success", good).colored("partial", warn).colored("failure", bad),
			bars("Bytes backed up", "Data read by finished backups, before deduplication.", unitBytes,
				query("sum by (site) ("+each(of("nbu_job_bytes_total", `job_type="BACKUP"`))+")", "{{site}}")),
		),
		pictures(
			table("Clients without a success for longest", "The twenty clients whose last success is oldest.", "last success",
				[]column{
					{"client", "client", "", nil},
					{"policy", "policy", "", nil},
					{"site", "site", "", nil},
					{"Value", "last success", unitSeconds, thresholds(good, step(warn, 108000), step(bad, 216000))},
				},
				row("topk(20, "+successAge+")")),
			meters("Failures by status", "The ten most frequent status codes of failed backups.", unitCount, thresholds(warn),
				now("topk(10, sum by (status) ("+during(of("nbu_jobs_completed_total", isBackup, isFailed))+") > 0)", "status {{status}}")).whole(),
		),
		pictures(
			meters("Disk pools", "Used share of each pool.", unitShare, poolColors, now(poolShare, "{{site}} {{disk_pool}}")).upToAll(),
			graph("Open jobs", "Jobs that are not finished.", unitCount,
				query("sum by (state) ("+of("nbu_jobs")+")", "{{state}}")).stacked(),
		),
		heading("Security and NetBackup's own alerts"), protectionNumbers(), protectionGraphs(),
	))
}
