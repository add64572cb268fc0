package rules_test

func idleTrials() []trial {
	const (
		due    = `nbu_client_due_timestamp_seconds{site="paris",client="db1",policy="oracle",schedule_type="FULL"}`
		active = `nbu_jobs{site="paris",job_type="BACKUP",policy_type="Standard",state="ACTIVE"}`
		queued = `nbu_jobs{site="paris",job_type="BACKUP",policy_type="Standard",state="QUEUED"}`
		media1 = `nbu_media_server_active_jobs{site="paris",media_server="media-1"}`
		media2 = `nbu_media_server_active_jobs{site="paris",media_server="media-2"}`
		up1    = `nbu_media_server_up{site="paris",media_server="media-1"}`
		pem    = `nbu_service_up{site="paris",host="primary",service="nbpem"}`
		oldest = `nbu_jobs_oldest_active_timestamp_seconds{site="paris",job_type="BACKUP",policy="oracle"}`
	)
	paris := map[string]string{"site": "paris"}
	const dead = "no backup has run at paris for three hours, although some were due"
	return []trial{
		{
			// Where others run, the client is missed and not everything.
			alert: "NetBackupNothingStarts", at: "8h", every: "1m", labels: paris,
			fires:   []series{{up, "1x600"}, {due, "3600x600"}, {ended, "0+1x100 100x500"}},
			silent:  []series{{up, "1x600"}, {due, "3600x600"}, {ended, "0+1x600"}},
			summary: dead,
		},
		{
			// A long backup that still runs is one that has started; one that waits is not.
			alert: "NetBackupNothingStarts", at: "8h", every: "1m", labels: paris,
			fires:   []series{{up, "1x600"}, {due, "3600x600"}, {queued, "1x600"}},
			silent:  []series{{up, "1x600"}, {due, "3600x600"}, {active, "1x600"}},
			summary: dead,
		},
		{
			// A quiet weekend: nothing is due before Monday.
			alert: "NetBackupNothingStarts", at: "8h", every: "1m", labels: paris,
			fires:   []series{{up, "1x600"}, {due, "3600x600"}, {ended, "100x600"}},
			silent:  []series{{up, "1x600"}, {due, "86400x600"}, {ended, "100x600"}},
			summary: dead,
		},
		{
			// Where nobody knows what is due, the same day a week ago tells.
			alert: "NetBackupNothingStarts", at: "230h", every: "1h", labels: paris,
			fires:   []series{{up, "1x300"}, {ended, "0+1x200 200x100"}},
			silent:  []series{{up, "1x300"}, {ended, "0x150 0+1x40 40x100"}},
			summary: dead,
		},
		{
			// A server that does not answer has an alert of its own.
			alert: "NetBackupNothingStarts", at: "8h", every: "1m", labels: paris,
			fires:   []series{{up, "1x600"}, {due, "3600x600"}},
			silent:  []series{{up, "0x600"}, {due, "3600x600"}},
			summary: dead,
		},
		{
			// Running again, never seen to run (nobody says that this server needs it), and disabled are no reason to alarm.
			alert: "NetBackupServiceStopped", at: "30h", every: "1h", labels: map[string]string{"site": "paris", "host": "primary", "service": "nbpem"},
			fires:   []series{{pem, "1x20 0x30"}},
			silent:  []series{{pem, "1x20 0x8 1x20"}, {`nbu_service_up{site="paris",host="media-1",service="ltid"}`, "0x50"}, {`nbu_service_up{site="paris",host="media-2",service="ltid"}`, "1x20 stale"}},
			summary: "service nbpem of primary at paris has stopped",
		},
		{
			// One that has just stopped may be restarting. A week later somebody wants it that way.
			alert: "NetBackupServiceStopped", at: "200h", every: "1h", labels: map[string]string{"site": "paris", "host": "primary", "service": "nbpem"},
			fires:   []series{{pem, "1x190 0x30"}},
			silent:  []series{{pem, "1x20 0x200"}, {`nbu_service_up{site="paris",host="media-1",service="ltid"}`, "1x199 0x10"}},
			summary: "service nbpem of primary at paris has stopped",
		},
		{
			alert: "NetBackupMediaServerIdle", at: "60h", every: "1h", labels: map[string]string{"site": "paris", "media_server": "media-1"},
			fires:   []series{{up1, "1x100"}, {media1, "2x20 stale"}, {media2, "2x100"}},
			silent:  []series{{up1, "1x100"}, {media1, "2x50 stale"}, {media2, "2x100"}},
			summary: "media server media-1 at paris is up and has had no job for a day",
		},
		{
			// One that is down, or a day without jobs anywhere, is no idle server.
			alert: "NetBackupMediaServerIdle", at: "60h", every: "1h", labels: map[string]string{"site": "paris", "media_server": "media-1"},
			fires:   []series{{up1, "1x100"}, {media1, "2x20 stale"}, {media2, "2x100"}},
			silent:  []series{{up1, "1x100"}, {media1, "2x20 stale"}, {media2, "2x20 stale"}},
			summary: "media server media-1 at paris is up and has had no job for a day",
		},
		{
			alert: "NetBackupJobRunsLong", at: "30h", every: "1h", labels: map[string]string{"site": "paris", "job_type": "BACKUP", "policy": "oracle"},
			fires:   []series{{oldest, "0x50"}},
			silent:  []series{{oldest, "0x20 72000x30"}},
			summary: "a BACKUP job of policy oracle at paris has been running for 1d 6h 0m 0s",
		},
	}
}
