package rules

import "slices"

// InTime is the recording of the share of a site's clients of which no backup is overdue.
const InTime = "site:nbu_rpo_compliance:ratio"

// The names of what is recorded: the labels that are left, what it is, and over what time.
const (
	jobSuccess    = "site:nbu_backup_success:ratio1d"
	clientSuccess = "site:nbu_client_success:ratio1d"
	overdue       = "site_client_policy_schedule_type:nbu_backup_overdue:seconds"
	failedStatus  = "site_client_policy:nbu_backup_failed:status"
	clientRPO     = "site_client_policy:nbu_rpo:seconds"
	rpoCompliance = InTime
	poolDays      = "site_disk_pool:nbu_disk_pool_full:days"
	unitDays      = "site_storage_unit:nbu_storage_unit_full:days"
	throughput    = "site_policy_type:nbu_backup_bytes:rate1h"
	moved         = "site_policy_type:nbu_backup_moved_bytes:rate1h"

	impactedScans  = "site:nbu_impacted_scans:sum"
	errorAlerts    = "site:nbu_error_alerts:sum"
	jobErrorAlerts = "site:nbu_job_error_alerts:sum"
	plans          = "site:nbu_slos:sum"
	frozenTapes    = "site:nbu_frozen_tapes:sum"
	scratchTapes   = "site_pool:nbu_scratch_tapes:sum"
	highAnomalies  = "site:nbu_high_anomalies:sum"
	expiresIn      = "site_kind_name:nbu_expires_in:seconds"
	slpBacklog     = "site_slp:nbu_slp_images:sum"
)

// Backups and copies are leaf jobs: their parents would count them twice. Who cancels a job (status 150) ends it on purpose: it is
// no failure.
const (
	backups = `nbu_jobs_completed_total{job_type="BACKUP",parent="false"}`
	well    = `nbu_jobs_completed_total{job_type="BACKUP",parent="false",result=~"success|partial"}`
	failed  = `nbu_jobs_completed_total{job_type="BACKUP",parent="false",result="failure",status!="150"}`

	copies       = `nbu_jobs_completed_total{job_type=~"` + copyTypes + `",parent="false"}`
	copiesFailed = `nbu_jobs_completed_total{job_type=~"` + copyTypes + `",parent="false",result="failure",status!="150"}`
	copyTypes    = "DUPLICATE|REPLICATE|REPLICA_IMPORT|SNAPDUPE|SNAPREPLICATE|CLOUD_SNAPSHOT_REPLICATE"
)

func recordings() Group {
	return Group{Name: "backwire-recordings", Rules: slices.Concat(backupRecordings(), clientRecordings(), storageRecordings(), keptRecordings(), []Rule{whatExpires()})}
}

func backupRecordings() []Rule {
	return []Rule{
		{
			Record: jobSuccess, help: "Share of successful backup jobs in the last day, after NetBackup's own retries.",
			Expr: `(
  sum by (site) (increase(` + well + `[1d]))
  or
  0 * sum by (site) (increase(` + backups + `[1d]))
)
/
(sum by (site) (increase(` + backups + `[1d])) > 0)`,
		},
		{
			Record: throughput, help: "Bytes per second that finished backups read in the last hour.",
			Expr: `sum by (site, policy_type) (rate(nbu_job_bytes_total{job_type="BACKUP"}[1h]))`,
		},
		{
			Record: moved, help: "Bytes per second that finished backups transferred in the last hour, after deduplication.",
			Expr: `sum by (site, policy_type) (rate(nbu_job_moved_bytes_total{job_type="BACKUP"}[1h]))`,
		},
	}
}

func clientRecordings() []Rule {
	return []Rule{
		{
			Record: overdue, help: "How long a client's backup of a schedule type has been overdue. Absent where nothing is.",
			Expr: `max by (site, client, policy, schedule_type) (time() - nbu_client_due_timestamp_seconds) > 0`,
		},
		{
			Record: failedStatus, help: "Status of a client's last backup where it failed. Absent where it was good or cancelled (150).",
			Expr: `max by (site, client, policy) (nbu_client_last_status > 1 != 150)`,
		},
		{
			Record: clientSuccess, help: "Share of the clients with a backup attempt in the last day whose latest backup succeeded.",
			Expr: `sum by (site) (
  (nbu_client_last_status <= bool 1)
  and on (site, client, policy)
  nbu_client_last_attempt_timestamp_seconds > time() - 86400
)
/
count by (site) (nbu_client_last_attempt_timestamp_seconds > time() - 86400)`,
		},
		{
			Record: clientRPO, help: "Maximum age of a client's last success: from the most frequent schedule of its policy; a week if they do not define it; a day if policies cannot be read.",
			Expr: `min by (site, client, policy) (nbu_client_rpo_seconds)
or on (site, client, policy)
0 * nbu_client_never_succeeded + 604800
or on (site, client, policy)
(
  0 * nbu_client_last_attempt_timestamp_seconds + 86400
  unless on (site)
  nbu_client_never_succeeded
)`,
		},
		{
			Record: rpoCompliance, help: "Share of the clients of which no backup is overdue. Where due dates are not known, of those whose last success is not older than allowed, plus a quarter.",
			Expr: `1
-
(
  count by (site) (count by (site, client, policy) (` + overdue + `))
  or
  0 * count by (site) (nbu_client_due_timestamp_seconds)
)
/
count by (site) (count by (site, client, policy) (nbu_client_due_timestamp_seconds))
or on (site)
(
  sum by (site) (
    (time() - max by (site, client, policy) (nbu_client_last_success_timestamp_seconds))
    <= bool on (site, client, policy)
    1.25 * ` + clientRPO + `
  )
  or
  0 * count by (site) (` + clientRPO + `)
)
/
count by (site) (` + clientRPO + `)`,
		},
	}
}

func storageRecordings() []Rule {
	return []Rule{daysUntilFull(), basicDiskDays(), imagesWithoutCopies()}
}

// imagesWithoutCopies is 0 for a policy of which nothing waits, where the policies are known.
func imagesWithoutCopies() Rule {
	return Rule{
		Record: slpBacklog, help: "Images of which the storage lifecycle policy has not made all copies.",
		Expr: `sum by (site, slp) (nbu_slp_images)
or
0 * sum by (site, slp) (nbu_slp_active)
and on (site)
nbu_collector_success{collector="slp"} == 1`,
	}
}

// keptRecordings count what a server keeps; 0 is recorded too, so that the first one is one more.
func keptRecordings() []Rule {
	return []Rule{
		counted(impactedScans, "malware", `nbu_malware_scans{result="IMPACTED"}`, "Images in which the newest scan found malware."),
		counted(highAnomalies, "anomalies", `nbu_anomalies{severity="HIGH"}`, "Anomalies of high severity that the server keeps."),
		counted(errorAlerts, "alerts", `nbu_alerts{severity=~"ERROR|CRITICAL",category!="JOB"}`, "Error alerts on the server that are not about jobs."),
		counted(jobErrorAlerts, "alerts", `nbu_alerts{severity=~"ERROR|CRITICAL",category="JOB"}`, "Error alerts on the server about jobs."),
		counted(plans, "slos", `nbu_slos`, "Protection plans."),
		counted(frozenTapes, "tape_media", `nbu_tape_media{status=~".*(FROZEN|SUSPENDED).*"}`, "Tapes that are frozen or suspended."),
		{
			Record: scratchTapes, help: "Writable tapes of a scratch pool that are in a library. Where no tape is in one, as with drives that stand alone, all count.",
			Expr: `(
  sum by (site, pool) (nbu_tape_media{status!~".*(FULL|FROZEN|SUSPENDED).*",robot_type!~"NOT_ROBOTIC|NA"})
  or
  sum by (site, pool) (nbu_tape_media{status!~".*(FULL|FROZEN|SUSPENDED).*"})
  unless on (site)
  nbu_tape_media{robot_type!~"NOT_ROBOTIC|NA"}
)
and on (site, pool)
nbu_tape_pool_partially_full_media{type="SCRATCH_MEDIA_POOL"}
or
0 * sum by (site, pool) (nbu_tape_pool_partially_full_media{type="SCRATCH_MEDIA_POOL"})
and on (site)
nbu_tape_media`,
		},
	}
}

// counted is a sum that is 0 where the collector found nothing of the kind.
func counted(name, collector, metric, help string) Rule {
	return Rule{Record: name, help: help, Expr: `sum by (site) (` + metric + `)
or
0 * sum by (site) (nbu_collector_success{collector="` + collector + `"} == 1)`}
}

// daysUntilFull divides what is free below the high-water mark by the growth of a day.
func daysUntilFull() Rule {
	return Rule{
		Record: poolDays, help: "Days until a disk pool reaches its high-water mark at last week's growth. Absent if it does not grow.",
		Expr: `clamp_min(
  (
    nbu_disk_pool_usable_bytes * on (site, disk_pool) group_left () nbu_disk_pool_high_water_mark_ratio
    or
    nbu_disk_pool_usable_bytes
  )
  - nbu_disk_pool_used_bytes,
  0
)
/
(
  predict_linear(nbu_disk_pool_used_bytes[7d], 86400)
  - predict_linear(nbu_disk_pool_used_bytes[7d], 0)
  > 0
)`,
	}
}

// basicDiskDays is the same for the only disks that have no pool.
func basicDiskDays() Rule {
	const used = `nbu_storage_unit_used_bytes{category="BASIC_DISK"}`
	return Rule{
		Record: unitDays, help: "Days until a storage unit on basic disk is full at last week's growth. Absent if it does not grow.",
		Expr: `nbu_storage_unit_free_bytes{category="BASIC_DISK"}
/
(
  predict_linear(` + used + `[7d], 86400)
  - predict_linear(` + used + `[7d], 0)
  > 0
)`,
	}
}
