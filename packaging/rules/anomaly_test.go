package rules_test

func anomalyTrials() []trial {
	const (
		high    = `nbu_anomalies{site="paris",severity="HIGH",type="JOB_BASED",status="NOT_REVIEWED"}`
		ignored = `nbu_anomalies{site="paris",severity="HIGH",type="JOB_BASED",status="IGNORED"}`
		low     = `nbu_anomalies{site="paris",severity="LOW",type="JOB_BASED",status="NOT_REVIEWED"}`
		newest  = `nbu_anomaly_last_timestamp_seconds{site="paris",severity="HIGH"}`
		lowest  = `nbu_anomaly_last_timestamp_seconds{site="paris",severity="LOW"}`
		audit   = `nbu_audit_records{site="paris",`
		read    = `nbu_collector_success{site="paris",collector="anomalies"}`
	)
	paris := map[string]string{"site": "paris"}
	const found = "NetBackup has found an anomaly of high severity at paris"
	return []trial{
		{
			// Told within minutes, and once: after twelve minutes it is known.
			alert: "NetBackupAnomalyFound", at: "65m", every: "1m", labels: paris,
			fires:   []series{{read, "1x200"}, {high, "3x60 4x140"}, {newest, "100x60 3600x140"}},
			silent:  []series{{read, "1x200"}, {high, "3x40 4x140"}, {newest, "100x40 2400x140"}},
			summary: found,
		},
		{
			// A second one an hour later is told again; others are not.
			alert: "NetBackupAnomalyFound", at: "125m", every: "1m", labels: paris,
			fires:   []series{{read, "1x200"}, {high, "3x60 4x60 5x140"}, {newest, "100x60 3600x60 7200x140"}},
			silent:  []series{{read, "1x200"}, {high, "3x60 4x140"}, {newest, "100x60 3600x140"}, {low, "3x120 4x140"}, {lowest, "100x120 7200x140"}},
			summary: found,
		},
		{
			// The agent was stopped for an hour: what was known is not new, what came meanwhile is.
			alert: "NetBackupAnomalyFound", at: "125m", every: "1m", labels: paris,
			fires:   []series{{read, "1x59 stale _x59 1x100"}, {high, "3x59 stale _x59 4x100"}, {newest, "100x59 stale _x59 5000x100"}},
			silent:  []series{{read, "1x59 stale _x59 1x100"}, {high, "3x59 stale _x59 3x100"}, {newest, "100x59 stale _x59 100x100"}},
			summary: found,
		},
		{
			// The first of all; one that somebody has reviewed is none.
			alert: "NetBackupAnomalyFound", at: "125m", every: "1m", labels: paris,
			fires:   []series{{read, "1x200"}, {high, "_x120 1x100"}, {newest, "_x120 50x100"}},
			silent:  []series{{read, "1x200"}, {high, "2x120 1x100"}, {ignored, "_x120 1x100"}, {newest, "100x200"}},
			summary: found,
		},
		{
			// One that the server shows late is older than the newest.
			alert: "NetBackupAnomalyFound", at: "125m", every: "1m", labels: paris,
			fires:   []series{{read, "1x200"}, {high, "3x120 4x100"}, {newest, "3600x200"}},
			silent:  []series{{read, "1x200"}, {high, "3x200"}, {newest, "3600x200"}},
			summary: found,
		},
		{
			// The first of all came while the agent was stopped, more than a day ago.
			alert: "NetBackupAnomalyFound", at: "51h", every: "1h", labels: paris,
			fires:   []series{{read, "1x19 stale _x29 _ 1x50"}, {high, "_x50 _ 1x50"}, {newest, "_x50 _ 75600x50"}},
			silent:  []series{{read, "1x19 stale _x29 _ 1x50"}, {high, "1x19 stale _x29 _ 1x50"}, {newest, "3600x19 stale _x29 _ 3600x50"}},
			summary: found,
		},
		{
			// At a first start what is of the last day is told, and what is older is not.
			alert: "NetBackupAnomalyFound", at: "50h", every: "1h", labels: paris,
			fires:   []series{{read, "_x50 1x100"}, {high, "_x50 2x100"}, {newest, "_x50 172000x100"}},
			silent:  []series{{read, "_x50 1x100"}, {high, "_x50 2x100"}, {newest, "_x50 3600x100"}},
			summary: found,
		},
		{
			alert: "NetBackupAnomaliesNotReviewed", at: "30h", every: "1h", labels: paris,
			fires:   []series{{high, "2x50"}},
			silent:  []series{{high, "2x10 stale"}, {ignored, "_x10 2x50"}, {low, "9x50"}},
			summary: "2 anomalies of high severity at paris have waited for a review for more than a day",
		},
		{
			// Of the catalog, what is read and verified is no deletion, and access that was refused is none either.
			alert: "NetBackupImagesDeletedByHand", at: "30m", every: "1m", labels: paris,
			fires: []series{{audit + `category="CATALOG",operation="DELETE"}`, "_x20 2x20"}, {audit + `category="CATALOG",operation="MODIFY"}`, "_x20 1x20"}},
			silent: []series{
				{audit + `category="CATALOG",operation="DELETE"}`, "2x20 stale"},
				{audit + `category="CATALOG",operation="ACCESS"}`, "9x40"},
				{audit + `category="AZFAILURE",operation="DELETE"}`, "9x40"},
			},
			summary: "somebody deleted or expired images at paris: 3 record(s) of the audit log in 24 hours",
		},
	}
}
