package rules

func serverAlerts() []alert { return append(unknownAlerts(), expiryAlerts()...) }

// unknownAlerts say that something of a site is not known.
func unknownAlerts() []alert {
	return []alert{
		{
			name: "NetBackupServerDown", severity: critical, wait: "10m",
			expr:    `nbu_up == 0`,
			summary: "the primary server of {{ $labels.site }} does not answer backwire",
			meaning: "The agent runs and reaches its receiver, but the primary server does not answer or refuses the credential. " +
				"Backups may still run, but are not monitored. Jobs that finish meanwhile are counted when it answers again.",
			steps: []string{
				"Run backwire check on the agent's host: it shows what fails and what to do.",
				"No connection: check that the primary server and its web service (nbwmc) are running and port 1556 is open.",
				"Refused: the API key has expired or was deleted. Create a new one and write it to the key file; no restart is needed.",
			},
		},
		{
			name: "NetBackupCollectorFailing", severity: warning, wait: "30m",
			expr: `nbu_collector_success == 0
and on (site)
nbu_up == 1`,
			summary: "backwire cannot read {{ $labels.collector }} at {{ $labels.site }}",
			meaning: "The other collectors work. The data of this one is missing from dashboards and alerts: an alert that uses it cannot fire.",
			steps: []string{
				"On the agent's host run backwire check, or see the table of collectors on the status page: both show the server's answer.",
				"An empty list or a refusal: the role of the API key lacks a permission; docs/netbackup-role.md lists them.",
				"A timeout: the server is slow; raise BACKWIRE_NETBACKUP_TIMEOUT.",
			},
		},
		{
			name: "NetBackupSiteNotHeard", severity: critical, wait: "5m",
			expr:    `max by (site) (time() - nbu_collector_last_success_timestamp_seconds{collector="jobs"}) > 3600`,
			summary: "the jobs of {{ $labels.site }} were last read {{ $value | humanizeDuration }} ago: its backups are not known",
			meaning: "backwire sends data about this site, but could not read its jobs for more than an hour. Whether its backups succeed is not known, and alerts about them use what was known before.",
			steps: []string{
				"On the agent's host run backwire check, or see the table of collectors on the status page: both show the server's answer.",
				"The server does not answer or refuses the credential: follow the steps of NetBackupServerDown.",
				"Only jobs fail: the role of the API key may have lost its permission (docs/netbackup-role.md), or a reading takes too long (raise BACKWIRE_NETBACKUP_TIMEOUT).",
				"Until then look at the Activity monitor of this site.",
			},
		},
		{
			name: "NetBackupPoliciesUnreadable", severity: warning, wait: "1h",
			expr:    `max by (site) (nbu_policies_unreadable) > 0`,
			summary: "{{ $value }} policies of {{ $labels.site }} cannot be read",
			meaning: "Their schedules are not known, so it is not known when backups of their clients are due: NetBackupBackupMissed cannot fire for them. Failed backups are seen as before.",
			steps: []string{
				"backwire status and the agent's log name the policies and the server's answer.",
				"Open the policy in the web UI: one that cannot be opened there is damaged; save it again.",
				"A refusal: the role of the API key lacks access to these policies; docs/netbackup-role.md lists what it needs.",
			},
		},
		{
			name: "NetBackupJobsUnseen", severity: warning, wait: "0s",
			expr:    `increase(nbu_jobs_unseen_seconds_total[1h]) > 0`,
			summary: "jobs from a period of {{ $value | humanizeDuration }} may be missing from the counters of {{ $labels.site }}",
			meaning: "The agent was down for longer than the primary server keeps its jobs, so jobs of that period are in no counter. They cannot be recovered.",
			steps: []string{
				"For that period use NetBackup's own reports, not the dashboards.",
				"Set KEEP_JOBS_HOURS on the primary server to more than the longest outage of the agent.",
			},
		},
	}
}

func expiryAlerts() []alert {
	return []alert{
		{
			name: "NetBackupCertificateExpiring", severity: warning, wait: "1h",
			expr:    `nbu_server_certificate_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "the certificate of the primary server of {{ $labels.site }} expires in {{ $value | humanizeDuration }}",
			meaning: "A certificate in the primary server's chain expires within two weeks. After that neither backwire nor the NetBackup hosts trust it.",
			steps: []string{
				"openssl s_client -connect PRIMARY:1556 -showcerts </dev/null shows the chain and its dates.",
				"Server certificate: nbcertcmd -renewCertificate on the primary server. NetBackup renews it halfway through its lifetime, so find out why it did not.",
				"CA certificate: a CA migration is due; afterwards backwire trust fetches the new certificate.",
			},
		},
		{
			name: "NetBackupAPIKeyExpiring", severity: warning, wait: "1h",
			expr:    `nbu_api_key_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "backwire's API key for {{ $labels.site }} expires in {{ $value | humanizeDuration }}",
			meaning: "When the key expires, the server refuses it and collection for this site stops.",
			steps: []string{
				"Web UI, Security > Access keys: create a new key for the same user, or reissue it.",
				"Write it to the file in BACKWIRE_NETBACKUP_API_KEY_FILE; the file is read again when it changes.",
				"backwire check shows when the key in use expires.",
			},
		},
	}
}
