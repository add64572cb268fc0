package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorSLOs = "slos"

// sloCollector counts the service level objectives.
func sloCollector() collector {
	return collector{
		Name: collectorSLOs, Noun: "slo", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).SLOs),
		Role: collect.Role{Namespace: "|PROTECTION|PROTECTION_PLAN|", Screen: "Protection > Protection plans", Without: "no count of service level objectives"},
		Start: func(w *workplace) collect.Reader {
			slos := w.Gauge("nbu_slos", "",
				"Service level objectives (protection plans).", "workload")
			return counting(w, (*api.Client).SLOs, func(g *collect.Gauges, o *api.SLO) {
				g.Count(slos, o.Workload)
				w.compat().SLO(g)
			})
		},
	}
}
