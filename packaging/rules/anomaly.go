package rules

// anomalyAlerts are about what NetBackup itself finds suspicious.
func anomalyAlerts() []alert {
	return []alert{
		{
			name: "NetBackupAnomalyFound", severity: critical, wait: "0s",
			expr:    newAnomaly(),
			summary: "NetBackup has found an anomaly of high severity at {{ $labels.site }}",
			meaning: "A backup differs from the ones before as it does when data is encrypted or deleted: its size, its number of files, its deduplication or its file names. " +
				"The alert fires once for each reading that finds new anomalies, for ten minutes, and not again after a restart.",
			steps: []string{
				"Web UI, Detection and reporting > Anomaly detection: shows the client, the backup and what was unusual.",
				"Ask whoever is responsible for the client whether something explains it: a migration, a new disk, a new database.",
				"If nothing does, treat it as an attack: inform the security team, keep the images before it from expiring (a hold), and scan the newest for malware.",
				"Mark it there as a false positive if it is one; NetBackup learns from that.",
			},
		},
		{
			name: "NetBackupAnomaliesNotReviewed", severity: warning, wait: "1d",
			expr:    `sum by (site) (nbu_anomalies{severity="HIGH",status=~"ANOMALY|NOT_REVIEWED"}) > 0`,
			summary: "{{ $value }} anomalies of high severity at {{ $labels.site }} have waited for a review for more than a day",
			meaning: "NetBackupAnomalyFound already fired for them. Nobody has said since whether they are harmless.",
			steps: []string{
				"Web UI, Detection and reporting > Anomaly detection: filter by the severity High and the review status Not reviewed.",
				"Report each as an anomaly or as a false positive, or ignore it.",
			},
		},
		{
			name: "NetBackupImagesDeletedByHand", severity: warning, wait: "0s",
			expr:    `sum by (site) (nbu_audit_records{category="CATALOG",operation=~"DELETE|MODIFY"}) > 0`,
			summary: "somebody deleted or expired images at {{ $labels.site }}: {{ $value }} record(s) of the audit log in 24 hours",
			meaning: "Images end by themselves when their retention is over. Who encrypts data often deletes its backups first. The alert goes on for a day.",
			steps: []string{
				"Web UI, Security > Security events > Audit events: filter by the category Catalog; the user and the images are in the record.",
				"Ask that user. If nobody knows of it, inform the security team, disable the user and its API keys, and put a hold on the images that are left.",
				"Look for copies that were not deleted: replicas at another primary server, tapes, storage with WORM.",
				"Where images are expired by hand every day, as by a script, raise the number in this alert's expression.",
			},
		},
	}
}

// newAnomaly says that there are more anomalies of high severity than twelve minutes ago, or that the newest is another one than at any
// time before, which holds over a restart and an outage too. Where the collector worked and had found none, the first is new; where it
// never worked, one is new that is not older than a day.
func newAnomaly() string {
	const newest = `nbu_anomaly_last_timestamp_seconds{severity="HIGH"}`
	const before = `max by (site) (max_over_time(` + newest + `[30d] offset 12m))`
	const read = `max by (site) (max_over_time(nbu_collector_success{collector="anomalies"}[30d] offset 12m)) == 1`
	return `(` + highAnomalies + ` - min_over_time(` + highAnomalies + `[12m]) > 0)
or
(max by (site) (` + newest + `) > ` + before + `)
or
(max by (site) (` + newest + `) unless on (site) ` + before + ` and on (site) ` + read + `)
or
(max by (site) (` + newest + `) > time() - 86400 unless on (site) ` + read + `)`
}
