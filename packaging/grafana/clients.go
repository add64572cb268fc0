package grafana

func clients() Dashboard {
	policy := choice("policy", "Policy", `label_values(nbu_client_last_attempt_timestamp_seconds{site=~"$site"}, policy)`)
	return dashboard(uidClients, "Clients and RPO", "Clients with a recent backup, and clients without one.", "now-7d", []Variable{policy}, lay(
		numbers(
			stat("Within their RPO", "Share of the clients whose last success is not older than their schedules allow, plus a quarter.",
				unitShare, shareColors, now(compliance, "")),
			stat("Beyond their RPO", "Clients whose last success is older.", unitCount, anyIsBad, now(zeroElse(missedClients), "")).whole(),
			stat("Never successful", "Clients of active policies without any known successful backup.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_client_never_succeeded")+")"), "")).whole(),
			stat("Failing now", "Clients whose last backup failed.", unitCount, anyIsWarn,
				now(zeroElse("count("+of("nbu_client_last_status")+" > 1)"), "")).whole(),
			stat("Seen in the last day", "Clients with a finished backup, successful or not.", unitCount, plain,
				now("count("+of("nbu_client_last_attempt_timestamp_seconds")+" > time() - 86400)", "")).whole(),
			stat("Not monitored", "Backups of clients without series of their own, because the limit on client series was reached.", unitCount, anyIsWarn,
				now(zeroElse("sum("+during(of("nbu_client_overflow_total"))+")"), "")).whole(),
		),
		line{14, []Panel{everyClient()}},
		pictures(
			graph("Within their RPO", "Over time. A step down is a night with failed backups.", unitShare, query(compliance, "all sites")).upToAll().
				marked(shareColors),
			graph("Failed in a row", "The ten clients with the most failed backups since their last success.", unitCount,
				query("topk(10, max by (site, client, policy) ("+of("nbu_client_consecutive_failures", `policy=~"$policy"`)+") > 0)", "{{client}} ({{policy}})")),
		),
	))
}

// everyClient is the list to search in.
func everyClient() Panel {
	each := func(metric string) string {
		return "max by (site, client, policy) (" + of(metric, `policy=~"$policy"`) + ")"
	}
	return table("Clients", "One row per client and policy. A client without a successful backup has no last success.", "last success",
		[]column{
			{"client", "client", "", nil},
			{"policy", "policy", "", nil},
			{"site", "site", "", nil},
			{"Value #A", "last success", unitSeconds, nil},
			{"Value #B", "allowed", unitSeconds, nil},
			{"Value #C", "used of it", unitShare, thresholds(good, step(warn, 1), step(bad, 1.25))},
			{"Value #D", "last status", "", thresholds(neutral, step(warn, 1), step(bad, 2))},
			{"Value #E", "failed in a row", "", anyIsWarn},
			{"Value #F", "last bytes", unitBytes, nil},
		},
		row("time() - "+each("nbu_client_last_success_timestamp_seconds")),
		row(allowedAge+" and "+each("nbu_client_last_attempt_timestamp_seconds")),
		row("(time() - "+each("nbu_client_last_success_timestamp_seconds")+") / "+allowedAge),
		row(each("nbu_client_last_status")),
		row(each("nbu_client_consecutive_failures")),
		row(each("nbu_client_last_bytes")),
	)
}
