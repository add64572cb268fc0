package netbackup

import "backwire/source/netbackup/api"

// alerts counts the alerts that the server keeps.
func (s *Site) alerts() *seldom {
	return counting(s, s.client.Alerts, func(g *gauges, a *api.Alert) {
		g.count(s.catalogue.alerts, a.Severity, a.Category)
		s.catalogue.exporter.noteAlert(g, a)
	})
}

// malware sums up the newest scans.
func (s *Site) malware() *seldom {
	c := s.catalogue
	return counting(s, s.client.MalwareScans, func(g *gauges, m *api.MalwareScan) {
		g.count(c.malwareScans, m.State, m.Result)
		addFigure(g, c.scannedFiles, m.Scanned)
		addFigure(g, c.impactedFiles, m.Impacted)
		c.exporter.noteScan(g, m)
	})
}

// images counts those of the last day by what is known of them.
func (s *Site) images() *seldom {
	return counting(s, s.client.Images, func(g *gauges, i *api.Image) {
		g.count(s.catalogue.images, i.MalwareStatus, i.AnomalyStatus)
		s.catalogue.exporter.noteImage(g, i)
	})
}

// slos counts the service level objectives.
func (s *Site) slos() *seldom {
	return counting(s, s.client.SLOs, func(g *gauges, o *api.SLO) {
		g.count(s.catalogue.slos, o.Workload)
		s.catalogue.exporter.noteSLO(g)
	})
}
