package grafana

func copyNumbers() line {
	return numbers(
		stat("Images without a copy", "Images of which a storage lifecycle policy has not made all copies.", unitCount, plain,
			now(zeroElse("sum("+of("nbu_slp_images")+")"), "")).whole(),
		stat("Oldest copy to be made", "Age of the oldest image that waits for a copy. Deferred copies do not count.", unitSeconds,
			thresholds(good, step(warn, 86400), step(bad, 129600)),
			now("max(time() - "+of("nbu_slp_oldest_incomplete_timestamp_seconds")+")", "")),
		stat("Imports pending", "Replicated images that the catalog of this domain does not know yet.", unitCount, anyIsWarn,
			now(zeroElse("sum("+of("nbu_slp_copies", `copy_type="IMPORT"`, `state=~"IMPORT_PENDING|IMPORT_FAILED"`)+")"), "")).whole(),
		stat("Inactive policies", "Storage lifecycle policies that make no copies.", unitCount, anyIsWarn,
			now("count("+of("nbu_slp_active")+" == 0) or 0 * count("+of("nbu_slp_active")+")", "")).whole(),
	)
}

func copyGraphs() line {
	return graphs(
		graph("Images without a copy, by policy", "Images that wait for a copy of their storage lifecycle policy. The lowest point of each day should not rise.", unitCount,
			query("sum by (site, slp) ("+of("nbu_slp_images")+")", "{{site}} {{slp}}")).stacked(),
		graph("Oldest copy to be made, by policy", "Age of the oldest image that waits for a copy.", unitSeconds,
			query("time() - max by (site, slp) ("+of("nbu_slp_oldest_incomplete_timestamp_seconds")+")", "{{site}} {{slp}}")),
		table("Copied longest ago", "The twenty clients and policies whose last successful duplication, replication or import is oldest.", "age",
			[]column{
				{"client", "client", "", nil},
				{"policy", "policy", "", nil},
				{"job_type", "kind", "", nil},
				{"Value", "age", unitSeconds, thresholds(good, step(warn, 86400), step(bad, 604800))},
			},
			row("topk(20, time() - max by (site, client, policy, job_type) ("+of("nbu_client_last_copy_timestamp_seconds")+"))")),
		graph("Copies, by state", "All copies of the images that are not complete.", unitCount,
			query("sum by (copy_type, state) ("+of("nbu_slp_copies")+")", "{{copy_type}} {{state}}")).stacked(),
	)
}
