package rules_test

const (
	readsTapes = `nbu_collector_success{site="paris",collector="tape_media"}`
	scratch    = `nbu_tape_media{site="paris",pool="Scratch",media_type="HCART3",status="ACTIVE"}`
	inLibrary  = `nbu_tape_media{site="paris",pool="Scratch",robot_type="TLD",status="ACTIVE"}`
	onShelf    = `nbu_tape_media{site="paris",pool="Scratch",robot_type="NOT_ROBOTIC",status="ACTIVE"}`
	broken3    = `nbu_tape_media{site="paris",pool="Scratch",media_type="HCART3",status="FROZEN"}`
	fullTapes  = `nbu_tape_media{site="paris",pool="NetBackup",media_type="HCART3",status="FULL"}`
	frozen     = `nbu_tape_media{site="paris",pool="NetBackup",media_type="HCART3",status="FROZEN"}`
	spare      = `nbu_tape_pool_partially_full_media{site="paris",pool="Scratch",type="SCRATCH_MEDIA_POOL"}`
)

func tapeTrials() []trial {
	const drive0, drive1 = `nbu_tape_drive_up{site="paris",tape_drive="TD8.0"}`, `nbu_tape_drive_up{site="paris",tape_drive="TD8.1"}`
	paris := map[string]string{"site": "paris"}
	return []trial{
		{
			// A drive that is down has an alert of its own.
			alert: "NetBackupTapePathDown", at: "1h", every: "1m", labels: map[string]string{"site": "paris", "tape_drive": "d1", "media_server": "media-2", "path": "/dev/nst0"},
			fires: []series{
				{`nbu_tape_drive_up{site="paris",tape_drive="d1",media_server="media-1"}`, "1x100"},
				{`nbu_tape_drive_path_up{site="paris",tape_drive="d1",media_server="media-1",path="/dev/nst0"}`, "1x100"},
				{`nbu_tape_drive_path_up{site="paris",tape_drive="d1",media_server="media-2",path="/dev/nst0"}`, "0x100"},
			},
			silent: []series{
				{`nbu_tape_drive_up{site="paris",tape_drive="d1",media_server="media-1"}`, "0x100"},
				{`nbu_tape_drive_path_up{site="paris",tape_drive="d1",media_server="media-1",path="/dev/nst0"}`, "0x100"},
				{`nbu_tape_drive_path_up{site="paris",tape_drive="d1",media_server="media-2",path="/dev/nst0"}`, "0x100"},
			},
			summary: "tape drive d1 at paris is down for media-2",
		},
		{
			alert: "NetBackupTapeDriveFails", at: "2h", every: "1m", labels: map[string]string{"site": "paris", "tape_drive": "d1"},
			fires:   []series{{`nbu_tape_drive_alert{site="paris",tape_drive="d1",alert="HARD_ERROR"}`, "1x200"}},
			silent:  []series{{`nbu_tape_drive_alert{site="paris",tape_drive="d1",alert="NEARING_MEDIA_LIFE"}`, "1x200"}},
			summary: "tape drive d1 at paris reports errors, or needs cleaning",
		},
		{
			alert: "NetBackupTapeDriveFails", at: "2h", every: "1m", labels: map[string]string{"site": "paris", "tape_drive": "d1"},
			fires:   []series{{`nbu_tape_drive_needs_cleaning{site="paris",tape_drive="d1"}`, "1x200"}},
			silent:  []series{{`nbu_tape_drive_needs_cleaning{site="paris",tape_drive="d1"}`, "1x100 stale"}}, // it was cleaned
			summary: "tape drive d1 at paris reports errors, or needs cleaning",
		},
		{
			alert: "NetBackupTapeDriveDown", at: "1h", every: "1m",
			labels:  map[string]string{"site": "paris", "tape_drive": "TD8.0"},
			fires:   []series{{`nbu_tape_drive_up{site="paris",tape_drive="TD8.0"}`, "0x100"}},
			silent:  []series{{`nbu_tape_drive_up{site="paris",tape_drive="TD8.0"}`, "0x40 1x100"}},
			summary: "tape drive TD8.0 at paris is down",
		},
		{
			alert: "NetBackupNoTapeDriveUp", at: "2h", every: "1m", labels: paris,
			fires:   []series{{drive0, "1x60 0x100"}, {drive1, "0x200"}},
			silent:  []series{{drive0, "1x200"}, {drive1, "0x200"}},
			summary: "no tape drive of paris is up",
		},
		{
			// Drives that nobody uses any more are down for ever.
			alert: "NetBackupNoTapeDriveUp", at: "2h", every: "1m", labels: paris,
			fires:   []series{{drive0, "1x60 0x100"}},
			silent:  []series{{drive0, "0x200"}},
			summary: "no tape drive of paris is up",
		},
		{
			// The first one that freezes is one more than none.
			alert: "NetBackupTapesFreezing", at: "20h", every: "1h", labels: paris,
			fires:   []series{{readsTapes, "1x50"}, {fullTapes, "20x50"}, {frozen, "_x10 1 2 3x30"}},
			silent:  []series{{readsTapes, "1x50"}, {fullTapes, "20x50"}, {frozen, "7x10 8 9x30"}},
			summary: "3 tapes were frozen or suspended within a day at paris",
		},
		scratchEmptyTrial([]series{{spare, "0x100"}, {scratch, "1x100"}}),
		{
			// Twenty on the shelf do not hide that the library has none. Where all drives stand alone the shelf is all there is.
			alert: "NetBackupScratchPoolEmpty", at: "60h", every: "1h", labels: map[string]string{"site": "paris", "pool": "Scratch"},
			fires:   []series{{spare, "0x100"}, {inLibrary, "3x40 stale"}, {onShelf, "20x100"}, {`nbu_tape_media{site="paris",pool="NetBackup",robot_type="TLD",status="FULL"}`, "9x100"}},
			silent:  []series{{spare, "0x100"}, {onShelf, "20x100"}, {`nbu_tape_media{site="paris",pool="NetBackup",robot_type="NA",status="FULL"}`, "9x100"}},
			summary: "the scratch pool Scratch at paris has no tape left in a library",
		},
		// It never held any: this site does without.
		scratchEmptyTrial([]series{{spare, "0x100"}, {fullTapes, "20x100"}}),
		// Its tapes are not known, which is not none.
		scratchEmptyTrial([]series{{spare, "0x100"}, {scratch, "3x40 stale"}}),
		{
			alert: "NetBackupScratchTapesLow", at: "60h", every: "1h", labels: map[string]string{"site": "paris", "pool": "Scratch"},
			fires:   []series{{spare, "0x100"}, {scratch, "20x40 3x60"}},
			silent:  []series{{spare, "0x100"}, {scratch, "5x40 1x60"}},
			summary: "3 tape(s) are left in the scratch pool Scratch at paris",
		},
	}
}

// scratchEmptyTrial fires where the last tape has gone: one that is frozen is no tape to write to.
func scratchEmptyTrial(silent []series) trial {
	return trial{
		alert: "NetBackupScratchPoolEmpty", at: "60h", every: "1h", labels: map[string]string{"site": "paris", "pool": "Scratch"},
		fires:   []series{{spare, "0x100"}, {scratch, "3x40 stale"}, {broken3, "1x100"}},
		silent:  silent,
		summary: "the scratch pool Scratch at paris has no tape left in a library",
	}
}
