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
			meaning: "A scan or the search for known files has found malware, in the last day or in an image of the last day. " +
				"The client is probably infected, and who restores the image brings the malware back.",
			steps: []string{
				"In the web UI, Detection and reporting, Malware detection: the client, the backup's time and the files that were found.",
				"Tell whoever answers for the client's security, before anything is cleaned up: the image is evidence.",
				"Find the last clean image of the client; let older ones be scanned where none is known.",
				"Restore nothing from the infected image; keep or expire it as your security team decides.",
			},
		},
		{
			name: "NetBackupInfectedImages", severity: warning, wait: "1d",
			expr:    impactedScans + ` > 0`,
			summary: "{{ $value }} image(s) at {{ $labels.site }} have held malware for more than a day",
			meaning: "NetBackupMalwareFound has told of them when they were found. As long as they are kept, somebody may restore them.",
			steps: []string{
				"In the web UI, Detection and reporting, Malware detection: filter by the result Impacted.",
				"Expire those that nobody needs as evidence; the alert clears when the last one is gone, or a later scan of it is clean.",
				"They must stay: silence this for the site until they may go. New findings are another alert.",
			},
		},
		{
			name: "NetBackupMalwareScansFailing", severity: warning, wait: "1h",
			expr: `(sum by (site) (nbu_malware_scans{state="SCAN_FAILED"}) >= 5)
/
sum by (site) (nbu_malware_scans)
> 0.2`,
			summary: "{{ $value | humanizePercentage }} of the images that were scanned for malware at {{ $labels.site }} could not be read",
			meaning: "The newest scan of more than a fifth of these images, and of five at least, has failed. Nobody knows whether they are clean.",
			steps: []string{
				"In the web UI, Detection and reporting, Malware detection: a failed scan's details say why.",
				"See whether the scan host is up, its credentials are valid and its malware tool has a licence and room for the mount.",
				"Instant access needs an MSDP storage server that is up and has room; the storage alerts name it.",
				"Start the scans again from there; a scan that succeeds takes the place of the failed one.",
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
			meaning: "The primary server has errors among its own alerts that were not there six hours ago: of key management, of MSDP, or of a kind that came with a later release. " +
				"Errors about jobs are left out: NetBackup raises one for each failed job, and jobs have their own alerts.",
			steps: []string{
				"The bell at the top of the web UI lists them with their texts.",
				"The alert clears by itself six hours after the last one.",
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
			meaning: "At least 20 jobs, and more than a tenth of those that ended, have an error among NetBackup's own alerts, while backups fail no more than usual: " +
				"it is duplications, replications, restores or jobs that were suspended.",
			steps: []string{
				"The dashboard Jobs shows the failures by type and status; the web UI's notifications name the jobs.",
				"Duplications and replications: look at the target's storage and the network to it. Until they succeed there is one copy only.",
				"Suspended jobs: ask who has suspended them, and resume them from the Activity monitor.",
			},
		},
		{
			name: "NetBackupProtectionPlanGone", severity: warning, wait: "15m",
			expr:    `max_over_time(` + plans + `[1d]) - ` + plans + ` > 0`,
			summary: "{{ $value }} protection plan(s) fewer than a day ago at {{ $labels.site }}",
			meaning: "A protection plan (service level objective) was deleted, or backwire may not see it any more. What was subscribed to it is backed up no longer.",
			steps: []string{
				"Security, Security events, Audit events in the web UI tells who has deleted which plan.",
				"It was meant: see that its assets are in another plan or policy. The alert clears within a day.",
				"It was not: make the plan again and subscribe its assets; and find out who did it with whose account.",
				"Nobody did: the role of backwire's API key has changed; docs/netbackup-role.md lists what it needs.",
			},
		},
	}
}
