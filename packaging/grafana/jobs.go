package grafana

func jobs() Dashboard {
	policyType := choice("policy_type", "Policy type", `label_values(nbu_jobs_completed_total{site=~"$site"}, policy_type)`)
	const chosen = `policy_type=~"$policy_type"`
	ended := of("nbu_jobs_completed_total", isLeaf, chosen)
	failed := of("nbu_jobs_completed_total", isLeaf, chosen, isFailed)
	read, moved := of("nbu_job_bytes_total", chosen), of("nbu_job_moved_bytes_total", chosen)
	return dashboard(uidJobs, "Jobs", "Finished, failed and queued jobs, with the reasons.", "now-24h", []Variable{policyType}, lay(
		numbers(
			stat("Ended", "Leaf jobs of every type.", unitCount, plain, now("sum("+during(ended)+")", "")).whole(),
			stat("Failed", "Leaf jobs with a status above 1 that were not cancelled.", unitCount, anyIsWarn, now(zeroElse("sum("+during(failed)+")"), "")).whole(),
			stat("Cancelled", "Leaf jobs that somebody ended on purpose (status 150).", unitCount, plain,
				now(zeroElse("sum("+during(of("nbu_jobs_completed_total", isLeaf, chosen, isStopped))+")"), "")).whole(),
			stat("Copies failed", "Duplications and replications that failed: until they are repeated there is one copy only.", unitCount, anyIsWarn,
				now(zeroElse("sum("+during(of("nbu_jobs_completed_total", isLeaf, isCopy, isFailed))+")"), "")).whole(),
			stat("Retries", "Retries of finished jobs.", unitCount, plain,
				now("sum("+during(of("nbu_job_retries_total", chosen))+")", "")).whole(),
			stat("Stalled", "Active jobs that have transferred no data for 30 minutes.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_jobs_stalled")+")"), "")).whole(),
			stat("Waiting longest", "Age of the oldest job in the queue.", unitSeconds, thresholds(good, step(warn, 3600), step(bad, 14400)),
				now("max(time() - "+of("nbu_jobs_oldest_queued_timestamp_seconds")+")", "")),
			stat("Running longest", "Age of the oldest active job.", unitSeconds, thresholds(good, step(warn, 43200), step(bad, 86400)),
				now("max(time() - "+of("nbu_jobs_oldest_active_timestamp_seconds")+")", "")),
		),
		graphs(
			bars("Finished, by type", "Finished leaf jobs. The dots are exemplars with job ids.", unitCount,
				query("sum by (job_type) ("+each(ended)+")", "{{job_type}}").withJobs()),
			bars("Failed, by status", "Leaf jobs that failed. The table below says what a status means.", unitCount,
				query("sum by (status) ("+each(failed)+")", "status {{status}}").withJobs()),
		),
		graphs(
			table("Failed, by policy", "Policies with the most failed jobs first, and what the status means.", "failed",
				[]column{
					{"policy", "policy", "", nil},
					{"policy_type", "type", "", nil},
					{"site", "site", "", nil},
					{"status", "status", "", nil},
					{"message", "meaning", "", nil},
					{"Value", "failed", unitCount, anyIsWarn},
				},
				row("topk(50, "+explained("round(sum by (site, policy, policy_type, status) ("+during(failed)+")) > 0", "policy, policy_type")+")")),
			graph("Queued jobs, by reason", "Reasons why jobs are queued.", unitCount,
				query("sum by (reason) ("+of("nbu_jobs_queued")+")", "{{reason}}")).stacked(),
		),
		graphs(
			heat("Duration of jobs", "Finished leaf jobs by duration. The dots are jobs.",
				query("sum by (le) ("+lately(of("nbu_job_duration_seconds_bucket", chosen))+")", "").withJobs()),
			graph("Waiting time of jobs", "From the start of a job to the start of its last attempt: 95th percentile, by type.", unitSeconds,
				query(quantile("0.95", of("nbu_job_queue_wait_seconds_bucket", chosen), "le, job_type"), "{{job_type}}").withJobs()),
		),
		graphs(
			graph("Throughput", "Bytes per second of finished jobs, before and after deduplication.", unitRate,
				query("sum("+persecond(read)+")", "read"), query("sum("+persecond(moved)+")", "moved")),
			graph("Saved by deduplication", "Share of the data read that did not have to be transferred.", unitShare,
				query("1 - sum by (policy_type) ("+during(moved)+") / (sum by (policy_type) ("+during(read)+") > 0)", "{{policy_type}}")).upToAll(),
		),
		graphs(
			graph("Active jobs, by media server", "Active leaf jobs.", unitCount,
				query("sum by (media_server) ("+of("nbu_media_server_active_jobs")+")", "{{media_server}}")).stacked(),
			graph("Jobs, by storage unit", "The ten storage units with the most jobs that write to them or wait for them, and how many may write to these at once.", unitCount,
				query("topk(10, sum by (storage_unit, state) ("+of("nbu_storage_unit_jobs")+"))", "{{storage_unit}} {{state}}"),
				query("max by (storage_unit) ("+of("nbu_storage_unit_max_concurrent_jobs")+") and on (storage_unit) topk(10, sum by (storage_unit) ("+of("nbu_storage_unit_jobs")+"))", "{{storage_unit}} at most")),
			graph("Suspended or incomplete", "Age of the oldest job that somebody suspended, or that waits to be resumed, by type.", unitSeconds,
				query("time() - min by (job_type, state) ("+of("nbu_jobs_oldest_held_timestamp_seconds")+")", "{{job_type}} {{state}}")),
			graph("Transfer, by media server", "Transfer rates of active leaf jobs.", unitRate,
				query("sum by (media_server) ("+of("nbu_media_server_transfer_bytes_per_second")+")", "{{media_server}}")).stacked(),
		),
	))
}
