package netbackup

import (
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// anomalyCollector counts what the server finds suspicious about backups.
func anomalyCollector() collector {
	return collector{
		Name: "anomalies", Noun: "anomaly", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Anomalies),
		Role: collect.Role{Namespace: "|MANAGE|ANOMALIES|", Screen: "Detection and reporting > Anomaly detection", Without: "no anomalies"},
		Start: func(w *workplace) collect.Reader {
			anomalies := w.Gauge("nbu_anomalies", "",
				"Anomalies that the server keeps, by severity (HIGH, MEDIUM, LOW), type and status.", "severity", "type", "status")
			last := w.Gauge("nbu_anomaly_last_timestamp_seconds", "seconds",
				"Time at which the newest anomaly of the severity was found.", "severity")
			return counting(w, (*api.Client).Anomalies, func(g *collect.Gauges, a *api.Anomaly) {
				g.Count(anomalies, a.Severity, a.Type, a.Status)
				if w.happened(a.Created) {
					g.Most(last, float64(milliseconds(a.Created))/1000, a.Severity)
				}
			})
		},
	}
}

// happened says that a time is known and can be one of the past: it lies no more than a day ahead of the agent's clock.
func (w *workplace) happened(at time.Time) bool {
	return !at.IsZero() && at.Before(w.site.now().Add(aheadMost*time.Millisecond))
}
