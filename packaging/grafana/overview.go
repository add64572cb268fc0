package grafana

func overview() Dashboard {
	completed := of("nbu_jobs_completed_total", isBackup)
	return dashboard(uidOverview, "Overview", "Were we backed up last night?", "now-24h", nil, lay(
		numbers(
			stat("Successful backups", "Share of the backup jobs that ended with status 0 or 1, after NetBackup's own retries.",
				unitShare, shareColors, now(jobSuccess, "")).leading(uidJobs, "Jobs"),
			stat("Failed", "Backup jobs that ended with a status above 1 and were not cancelled (150).", unitCount, anyIsWarn,
				now(zeroElse("sum("+during(of("nbu_jobs_completed_total", isBackup, isFailed))+")"), "")).whole().leading(uidJobs, "Jobs"),
			stat("Clients overdue", "Clients of which a backup was due and has not succeeded. Where due dates are not known: whose last success is older than their schedules allow, plus a quarter.",
				unitCount, anyIsBad, now(zeroElse(overdueClients), "")).whole().leading(uidClients, "Clients and RPO"),
			stat("Catalog backup", "Time since the last successful backup of the NetBackup catalog, for the site where it is longest.", unitSeconds, catalogAge,
				now("max(time() - "+of("nbu_catalog_backup_last_success_timestamp_seconds")+")", "")),
			stat("Fullest disk pool", "Used share of the fullest pool.", unitShare, poolColors,
				now("max("+poolShare+")", "")).leading(uidStorage, "Storage and forecast"),
			stat("Sites that answer", "Share of the known primary servers that answer.", unitShare, thresholds(bad, step(good, 1)),
				now("avg("+of("nbu_up")+")", "")).leading(uidPipeline, "Pipeline"),
		),
		graphs(
			bars("Backups by result", "Finished backup jobs, by result. The dots are exemplars with job ids.", unitCount,
				query("sum by (result) ("+each(completed)+")", "{{result}}").withJobs()).
				colored("success", good).colored("partial", warn).colored("failure", bad),
			bars("Bytes backed up", "Data read by finished backups, before deduplication.", unitBytes,
				query("sum by (site) ("+each(of("nbu_job_bytes_total", `job_type="BACKUP"`))+")", "{{site}}")),
		),
		graphs(
			table("Overdue for longest", "The twenty clients whose backups have been due for longest.", "overdue",
				[]column{
					{"client", "client", "", nil},
					{"policy", "policy", "", nil},
					{"site", "site", "", nil},
					{"Value", "overdue", unitSeconds, thresholds(warn, step(bad, 86400))},
				},
				row("topk(20, "+overdue+")")),
			table("Failures by status", "The twenty most frequent status codes of failed backups, and what they mean.", "failed",
				[]column{
					{"status", "status", "", nil},
					{"message", "meaning", "", nil},
					{"site", "site", "", nil},
					{"Value", "failed", unitCount, anyIsWarn},
				},
				row("topk(20, "+explained("round(sum by (site, status) ("+during(of("nbu_jobs_completed_total", isBackup, isFailed))+")) > 0", "site")+")")),
		),
		graphs(
			meters("Disk pools", "Used share of each pool.", unitShare, poolColors, now(poolShare, "{{site}} {{disk_pool}}")).upToAll(),
			graph("Open jobs", "Jobs that are not finished.", unitCount,
				query("sum by (state) ("+of("nbu_jobs")+")", "{{state}}")).stacked(),
		),
		eachSite("Site $site"), siteNumbers(),
		heading("Security and NetBackup's own alerts"), protectionNumbers(), protectionGraphs(),
	))
}

// siteNumbers are one site's, in its own row.
func siteNumbers() line {
	return numbers(
		stat("Backups", "Share of the site's backup jobs that ended with status 0 or 1.", unitShare, shareColors, now(jobSuccess, "")).leading(uidJobs, "Jobs"),
		stat("Failed", "Backup jobs of the site that ended with a status above 1 and were not cancelled (150).", unitCount, anyIsWarn,
			now(zeroElse("sum("+during(of("nbu_jobs_completed_total", isBackup, isFailed))+")"), "")).whole().leading(uidJobs, "Jobs"),
		stat("Clients overdue", "Clients of the site of which a backup was due and has not succeeded.", unitCount, anyIsBad,
			now(zeroElse(overdueClients), "")).whole().leading(uidClients, "Clients and RPO"),
		stat("Catalog backup", "Time since the last successful backup of the site's catalog.", unitSeconds, catalogAge,
			now("max(time() - "+of("nbu_catalog_backup_last_success_timestamp_seconds")+")", "")),
		stat("Fullest disk pool", "Used share of the site's fullest pool.", unitShare, poolColors,
			now("max("+poolShare+")", "")).leading(uidStorage, "Storage and forecast"),
		stat("Jobs read", "Time since the site's jobs were last read. Nothing newer is known of it.", unitSeconds, thresholds(good, step(warn, 600), step(bad, 3600)),
			now("max(time() - "+of("nbu_collector_last_success_timestamp_seconds", `collector="jobs"`)+")", "")).leading(uidPipeline, "Pipeline"),
	)
}
