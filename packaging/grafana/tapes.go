package grafana

func tapeNumbers() line {
	const writable = `status!~".*(FULL|FROZEN|SUSPENDED).*"`
	tapes := of("nbu_tape_media")
	scratch := "sum(sum by (site, pool) (" + of("nbu_tape_media", writable) + ") and on (site, pool) " +
		of("nbu_tape_pool_partially_full_media", `type="SCRATCH_MEDIA_POOL"`) + ")"
	return numbers(
		stat("Drives up", "Tape drives that are up, of those that are known.", unitShare, thresholds(bad, step(warn, 0.5), step(good, 1)),
			now("avg("+of("nbu_tape_drive_up")+")", "")),
		stat("Scratch tapes", "Tapes that a pool gets when its own are full.", unitCount, thresholds(bad, step(good, 1)),
			now(scratch+" or 0 * count("+tapes+")", "")).whole(),
		stat("Frozen or suspended", "Tapes that NetBackup does not write to any more because of errors, or that somebody has held back.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_tape_media", `status=~".*(FROZEN|SUSPENDED).*"`)+")"), "")).whole(),
		stat("Full", "Share of all tapes.", unitShare, plain, now("sum("+of("nbu_tape_media", `status=~".*FULL.*"`)+") / sum("+tapes+")", "")),
		stat("Partly full", "Tapes that are being filled.", unitCount, plain, now("sum("+of("nbu_tape_pool_partially_full_media")+")", "")).whole(),
		stat("Robot hosts", "Hosts that control tape robots.", unitCount, plain, now("sum("+of("nbu_tape_robot_hosts")+")", "")).whole(),
	)
}

func tapeGraphs() line {
	return pictures(
		states("Tape drives up", "A drive is up that is up by one of its paths.",
			query("max by (site, tape_drive) ("+of("nbu_tape_drive_up")+")", "{{site}} {{tape_drive}}")),
		graph("Tapes, by status", "", unitCount, query("sum by (status) ("+of("nbu_tape_media")+")", "{{status}}")).stacked(),
		graph("Tapes, by pool", "", unitCount, query("sum by (pool) ("+of("nbu_tape_media")+")", "{{pool}}")).stacked(),
	)
}
