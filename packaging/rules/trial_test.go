package rules_test

// trial is one alert's test and its twin: the same rule, once with series that make it fire
// and once with series that must not. Time begins at 0, so a timestamp of 0 grows old with it.
type trial struct {
	alert   string
	at      string // when it is looked at
	every   string // distance of the samples: 1m, or 1h where it goes on for days
	fires   []series
	silent  []series
	labels  map[string]string // of the alert that fires, beside its severity
	summary string
}

type series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

const (
	ended  = `nbu_jobs_completed_total{site="paris",job_type="BACKUP",parent="false",result="success",status="0"}`
	broken = `nbu_jobs_completed_total{site="paris",job_type="BACKUP",parent="false",result="failure",status="58"}`
	parent = `nbu_jobs_completed_total{site="paris",job_type="BACKUP",parent="true",result="failure",status="58"}`
	up     = `nbu_up{site="paris"}`

	client  = `{site="paris",client="db1",policy="oracle"}`
	success = `nbu_client_last_success_timestamp_seconds` + client
	attempt = `nbu_client_last_attempt_timestamp_seconds` + client
	rpo     = `nbu_client_rpo_seconds` + client
	paused  = `nbu_client_paused{site="paris",client="db1",trigger="MANUAL"}`
	never   = `nbu_client_never_succeeded` + client

	pool     = `{site="paris",disk_pool="msdp",category="MSDP"}`
	usable   = `nbu_disk_pool_usable_bytes` + pool
	used     = `nbu_disk_pool_used_bytes` + pool
	mark     = `nbu_disk_pool_high_water_mark_ratio{site="paris",disk_pool="msdp"}`
	unitUsed = `nbu_storage_unit_used_bytes{site="paris",storage_unit="disk",category="BASIC_DISK"}`
	unitFree = `nbu_storage_unit_free_bytes{site="paris",storage_unit="disk",category="BASIC_DISK"}`
)

func trials() []trial {
	var all []trial
	for _, some := range [][]trial{clientTrials(), jobTrials(), storageTrials(), tapeTrials(), malwareTrials(), keptTrials(), serverTrials(), silenceTrials(), lossTrials(), policyTrials(), failedTrials(), unknownTrials(), slpTrials(), anomalyTrials(), endTrials(), idleTrials()} {
		all = append(all, some...)
	}
	return all
}

func clientTrials() []trial {
	db1 := map[string]string{"site": "paris", "client": "db1", "policy": "oracle"}
	const due = `nbu_client_due_timestamp_seconds{site="paris",client="db1",policy="oracle",schedule_type="FULL"}`
	full := map[string]string{"site": "paris", "client": "db1", "policy": "oracle", "schedule_type": "FULL"}
	return []trial{
		{
			alert: "NetBackupJobsNotShown", at: "3h", every: "1m", labels: map[string]string{"site": "paris", "policy_type": "VMware"},
			fires:   []series{{`nbu_clients_not_shown{site="paris",policy_type="VMware"}`, "7x300"}},
			silent:  []series{{`nbu_clients_not_shown{site="paris",policy_type="VMware"}`, "7x150 stale"}}, // the role shows them now
			summary: "no job of any VMware policy of paris is known, though backups of 7 client(s) were due",
		},
		{
			// Due at one in the morning; a backup that runs or that succeeded has moved the date on.
			alert: "NetBackupBackupMissed", at: "8h", every: "1m", labels: full,
			fires:   []series{{success, "0x600"}, {due, "3600x600"}},
			silent:  []series{{success, "0x600"}, {due, "3600x59 90000x600"}},
			summary: "db1 (policy oracle, FULL, site paris): a backup was due 7h 0m 0s ago and none has succeeded since",
		},
		{
			// The epoch began on a Thursday. A policy that runs Monday to Friday is quiet on Sunday and is not on Tuesday.
			alert: "NetBackupBackupMissed", at: "122h", every: "1h", labels: full, // Tuesday, two in the morning
			fires:   []series{{due, "428400x200"}}, // Monday, eleven at night
			silent:  []series{{due, "514800x200"}}, // Tuesday, eleven at night
			summary: "db1 (policy oracle, FULL, site paris): a backup was due 3h 0m 0s ago and none has succeeded since",
		},
		{
			// Where due dates are known, the age of the last success says nothing.
			alert: "NetBackupClientMissedRPO", at: "8h", every: "1m", labels: db1,
			fires:   []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "21600x600"}},
			silent:  []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "21600x600"}, {due, "1000000x600"}},
			summary: "db1 (policy oracle, site paris) was last backed up 8h 0m 0s ago",
		},
		{
			// A client whose backups are paused is not missed, where it is the only one of a site, too.
			alert: "NetBackupClientMissedRPO", at: "8h", every: "1m", labels: db1,
			fires:   []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "21600x600"}, {`nbu_client_paused{site="paris",client="db2",trigger="MANUAL"}`, "1x600"}},
			silent:  []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "21600x600"}, {paused, "1x600"}},
			summary: "db1 (policy oracle, site paris) was last backed up 8h 0m 0s ago",
		},
		{
			// By its schedules it may be six hours old, and a quarter more.
			alert: "NetBackupClientMissedRPO", at: "8h", every: "1m", labels: db1,
			fires:   []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "21600x600"}},
			silent:  []series{{success, "0x600"}, {attempt, "0x600"}, {rpo, "86400x600"}},
			summary: "db1 (policy oracle, site paris) was last backed up 8h 0m 0s ago",
		},
		{
			// Where policies cannot be read, a day is taken; a client that is in none is nobody's.
			alert: "NetBackupClientMissedRPO", at: "31h", every: "1m", labels: db1,
			fires:   []series{{success, "0x2000"}, {attempt, "0x2000"}},
			silent:  []series{{success, "0x2000"}, {attempt, "0x2000"}, {`nbu_client_never_succeeded{site="paris",client="web1",policy="linux"}`, "0x2000"}},
			summary: "db1 (policy oracle, site paris) was last backed up 1d 7h 0m 0s ago",
		},
		{
			// Where the schedules do not tell, a week.
			alert: "NetBackupClientMissedRPO", at: "220h", every: "1h", labels: db1,
			fires:   []series{{success, "0x300"}, {attempt, "0x300"}, {never, "0x300"}},
			silent:  []series{{success, "0x170 604800x100"}, {attempt, "0x300"}, {never, "0x300"}},
			summary: "db1 (policy oracle, site paris) was last backed up 9d 4h 0m 0s ago",
		},
		{
			alert: "NetBackupClientNeverSucceeded", at: "25h", every: "1m", labels: db1,
			fires:   []series{{never, "1x2000"}},
			silent:  []series{{never, "0x2000"}},
			summary: "db1 (policy oracle, site paris) has never been backed up successfully",
		},
		{
			alert: "NetBackupClientNeverSucceeded", at: "25h", every: "1m", labels: db1,
			fires:   []series{{attempt, "0x2000"}},
			silent:  []series{{attempt, "0x2000"}, {success, "0x2000"}},
			summary: "db1 (policy oracle, site paris) has never been backed up successfully",
		},
		{
			alert: "NetBackupClientNeverSucceeded", at: "25h", every: "1m", labels: db1,
			fires:   []series{{attempt, "0x2000"}},
			silent:  []series{{attempt, "0x2000"}, {paused, "1x2000"}},
			summary: "db1 (policy oracle, site paris) has never been backed up successfully",
		},
	}
}

func jobTrials() []trial {
	paris := map[string]string{"site": "paris"}
	return []trial{
		{
			alert: "NetBackupFailureRateHigh", at: "7h", every: "1m", labels: paris,
			fires: []series{{ended, "0+3x500"}, {broken, "0+1x500"}},
			// Parents fail with their children, and are not counted again.
			silent:  []series{{ended, "0+30x500"}, {broken, "0+1x500"}, {parent, "0+30x500"}},
			summary: "25% of the backups of the last 6 hours failed at paris",
		},
		{
			// One failure in a quiet night is no rate.
			alert: "NetBackupFailureRateHigh", at: "7h", every: "1m", labels: paris,
			fires:   []series{{ended, "0+1x500"}, {broken, "0+1x500"}},
			silent:  []series{{ended, "0x200 1x300"}, {broken, "0x300 1x200"}},
			summary: "50% of the backups of the last 6 hours failed at paris",
		},
		{
			alert: "NetBackupJobsStalled", at: "30m", every: "1m",
			labels:  map[string]string{"site": "paris", "job_type": "BACKUP"},
			fires:   []series{{`nbu_jobs_stalled{site="paris",job_type="BACKUP"}`, "2x60"}},
			silent:  []series{{`nbu_jobs_stalled{site="paris",job_type="BACKUP"}`, "2x5 0x10 2x30"}},
			summary: "2 BACKUP job(s) at paris are active but transfer no data",
		},
		{
			alert: "NetBackupJobQueuedTooLong", at: "5h", every: "1m",
			labels:  map[string]string{"site": "paris", "job_type": "BACKUP"},
			fires:   []series{{`nbu_jobs_oldest_queued_timestamp_seconds{site="paris",job_type="BACKUP"}`, "0x400"}},
			silent:  []series{{`nbu_jobs_oldest_queued_timestamp_seconds{site="paris",job_type="BACKUP"}`, "0+60x400"}},
			summary: "a BACKUP job at paris has been waiting for 5h 0m 0s",
		},
		{
			alert: "NetBackupPoliciesWithoutCounters", at: "30h", every: "1h", labels: paris,
			fires:   []series{{`nbu_job_overflow_total{site="paris"}`, "0x20 12x40"}},
			silent:  []series{{`nbu_job_overflow_total{site="paris"}`, "0x2 12x60"}}, // longer than a day ago
			summary: "12 jobs of paris were counted under (other policies) within a day",
		},
		{
			// A counter that begins with what it counts.
			alert: "NetBackupClientsNotWatched", at: "30h", every: "1h", labels: paris,
			fires:   []series{{`nbu_client_overflow_total{site="paris"}`, "_x20 3x40"}},
			silent:  []series{{`nbu_client_overflow_total{site="paris"}`, "0x60"}},
			summary: "3 backups of paris within a day belong to clients that are not monitored",
		},
		{
			alert: "NetBackupCatalogBackupOld", at: "37h", every: "1m", labels: paris,
			fires:   []series{{`nbu_catalog_backup_last_success_timestamp_seconds{site="paris"}`, "0x3000"}},
			silent:  []series{{`nbu_catalog_backup_last_success_timestamp_seconds{site="paris"}`, "0x1440 86400x1500"}},
			summary: "the catalog of paris was last backed up 1d 13h 0m 0s ago",
		},
		{
			alert: "NetBackupCatalogBackupMissing", at: "25h", every: "1m", labels: paris,
			fires:   []series{{up, "1x2000"}},
			silent:  []series{{up, "1x2000"}, {`nbu_catalog_backup_last_success_timestamp_seconds{site="paris"}`, "0x2000"}},
			summary: "no successful catalog backup of paris has been seen",
		},
	}
}

func storageTrials() []trial {
	const down = `{site="paris",disk_pool="msdp"}`
	msdp := map[string]string{"site": "paris", "disk_pool": "msdp"}
	return []trial{
		{
			// On the third day five more of them are left below the mark.
			alert: "NetBackupStorageFilling", at: "72h", every: "1h",
			labels:  map[string]string{"site": "paris", "disk_pool": "msdp", "category": "MSDP"},
			fires:   []series{{usable, "10000000x100"}, {mark, "0.98x100"}, {used, "9569600+1200x100"}},
			silent:  []series{{usable, "10000000x100"}, {mark, "0.98x100"}, {used, "9000000+1200x100"}},
			summary: "disk pool msdp at paris is full in 5.0 days",
		},
		{
			// What fills for an hour says nothing yet: it takes two days.
			alert: "NetBackupStorageFilling", at: "60h", every: "1h",
			labels:  map[string]string{"site": "paris", "storage_unit": "disk", "category": "BASIC_DISK"},
			fires:   []series{{unitFree, "129600-1200x100"}, {unitUsed, "0+1200x100"}},
			silent:  []series{{unitFree, "_x41 129600-1200x50"}, {unitUsed, "_x41 0+1200x50"}},
			summary: "storage unit disk at paris is full in 2.0 days",
		},
		{
			alert: "NetBackupStorageFull", at: "30m", every: "1m",
			labels:  map[string]string{"site": "paris", "disk_pool": "msdp", "category": "MSDP"},
			fires:   []series{{usable, "1000x60"}, {mark, "0.98x60"}, {used, "990x60"}},
			silent:  []series{{usable, "1000x60"}, {mark, "0.98x60"}, {used, "970x60"}},
			summary: "disk pool msdp at paris is 99% full and has reached its high-water mark",
		},
		{
			// Half the pool is empty. Where all of it is full, its own alert says so.
			alert: "NetBackupDiskVolumeFull", at: "1h", every: "1m",
			labels: map[string]string{"site": "paris", "disk_pool": "msdp", "volume": "v1"},
			fires: []series{
				{`nbu_disk_volume_size_bytes{site="paris",disk_pool="msdp",volume="v1"}`, "1000x100"},
				{`nbu_disk_volume_free_bytes{site="paris",disk_pool="msdp",volume="v1"}`, "10x100"},
				{`nbu_disk_volume_size_bytes{site="paris",disk_pool="msdp",volume="v2"}`, "1000x100"},
				{`nbu_disk_volume_free_bytes{site="paris",disk_pool="msdp",volume="v2"}`, "900x100"},
				{usable, "2000x100"},
				{mark, "0.98x100"},
				{used, "1090x100"},
			},
			silent: []series{
				{`nbu_disk_volume_size_bytes{site="paris",disk_pool="msdp",volume="v1"}`, "1000x100"},
				{`nbu_disk_volume_free_bytes{site="paris",disk_pool="msdp",volume="v1"}`, "10x100"},
				{usable, "1000x100"},
				{mark, "0.98x100"},
				{used, "990x100"},
			},
			summary: "volume v1 of disk pool msdp at paris is 99% full",
		},
		{
			alert: "NetBackupDiskPoolDown", at: "15m", every: "1m", labels: msdp,
			fires:   []series{{`nbu_disk_pool_up` + down, "0x60"}},
			silent:  []series{{`nbu_disk_pool_up` + down, "0x5 1x60"}},
			summary: "disk pool msdp at paris is down",
		},
		{
			alert: "NetBackupDiskVolumeDown", at: "15m", every: "1m",
			labels: map[string]string{"site": "paris", "disk_pool": "msdp", "volume": "v1"},
			fires:  []series{{`nbu_disk_volume_up{site="paris",disk_pool="msdp",volume="v1"}`, "0x60"}, {`nbu_disk_pool_up` + down, "1x60"}},
			// The pool's own alert says it.
			silent:  []series{{`nbu_disk_volume_up{site="paris",disk_pool="msdp",volume="v1"}`, "0x60"}, {`nbu_disk_pool_up` + down, "0x60"}},
			summary: "volume v1 of disk pool msdp at paris is down",
		},
		{
			alert: "NetBackupStorageServerDown", at: "15m", every: "1m",
			labels:  map[string]string{"site": "paris", "storage_server": "media-1", "type": "PureDisk"},
			fires:   []series{{`nbu_storage_server_up{site="paris",storage_server="media-1",type="PureDisk"}`, "0x60"}},
			silent:  []series{{`nbu_storage_server_up{site="paris",storage_server="media-1",type="PureDisk"}`, "1x60"}},
			summary: "storage server media-1 (PureDisk) at paris is down",
		},
	}
}

func serverTrials() []trial {
	const reads = `nbu_collector_success{site="paris",collector="jobs"}`
	return []trial{
		{
			alert: "NetBackupServerDown", at: "20m", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{up, "0x60"}},
			silent:  []series{{up, "0x5 1x60"}},
			summary: "the primary server of paris does not answer backwire",
		},
		{
			alert: "NetBackupCollectorFailing", at: "1h", every: "1m",
			labels: map[string]string{"site": "paris", "collector": "jobs"},
			fires:  []series{{reads, "0x100"}, {up, "1x100"}},
			// The server's own alert says it.
			silent:  []series{{reads, "0x100"}, {up, "0x100"}},
			summary: "backwire cannot read jobs at paris",
		},
		{
			alert: "NetBackupJobsUnseen", at: "2h", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{`nbu_jobs_unseen_seconds_total{site="paris"}`, "0x90 3600x90"}},
			silent:  []series{{`nbu_jobs_unseen_seconds_total{site="paris"}`, "0x30 3600x90"}}, // told, and over
			summary: "jobs from a period of 1h 0m 0s may be missing from the counters of paris",
		},
		{
			alert: "NetBackupCertificateExpiring", at: "2h", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{`nbu_server_certificate_expiry_timestamp_seconds{site="paris"}`, "180000x200"}},
			silent:  []series{{`nbu_server_certificate_expiry_timestamp_seconds{site="paris"}`, "1800000x200"}},
			summary: "the certificate of the primary server of paris expires in 2d 0h 0m 0s",
		},
		{
			alert: "NetBackupAPIKeyExpiring", at: "2h", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{`nbu_api_key_expiry_timestamp_seconds{site="paris"}`, "180000x200"}},
			silent:  []series{{`nbu_api_key_expiry_timestamp_seconds{site="paris"}`, "1800000x200"}},
			summary: "backwire's API key for paris expires in 2d 0h 0m 0s",
		},
	}
}

func silenceTrials() []trial {
	const (
		lag     = `backwire_lag_seconds{instance="host-1",endpoint="cloud"}`
		paused  = `backwire_paused{instance="host-1",endpoint="cloud"}`
		refuses = `backwire_endpoint_state{instance="host-1",endpoint="cloud",state="refusing"}`
		parked  = `backwire_samples_parked{instance="host-1",endpoint="cloud"}`
	)
	const expiry = `backwire_certificate_expiry_timestamp_seconds{instance="host-1",endpoint="cloud"}`
	cloud := map[string]string{"instance": "host-1", "endpoint": "cloud"}
	return []trial{
		{
			alert: "BackwireAgentSilent", at: "3h", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{up, "1x60"}, {`nbu_up{site="lyon"}`, "1x200"}},
			silent:  []series{{up, "0x200"}, {`nbu_up{site="lyon"}`, "1x200"}}, // the server is down, the agent is not
			summary: "no data from backwire about paris for more than ten minutes",
		},
		{
			// A restart of the agent's host.
			alert: "BackwireAgentSilent", at: "2h", every: "1m", labels: map[string]string{"site": "paris"},
			fires:   []series{{up, "1x60 stale"}},
			silent:  []series{{up, "1x112 stale _x5 1x100"}},
			summary: "no data from backwire about paris for more than ten minutes",
		},
		{
			alert: "BackwireNoData", at: "30m", every: "1m",
			fires:   []series{{`unrelated`, "1x60"}},
			silent:  []series{{up, "0x60"}},
			summary: "no data from any backwire agent",
		},
		{
			alert: "BackwireEndpointLagging", at: "1h", every: "1m", labels: cloud,
			fires:   []series{{lag, "0+60x100"}},
			silent:  []series{{lag, "0+60x30 60x70"}},
			summary: "endpoint cloud of backwire on host-1 is 1h 0m 0s behind",
		},
		{
			alert: "BackwireEndpointLagging", at: "1h", every: "1m", labels: cloud,
			fires:   []series{{lag, "0+60x100"}, {`backwire_protocol_info{instance="host-1",endpoint="cloud",version="2.0"}`, "1x100"}},
			silent:  []series{{lag, "0+60x100"}, {`backwire_protocol_info{instance="host-1",endpoint="cloud",version="bundle"}`, "1x100"}},
			summary: "endpoint cloud of backwire on host-1 is 1h 0m 0s behind",
		},
		{
			alert: "BackwireEndpointCertificateExpiring", at: "2h", every: "1m", labels: cloud,
			fires:   []series{{expiry, "180000x200"}},
			silent:  []series{{expiry, "1800000x200"}},
			summary: "the certificate of endpoint cloud, as backwire on host-1 sees it, expires in 2d 0h 0m 0s",
		},
		{
			alert: "BackwireEndpointPaused", at: "10m", every: "1m", labels: cloud,
			fires:   []series{{paused, "1x60"}},
			silent:  []series{{paused, "1x2 0x60"}},
			summary: "endpoint cloud of backwire on host-1 refuses the address or the credential; sending is paused",
		},
		{
			// It is the credential, or everything is refused: one alert says which.
			alert: "BackwireEndpointPaused", at: "10m", every: "1m", labels: cloud,
			fires:   []series{{paused, "1x60"}, {refuses, "0x60"}},
			silent:  []series{{paused, "1x60"}, {refuses, "1x60"}},
			summary: "endpoint cloud of backwire on host-1 refuses the address or the credential; sending is paused",
		},
		{
			alert: "BackwireEndpointRefusing", at: "10m", every: "1m", labels: cloud,
			fires:   []series{{paused, "1x60"}, {refuses, "1x60"}},
			silent:  []series{{paused, "1x60"}, {refuses, "0x60"}},
			summary: "endpoint cloud of backwire on host-1 refuses everything, even a test sample; sending is paused",
		},
		{
			// What is taken when it is sent again is no reason to look.
			alert: "BackwireSamplesParked", at: "30m", every: "1m", labels: cloud,
			fires:   []series{{parked, "75x60"}},
			silent:  []series{{parked, "75x20 0x60"}},
			summary: "endpoint cloud of backwire on host-1 fails on 75 samples but accepts others",
		},
	}
}

func lossTrials() []trial {
	const (
		rejected = `backwire_samples_rejected_total{instance="host-1",endpoint="cloud",reason="400"}`
		dropped  = `backwire_samples_dropped_total{instance="host-1",endpoint="cloud",reason="max_bytes"}`
		repeated = `backwire_samples_dropped_total{instance="host-1",endpoint="cloud",reason="repeated"}`
		late     = `backwire_samples_dropped_total{instance="host-1",endpoint="cloud",reason="too_old_for_receiver"}`
		bytes    = `backwire_queue_bytes{instance="host-1"}`
		limit    = `backwire_queue_max_bytes{instance="host-1"}`
	)
	refusal := map[string]string{"instance": "host-1", "endpoint": "cloud", "reason": "400"}
	loss := map[string]string{"instance": "host-1", "endpoint": "cloud", "reason": "max_bytes"}
	return []trial{
		{
			alert: "BackwireSamplesRejected", at: "1h", every: "1m", labels: refusal,
			fires:   []series{{rejected, "0x50 15x50"}},
			silent:  []series{{rejected, "0x20 15x80"}}, // long ago
			summary: "endpoint cloud of backwire on host-1 has rejected 15 samples (400)",
		},
		{
			// A counter that begins with its first loss.
			alert: "BackwireSamplesRejected", at: "1h", every: "1m", labels: refusal,
			fires:   []series{{rejected, "_x50 7x50"}},
			silent:  []series{{rejected, "_x20 7x80"}},
			summary: "endpoint cloud of backwire on host-1 has rejected 7 samples (400)",
		},
		{
			alert: "BackwireSamplesDropped", at: "1h", every: "1m", labels: loss,
			fires:   []series{{dropped, "_x50 1000x50"}},
			silent:  []series{{repeated, "_x50 1000x50"}}, // the receiver had them
			summary: "backwire on host-1 dropped 1000 samples for endpoint cloud (max_bytes)",
		},
		{
			// A receiver without an out-of-order window, after an outage.
			alert: "BackwireSamplesDropped", at: "1h", every: "1m",
			labels:  map[string]string{"instance": "host-1", "endpoint": "cloud", "reason": "too_old_for_receiver"},
			fires:   []series{{late, "_x50 1000x50"}},
			silent:  []series{{late, "_x20 1000x80"}}, // long ago
			summary: "backwire on host-1 dropped 1000 samples for endpoint cloud (too_old_for_receiver)",
		},
		{
			alert: "BackwireQueueFilling", at: "30m", every: "1m", labels: map[string]string{"instance": "host-1"},
			fires:   []series{{bytes, "90x60"}, {limit, "100x60"}},
			silent:  []series{{bytes, "70x60"}, {limit, "100x60"}},
			summary: "backwire's queue on host-1 is 90% full",
		},
		{
			alert: "BackwireCommitsFailing", at: "10m", every: "1m", labels: map[string]string{"instance": "host-1"},
			fires:   []series{{`backwire_queue_failed_commits{instance="host-1"}`, "1+1x60"}},
			silent:  []series{{`backwire_queue_failed_commits{instance="host-1"}`, "1x2 0x60"}},
			summary: "backwire on host-1 cannot write its queue",
		},
	}
}
