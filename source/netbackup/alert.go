package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorAlerts = "alerts"

// alertCollector counts the alerts that the server keeps.
func alertCollector() collector {
	return collector{
		Name: collectorAlerts, Noun: "alert", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Alerts),
		Role: collect.Role{Namespace: "|MANAGE|EMAIL-NOTIFICATIONS|", Screen: "Email notifications", Without: "no alerts"},
		Start: func(w *workplace) collect.Reader {
			alerts := w.Gauge("nbu_alerts", "",
				"Alerts on the server.", "severity", "category")
			return counting(w, (*api.Client).Alerts, func(g *collect.Gauges, a *api.Alert) {
				g.Count(alerts, a.Severity, a.Category)
				w.compat().Alert(g, a)
			})
		},
	}
}
