package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// mediaServerCollector tells which media servers work, and what they are.
func mediaServerCollector() collector {
	return collector{
		Name: "media_servers", Noun: "media_server", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).MediaServers),
		Role: collect.Role{Namespace: "|MANAGE|MEDIA-SERVERS|", Screen: "Hosts > Media servers", Without: "no state of media servers"},
		Start: func(w *workplace) collect.Reader {
			up := w.Gauge("nbu_media_server_up", "",
				"1 when the host of the media server is up, 0 when it is down. Absent if the server reports neither.", "media_server")
			info := w.Info("nbu_media_server_info",
				"Properties of the media server. status is the state reported by NetBackup (ACTIVE_FOR_DISK, OFFLINE, …).",
				"media_server", "nbu_version", "os", "status")
			var told collect.LastTold[api.MediaServer]
			return counting(w, (*api.Client).MediaServers, func(g *collect.Gauges, m *api.MediaServer) {
				told.Complete(m.Name, m, (*api.MediaServer).KeepFacts)
				g.Tell(info, 1, m.Name, m.Version, m.OS, m.Status)
				if m.Up.Given {
					g.Tell(up, truth(m.Up.Value), m.Name)
				}
			})
		},
	}
}
