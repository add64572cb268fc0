package grafana

import "backwire/packaging/rules"

func clients() Dashboard {
	policy := choice("policy", "Policy", `label_values(nbu_client_last_attempt_timestamp_seconds{site=~"$site"}, policy)`)
	client := choice("client", "Client", `label_values(nbu_client_last_attempt_timestamp_seconds{site=~"$site",policy=~"$policy"}, client)`)
	return dashboard(uidClients, "Clients and RPO", "Clients with a good backup in time, and clients without one.", "now-7d", []Variable{policy, client}, lay(
		numbers(
			stat("In time", "Share of the clients of which no backup is overdue. Where due dates are not known: whose last success is not older than their schedules allow, plus a quarter.",
				unitShare, shareColors, now(inTime, "")),
			stat("Overdue", "Clients of which a backup was due and has not succeeded.", unitCount, anyIsBad, now(zeroElse(overdueClients), "")).whole(),
			stat("Never successful", "Clients of active policies without any known successful backup.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_client_never_succeeded")+")"), "")).whole(),
			stat("Failing now", "Clients whose last backup failed. Who cancels one (150) ends it on purpose: that is no failure.", unitCount, anyIsWarn,
				now(zeroElse("count("+of("nbu_client_last_status")+" > 1 != 150)"), "")).whole(),
			stat("Seen in the last day", "Clients with a finished backup, successful or not.", unitCount, plain,
				now("count("+of("nbu_client_last_attempt_timestamp_seconds")+" > time() - 86400)", "")).whole(),
			stat("Paused", "Clients whose backups are paused, by hand or by the server. None of theirs is due, and none is made.", unitCount, plain,
				now(zeroElse("count("+of("nbu_client_paused")+")"), "")).whole(),
			stat("In no policy", "Clients that NetBackup knows as hosts and that no active policy backs up by any of their names. The status page lists them.", unitCount, anyIsWarn,
				now("sum("+of("nbu_hosts_without_policy")+")", "")).whole(),
			stat("Not monitored", "Backups of clients without series of their own, because the limit on client series was reached.", unitCount, anyIsWarn,
				now(zeroElse("sum("+during(of("nbu_client_overflow_total"))+")"), "")).whole(),
		),
		line{14, []Panel{everyClient()}},
		graphs(
			graph("In time", "Over time, as the recording rules have kept it. A step down is a night with missed backups.", unitShare,
				query("max by (site) ("+of(rules.InTime)+")", "{{site}}")).upToAll().marked(shareColors),
			graph("Failed in a row", "The ten clients with the most failed backups since their last success.", unitCount,
				query("topk(10, max by (site, client, policy) ("+of("nbu_client_consecutive_failures", `policy=~"$policy"`, `client=~"$client"`)+") > 0)", "{{client}} ({{policy}})")),
			meters("Hosts, by release", "Hosts that NetBackup knows, by their release of NetBackup and their operating system.", unitCount, plain,
				now("sum by (nbu_version, os) ("+of("nbu_hosts")+")", "{{nbu_version}} {{os}}")),
		),
	))
}

// everyClient is the list to search in.
func everyClient() Panel {
	chosen := func(metric string) string { return of(metric, `policy=~"$policy"`, `client=~"$client"`) }
	each := func(metric string) string { return "max by (site, client, policy) (" + chosen(metric) + ")" }
	return table("Clients", "One row per client and policy. Due in says by when the next backup has to start; below zero it is overdue. A client without a successful backup has no last success.", "due in",
		[]column{
			{"client", "client", "", nil},
			{"policy", "policy", "", nil},
			{"site", "site", "", nil},
			{"Value #A", "due in", unitSeconds, thresholds(bad, step(good, 0))},
			{"Value #B", "last success", unitSeconds, nil},
			{"Value #C", "allowed", unitSeconds, nil},
			{"Value #D", "last status", "", thresholds(neutral, step(warn, 1), step(bad, 2))},
			{"message", "meaning", "", nil},
			{"Value #F", "failed in a row", "", anyIsWarn},
			{"Value #G", "last bytes", unitBytes, nil},
		},
		row("min by (site, client, policy) ("+chosen("nbu_client_due_timestamp_seconds")+") - time()"),
		row("time() - "+each("nbu_client_last_success_timestamp_seconds")),
		row(allowedAge+" and on (site, client, policy) "+chosen("nbu_client_last_attempt_timestamp_seconds")),
		row(each("nbu_client_last_status")),
		row("max by (site, client, policy, message) ("+explained(`count_values by (site, client, policy) ("status", `+chosen("nbu_client_last_status")+")", "client, policy")+")"),
		row(each("nbu_client_consecutive_failures")),
		row(each("nbu_client_last_bytes")),
	).ascending()
}
