package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorRobots = "robots"

// robotCollector counts the hosts that control robots.
func robotCollector() collector {
	return collector{
		name: collectorRobots, noun: "robot_host", section: sectionStorage, cached: true, first: firstOf((*api.Client).RobotHosts),
		role: role{namespace: "|STORAGE|TAPE-DEVICES|", screen: "Storage > Tape storage > Device management", without: "no robot control hosts"},
		start: func(w *workplace) reader {
			hosts := w.Gauge("nbu_tape_robot_hosts", "",
				"Hosts that control tape robots.")
			return counting(w, (*api.Client).RobotHosts, func(g *collect.Gauges, _ *string) {
				g.Count(hosts)
				w.compat().RobotHost(g)
			})
		},
	}
}
