package netbackup

import (
	"backwire/source/netbackup/api"
)

const collectorRobots = "robots"

// robotCollector counts the hosts that control robots.
func robotCollector() collector {
	return collector{
		name: collectorRobots, noun: "robot_host", section: sectionStorage, standing: true, first: firstOf((*api.Client).RobotHosts),
		role: role{namespace: "|STORAGE|TAPE-DEVICES|", screen: "Storage > Tape storage > Device management", without: "no robot control hosts"},
		start: func(w *workplace) reader {
			hosts := w.gauge("nbu_tape_robot_hosts", "",
				"Hosts that control tape robots.")
			return counting(w, (*api.Client).RobotHosts, func(g *gauges, _ *string) {
				g.count(hosts)
				w.compat().noteRobotHost(g)
			})
		},
	}
}
