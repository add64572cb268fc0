package rules_test

const (
	malware  = `nbu_collector_success{site="paris",collector="malware"}`
	impacted = `nbu_malware_scans{site="paris",state="SCAN_COMPLETED",result="IMPACTED"}`
	clean    = `nbu_malware_scans{site="paris",state="SCAN_COMPLETED",result="CLEAN"}`
	unread   = `nbu_malware_scans{site="paris",state="SCAN_FAILED",result="NOT_SCANNED"}`
	infected = `nbu_images{site="paris",malware_status="INFECTION_DETECTED_BY_FILE_HASH_SEARCH",anomaly_status="NOT_PROCESSED"}`
	sound    = `nbu_images{site="paris",malware_status="NOT_SCANNED",anomaly_status="NOT_PROCESSED"}`
)

func malwareTrials() []trial {
	paris := map[string]string{"site": "paris"}
	return []trial{
		{
			// The first scan of all that finds something is a finding, too.
			alert: "NetBackupMalwareFound", at: "20h", every: "1h", labels: paris,
			fires:   []series{{malware, "1x50"}, {impacted, "_x10 1x30"}},
			silent:  []series{{malware, "1x50"}, {clean, "_x10 1x30"}},
			summary: "malware was found in 1 image(s) of paris",
		},
		{
			// What was found long ago is told by NetBackupInfectedImages.
			alert: "NetBackupMalwareFound", at: "60h", every: "1h", labels: paris,
			fires:   []series{{malware, "1x100"}, {impacted, "1x50 3x50"}},
			silent:  []series{{malware, "1x100"}, {impacted, "1x20 3x50 2x30"}},
			summary: "malware was found in 2 image(s) of paris",
		},
		{
			alert: "NetBackupMalwareFound", at: "30m", every: "1m", labels: paris,
			fires:   []series{{infected, "1x60"}, {sound, "40x60"}},
			silent:  []series{{sound, "41x60"}},
			summary: "malware was found in 1 image(s) of paris",
		},
		{
			alert: "NetBackupInfectedImages", at: "40h", every: "1h", labels: paris,
			fires:   []series{{malware, "1x50"}, {impacted, "2x50"}},
			silent:  []series{{malware, "1x50"}, {impacted, "2x30 stale"}}, // expired
			summary: "2 image(s) at paris have contained malware for more than a day",
		},
		{
			alert: "NetBackupMalwareScansFailing", at: "3h", every: "1m", labels: paris,
			fires:   []series{{clean, "18x200"}, {unread, "6x200"}},
			silent:  []series{{clean, "60x200"}, {unread, "6x200"}},
			summary: "25% of the images that were scanned for malware at paris could not be read",
		},
		{
			// One of two is no rate.
			alert: "NetBackupMalwareScansFailing", at: "3h", every: "1m", labels: paris,
			fires:   []series{{clean, "5x200"}, {unread, "5x200"}},
			silent:  []series{{clean, "1x200"}, {unread, "1x200"}},
			summary: "50% of the images that were scanned for malware at paris could not be read",
		},
	}
}

func keptTrials() []trial {
	const (
		alerts     = `nbu_collector_success{site="paris",collector="alerts"}`
		keyErrors  = `nbu_alerts{site="paris",severity="ERROR",category="KMS"}`
		keyWarning = `nbu_alerts{site="paris",severity="WARNING",category="KMS"}`
		jobErrors  = `nbu_alerts{site="paris",severity="ERROR",category="JOB"}`
		copied     = `nbu_jobs_completed_total{site="paris",job_type="DUPLICATE",parent="false",result="failure",status="84"}`
		slos       = `nbu_collector_success{site="paris",collector="slos"}`
		vmware     = `nbu_slos{site="paris",workload="VMWARE"}`
	)
	paris := map[string]string{"site": "paris"}
	return []trial{
		{
			// Errors that the server has kept for months were there before.
			alert: "NetBackupErrorRaised", at: "20h", every: "1h", labels: paris,
			fires:   []series{{alerts, "1x50"}, {keyErrors, "_x17 2x30"}},
			silent:  []series{{alerts, "_x14 1x50"}, {keyErrors, "_x14 2x50"}, {keyWarning, "_x17 2x30"}, {jobErrors, "0+3x50"}},
			summary: "NetBackup has raised 2 error(s) at paris that are not about a job",
		},
		{
			// The server forgets two and raises one.
			alert: "NetBackupErrorRaised", at: "20h", every: "1h", labels: paris,
			fires:   []series{{alerts, "1x50"}, {keyErrors, "5x15 3x2 4x30"}},
			silent:  []series{{alerts, "1x50"}, {keyErrors, "5x15 3x30"}},
			summary: "NetBackup has raised 1 error(s) at paris that are not about a job",
		},
		{
			alert: "NetBackupJobErrorsRaised", at: "20h", every: "1h", labels: paris,
			fires: []series{{alerts, "1x50"}, {jobErrors, "0+5x50"}, {ended, "0+10x50"}, {copied, "0+5x50"}},
			// Backups fail, which NetBackupFailureRateHigh says.
			silent:  []series{{alerts, "1x50"}, {jobErrors, "0+5x50"}, {ended, "0+10x50"}, {broken, "0+5x50"}},
			summary: "NetBackup has raised errors about 33.33% of the jobs of the last 6 hours at paris",
		},
		{
			// A site of some size has failures every night.
			alert: "NetBackupJobErrorsRaised", at: "20h", every: "1h", labels: paris,
			fires:   []series{{alerts, "1x50"}, {jobErrors, "0+5x50"}, {ended, "0+5x50"}, {copied, "0+5x50"}},
			silent:  []series{{alerts, "1x50"}, {jobErrors, "0+5x50"}, {ended, "0+200x50"}, {copied, "0+5x50"}},
			summary: "NetBackup has raised errors about 50% of the jobs of the last 6 hours at paris",
		},
		{
			alert: "NetBackupProtectionPlanGone", at: "20h", every: "1h", labels: paris,
			fires:   []series{{slos, "1x50"}, {vmware, "2x10 stale"}},
			silent:  []series{{slos, "1x10 0x40"}, {vmware, "2x10 stale"}}, // not read any more
			summary: "2 fewer protection plan(s) than a day ago at paris",
		},
	}
}
