package netbackup

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// eventCollector counts what the server has logged within a day.
func eventCollector() collector {
	lastDay := func(c *api.Client, ctx context.Context) iter.Seq2[*api.Event, error] {
		return c.Events(ctx, time.Now().Add(-dayMillis*time.Millisecond))
	}
	return collector{
		Name: "events", Noun: "event", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf(lastDay),
		Role: collect.Role{Namespace: "|MANAGE|EVENTLOGS|NOTIFICATIONS|", Screen: "Notifications", Without: "no events"},
		Start: func(w *workplace) collect.Reader {
			events := w.Gauge("nbu_events", "",
				"Events of the last 24 hours in the server's event log, by severity (CRITICAL, ERROR, WARNING, INFO, …).", "severity")
			var since atomic.Int64 // ms of the server's clock; the list is read by another goroutine
			rows := func(c *api.Client, ctx context.Context) iter.Seq2[*api.Event, error] {
				return c.Events(ctx, time.UnixMilli(since.Load()))
			}
			read := counting(w, rows, func(g *collect.Gauges, e *api.Event) {
				if e.Created.IsZero() || e.Created.UnixMilli() >= since.Load() { // a server may ignore the filter
					g.Count(events, e.Severity)
				}
			})
			return func(ctx context.Context, now int64) (int, error) {
				since.Store(now - dayMillis)
				return read(ctx, now)
			}
		},
	}
}
