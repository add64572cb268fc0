package rules

// tapeAlerts are about drives and tapes. That tapes are full is what they are for: what counts is
// that there are others to write to.
func tapeAlerts() []alert {
	return []alert{
		tapeDriveDown(),
		{
			name: "NetBackupNoTapeDriveUp", severity: critical, wait: "15m",
			expr: `max by (site) (nbu_tape_drive_up) == 0
and
max by (site) (max_over_time(nbu_tape_drive_up[7d])) == 1`,
			summary: "no tape drive of {{ $labels.site }} is up any more",
			meaning: "Of the drives that worked in the last week none is left: nothing can be written to tape or restored from it.",
			steps: []string{
				"All at once is rarely the drives: look at the library (its panel, doors, power), the SAN between it and the media servers, and the robot's control host.",
				"robtest and vmoprcmd on the robot's control host show whether the library answers; ltid must run there (vmps).",
				"vmoprcmd -up brings a drive back once the cause is gone.",
			},
		},
		{
			name: "NetBackupTapesFreezing", severity: warning, wait: "15m",
			expr:    frozenTapes + ` - min_over_time(` + frozenTapes + `[1d]) >= 3`,
			summary: "{{ $value }} tapes were frozen or suspended within a day at {{ $labels.site }}",
			meaning: "NetBackup stops to write to a tape that has failed several times. One tape is a bad tape; several in a day are a bad drive, which spoils one after the other.",
			steps: []string{
				"bpmedialist -mlist -l and /usr/openv/netbackup/db/media/errors on the media servers show on which drive the errors were: clean it, or set it down.",
				"Tapes that hold foreign data or another application's freeze as well: see whether somebody has put in new ones.",
				"bpmedia -unfreeze -m ID gives a tape back once the drive is well.",
			},
		},
		{
			name: "NetBackupScratchPoolEmpty", severity: critical, wait: "30m",
			expr:    scratchTapes + ` == 0 and max_over_time(` + scratchTapes + `[30d]) > 0`,
			summary: "the scratch pool {{ $labels.pool }} at {{ $labels.site }} has no tape left",
			meaning: "A pool that needs another tape gets none: once its own are full, backups to tape fail with status 96. A scratch pool that was not in use for a month is left alone.",
			steps: []string{
				"Put new or expired tapes into the library and inventory the robot (vmupdate, or the web UI) so that they go to the scratch pool.",
				"Look for tapes that no image is on any more, for frozen ones (NetBackupTapesFreezing) and for cleanup jobs that do not run: what has expired comes back by them.",
				"Longer retention or larger backups use up tapes: nbu_job_moved_bytes_total by policy.",
			},
		},
		{
			name: "NetBackupScratchTapesLow", severity: warning, wait: "1h",
			expr:    `(` + scratchTapes + ` > 0) < 0.2 * max_over_time(` + scratchTapes + `[7d])`,
			summary: "{{ $value }} tape(s) are left in the scratch pool {{ $labels.pool }} at {{ $labels.site }}",
			meaning: "Less than a fifth of what the scratch pool held within the last week is left.",
			steps: []string{
				"See on the dashboard Storage and forecast whether it comes back each week by itself; if it does, and the rest lasts, all is well.",
				"Otherwise do as for NetBackupScratchPoolEmpty, before it is.",
			},
		},
	}
}

func tapeDriveDown() alert {
	return alert{
		name: "NetBackupTapeDriveDown", severity: warning, wait: "30m",
		expr:    `nbu_tape_drive_up == 0`,
		summary: "tape drive {{ $labels.tape_drive }} at {{ $labels.site }} is down",
		meaning: "No path to the drive is up, or somebody has disabled it. Jobs to tape share the drives that are left.",
		steps: []string{
			"tpconfig -d and vmoprcmd on the media server show the drive and why it was set down; /usr/openv/netbackup/db/media/errors counts its errors.",
			"Clean it, look for a tape that is stuck, then vmoprcmd -up brings it back.",
			"It goes down again: try another tape; if that fails too the drive needs service.",
		},
	}
}
