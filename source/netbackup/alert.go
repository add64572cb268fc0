package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorAlerts = "alerts"

// alertCollector counts the alerts that the server keeps.
func alertCollector() collector {
	return collector{
		name: collectorAlerts, noun: "alert", section: sectionProtection, cached: true, first: firstOf((*api.Client).Alerts),
		role: role{namespace: "|MANAGE|EMAIL-NOTIFICATIONS|", screen: "Email notifications", without: "no alerts"},
		start: func(w *workplace) reader {
			alerts := w.Gauge("nbu_alerts", "",
				"Alerts on the server.", "severity", "category")
			return counting(w, (*api.Client).Alerts, func(g *collect.Gauges, a *api.Alert) {
				g.Count(alerts, a.Severity, a.Category)
				w.compat().Alert(g, a)
			})
		},
	}
}
