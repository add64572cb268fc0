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

// malware sums up the newest scans.
func (s *Site) malware() *seldom {
	g, c := newGauges(s.cfg.Client.Site), s.catalogue
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.MalwareScans(ctx), func(m *MalwareScan) {
			g.add(c.malwareScans, 1, m.State, m.Result)
			addCount(g, c.scannedFiles, m.Scanned)
			addCount(g, c.impactedFiles, m.Impacted)
			c.exporter.noteScan(g, m)
		})
	}}
}

// addCount adds what the server gave; where it never did there is no sum.
func addCount(g *gauges, f *family, v Optional[int64]) {
	if v.Given && v.Value >= 0 {
		g.add(f, float64(v.Value))
	}
}

// images counts those of the last day by what is known of them.
func (s *Site) images() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.Images(ctx), func(i *Image) {
			g.add(s.catalogue.images, 1, i.MalwareStatus, i.AnomalyStatus)
			s.catalogue.exporter.noteImage(g, i)
		})
	}}
}

// slos counts the service level objectives.
func (s *Site) slos() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.SLOs(ctx), func(o *SLO) {
			g.add(s.catalogue.slos, 1, o.Workload)
			s.catalogue.exporter.noteSLO(g)
		})
	}}
}
