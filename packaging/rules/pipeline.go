package rules

// silenceAlerts are about what does not arrive. Pushed series have no up of the receiver's: what
// was there and is not any more must be looked for.
func silenceAlerts() []alert {
	return []alert{
		{
			name: "BackwireAgentSilent", severity: critical, wait: "10m",
			expr: `group by (site) (max_over_time(nbu_up[7d]))
unless on (site)
nbu_up`,
			summary: "nothing has come from backwire about {{ $labels.site }} for more than ten minutes",
			meaning: "The agent of this site is down, or what it sends does not get here. No other alert about the site can fire. " +
				"What the agent has committed comes later; if it is down, the jobs that end meanwhile are read when it is back.",
			steps: []string{
				"On its host: systemctl status backwire, then journalctl -u backwire.",
				"It runs: backwire status shows the endpoint's last error and its lag; backwire check tries the way to it.",
				"It does not start: the journal's last line names the setting.",
				"The site was given up: this falls silent seven days after its last sample.",
			},
		},
		{
			name: "BackwireNoData", severity: critical, wait: "15m",
			expr:    `absent(nbu_up)`,
			summary: "nothing has come from any backwire agent",
			meaning: "No site is seen at all: every agent is down, or the receiver does not take or keep what they send. This also fires where none has ever sent.",
			steps: []string{
				"Check the receiver first: does it take remote write from others?",
				"Then do as for BackwireAgentSilent at one agent.",
			},
		},
		{
			name: "BackwireEndpointLagging", severity: warning, wait: "15m",
			expr:    `backwire_lag_seconds > 900 unless on (instance, endpoint) backwire_protocol_info{version="bundle"}`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} is {{ $value | humanizeDuration }} behind",
			meaning: "The queue holds cycles that this endpoint has not taken for a quarter of an hour. Nothing is lost while the queue has room. " +
				"An endpoint that exports to a directory is left out: it waits for its hour, or for its medium. " +
				"An endpoint that lags cannot tell so itself: this is seen at another endpoint, at /metrics, or afterwards.",
			steps: []string{
				"backwire status shows the endpoint's last error.",
				"5xx or timeouts: the receiver is overloaded or down. 429: it limits; raise its limit.",
				"No error and falling: it is catching up, wait.",
				"Steady: raise BACKWIRE_REMOTE_WRITE_CONCURRENCY.",
			},
		},
	}
}

// endpointAlerts fire where a receiver does not take what it is sent.
func endpointAlerts() []alert {
	return []alert{
		{
			name: "BackwireEndpointPaused", severity: critical, wait: "5m",
			expr:    `backwire_paused == 1 unless on (instance, endpoint) backwire_endpoint_state{state="refusing"} == 1`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} refuses the address or the credential; nothing is sent to it",
			meaning: "The receiver answered that the URL or the credential is wrong. The agent keeps everything in its queue and tries again from time to time.",
			steps: []string{
				"backwire status shows the receiver's words.",
				"Correct the token, the tenant or the URL, then backwire reload. A token in a file is read again by itself.",
			},
		},
		{
			name: "BackwireEndpointRefusing", severity: critical, wait: "5m",
			expr:    `backwire_paused == 1 and on (instance, endpoint) backwire_endpoint_state{state="refusing"} == 1`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} refuses everything, a sample that must be right too; nothing is sent to it",
			meaning: "What answers is no receiver that can take samples: a proxy, a path without a tenant, plain http to a TLS port, a missing client certificate. " +
				"The agent keeps everything in its queue and tries again every minute. The endpoint cannot tell so itself: this is seen at another endpoint, or at /metrics.",
			steps: []string{
				"backwire status shows the answer's words; backwire check shows which step of the way fails.",
				"Correct the URL, the tenant or the certificate, then backwire reload.",
				"Until then look at BackwireQueueFilling: when the queue is full, its oldest segment is given up.",
			},
		},
		{
			name: "BackwireSamplesParked", severity: warning, wait: "15m",
			expr:    `backwire_samples_parked > 0`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} fails on {{ $value | printf \"%.0f\" }} samples and takes others",
			meaning: "The receiver answers 5xx to these samples, alone too. They are kept in the queue's directory, sent again for a day, and only then rejected. The rest goes on.",
			steps: []string{
				"Look at the receiver's own log, and whether a part of it is down. Once it is repaired, the samples arrive by themselves.",
				"Prometheus up to 2.49 answers 500 to samples older than its out-of-order window: give it a longer window, or a newer version (docs/receivers.md).",
				"What is not taken within a day is rejected: BackwireSamplesRejected says it, and backwire queue rejected push sends it once more.",
			},
		},
		{
			name: "BackwireEndpointCertificateExpiring", severity: warning, wait: "1h",
			expr:    `backwire_certificate_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "the certificate of endpoint {{ $labels.endpoint }}, as backwire on {{ $labels.instance }} sees it, expires in {{ $value | humanizeDuration }}",
			meaning: "A certificate of the chain that the receiver shows ends within two weeks. After that nothing is sent to it, and the queue fills.",
			steps: []string{
				"Ask whoever runs the receiver, or the proxy before it, to renew it.",
				"Another authority issues the new one: put that one's certificate into the endpoint's CA_FILE beforehand.",
			},
		},
	}
}

func lossAlerts() []alert {
	return []alert{
		{
			name: "BackwireSamplesRejected", severity: warning, wait: "0s",
			expr:    grown("backwire_samples_rejected_total"),
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} has refused {{ $value | printf \"%.0f\" }} samples for good ({{ $labels.reason }})",
			meaning: "The receiver will never take these samples. The rest goes on; what was refused is kept on the agent's host with the receiver's words.",
			steps: []string{
				"backwire queue rejected lists them with the reason.",
				"Too old or out of order: give the receiver an out-of-order window (docs/receivers.md).",
				"Too many series, labels or labels too long: a limit of the receiver's; raise it.",
				"Duplicate: two agents send the same site; see docs/high-availability.md.",
			},
		},
		{
			name: "BackwireSamplesDropped", severity: critical, wait: "0s",
			expr:    grown(`backwire_samples_dropped_total{reason!="repeated"}`),
			summary: "backwire on {{ $labels.instance }} gave up {{ $value | printf \"%.0f\" }} samples{{ with $labels.endpoint }} for endpoint {{ . }}{{ end }} ({{ $labels.reason }})",
			meaning: "Samples left the queue without having been taken: the queue reached its limit, they were older than BACKWIRE_REMOTE_WRITE_MAX_SAMPLE_AGE, or the disk damaged them.",
			steps: []string{
				"The reason says which. Limits: find out why the endpoint does not take what it is sent, then raise BACKWIRE_QUEUE_MAX_BYTES.",
				"Damage: backwire queue verify names the segments; look at the disk's health.",
			},
		},
		{
			name: "BackwireQueueFilling", severity: warning, wait: "15m",
			expr:    `backwire_queue_bytes / backwire_queue_max_bytes > 0.8`,
			summary: "backwire's queue on {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
			meaning: "A segment goes when every endpoint has it, so one endpoint has been behind for long. When the queue is full, its oldest segment is given up and counted.",
			steps: []string{
				"backwire status shows which endpoint is behind, and its last error.",
				"An endpoint that is not used any more: take it out of the configuration.",
				"Otherwise raise BACKWIRE_QUEUE_MAX_BYTES while the endpoint is repaired.",
			},
		},
		{
			name: "BackwireCommitsFailing", severity: critical, wait: "5m",
			expr:    `backwire_queue_failed_commits > 0`,
			summary: "backwire on {{ $labels.instance }} cannot write its queue",
			meaning: "Cycles are kept in memory only, as far as it allows. A restart now loses their gauges; their jobs are counted by the next cycle that is written.",
			steps: []string{
				"Is the disk of BACKWIRE_QUEUE_DIR full or read-only? Make room: the agent goes on by itself.",
				"journalctl -u backwire names the error.",
			},
		},
	}
}

// grown is what a counter has counted in a quarter of an hour, also where it begins with its
// first loss and not with 0.
func grown(counter string) string {
	return `sum by (instance, endpoint, reason) (increase(` + counter + `[15m])) > 0
or
sum by (instance, endpoint, reason) (` + counter + ` unless ` + counter + ` offset 15m) > 0`
}
