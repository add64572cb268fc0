package netbackup

import "context"

// tapeMedia counts tapes.
func (s *Site) tapeMedia() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.TapeMedia(ctx), func(m *TapeMedium) {
			g.add(s.catalogue.tapes, 1, m.Pool, m.Type, m.RobotType, m.Status)
			s.catalogue.exporter.noteTape(g, m)
		})
	}}
}

// volumePools tells how many tapes of each pool are full in part.
func (s *Site) volumePools() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.VolumePools(ctx), func(p *VolumePool) {
			setBytes(g, s.catalogue.partlyFull, p.PartiallyFull, p.Name, p.Type)
			s.catalogue.exporter.noteVolumePool(g, p)
		})
	}}
}

// robots counts the hosts that control robots.
func (s *Site) robots() *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (int, error) {
		return countRows(s.client.RobotHosts(ctx), func(*string) {
			g.add(s.catalogue.robotHosts, 1)
			s.catalogue.exporter.noteRobotHost(g)
		})
	}}
}
