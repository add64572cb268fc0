package netbackup

import (
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// eventCollector counts what the server has logged within a day.
func eventCollector() collector {
	return collector{
		Name: "events", Noun: "event", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOfLastDay((*api.Client).Events),
		Role: collect.Role{Namespace: "|MANAGE|EVENTLOGS|NOTIFICATIONS|", Screen: "Notifications", Without: "no events"},
		Start: func(w *workplace) collect.Reader {
			events := w.Gauge("nbu_events", "",
				"Events of the last 24 hours in the server's event log, by severity (CRITICAL, ERROR, WARNING, INFO, …).", "severity")
			at := func(e *api.Event) time.Time { return e.Created }
			return countingLastDay(w, (*api.Client).Events, at, func(g *collect.Gauges, e *api.Event) { g.Count(events, e.Severity) })
		},
	}
}
