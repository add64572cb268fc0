package rules

// slpAlerts are about the copies that storage lifecycle policies make.
func slpAlerts() []alert {
	return []alert{
		{
			name: "NetBackupCopyOverdue", severity: warning, wait: "30m",
			expr:    `time() - nbu_slp_oldest_incomplete_timestamp_seconds > 36 * 3600`,
			summary: "the oldest image of SLP {{ $labels.slp }} at {{ $labels.site }} has waited for a copy for {{ $value | humanizeDuration }}",
			meaning: "A copy was not made within a day and a half after the backup. Until it is made, the image exists once, and its space on the first storage cannot be freed. " +
				"If the SLP has windows that are further apart, raise the limit of this alert for it.",
			steps: []string{
				"nbstlutil stlilist -image_incomplete -U on the primary server lists the images and the state of each copy.",
				"The dashboard Storage and forecast shows whether the backlog of this SLP grows or only one image is stuck.",
				"Copies in process: look for the duplication and replication jobs in the Activity monitor, and for what they wait for. Copies not started: check the SLP's window, and that the SLP and its operations are active.",
				"An image that can never be copied, because its source is gone: nbstlutil cancel -backupid ID.",
			},
		},
		{
			name: "NetBackupCopyBacklogGrows", severity: warning, wait: "1h",
			expr: `(
  min_over_time(` + slpBacklog + `[1d]) > 1.2 * min_over_time(` + slpBacklog + `[1d] offset 1d)
  and
  min_over_time(` + slpBacklog + `[1d] offset 1d) > 1.2 * min_over_time(` + slpBacklog + `[1d] offset 2d)
)
>= 20`,
			summary: "{{ $value }} images of SLP {{ $labels.slp }} at {{ $labels.site }} wait for a copy at the quietest hour of the day, and more each day",
			meaning: "For two days, each day's smallest backlog was larger than the day before by a fifth: more images arrive than are copied. Copies get older every day, and the first storage fills up.",
			steps: []string{
				"Check whether copies are made at all: the dashboard Jobs, filtered by the job types DUPLICATE and REPLICATE; NetBackupCopiesFailing fires if they fail.",
				"Queued copies: nbu_jobs_queued shows why. Raise the maximum concurrent jobs of the target storage unit, add drives, or widen the SLP's window.",
				"Many small images: let SLP batch more of them (LIFECYCLE_PARAMETERS: MIN_GB_SIZE_PER_DUPLICATION_JOB).",
			},
		},
		{
			name: "NetBackupImportPending", severity: warning, wait: "30m",
			expr: `sum by (site, slp) (nbu_slp_copies{copy_type="IMPORT",state=~"IMPORT_PENDING|IMPORT_FAILED"})
and on (site, slp)
time() - nbu_slp_oldest_incomplete_timestamp_seconds > 12 * 3600`,
			summary: "{{ $value }} replicated images of SLP {{ $labels.slp }} at {{ $labels.site }} have not been imported",
			meaning: "The images were replicated to this domain, but its catalog does not know them: they cannot be restored here. The oldest is more than 12 hours old.",
			steps: []string{
				"Check that import jobs (type REPLICA_IMPORT) run in the Activity monitor, and with which status they end.",
				"The SLP must exist on this server under the same name, with an operation of the type Import, and be active.",
				"nbstlutil stlilist -image_incomplete -U lists the images; nbstlutil repairs what a restart of nbstserv does not.",
			},
		},
		{
			name: "NetBackupSLPInactive", severity: warning, wait: "1d",
			expr: `nbu_slp_active == 0
and on (site, slp)
nbu_slp_oldest_incomplete_timestamp_seconds`,
			summary: "SLP {{ $labels.slp }} at {{ $labels.site }} is inactive, and images wait for their copies",
			meaning: "Somebody deactivated the secondary operations of this storage lifecycle policy more than a day ago. Backups still run, but no copies are made of them.",
			steps: []string{
				"Web UI, Storage > Storage lifecycle policies: shows the SLP; the audit events show who deactivated it and when.",
				"Activate it again there, or with nbstlutil active -lifecycle NAME, as soon as the maintenance is over.",
			},
		},
	}
}
