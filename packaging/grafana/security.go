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
			stat("Images deleted by hand", "Records of the last 24 hours in the audit log of images that somebody deleted or expired.", unitCount, anyIsWarn,
				now(zeroElse("sum("+of("nbu_audit_records", `category="CATALOG"`, `operation=~"DELETE|MODIFY"`)+")"), "")).whole(),
			stat("Access refused", "Records of the last 24 hours in the audit log of access that the server refused.", unitCount, plain,
				now(zeroElse("sum("+of("nbu_audit_records", `category="AZFAILURE"`)+")"), "")).whole(),
		),
		graphs(
			graph("Anomalies, by severity and status", "All anomalies that the server keeps.", unitCount,
				query("sum by (severity, status) ("+of("nbu_anomalies")+")", "{{severity}} {{status}}")).stacked(),
			graph("Anomalies, by type", "All anomalies that the server keeps.", unitCount,
				query("sum by (type) ("+of("nbu_anomalies")+")", "{{type}}")).stacked(),
			graph("Events of a day", "Events of the last 24 hours in the server's event log.", unitCount,
				query("sum by (severity) ("+of("nbu_events")+")", "{{severity}}")).stacked(),
			graph("Audit log of a day", "What users did to images (CATALOG) and access that was refused (AZFAILURE) within 24 hours.", unitCount,
				query("sum by (category, operation) ("+of("nbu_audit_records")+")", "{{category}} {{operation}}")).stacked(),
		),
		protectionGraphs(),
		heading("What expires"), endNumbers(), endGraphs(),
	))
}

func endNumbers() line {
	left := func(metric string) string { return "min(" + of(metric) + " - time())" }
	colors := thresholds(bad, step(warn, 86400), step(good, 2592000))
	return numbers(
		stat("Next certificate", "Time until the first certificate of a host expires. Those of hosts that are long gone do not count.", unitSeconds, colors,
			now(left("nbu_certificate_expiry_timestamp_seconds"), "")),
		stat("Next licence", "Time until the first licence, or its service, ends.", unitSeconds, colors, now(left("nbu_license_expiry_timestamp_seconds"), "")),
		stat("Next KMS key", "Time until the first active key of a key management service is deactivated.", unitSeconds, colors, now(left("nbu_kms_key_expiry_timestamp_seconds"), "")),
		stat("API keys", "API keys that expire within 30 days.", unitCount, anyIsWarn, now("sum("+of("nbu_api_keys_expiring", `within="30d"`)+")", "")).whole(),
		stat("Licence in use", "Front-end data of the last usage report, as a share of the capacity that is licensed.", unitShare, thresholds(good, step(warn, 0.9), step(bad, 1)),
			now("sum("+of("nbu_front_end_bytes")+") / sum("+of("nbu_licensed_bytes")+")", "")),
	)
}

func endGraphs() line {
	return graphs(
		table("Certificates that expire first", "The twenty hosts whose certificates expire first.", "left",
			[]column{
				{"host", "host", "", nil},
				{"site", "site", "", nil},
				{"Value", "left", unitSeconds, thresholds(bad, step(warn, 86400), step(good, 2592000))},
			},
			row("bottomk(20, "+of("nbu_certificate_expiry_timestamp_seconds")+" - time())")).ascending(),
		meters("Certificates, by month", "Certificates of hosts by the month in which they expire. NetBackup renews them long before.", unitCount, plain,
			now("sum by (month) ("+of("nbu_certificates_expiring")+")", "{{month}}")),
		meters("Front-end data, by type of policy", "Front-end data of the last usage report, by the type of the policies that protect it.", unitBytes, plain,
			now("sum by (policy_type) ("+of("nbu_front_end_policy_bytes")+")", "{{policy_type}}")),
		meters("KMS keys, by state", "Keys of key management services. What was encrypted with one that is destroyed cannot be restored.", unitCount, plain,
			now("sum by (kms, state) ("+of("nbu_kms_keys")+")", "{{kms}} {{state}}")),
		graph("Front-end data", "Front-end data of the last usage report, and what is licensed.", unitBytes,
			query("sum("+of("nbu_front_end_bytes")+")", "protected"), query("sum by (meter) ("+of("nbu_licensed_bytes")+")", "licensed {{meter}}")),
	)
}
