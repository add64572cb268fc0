package grafana

func pipeline() Dashboard {
	instance := choice("instance", "Agent", "label_values(backwire_build_info, instance)")
	return dashboard(uidPipeline, "Pipeline", "Does backwire itself work: collecting, queueing and sending?", "now-6h", []Variable{instance}, lay(
		numbers(
			stat("Sites that answer", "Share of the known primary servers that answer.", unitShare, thresholds(bad, step(good, 1)), now("avg("+of("nbu_up")+")", "")),
			stat("Behind", "Age of the oldest samples that an endpoint has not accepted.", unitSeconds, thresholds(good, step(warn, 180), step(bad, 900)),
				now("max("+agent("backwire_lag_seconds")+")", "")),
			stat("Queue", "Size of the queue as a share of its limit.", unitShare, thresholds(good, step(warn, 0.5), step(bad, 0.8)),
				now("max("+agent("backwire_queue_bytes")+" / "+agent("backwire_queue_max_bytes")+")", "")),
			stat("Refused", "Samples rejected by a receiver.", unitCount, anyIsBad, now("sum("+during(agent("backwire_samples_failed_total"))+")", "")).whole(),
			stat("Skipped cycles", "Cycles skipped because the one before was still running.", unitCount, anyIsWarn, now("sum("+during(agent("backwire_missed_ticks_total", `site=~"$site"`))+")", "")).whole(),
			stat("First to expire", "Time until the first API key or primary server's certificate expires.", unitSeconds,
				thresholds(bad, step(warn, 259200), step(good, 1209600)),
				now("min("+of("nbu_api_key_expiry_timestamp_seconds")+" or "+of("nbu_server_certificate_expiry_timestamp_seconds")+") - time()", "")),
		),
		graphs(
			graph("Duration of cycles", "Median and 99th percentile, by site.", unitSeconds,
				query(quantile("0.5", agent("backwire_cycle_duration_seconds_bucket", `site=~"$site"`), "le, site"), "{{site}} median"),
				query(quantile("0.99", agent("backwire_cycle_duration_seconds_bucket", `site=~"$site"`), "le, site"), "{{site}} 99 %")),
			graph("Duration of collectors", "Duration of the last run, by collector.", unitSeconds,
				query("max by (site, collector) ("+of("nbu_collector_duration_seconds")+")", "{{site}} {{collector}}")),
		),
		graphs(
			states("Collectors", "Whether each collector read everything it requested.", query("min by (site, collector) ("+of("nbu_collector_success")+")", "{{site}} {{collector}}")),
			graph("Clock skew", "The primary server's clock minus the agent's clock.", unitSeconds, query("max by (site) ("+of("nbu_server_clock_skew_seconds")+")", "{{site}}")).sinking(),
		),
		graphs(deliveryGraphs()...),
		graphs(queueGraphs()...),
		graphs(
			table("Agents", "Agents that have sent data, and their versions.", "agent", []column{{"instance", "agent", "", nil}, {"version", "version", "", nil}},
				row("max by (instance, version) ("+agent("backwire_build_info")+")")),
			table("Primary servers", "Releases of NetBackup and the version of the API that is spoken with each.", "site",
				[]column{{"site", "site", "", nil}, {"server", "server", "", nil}, {"nbu_version", "NetBackup", "", nil}, {"api_version", "API", "", nil}},
				row("max by (site, server, nbu_version, api_version) ("+of("nbu_server_info")+")")),
			graph("Memory and CPU", "Memory and CPU of the agent.", unitBytes,
				query("sum by (instance) ("+agent("process_resident_memory_bytes", `job="backwire"`)+")", "{{instance}} memory"),
				query("sum by (instance) ("+persecond(agent("process_cpu_seconds_total", `job="backwire"`))+")", "{{instance}} CPU")).cpuOnTheRight(),
		),
	))
}

func deliveryGraphs() []Panel {
	const byEndpoint = "{{instance}} {{endpoint}}"
	return []Panel{
		graph("Samples per second", "Samples accepted by each receiver.", unitCount,
			query("sum by (instance, endpoint) ("+persecond(agent("backwire_samples_total"))+")", byEndpoint)),
		graph("Behind", "Age of the oldest samples that an endpoint has not accepted.", unitSeconds,
			query("max by (instance, endpoint) ("+agent("backwire_lag_seconds")+")", byEndpoint)).
			marked(thresholds(good, step(warn, 180), step(bad, 900))),
		graph("Requests, by answer", "By the receiver's status code.", "reqps",
			query("sum by (endpoint, code) ("+persecond(agent("backwire_requests_total"))+")", "{{endpoint}} {{code}}")).stacked(),
		graph("Duration of requests", "99th percentile.", unitSeconds,
			query(quantile("0.99", agent("backwire_sent_batch_duration_seconds_bucket"), "le, instance, endpoint"), byEndpoint)),
	}
}

func queueGraphs() []Panel {
	return []Panel{
		graph("Queue on disk", "The newest segment and all segments that an endpoint has not received yet.", unitBytes,
			query("max by (instance) ("+agent("backwire_queue_bytes")+")", "{{instance}}")),
		graph("Pending samples", "In the queue and not accepted yet.", unitCount,
			query("max by (instance, endpoint) ("+agent("backwire_samples_pending")+")", "{{instance}} {{endpoint}}")),
		graph("Lost", "Samples that were rejected or dropped, by endpoint.", unitCount,
			query("sum by (instance, endpoint) ("+lately(agent("backwire_samples_failed_total"))+")", "{{instance}} {{endpoint}} rejected"),
			query("sum by (instance, endpoint, reason) ("+lately(agent("backwire_samples_dropped_total"))+") or 0 * sum by (instance) ("+agent("backwire_queue_bytes")+")",
				"{{instance}} {{endpoint}} dropped {{reason}}")),
	}
}

// cpuOnTheRight gives the series of CPU an axis of their own.
func (p Panel) cpuOnTheRight() Panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, Override{
		Matcher:    Map{"id": "byRegexp", "options": "/CPU$/"},
		Properties: []Map{{"id": "unit", "value": unitCount}, {"id": "custom.axisPlacement", "value": "right"}},
	})
	return p
}
