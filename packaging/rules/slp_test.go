package rules_test

func slpTrials() []trial {
	const (
		oldest   = `nbu_slp_oldest_incomplete_timestamp_seconds{site="paris",slp="gold"}`
		waiting  = `nbu_slp_images{site="paris",slp="gold",state="IN_PROCESS"}`
		planned  = `nbu_slp_images{site="paris",slp="gold",state="NOT_STARTED"}`
		active   = `nbu_slp_active{site="paris",slp="gold"}`
		read     = `nbu_collector_success{site="paris",collector="slp"}`
		imports  = `nbu_slp_copies{site="paris",slp="gold",copy_type="IMPORT",state="IMPORT_PENDING"}`
		imported = `nbu_slp_copies{site="paris",slp="gold",copy_type="IMPORT",state="IMPORTS_DONE"}`
	)
	gold := map[string]string{"site": "paris", "slp": "gold"}
	return []trial{
		{
			// An image that is copied within a day makes room for the next one.
			alert: "NetBackupCopyOverdue", at: "40h", every: "1h", labels: gold,
			fires:   []series{{oldest, "0x50"}},
			silent:  []series{{oldest, "0x24 86400x30"}},
			summary: "the oldest image of SLP gold at paris has waited for a copy for 1d 16h 0m 0s",
		},
		{
			// Each night brings images; what counts is what is left of them before the next one.
			alert: "NetBackupCopyBacklogGrows", at: "80h", every: "1h", labels: gold,
			fires:   []series{{waiting, "100x23 200x23 300x23 400x50"}, {planned, "5x100"}},
			silent:  []series{{waiting, "900x11 100x11 900x11 101x11 900x11 103x11 900x11 102x30"}},
			summary: "305 images of SLP gold at paris wait for a copy at the quietest hour of the day, and more each day",
		},
		{
			// A backlog that is worked off each day is none, also where it then has no series at all.
			alert: "NetBackupCopyBacklogGrows", at: "80h", every: "1h", labels: gold,
			fires:   []series{{waiting, "20x24 40x24 60x50"}, {active, "1x100"}, {read, "1x100"}},
			silent:  []series{{waiting, "20x12 stale _x11 40x12 stale _x11 60x12 stale _x11 80x20"}, {active, "1x100"}, {read, "1x100"}},
			summary: "60 images of SLP gold at paris wait for a copy at the quietest hour of the day, and more each day",
		},
		{
			alert: "NetBackupImportPending", at: "14h", every: "1h", labels: gold,
			fires:   []series{{imports, "7x30"}, {oldest, "0x30"}},
			silent:  []series{{imported, "7x30"}, {oldest, "0x30"}},
			summary: "7 replicated images of SLP gold at paris have not been imported",
		},
		{
			// Where replication goes on all the time, something always waits a little.
			alert: "NetBackupImportPending", at: "14h", every: "1h", labels: gold,
			fires:   []series{{imports, "7x30"}, {oldest, "0x30"}},
			silent:  []series{{imports, "7x30"}, {oldest, "0+3600x30"}},
			summary: "7 replicated images of SLP gold at paris have not been imported",
		},
		{
			alert: "NetBackupSLPInactive", at: "30h", every: "1h", labels: gold,
			fires:   []series{{active, "0x40"}, {oldest, "0x40"}},
			silent:  []series{{active, "0x40"}}, // nothing waits
			summary: "SLP gold at paris is inactive, and images wait for their copies",
		},
	}
}
