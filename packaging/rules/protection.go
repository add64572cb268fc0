package rules

func protectionAlerts() []alert { return append(malwareAlerts(), keptAlerts()...) }

// malwareAlerts are about what the scans of images have found.
func malwareAlerts() []alert {
	return []alert{
		{
			name: "NetBackupMalwareFound", severity: critical, wait: "5m",
			expr: impactedScans + ` - min_over_time(` + impactedScans + `[1d]) > 0
or
sum by (site) (nbu_images{malware_status=~"IMPACTED|INFECTION_DETECTED.*"}) > 0`,
			summary: "malware was found in {{ $value }} image(s) of {{ $labels.site }}",
			meaning: "A scan or the search for known files found malware, in the last day or in an image of the last day. " +
				"The client is probably infected. Restoring the image brings the malware back.",
			steps: []string{
				"Web UI, Detection and reporting > Malware detection: shows the client, the time of the backup and the files.",
				"Inform the security team before anything is cleaned up: the image is evidence.",
				"Find the last clean image of the client; if none is known, scan older images.",
				"Restore nothing from the infected image; keep or expire it as your security team decides.",
			},
		},
		{
			name: "NetBackupInfectedImages", severity: warning, wait: "1d",
			expr:    impactedScans + ` > 0`,
			summary: "{{ $value }} image(s) at {{ $labels.site }} have contained malware for more than a day",
			meaning: "NetBackupMalwareFound already fired for these images. As long as they are kept, somebody can restore them.",
			steps: []string{
				"Web UI, Detection and reporting > Malware detection: filter by the result Impacted.",
				"Expire the images that are not needed as evidence. The alert clears when the last one is gone or a later scan of it is clean.",
				"If they must be kept, silence this alert for the site. New findings raise another alert.",
			},
		},
		{
			name: "NetBackupMalwareScansFailing", severity: warning, wait: "1h",
			expr: `(sum by (site) (nbu_malware_scans{state="SCAN_FAILED"}) >= 5)
/
sum by (site) (nbu_malware_scans)
> 0.2`,
			summary: "{{ $value | humanizePercentage }} of the images that were scanned for malware at {{ $labels.site }} could not be read",
			meaning: "The newest scan failed for more than a fifth of these images, and for at least five. It is not known whether they are clean.",
			steps: []string{
				"Web UI, Detection and reporting > Malware detection: the details of a failed scan show the reason.",
				"Check that the scan host is up, its credentials are valid, its malware tool has a licence, and there is room for the mount.",
				"Instant access needs an MSDP storage server that is up and has free space; check the storage alerts.",
				"Start the scans again there; a successful scan replaces the failed one.",
			},
		},
	}
}

// keptAlerts are about NetBackup's own alerts and its protection plans. The server does not say which of
// its alerts are done with, so what counts is that there are more than before.
func keptAlerts() []alert {
	return []alert{
		{
			name: "NetBackupErrorRaised", severity: warning, wait: "5m",
			expr:    errorAlerts + ` - min_over_time(` + errorAlerts + `[6h]) > 0`,
			summary: "NetBackup has raised {{ $value }} error(s) at {{ $labels.site }} that are not about a job",
			meaning: "The primary server has new error alerts since six hours ago: about key management, MSDP, or a category added in a later release. " +
				"Errors about jobs are excluded: NetBackup raises one for each failed job, and jobs have their own alerts.",
			steps: []string{
				"The notifications (bell icon) in the web UI list them.",
				"The alert clears six hours after the last error.",
			},
		},
		{
			name: "NetBackupJobErrorsRaised", severity: warning, wait: "15m",
			expr: `(` + jobErrorAlerts + ` - min_over_time(` + jobErrorAlerts + `[6h]) >= 20)
/
(sum by (site) (increase(nbu_jobs_completed_total{parent="false"}[6h])) > 0)
> 0.1
unless on (site)
` + failureRate,
			summary: "NetBackup has raised errors about {{ $value | humanizePercentage }} of the jobs of the last 6 hours at {{ $labels.site }}",
			meaning: "NetBackup raised error alerts about at least 20 jobs, and about more than a tenth of the finished jobs, but the backups do not explain them: " +
				"look at duplications, replications, restores and suspended jobs.",
			steps: []string{
				"The dashboard Jobs shows the failures by type and status; the notifications in the web UI name the jobs.",
				"Duplications and replications: check the target storage and the network to it. Until they succeed there is only one copy.",
				"Suspended jobs: find out who suspended them, and resume them in the Activity monitor.",
			},
		},
		{
			name: "NetBackupProtectionPlanGone", severity: warning, wait: "15m",
			expr:    `max_over_time(` + plans + `[1d]) - ` + plans + ` > 0`,
			summary: "{{ $value }} fewer protection plan(s) than a day ago at {{ $labels.site }}",
			meaning: "A protection plan (service level objective) was deleted, or backwire is no longer allowed to see it. Assets of a deleted plan are no longer backed up.",
			steps: []string{
				"Web UI, Security > Security events > Audit events: shows who deleted which plan.",
				"If it was intended, check that its assets are in another plan or policy. The alert clears within a day.",
				"If it was not, create the plan again, subscribe its assets, and find out which account deleted it.",
				"If nobody deleted it, the role of backwire's API key has changed; docs/netbackup-role.md lists what it needs.",
			},
		},
	}
}
