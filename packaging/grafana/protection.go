package grafana

const (
	isInfected = `malware_status=~"IMPACTED|INFECTION_DETECTED.*"`
	isError    = `severity=~"ERROR|CRITICAL"`
)

// protectionNumbers are what one glance each morning is for.
func protectionNumbers() line {
	errors := of("nbu_alerts", isError)
	return numbers(
		stat("New errors of NetBackup", "New error alerts on the server since the start of the time range. NetBackup raises one for each failed job.",
			unitCount, anyIsWarn, now(zeroElse("clamp_min(sum("+errors+") - (sum("+errors+" offset $__range) or vector(0)), 0)"), "")).whole(),
		stat("Infected images", "Images in which the newest malware scan found malware.", unitCount, anyIsBad,
			now(zeroElse("sum("+of("nbu_malware_scans", `result="IMPACTED"`)+")"), "")).whole(),
		stat("Infected in the last day", "Images of the last 24 hours in which a scan or the search for known files found malware.", unitCount, anyIsBad,
			now(zeroElse("sum("+of("nbu_images", isInfected)+")"), "")).whole(),
		stat("Scans that failed", "Images whose newest malware scan failed. It is not known whether they are clean.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_malware_scans", `state="SCAN_FAILED"`)+")"), "")).whole(),
		stat("Anomalous images", "Images of the last 24 hours that differ from earlier ones.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_images", `anomaly_status="ANOMALOUS"`)+")"), "")).whole(),
		stat("Protection plans", "Service level objectives to which assets can be subscribed.", unitCount, plain,
			now(zeroElse("sum("+of("nbu_slos")+")"), "")).whole(),
	)
}

func protectionGraphs() line {
	return graphs(
		graph("NetBackup's own alerts", "All alerts on the server, including those already handled.", unitCount,
			query("sum by (severity, category) ("+of("nbu_alerts")+")", "{{severity}} {{category}}")).stacked(),
		graph("Malware scans", "Images by their newest scan.", unitCount,
			query("sum by (state, result) ("+of("nbu_malware_scans")+")", "{{state}} {{result}}")).stacked(),
		graph("Images of the last day", "By result of malware scans and of the search for known files.", unitCount,
			query("sum by (malware_status) ("+of("nbu_images")+")", "{{malware_status}}")).stacked(),
		graph("Impacted files", "Files in which the newest scans found malware.", unitCount,
			query("sum by (site) ("+of("nbu_malware_impacted_files")+")", "{{site}}")),
	)
}
