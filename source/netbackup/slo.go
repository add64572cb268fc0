package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorSLOs = "slos"

// sloCollector counts the service level objectives.
func sloCollector() collector {
	return collector{
		name: collectorSLOs, noun: "slo", section: sectionProtection, cached: true, first: firstOf((*api.Client).SLOs),
		role: role{namespace: "|PROTECTION|PROTECTION_PLAN|", screen: "Protection > Protection plans", without: "no count of service level objectives"},
		start: func(w *workplace) reader {
			slos := w.Gauge("nbu_slos", "",
				"Service level objectives (protection plans).", "workload")
			return counting(w, (*api.Client).SLOs, func(g *collect.Gauges, o *api.SLO) {
				g.Count(slos, o.Workload)
				w.compat().SLO(g)
			})
		},
	}
}
