package rules

// idleAlerts are about what should happen and does not, while everything answers.
func idleAlerts() []alert {
	return []alert{
		{
			name: "NetBackupNothingStarts", severity: critical, wait: "15m",
			expr: `(
  count by (site) (` + overdue + ` > 3 * 3600)
  or
  (
    sum by (site) (increase(` + backups + `[1d] offset 7d)) > 0
    unless on (site)
    nbu_client_due_timestamp_seconds
    unless on (site)
    sum by (site) (increase(` + backups + `[1d])) > 0
  )
)
unless on (site)
sum by (site) (increase(` + backups + `[3h])) > 0
unless on (site)
sum by (site) (nbu_jobs{job_type="BACKUP",state="ACTIVE"}) > 0
and on (site)
nbu_up == 1`,
			summary: "no backup has run at {{ $labels.site }} for three hours, although some were due",
			meaning: "The primary server answers, but no backup is active and none has finished in three hours, although at least one has been due for that long. Where due dates are not known: " +
				"none within a day in which there were some a week ago. It is not one client: the scheduler does not start jobs.",
			steps: []string{
				"bpps -x on the primary server: nbpem, nbjm, nbrb and nbemm must run. nbpemreq -tables screen shows what the scheduler intends to start.",
				"Check that scheduling was not suspended (nbpemreq -resume_scheduling starts it again), that the disk of the primary server is not full, and its licence is valid.",
				"Jobs queued but not active: NetBackupJobQueuedTooLong and nbu_jobs_queued by reason tell what they wait for.",
				"Restart nbpem if it hangs (bp.kill_all and bp.start_all as the last resort), then start the most important policies by hand.",
			},
		},
		serviceStopped(),
		{
			name: "NetBackupMediaServerIdle", severity: warning, wait: "1h",
			expr: `nbu_media_server_up == 1
unless on (site, media_server)
count by (site, media_server) (count_over_time(nbu_media_server_active_jobs[1d]))
and on (site, media_server)
count by (site, media_server) (count_over_time(nbu_media_server_active_jobs[7d]))
and on (site)
count by (site) (count_over_time(nbu_media_server_active_jobs[1d]))`,
			summary: "media server {{ $labels.media_server }} at {{ $labels.site }} is up and has had no job for a day",
			meaning: "It had jobs in the last week, and other media servers had some today. The others carry its load, and backups that need this one wait.",
			steps: []string{
				"Web UI, Hosts > Media servers: it must be active for disk or tape, not deactivated.",
				"Check that its storage units and disk pools are up, and that policies and SLPs still use them.",
				"If it was taken out of service on purpose, the alert clears after a week.",
			},
		},
		{
			name: "NetBackupJobRunsLong", severity: warning, wait: "15m",
			expr:    `time() - nbu_jobs_oldest_active_timestamp_seconds{job_type=~"BACKUP|SNAPSHOT"} > 86400`,
			summary: "a {{ $labels.job_type }} job of policy {{ $labels.policy }} at {{ $labels.site }} has been running for {{ $value | humanizeDuration }}",
			meaning: "The job may still transfer data, so it does not count as stalled, but it misses its next run, and what it reads has changed since it began.",
			steps: []string{
				"Activity monitor: sort the active jobs by elapsed time. Compare its rate with earlier runs of the same client (nbu_job_bytes_total by policy).",
				"Slow from the start: check the client's disk, the network and the storage server. More data than before: split the selection into streams, or use Accelerator.",
				"A first full backup of a large client takes that long once: let it finish.",
			},
		},
	}
}

// serviceStopped waits for two readings. Nobody tells which services a server's role needs: one that has never run is not missed.
func serviceStopped() alert {
	return alert{
		name: "NetBackupServiceStopped", severity: warning, wait: "20m",
		expr: `nbu_service_up == 0
and on (site, host, service)
max_over_time(nbu_service_up[7d]) == 1`,
		summary: "service {{ $labels.service }} of {{ $labels.host }} at {{ $labels.site }} has stopped",
		meaning: "The service ran within the last week and is stopped now. On the primary server, without nbpem, nbjm, nbrb or nbemm no backup starts, although the server answers; " +
			"on a media server, backups wait or go elsewhere. Services that are disabled or never ran are not reported.",
		steps: []string{
			"bpps -x on that host, or web UI, Hosts > Processes: shows what runs. Other services of the same host in this alert: somebody is working there, or it has restarted in part.",
			"Search its log (vxlogview -o <service>, or /usr/openv/netbackup/logs) for why it ended: a full disk, memory, a certificate that expired.",
			"Start it (netbackup start, or the Windows service), and see that jobs leave the queue.",
			"If it was stopped on purpose, disable it; or the alert clears after a week.",
		},
	}
}
