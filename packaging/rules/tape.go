package rules

// tapeAlerts are about drives and tapes. That tapes are full is what they are for: what counts is
// that there are others to write to.
func tapeAlerts() []alert {
	return []alert{
		tapeDriveDown(), tapePathDown(), tapeDriveFails(),
		{
			name: "NetBackupNoTapeDriveUp", severity: critical, wait: "15m",
			expr: `max by (site) (nbu_tape_drive_up) == 0
and
max by (site) (max_over_time(nbu_tape_drive_up[7d])) == 1`,
			summary: "no tape drive of {{ $labels.site }} is up",
			meaning: "None of the drives that worked in the last week is up: nothing can be written to tape or restored from it.",
			steps: []string{
				"All drives rarely fail at once: check the library (panel, doors, power), the SAN to the media servers, and the robot control host.",
				"robtest and vmoprcmd on the robot control host show whether the library answers; ltid must run there (vmps).",
				"vmoprcmd -up sets a drive up again once the cause is corrected.",
			},
		},
		{
			name: "NetBackupTapesFreezing", severity: warning, wait: "15m",
			expr:    frozenTapes + ` - min_over_time(` + frozenTapes + `[1d]) >= 3`,
			summary: "{{ $value }} tapes were frozen or suspended within a day at {{ $labels.site }}",
			meaning: "NetBackup stops writing to a tape after repeated errors. A single tape suggests a bad tape; several in a day suggest a bad drive.",
			steps: []string{
				"bpmedialist -mlist -l and /usr/openv/netbackup/db/media/errors on the media servers show which drive had the errors: clean it, or set it down.",
				"Tapes with data of other applications freeze too: check whether somebody added such tapes.",
				"bpmedia -unfreeze -m ID releases a tape once the drive works.",
			},
		},
		{
			name: "NetBackupScratchPoolEmpty", severity: critical, wait: "30m",
			expr:    scratchTapes + ` == 0 and max_over_time(` + scratchTapes + `[30d]) > 0`,
			summary: "the scratch pool {{ $labels.pool }} at {{ $labels.site }} has no tape left in a library",
			meaning: "A volume pool that needs another tape gets none: once its own tapes are full, backups to tape fail with status 96. A scratch pool that has been unused for a month is ignored.",
			steps: []string{
				"Tapes on the shelf do not count, as NetBackup cannot load them: the dashboard Storage and forecast shows how many of the pool are there.",
				"Add new or expired tapes to the library and inventory the robot (vmupdate, or the web UI), so that they go to the scratch pool.",
				"Look for tapes without images, for frozen tapes (NetBackupTapesFreezing), and for cleanup jobs that do not run: they free expired tapes.",
				"Check for longer retention or larger backups: nbu_job_moved_bytes_total by policy.",
			},
		},
		{
			name: "NetBackupScratchTapesLow", severity: warning, wait: "1h",
			expr:    `(` + scratchTapes + ` > 0) < 0.2 * max_over_time(` + scratchTapes + `[7d])`,
			summary: "{{ $value }} tape(s) are left in the scratch pool {{ $labels.pool }} at {{ $labels.site }}",
			meaning: "Less than a fifth of last week's maximum is left in the scratch pool.",
			steps: []string{
				"Check on the dashboard Storage and forecast whether the pool refills each week; if it does and the remaining tapes last until then, no action is needed.",
				"Otherwise follow the steps of NetBackupScratchPoolEmpty now.",
			},
		},
	}
}

func tapeDriveDown() alert {
	return alert{
		name: "NetBackupTapeDriveDown", severity: warning, wait: "30m",
		expr:    `nbu_tape_drive_up == 0`,
		summary: "tape drive {{ $labels.tape_drive }} at {{ $labels.site }} is down",
		meaning: "No path to the drive is up, or somebody disabled it. Jobs to tape share the remaining drives.",
		steps: []string{
			"tpconfig -d and vmoprcmd on the media server show the drive and why it is down; /usr/openv/netbackup/db/media/errors lists its errors.",
			"Clean it, look for a stuck tape, then set it up with vmoprcmd -up.",
			"If it goes down again, try another tape; if that fails too, the drive needs service.",
		},
	}
}

func tapePathDown() alert {
	return alert{
		name: "NetBackupTapePathDown", severity: warning, wait: "30m",
		expr: `nbu_tape_drive_path_up == 0
and on (site, tape_drive)
nbu_tape_drive_up == 1`,
		summary: "tape drive {{ $labels.tape_drive }} at {{ $labels.site }} is down for {{ $labels.media_server }}",
		meaning: "The drive is up by another path. This media server cannot use it by this one: its jobs wait, or share the drives that are left.",
		steps: []string{
			"vmoprcmd -d on the media server shows the path; check its HBA, the zoning and the device file.",
			"Set it up again with vmoprcmd -upbyname DRIVE; if the device file has changed, run the device configuration wizard (tpautoconf).",
		},
	}
}

func tapeDriveFails() alert {
	return alert{
		name: "NetBackupTapeDriveFails", severity: warning, wait: "1h",
		expr: `max by (site, tape_drive) (nbu_tape_drive_alert{alert=~"HARD_ERROR|READ_FAILURE|WRITE_FAILURE|UNRECOVERABLE_SNAPPED_TAPE"})
or
max by (site, tape_drive) (nbu_tape_drive_needs_cleaning)`,
		summary: "tape drive {{ $labels.tape_drive }} at {{ $labels.site }} reports errors, or needs cleaning",
		meaning: "The drive has set a TapeAlert flag for an error, or wants to be cleaned. It still works, and freezes tapes if it goes on.",
		steps: []string{
			"The metric nbu_tape_drive_alert names the flags; /usr/openv/netbackup/db/media/errors on the media servers lists what happened.",
			"Clean it: tpclean -C DRIVE. If no cleaning starts, check that the library has a cleaning tape with cleanings left.",
			"Errors that come back after a cleaning: try other tapes, then call for service.",
		},
	}
}
