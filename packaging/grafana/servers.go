package grafana

// serverGraphs show what the primary and media servers are, and what does not run on them.
func serverGraphs() line {
	return graphs(
		states("Media servers up", "Whether each media server's host is up.",
			query("max by (site, media_server) ("+of("nbu_media_server_up")+")", "{{site}} {{media_server}}")),
		table("Media servers", "Release, operating system and state of each media server.", "media server",
			[]column{
				{"media_server", "media server", "", nil},
				{"site", "site", "", nil},
				{"nbu_version", "release", "", nil},
				{"os", "system", "", nil},
				{"status", "state", "", nil},
			},
			row("max by (site, media_server, nbu_version, os, status) ("+of("nbu_media_server_info")+")")).ascending(),
		table("Services that are stopped", "Services (daemons) of primary and media servers that do not run, those that never did and that nobody needs there included.", "host",
			[]column{
				{"host", "host", "", nil},
				{"service", "service", "", nil},
				{"site", "site", "", nil},
			},
			row(of("nbu_service_up")+" == 0")).ascending(),
		states("Servers that list their services", "Whether each server lists them. One that does not is down, or not of NetBackup 10.3 or later.",
			query("max by (site, host) ("+of("nbu_services_known")+")", "{{site}} {{host}}")),
		graph("Services that run", "Services (daemons) of each server that run. A server whose line ends is down, or does not tell.", unitCount,
			query("sum by (site, host) ("+of("nbu_service_up")+")", "{{site}} {{host}}")),
	)
}
