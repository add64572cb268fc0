package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// serviceCollector tells which services of the primary and media servers run.
func serviceCollector() collector {
	return collector{
		Name: "services", Noun: "service", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Services),
		Role: collect.Role{
			Namespace: "|MANAGE|HOSTS|PROCESSES|", Of: hostNamespace, Screen: "Hosts > Processes",
			Without: "no services of primary and media servers",
		},
		Start: func(w *workplace) collect.Reader {
			up := w.Gauge("nbu_service_up", "",
				"1 when the service (daemon) of the primary or media server runs, 0 when it is stopped. Absent for services that are disabled.", "host", "service")
			known := w.Gauge("nbu_services_known", "",
				"1 when the primary or media server has listed its services, 0 when it could not, as when it is down.", "host")
			return counting(w, (*api.Client).Services, func(g *collect.Gauges, s *api.Service) {
				g.Tell(known, truth(s.Name != ""), s.Host)
				switch s.Status {
				case "RUNNING":
					g.Tell(up, 1, s.Host, s.Name)
				case "STOPPED":
					g.Tell(up, 0, s.Host, s.Name)
				}
			})
		},
	}
}
