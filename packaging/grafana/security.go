package grafana

const isHigh = `severity="HIGH"`

func security() Dashboard {
	return dashboard(uidSecurity, "Security", "Is somebody tampering with the backups?", "now-7d", nil, lay(
		numbers(
			stat("Anomalies of high severity", "Anomalies of high severity that nobody has reviewed.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_anomalies", isHigh, `status=~"ANOMALY|NOT_REVIEWED"`)+")"), "")).whole(),
			stat("Newest of high severity", "Time since NetBackup found the newest anomaly of high severity.", unitSeconds, thresholds(bad, step(warn, 86400), step(good, 604800)),
				now("min(time() - "+of("nbu_anomaly_last_timestamp_seconds", isHigh)+")", "")),
			stat("Infected images", "Images in which the newest malware scan found malware.", unitCount, anyIsBad,
				now(zeroElse("sum("+of("nbu_malware_scans", `result="IMPACTED"`)+")"), "")).whole(),
			stat("Scans that failed", "Images whose newest malware scan failed. It is not known whether they are clean.", unitCount, anyIsWarn,
				now(zeroElse("sum("+of("nbu_malware_scans", `state="SCAN_FAILED"`)+")"), "")).whole(),
			stat("Errors logged", "Critical events and errors of the last 24 hours in the server's event log.", unitCount, anyIsWarn,
				now(zeroElse("sum("+of("nbu_events", isError)+")"), "")).whole(),
		),
		graphs(
			graph("Anomalies, by severity and status", "All anomalies that the server keeps.", unitCount,
				query("sum by (severity, status) ("+of("nbu_anomalies")+")", "{{severity}} {{status}}")).stacked(),
			graph("Anomalies, by type", "All anomalies that the server keeps.", unitCount,
				query("sum by (type) ("+of("nbu_anomalies")+")", "{{type}}")).stacked(),
			graph("Events of a day", "Events of the last 24 hours in the server's event log.", unitCount,
				query("sum by (severity) ("+of("nbu_events")+")", "{{severity}}")).stacked(),
		),
		protectionGraphs(),
	))
}
