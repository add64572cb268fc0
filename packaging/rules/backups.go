package rules

// failureRate is the share of failed backups where it is too high.
const failureRate = `sum by (site) (increase(` + failed + `[6h]))
/
(sum by (site) (increase(` + backups + `[6h])) >= 20)
> 0.1`

// copiesFailing is the share of failed copies of a kind where it is too high: of ten in some hours, or all of a day.
const copiesFailing = `sum by (site, job_type) (increase(` + copiesFailed + `[6h]))
/
(sum by (site, job_type) (increase(` + copies + `[6h])) >= 10)
> 0.1
or
sum by (site, job_type) (increase(` + copiesFailed + `[1d]))
/
(sum by (site, job_type) (increase(` + copies + `[1d])) > 0)
> 0.99`

func copyAlerts() []alert {
	return []alert{{
		name: "NetBackupCopiesFailing", severity: warning, wait: "15m", expr: copiesFailing,
		summary: "{{ $value | humanizePercentage }} of the {{ $labels.job_type }} jobs at {{ $labels.site }} fail",
		meaning: "More than a tenth of these duplications or replications of the last 6 hours failed, out of at least ten, or all of the last day. Cancelled ones (status 150) do not count. " +
			"Until they succeed the images have one copy only, and the space of the first one cannot be freed.",
		steps: []string{
			"The dashboard Jobs, filtered by the job type, shows the statuses. Status 84, 129: the target storage. Status 191: no image was copied, its details name the images. Status 25, 2106: the network or the target's storage server.",
			"Replication to another domain: check that the target's storage server is up and trusts this one, and that its SLP with an import exists.",
			"nbstlutil stlilist -image_incomplete on the primary server lists what waits. SLP repeats the copies by itself once the cause is corrected.",
		},
	}}
}

func jobAlerts() []alert {
	return []alert{
		{
			name: "NetBackupFailureRateHigh", severity: warning, wait: "15m",
			expr:    failureRate,
			summary: "{{ $value | humanizePercentage }} of the backups of the last 6 hours failed at {{ $labels.site }}",
			meaning: "More than a tenth of the backup jobs failed, out of at least 20: they ended with a status above 1 and were not cancelled (150). A single failing client does not cause this: something shared is broken.",
			steps: []string{
				"Find what they have in common: the dashboard Jobs shows failures by status and policy.",
				"Status 129 or 84: storage is full or not writable. Status 24, 25, 41, 42, 58: the network or a firewall. Status 96: no media. Status 2074: a disk volume is down.",
				"Correct the cause, then restart the failed jobs from the Activity monitor; the clients' next success clears the alert.",
			},
		},
		{
			name: "NetBackupJobsStalled", severity: warning, wait: "15m",
			expr:    `nbu_jobs_stalled > 0`,
			summary: "{{ $value }} {{ $labels.job_type }} job(s) at {{ $labels.site }} are active but transfer no data",
			meaning: "Each of these jobs has been active for at least 30 minutes without transferring data. It occupies a job slot of the storage unit and may end only when its window closes.",
			steps: []string{
				"In the Activity monitor, sort the active jobs by kilobytes and open the detailed status: the last line shows what the job waits for.",
				"Check the client (bpbkar), the network between client and media server, and the storage server.",
				"If it still transfers nothing, cancel the job; NetBackup retries it within the limits of the policy.",
			},
		},
		{
			name: "NetBackupJobQueuedTooLong", severity: warning, wait: "5m",
			expr:    `time() - nbu_jobs_oldest_queued_timestamp_seconds > 4 * 3600`,
			summary: "a {{ $labels.job_type }} job at {{ $labels.site }} has been waiting for {{ $value | humanizeDuration }}",
			meaning: "A job has been queued for more than four hours. A job that waits that long can miss its window.",
			steps: []string{
				"Find the reason: nbu_jobs_queued by reason, or the detailed status of the job.",
				"Storage unit or drives in use: look for stalled jobs that occupy them, or raise the maximum concurrent jobs of the unit.",
				"Media server or disk volume offline: bring it back online; the storage alerts name it.",
			},
		},
		{
			name: "NetBackupCatalogBackupOld", severity: critical, wait: "5m",
			expr:    `time() - nbu_catalog_backup_last_success_timestamp_seconds > 36 * 3600`,
			summary: "the catalog of {{ $labels.site }} was last backed up {{ $value | humanizeDuration }} ago",
			meaning: "Without a catalog backup, a primary server cannot restore anything after a disaster until all media have been read again. Back up the catalog every day.",
			steps: []string{
				"Check the last job of the policy of type NBU-Catalog and its status.",
				"Check that its storage unit is up and has free space, and that the disaster recovery file can be written and sent.",
				"Run the catalog policy manually and wait until it succeeds.",
			},
		},
		{
			name: "NetBackupCatalogBackupMissing", severity: warning, wait: "1d",
			expr: `nbu_up == 1
unless on (site)
nbu_catalog_backup_last_success_timestamp_seconds`,
			summary: "no successful catalog backup of {{ $labels.site }} has been seen",
			meaning: "No policy of type NBU-Catalog has succeeded within the last day or in the history read at the start. Probably no such policy exists.",
			steps: []string{
				"Look for an active policy of type NBU-Catalog; create one if there is none.",
				"If there is one, check its last job. The role of backwire's API key must allow it to see that job.",
			},
		},
	}
}

// capAlerts fire where jobs or clients have no series of their own.
func capAlerts() []alert {
	return []alert{
		{
			name: "NetBackupPoliciesWithoutCounters", severity: warning, wait: "0s",
			expr:    overflowed("nbu_job_overflow_total"),
			summary: "{{ $value | printf \"%.0f\" }} jobs of {{ $labels.site }} were counted under (other policies) within a day",
			meaning: "The limit on job series is reached, so new policies have no counters of their own and are missing from rates and dashboards by policy. Totals are complete.",
			steps: []string{
				"backwire status shows how many policies are affected; the log names some.",
				"Raise BACKWIRE_NETBACKUP_MAX_JOB_SERIES for this site; the receiver must accept that many series.",
				"Many removed policies: their series are freed after BACKWIRE_NETBACKUP_FORGET_POLICIES, which you can shorten.",
			},
		},
		{
			name: "NetBackupClientsNotWatched", severity: warning, wait: "0s",
			expr:    overflowed("nbu_client_overflow_total"),
			summary: "{{ $value | printf \"%.0f\" }} backups of {{ $labels.site }} within a day belong to clients that are not monitored",
			meaning: "The limit on client series is reached. Further clients have no series for their last success and schedule, so no alert can fire for them, and the status page gives no verdict on this site.",
			steps: []string{
				"backwire status and the status page show how many clients are affected; the log names some.",
				"Raise BACKWIRE_NETBACKUP_MAX_CLIENT_SERIES for this site: each pair of client and policy uses five.",
				"Many removed clients: their series are freed after BACKWIRE_NETBACKUP_FORGET_CLIENTS, which you can shorten.",
			},
		},
	}
}

// overflowed is how much a counter of a site's has grown within a day; what it says with its first sample counts as well.
func overflowed(counter string) string {
	return `sum by (site) (increase(` + counter + `[1d])) > 0
or
sum by (site) (` + counter + ` unless ` + counter + ` offset 1d) > 0`
}
