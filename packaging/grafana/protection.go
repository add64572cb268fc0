package grafana

const (
	isInfected = `malware_status=~"IMPACTED|INFECTION_DETECTED.*"`
	isError    = `severity=~"ERROR|CRITICAL"`
)

// protectionNumbers are what one glance each morning is for.
func protectionNumbers() line {
	errors := of("nbu_alerts", isError)
	return numbers(
		stat("New errors of NetBackup", "Errors among the server's own alerts beyond those at the beginning of the time range. It raises one for each failed job.",
			unitCount, anyIsWarn, now(zeroElse("clamp_min(sum("+errors+") - (sum("+errors+" offset $__range) or vector(0)), 0)"), "")).whole(),
		stat("Infected images", "Images in which the newest malware scan has found something.", unitCount, anyIsBad,
			now(zeroElse("sum("+of("nbu_malware_scans", `result="IMPACTED"`)+")"), "")).whole(),
		stat("Infected in the last day", "Images of the last 24 hours in which malware was found, by a scan or by the search for known files.", unitCount, anyIsBad,
			now(zeroElse("sum("+of("nbu_images", isInfected)+")"), "")).whole(),
		stat("Scans that failed", "Images whose newest malware scan has failed: nobody knows whether they are clean.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_malware_scans", `state="SCAN_FAILED"`)+")"), "")).whole(),
		stat("Anomalous images", "Images of the last 24 hours that are unlike the ones before.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_images", `anomaly_status="ANOMALOUS"`)+")"), "")).whole(),
		stat("Protection plans", "Service level objectives that assets can be subscribed to.", unitCount, plain,
			now(zeroElse("sum("+of("nbu_slos")+")"), "")).whole(),
	)
}

func protectionGraphs() line {
	return pictures(
		graph("NetBackup's own alerts", "Alerts that the server keeps, also those that somebody has seen to.", unitCount,
			query("sum by (severity, category) ("+of("nbu_alerts")+")", "{{severity}} {{category}}")).stacked(),
		graph("Malware scans", "Images by their newest scan.", unitCount,
			query("sum by (state, result) ("+of("nbu_malware_scans")+")", "{{state}} {{result}}")).stacked(),
		graph("Images of the last day", "By what malware scans and the search for known files say of them.", unitCount,
			query("sum by (malware_status) ("+of("nbu_images")+")", "{{malware_status}}")).stacked(),
		graph("Impacted files", "Files in which the newest scans have found malware.", unitCount,
			query("sum by (site) ("+of("nbu_malware_impacted_files")+")", "{{site}}")),
	)
}
