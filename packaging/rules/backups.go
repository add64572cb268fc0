package rules

func clientAlerts() []alert {
	return []alert{
		{
			name: "NetBackupClientMissedRPO", severity: warning, wait: "15m",
			expr: `time() - nbu_client_last_success_timestamp_seconds
> on (site, client, policy)
1.25 * ` + clientRPO,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}) was last backed up {{ $value | humanizeDuration }} ago",
			meaning: "The client's last successful backup is older than its schedule allows, a quarter of grace included. " +
				"If the client is lost now, everything since then is lost. Where its schedules do not tell how often they run, a week is taken; where policies cannot be read, a day.",
			steps: []string{
				"See whether it failed or never ran: nbu_client_last_attempt_timestamp_seconds and nbu_client_last_status of this client.",
				"It failed: open the job in the Activity monitor by the status code, correct the cause, and run the policy by hand for this client.",
				"It never ran: look whether the policy is active, the schedule's window is long enough and the job waits in the queue.",
				"Many clients of one policy or one storage unit at once: look at the storage alerts first.",
				"The client was retired: take it out of the policy, and this clears.",
				"The policy is started by users alone, or runs on one day only: silence it by its name, or give it a frequency.",
			},
		},
		{
			name: "NetBackupClientNeverSucceeded", severity: warning, wait: "1d",
			expr: `nbu_client_never_succeeded == 1
or on (site, client, policy)
(
  nbu_client_last_attempt_timestamp_seconds
  unless on (site, client, policy)
  nbu_client_last_success_timestamp_seconds
)`,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}) has never been backed up with success",
			meaning: "The client is in an active policy, or was tried, and no success of it has been seen for a day. Nothing of it can be restored.",
			steps: []string{
				"No attempt at all: check that the policy is active, has a schedule with a window, and names the client as the client names itself.",
				"Attempts that fail: bptestbpcd on the primary server tells whether the client can be reached; then read the job's details.",
				"A new client whose first window has not come yet: wait for it, or run the policy by hand.",
			},
		},
	}
}

// failureRate is the share of failed backups where it is too high.
const failureRate = `sum by (site) (increase(` + failed + `[6h]))
/
(sum by (site) (increase(` + backups + `[6h])) >= 20)
> 0.1`

func jobAlerts() []alert {
	return []alert{
		{
			name: "NetBackupFailureRateHigh", severity: warning, wait: "15m",
			expr:    failureRate,
			summary: "{{ $value | humanizePercentage }} of the backups of the last 6 hours failed at {{ $labels.site }}",
			meaning: "More than a tenth of the backup jobs ended with a status above 1, out of at least 20. One failing client does not do that: something shared is broken.",
			steps: []string{
				"Find what they have in common: the dashboard Jobs shows failures by status and by policy.",
				"Status 129 or 84: storage is full or not writable. Status 24, 25, 41, 42, 58: the network or a firewall. Status 96: no media. Status 2074: a disk volume is down.",
				"Correct the cause, then restart the failed jobs from the Activity monitor; the clients' next success clears the alert.",
			},
		},
		{
			name: "NetBackupJobsStalled", severity: warning, wait: "15m",
			expr:    `nbu_jobs_stalled > 0`,
			summary: "{{ $value }} {{ $labels.job_type }} job(s) at {{ $labels.site }} are active and move nothing",
			meaning: "Each of these jobs has been active for at least 30 minutes without a byte more. It holds a place in the storage unit and may end only when the window does.",
			steps: []string{
				"In the Activity monitor, sort the active jobs by their kilobytes and open the job's detailed status: its last line names who it waits for.",
				"Look at the client (bpbkar), the network between it and the media server, and at the storage server.",
				"Cancel the job if it does not move after that; NetBackup tries it again within the policy's limits.",
			},
		},
		{
			name: "NetBackupJobQueuedTooLong", severity: warning, wait: "5m",
			expr:    `time() - nbu_jobs_oldest_queued_timestamp_seconds > 4 * 3600`,
			summary: "a {{ $labels.job_type }} job at {{ $labels.site }} has been waiting for {{ $value | humanizeDuration }}",
			meaning: "A job has waited more than four hours for something it needs. What waits that long misses its window.",
			steps: []string{
				"See what is waited for: nbu_jobs_queued by reason, or the job's detailed status.",
				"Storage unit or drives in use: look for stalled jobs that hold them, or raise the unit's maximum of concurrent jobs.",
				"Media server or disk volume offline: bring it back; the storage alerts name it.",
			},
		},
		{
			name: "NetBackupCatalogBackupOld", severity: critical, wait: "5m",
			expr:    `time() - nbu_catalog_backup_last_success_timestamp_seconds > 36 * 3600`,
			summary: "the catalog of {{ $labels.site }} was last backed up {{ $value | humanizeDuration }} ago",
			meaning: "Without its catalog a primary server cannot restore anything after a disaster until all media were read again. It should be backed up every day.",
			steps: []string{
				"Look at the last job of the policy of type NBU-Catalog and at its status.",
				"Check that its storage unit is up and has room, and that the disaster recovery file can be written and sent.",
				"Run the catalog policy by hand and wait for its success.",
			},
		},
		{
			name: "NetBackupCatalogBackupMissing", severity: warning, wait: "1d",
			expr: `nbu_up == 1
unless on (site)
nbu_catalog_backup_last_success_timestamp_seconds`,
			summary: "no successful catalog backup of {{ $labels.site }} has been seen",
			meaning: "A day has passed, and what was read back at the start, without one success of a policy of type NBU-Catalog. Probably there is none.",
			steps: []string{
				"Look for an active policy of type NBU-Catalog; make one if there is none.",
				"There is one: look at its last job. The role of backwire's API key must allow it to see that job.",
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
			meaning: "The cap on series of jobs is reached, so policies that are new get no counters of their own: rates and dashboards by policy leave them out. No job is lost to the sums.",
			steps: []string{
				"backwire status says how many policies these are, its log names some.",
				"Raise BACKWIRE_NETBACKUP_MAX_JOB_SERIES of this site; the receiver must take as many series.",
				"Many policies that are gone: they make room by themselves after BACKWIRE_NETBACKUP_FORGET_POLICIES, which may be shortened.",
			},
		},
		{
			name: "NetBackupClientsNotWatched", severity: warning, wait: "0s",
			expr:    overflowed("nbu_client_overflow_total"),
			summary: "{{ $value | printf \"%.0f\" }} backups of {{ $labels.site }} within a day are of clients that are not watched",
			meaning: "The cap on series of clients is reached: clients without room have no last success and no promise, and no alert can fire for them.",
			steps: []string{
				"backwire status says how many clients these are, its log names some.",
				"Raise BACKWIRE_NETBACKUP_MAX_CLIENT_SERIES of this site: five series for each client under each policy.",
				"Many clients that are gone: they make room by themselves after BACKWIRE_NETBACKUP_FORGET_CLIENTS, which may be shortened.",
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
