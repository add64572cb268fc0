package netbackup

import "context"

// alerts counts the alerts that the server keeps.
func (s *Site) alerts() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.Alerts(ctx), func(a *Alert) {
			g.add(s.catalogue.alerts, 1, a.Severity, a.Category)
			s.catalogue.exporter.noteAlert(g, a)
		})
	}}
}
