package grafana

func jobs() Dashboard {
	policyType := choice("policy_type", "Policy type", `label_values(nbu_jobs_completed_total{site=~"$site"}, policy_type)`)
	const chosen = `policy_type=~"$policy_type"`
	ended := of("nbu_jobs_completed_total", isLeaf, chosen)
	failed := of("nbu_jobs_completed_total", isLeaf, chosen, isFailed)
	read, moved := of("nbu_job_bytes_total", chosen), of("nbu_job_moved_bytes_total", chosen)
	return dashboard(uidJobs, "Jobs", "What ran, what failed and why, what waits and for what.", "now-24h", []Variable{policyType}, lay(
		numbers(
			stat("Ended", "Leaf jobs of every type.", unitCount, plain, now("sum("+during(ended)+")", "")).whole(),
			stat("Failed", "Leaf jobs with a status above 1.", unitCount, anyIsWarn, now(zeroElse("sum("+during(failed)+")"), "")).whole(),
			stat("Retries", "Tries of ended jobs beyond the first.", unitCount, plain,
				now("sum("+during(of("nbu_job_retries_total", chosen))+")", "")).whole(),
			stat("Stalled", "Active jobs that have moved nothing for 30 minutes.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_jobs_stalled")+")"), "")).whole(),
			stat("Waiting longest", "Age of the oldest job in the queue.", unitSeconds, thresholds(good, step(warn, 3600), step(bad, 14400)),
				now("max(time() - "+of("nbu_jobs_oldest_queued_timestamp_seconds")+")", "")),
			stat("Running longest", "Age of the oldest active job.", unitSeconds, thresholds(good, step(warn, 43200), step(bad, 86400)),
				now("max(time() - "+of("nbu_jobs_oldest_active_timestamp_seconds")+")", "")),
		),
		pictures(
			bars("Ended, by type", "Leaf jobs that ended. The dots lead to jobs by their ids.", unitCount,
				query("sum by (job_type) ("+each(ended)+")", "{{job_type}}").withJobs()),
			bars("Failed, by status", "Leaf jobs that failed. 129: storage full. 24, 25, 41, 42, 58: the network. 96: no media. 2074: a disk volume is down.", unitCount,
				query("sum by (status) ("+each(failed)+")", "status {{status}}").withJobs()),
		),
		pictures(
			table("Failed, by policy", "Policies with failed jobs, most first.", "failed",
				[]column{
					{"policy", "policy", "", nil},
					{"policy_type", "type", "", nil},
					{"site", "site", "", nil},
					{"status", "status", "", nil},
					{"Value", "failed", unitCount, anyIsWarn},
				},
				row("topk(50, round(sum by (site, policy, policy_type, status) ("+during(failed)+")) > 0)")),
			graph("Jobs that wait, by reason", "What queued jobs wait for.", unitCount,
				query("sum by (reason) ("+of("nbu_jobs_queued")+")", "{{reason}}")).stacked(),
		),
		pictures(
			heat("How long jobs took", "Ended leaf jobs by their duration. The dots are jobs.",
				query("sum by (le) ("+lately(of("nbu_job_duration_seconds_bucket", chosen))+")", "").withJobs()),
			graph("How long jobs waited", "From the start of a job to the start of its last try: the longest of 95 %, by type.", unitSeconds,
				query(quantile("0.95", of("nbu_job_queue_wait_seconds_bucket", chosen), "le, job_type"), "{{job_type}}").withJobs()),
		),
		pictures(
			graph("Throughput", "Bytes a second of jobs that ended, before and after deduplication.", unitRate,
				query("sum("+persecond(read)+")", "read"), query("sum("+persecond(moved)+")", "moved")),
			graph("Saved by deduplication", "Share of what was read that did not have to be moved.", unitShare,
				query("1 - sum by (policy_type) ("+during(moved)+") / (sum by (policy_type) ("+during(read)+") > 0)", "{{policy_type}}")).upToAll(),
		),
		pictures(
			graph("Active jobs, by media server", "Active leaf jobs.", unitCount,
				query("sum by (media_server) ("+of("nbu_media_server_active_jobs")+")", "{{media_server}}")).stacked(),
			graph("Transfer, by media server", "Transfer rates of active leaf jobs.", unitRate,
				query("sum by (media_server) ("+of("nbu_media_server_transfer_bytes_per_second")+")", "{{media_server}}")).stacked(),
		),
	))
}
