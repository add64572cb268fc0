package rules

func serverAlerts() []alert {
	return []alert{
		{
			name: "NetBackupServerDown", severity: critical, wait: "10m",
			expr:    `nbu_up == 0`,
			summary: "the primary server of {{ $labels.site }} gives backwire no answer",
			meaning: "The agent runs and reaches its receiver, but the primary server does not answer or refuses the credential. " +
				"Backups may run on; nobody sees them. Jobs that end meanwhile are counted when it answers again.",
			steps: []string{
				"On the agent's host run backwire check: it names the step that fails, and what to do.",
				"No connection: is the primary server up, and its web service (nbwmc) running? Port 1556 must be open.",
				"Refused: the API key has expired or was deleted. Make a new one and put it into the key's file; no restart is needed.",
			},
		},
		{
			name: "NetBackupCollectorFailing", severity: warning, wait: "30m",
			expr: `nbu_collector_success == 0
and on (site)
nbu_up == 1`,
			summary: "backwire cannot read {{ $labels.collector }} at {{ $labels.site }}",
			meaning: "The other collectors work. What this one reads is missing from dashboards and alerts: an alert on it is silent, not well.",
			steps: []string{
				"On the agent's host run backwire check, or see the page's table of collectors: both say what the server answered.",
				"An empty list or a refusal: the role of the API key lacks a permission; docs/netbackup-role.md lists them.",
				"A timeout: the server is slow; raise BACKWIRE_NETBACKUP_TIMEOUT.",
			},
		},
		{
			name: "NetBackupJobsUnseen", severity: warning, wait: "0s",
			expr:    `increase(nbu_jobs_unseen_seconds_total[1h]) > 0`,
			summary: "jobs of {{ $value | humanizeDuration }} may be missing from the counters of {{ $labels.site }}",
			meaning: "The agent was away for longer than the primary server keeps its jobs, so those of the time between are in no counter. Nothing can bring them back.",
			steps: []string{
				"Read the nights in question in NetBackup's own reports, not in the dashboards.",
				"Let the server keep its jobs for longer (KEEP_JOBS_HOURS) than an outage of the agent may last.",
			},
		},
		{
			name: "NetBackupCertificateExpiring", severity: warning, wait: "1h",
			expr:    `nbu_server_certificate_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "the certificate of the primary server of {{ $labels.site }} expires in {{ $value | humanizeDuration }}",
			meaning: "A certificate of the chain that the primary server shows ends within two weeks. After that backwire trusts it no longer, and neither do its hosts.",
			steps: []string{
				"openssl s_client -connect PRIMARY:1556 -showcerts </dev/null shows the chain and its dates.",
				"The server's own: nbcertcmd -renewCertificate on the primary server; it is renewed by itself halfway to its end, so find out why it was not.",
				"The authority's: a CA migration is due; afterwards backwire trust fetches the new one.",
			},
		},
		{
			name: "NetBackupAPIKeyExpiring", severity: warning, wait: "1h",
			expr:    `nbu_api_key_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "backwire's API key for {{ $labels.site }} expires in {{ $value | humanizeDuration }}",
			meaning: "When the key expires, the server refuses it and everything about the site stops.",
			steps: []string{
				"In the NetBackup web UI, Security, Access keys: make a new key for the same user, or reissue it.",
				"Write it into the file that BACKWIRE_NETBACKUP_API_KEY_FILE names; it is read again when it changes.",
				"backwire check tells when the key in use expires.",
			},
		},
	}
}
