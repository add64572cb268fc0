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
			summary: "no data from backwire about {{ $labels.site }} for more than ten minutes",
			meaning: "The agent of this site is down, or its samples do not arrive here. No other alert about the site can fire. " +
				"Samples in the agent's queue arrive later. If the agent is down, it reads the jobs that finish meanwhile when it is back.",
			steps: []string{
				"On its host: systemctl status backwire, then journalctl -u backwire.",
				"It runs: backwire status shows the last error and the lag of the endpoint; backwire check tests the connection to it.",
				"It does not start: the journal's last line names the setting.",
				"The site was removed: the alert clears seven days after its last sample.",
			},
		},
		{
			name: "BackwireNoData", severity: critical, wait: "15m",
			expr:    `absent(nbu_up)`,
			summary: "no data from any backwire agent",
			meaning: "No site has data: every agent is down, or the receiver does not accept or store the samples. The alert also fires if no agent has ever sent anything.",
			steps: []string{
				"Check the receiver first: does it accept remote write from other senders?",
				"Then follow the steps of BackwireAgentSilent for one agent.",
			},
		},
		{
			name: "BackwireEndpointLagging", severity: warning, wait: "15m",
			expr:    `backwire_lag_seconds > 900 unless on (instance, endpoint) backwire_protocol_info{version="bundle"}`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} is {{ $value | humanizeDuration }} behind",
			meaning: "The queue contains samples that this endpoint has not accepted for 15 minutes. Nothing is lost while the queue has room. " +
				"Endpoints that export to a directory are excluded: they wait for their next export, or for the medium. " +
				"The lagging endpoint cannot receive this metric in time: look at another endpoint or at /metrics.",
			steps: []string{
				"backwire status shows the endpoint's last error.",
				"5xx or timeouts: the receiver is overloaded or down. 429: raise the receiver's rate limit.",
				"No error and the lag falls: the endpoint is catching up; wait.",
				"No error and a constant lag: raise BACKWIRE_REMOTE_WRITE_CONCURRENCY.",
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
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} refuses the address or the credential; sending is paused",
			meaning: "The receiver answered that the URL or the credential is wrong. The agent keeps everything in its queue and retries from time to time.",
			steps: []string{
				"backwire status shows the receiver's message.",
				"Correct the token, the tenant or the URL, then run backwire reload. A token in a file is read again without a reload.",
			},
		},
		{
			name: "BackwireEndpointRefusing", severity: critical, wait: "5m",
			expr:    `backwire_paused == 1 and on (instance, endpoint) backwire_endpoint_state{state="refusing"} == 1`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} refuses everything, even a test sample; sending is paused",
			meaning: "The address does not lead to a working receiver: a proxy answers, the tenant is missing, http is used for a TLS port, or the client certificate is missing. " +
				"The agent keeps everything in its queue and retries every minute. The endpoint cannot receive this metric: look at another endpoint or at /metrics.",
			steps: []string{
				"backwire status shows the answer; backwire check shows which step of the connection fails.",
				"Correct the URL, the tenant or the certificate, then run backwire reload.",
				"Until then watch BackwireQueueFilling: when the queue is full, its oldest segment is deleted.",
			},
		},
		{
			name: "BackwireSamplesParked", severity: warning, wait: "15m",
			expr:    `backwire_samples_parked > 0`,
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} fails on {{ $value | printf \"%.0f\" }} samples but accepts others",
			meaning: "The receiver answers 5xx to these samples, even when they are sent alone. They are parked in the queue's directory, sent again for a day, and only then rejected. Other samples are sent normally.",
			steps: []string{
				"Check the receiver's log, and whether part of it is down. Once it works, the samples arrive without further action.",
				"Prometheus up to 2.49 answers 500 to samples older than its out-of-order window: use a longer window, or a newer version (docs/receivers.md).",
				"Samples that are not accepted within a day are rejected: BackwireSamplesRejected fires, and backwire queue rejected --push sends them again.",
			},
		},
		{
			name: "BackwireEndpointCertificateExpiring", severity: warning, wait: "1h",
			expr:    `backwire_certificate_expiry_timestamp_seconds - time() < 14 * 86400`,
			summary: "the certificate of endpoint {{ $labels.endpoint }}, as backwire on {{ $labels.instance }} sees it, expires in {{ $value | humanizeDuration }}",
			meaning: "A certificate in the receiver's chain expires within two weeks. After that nothing is sent to it, and the queue fills.",
			steps: []string{
				"Ask the operator of the receiver, or of the proxy in front of it, to renew the certificate.",
				"If another CA issues the new certificate, add that CA certificate to CA_FILE of the endpoint beforehand.",
			},
		},
	}
}

func lossAlerts() []alert {
	return []alert{
		{
			name: "BackwireSamplesRejected", severity: warning, wait: "0s",
			expr:    grown("backwire_samples_rejected_total"),
			summary: "endpoint {{ $labels.endpoint }} of backwire on {{ $labels.instance }} has rejected {{ $value | printf \"%.0f\" }} samples ({{ $labels.reason }})",
			meaning: "The receiver will never accept these samples. They are kept on the agent's host with the receiver's message. Other samples are sent normally.",
			steps: []string{
				"backwire queue rejected lists them with the reason.",
				"Too old or out of order: set an out-of-order window on the receiver (docs/receivers.md).",
				"Too many series, too many labels or labels too long: raise the receiver's limit.",
				"Duplicate: two agents send the same site; see docs/high-availability.md.",
			},
		},
		{
			name: "BackwireSamplesDropped", severity: critical, wait: "0s",
			expr:    grown(`backwire_samples_dropped_total{reason!="repeated"}`),
			summary: "backwire on {{ $labels.instance }} dropped {{ $value | printf \"%.0f\" }} samples{{ with $labels.endpoint }} for endpoint {{ . }}{{ end }} ({{ $labels.reason }})",
			meaning: "Samples left the queue without being delivered: the queue reached its limit, they were older than the receiver accepts or than BACKWIRE_REMOTE_WRITE_MAX_SAMPLE_AGE, or the disk damaged them.",
			steps: []string{
				"The label reason names the cause. Limits: find out why the endpoint does not accept samples, then raise BACKWIRE_QUEUE_MAX_BYTES.",
				"too_old_for_receiver: they were not sent, because the receiver refuses samples of this age (backwire_receiver_window_seconds). Widen its out-of-order window (docs/receivers.md), then backwire queue rejected --push sends what is kept.",
				"Damage: backwire queue verify names the segments; check the health of the disk.",
			},
		},
		{
			name: "BackwireQueueFilling", severity: warning, wait: "15m",
			expr:    `backwire_queue_bytes / backwire_queue_max_bytes > 0.8`,
			summary: "backwire's queue on {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
			meaning: "A segment is deleted when every endpoint has received it, so an endpoint has been behind for a long time. When the queue is full, its oldest segment is deleted and its samples are counted as dropped.",
			steps: []string{
				"backwire status shows which endpoint is behind, and its last error.",
				"An endpoint that is no longer used: remove it from the configuration.",
				"Otherwise raise BACKWIRE_QUEUE_MAX_BYTES until the endpoint works again.",
			},
		},
		{
			name: "BackwireCommitsFailing", severity: critical, wait: "5m",
			expr:    `backwire_queue_failed_commits > 0`,
			summary: "backwire on {{ $labels.instance }} cannot write its queue",
			meaning: "Samples are kept in memory only, up to a limit. A restart now loses gauges; jobs are counted by the next cycle that is written.",
			steps: []string{
				"Check whether the disk of BACKWIRE_QUEUE_DIR is full or read-only. Free space: the agent continues without a restart.",
				"journalctl -u backwire shows the error.",
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
