package rules

// whatExpires is recorded for all that ends on a date, so that one pattern of alerts tells of it: the seconds that are left, by what it is
// and its name.
func whatExpires() Rule {
	return Rule{
		Record: expiresIn, help: "Seconds until something expires: certificates of hosts, licences and their service, keys of key management services, API keys. What expired more than 30 days ago is left out.",
		Expr: expiring("certificate", "host", "nbu_certificate_expiry_timestamp_seconds") + `
or
` + expiring("licence", "product", "nbu_license_expiry_timestamp_seconds") + `
or
` + expiring("KMS key", "kms", "nbu_kms_key_expiry_timestamp_seconds") + `
or
` + keysWithin("1d", "86400") + `
or on (site, kind)
` + keysWithin("7d", "604800") + `
or on (site, kind)
` + keysWithin("30d", "2592000"),
	}
}

// expiring are the times of a metric, its label as the name.
func expiring(kind, label, metric string) string {
	return `max by (site, kind, name) (
  label_replace(label_replace(` + metric + ` - time() > -2592000, "kind", "` + kind + `", "", ""), "name", "$1", "` + label + `", "(.*)")
)`
}

// keysWithin are API keys, of which only the number is known that expire within a time: it is the longest that one of them can have left.
func keysWithin(label, seconds string) string {
	return `max by (site, kind, name) (
  label_replace(label_replace((nbu_api_keys_expiring{within="` + label + `"} > 0) * 0 + ` + seconds + `, "kind", "API key", "", ""), "name", "of a user", "", "")
)`
}

// endAlerts tell three times of what expires: a month before, a week before, and on the last day.
func endAlerts() []alert {
	steps := []string{
		"The dashboard Security, in its part What expires, shows all of it in the order of the dates.",
		"Certificate of a host: NetBackup renews it halfway through its lifetime, so find out why it did not: nbcertcmd -renewCertificate on that host shows the error. A host that is gone: decommission it in the web UI, Security > Host mappings.",
		"Licence or service: order the renewal; a new licence is added in the web UI, Settings > License management.",
		"KMS key: what is encrypted with it stays readable as long as the key is kept. Make a new key active in its key group (nbkmsutil -createkey, or at the external KMS) before the date, or backups to encrypted storage fail.",
		"API key: web UI, Security > Access keys, sorted by the expiry; tell its user. If it is backwire's own, NetBackupAPIKeyExpiring fires too.",
	}
	const summary = `{{ $labels.kind }} {{ $labels.name }} at {{ $labels.site }} expires within {{ $value | humanizeDuration }}`
	const meaning = "A host without a valid certificate is not backed up; without a valid licence NetBackup may stop working; without an API key whoever uses it is refused. "
	return []alert{
		{
			name: "NetBackupExpiresWithinAMonth", severity: warning, wait: "1h", expr: expiresIn + ` > 604800 <= 2592000`,
			summary: summary, meaning: meaning + "NetBackupExpiresWithinAWeek follows.", steps: steps,
		},
		{
			name: "NetBackupExpiresWithinAWeek", severity: warning, wait: "1h", expr: expiresIn + ` > 86400 <= 604800`,
			summary: summary, meaning: meaning + "NetBackupExpiresToday follows.", steps: steps,
		},
		{
			name: "NetBackupExpiresToday", severity: critical, wait: "5m", expr: expiresIn + ` <= 86400`,
			summary: `{{ $labels.kind }} {{ $labels.name }} at {{ $labels.site }} {{ if lt $value 0.0 }}has expired{{ else }}expires within {{ $value | humanizeDuration }}{{ end }}`,
			meaning: meaning + "The alert goes on for 30 days after the date.", steps: steps,
		},
		{
			name: "NetBackupLicenceExceeded", severity: warning, wait: "1d",
			expr:    `sum by (site) (nbu_front_end_bytes) / sum by (site) (nbu_licensed_bytes) > 1`,
			summary: "{{ $labels.site }} protects {{ $value | humanizePercentage }} of the capacity that is licensed",
			meaning: "The front-end data of the last usage report is more than the active licences for front-end terabytes allow.",
			steps: []string{
				"Web UI, Settings > License management: shows the usage report by client and policy type.",
				"Look for clients that are counted twice, as by an agent and by a snapshot of the virtual machine, and for policies that nobody needs.",
				"Order further capacity. If the usage of several primary servers is licensed together, compare their sum instead and silence this alert.",
			},
		},
	}
}
