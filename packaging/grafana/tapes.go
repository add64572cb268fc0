package grafana

func tapeNumbers() line {
	const writable = `status!~".*(FULL|FROZEN|SUSPENDED).*"`
	tapes := of("nbu_tape_media")
	scratch := func(where string) string {
		return "sum(sum by (site, pool) (" + of("nbu_tape_media", writable, where) + ") and on (site, pool) " +
			of("nbu_tape_pool_partially_full_media", `type="SCRATCH_MEDIA_POOL"`) + ") or 0 * count(" + tapes + ")"
	}
	return numbers(
		stat("Drives up", "Share of the known tape drives that are up.", unitShare, thresholds(bad, step(warn, 0.5), step(good, 1)),
			now("avg("+of("nbu_tape_drive_up")+")", "")),
		stat("Scratch tapes", "Tapes in a library that a volume pool receives when its own are full.", unitCount, thresholds(bad, step(good, 1)),
			now(scratch(`robot_type!~"NOT_ROBOTIC|NA"`), "")).whole(),
		stat("Scratch on the shelf", "Scratch tapes that are in no library: NetBackup cannot load them.", unitCount, plain,
			now(scratch(`robot_type=~"NOT_ROBOTIC|NA"`), "")).whole(),
		stat("Frozen or suspended", "Tapes to which NetBackup no longer writes because of errors, or that somebody suspended.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_tape_media", `status=~".*(FROZEN|SUSPENDED).*"`)+")"), "")).whole(),
		stat("Full", "Share of all tapes.", unitShare, plain, now("sum("+of("nbu_tape_media", `status=~".*FULL.*"`)+") / sum("+tapes+")", "")),
		stat("Partially full", "Tapes that are being filled.", unitCount, plain, now("sum("+of("nbu_tape_pool_partially_full_media")+")", "")).whole(),
		stat("Robot hosts", "Robot control hosts.", unitCount, plain, now("sum("+of("nbu_tape_robot_hosts")+")", "")).whole(),
	)
}

func tapeGraphs() line {
	return graphs(
		states("Paths to tape drives up", "Each path from a media server to a drive. A drive that is up may be down for one of its servers.",
			query("max by (site, tape_drive, media_server) ("+of("nbu_tape_drive_path_up")+")", "{{tape_drive}} {{media_server}}")),
		states("Tape drives up", "A drive is up if at least one of its paths is up.",
			query("max by (site, tape_drive) ("+of("nbu_tape_drive_up")+")", "{{site}} {{tape_drive}}")),
		table("Drives that want attention", "TapeAlert flags that are set: the drive or its tape says what is wrong.", "tape drive",
			[]column{
				{"tape_drive", "tape drive", "", nil},
				{"alert", "TapeAlert", "", nil},
				{"site", "site", "", nil},
			},
			row("max by (site, tape_drive, alert) ("+of("nbu_tape_drive_alert")+")")).ascending(),
		graph("Tapes, by status", "A tape can be full and frozen at once.", unitCount, query("sum by (status) ("+of("nbu_tape_media")+")", "{{status}}")).stacked(),
		graph("Tapes, by pool", "Tapes in each volume pool.", unitCount, query("sum by (pool) ("+of("nbu_tape_media")+")", "{{pool}}")).stacked(),
	)
}
