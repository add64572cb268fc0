package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorRobots = "robots"

// robotCollector counts the hosts that control robots.
func robotCollector() collector {
	return collector{
		Name: collectorRobots, Noun: "robot_host", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).RobotHosts),
		Role: collect.Role{Namespace: "|STORAGE|TAPE-DEVICES|", Screen: "Storage > Tape storage > Device management", Without: "no robot control hosts"},
		Start: func(w *workplace) collect.Reader {
			hosts := w.Gauge("nbu_tape_robot_hosts", "",
				"Hosts that control tape robots.")
			return counting(w, (*api.Client).RobotHosts, func(g *collect.Gauges, _ string) {
				g.Count(hosts)
				w.compat().RobotHost(g)
			})
		},
	}
}
