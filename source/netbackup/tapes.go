package netbackup

import (
	"context"
	"iter"

	"backwire/source/netbackup/api"
)

// tapeMedia counts tapes.
func (s *Site) tapeMedia() *seldom {
	return counting(s, s.client.TapeMedia, func(g *gauges, m *api.TapeMedium) {
		g.count(s.catalogue.tapes, m.Pool, m.Type, m.RobotType, m.Status)
		s.catalogue.exporter.noteTape(g, m)
	})
}

// volumePools tells how many tapes of each pool are full in part.
func (s *Site) volumePools() *seldom {
	var told lastTold[api.VolumePool]
	rows := func(ctx context.Context) iter.Seq2[api.VolumePool, error] {
		told.begin()
		return s.client.VolumePools(ctx)
	}
	return counting(s, rows, func(g *gauges, p *api.VolumePool) {
		told.complete(p.Name, p, (*api.VolumePool).KeepFacts)
		setBytes(g, s.catalogue.partlyFull, p.PartiallyFull, p.Name, p.Type)
		s.catalogue.exporter.noteVolumePool(g, p)
	})
}

// robots counts the hosts that control robots.
func (s *Site) robots() *seldom {
	return counting(s, s.client.RobotHosts, func(g *gauges, _ *string) {
		g.count(s.catalogue.robotHosts)
		s.catalogue.exporter.noteRobotHost(g)
	})
}
