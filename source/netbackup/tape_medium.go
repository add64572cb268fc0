package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorTapeMedia = "tape_media"

// tapeMediumCollector counts tapes.
func tapeMediumCollector() collector {
	return collector{
		name: collectorTapeMedia, noun: "tape_medium", section: sectionStorage, cached: true, first: firstOf((*api.Client).TapeMedia),
		role: role{namespace: "|STORAGE|TAPE-MEDIA|", screen: "Storage > Tape storage > Volumes", without: "no tapes by pool and status (10.5 and later)"},
		start: func(w *workplace) reader {
			tapes := w.Gauge("nbu_tape_media", "",
				"Tapes by pool, media type, robot type and status (FULL, FROZEN, …).", "pool", "media_type", "robot_type", "status")
			return counting(w, (*api.Client).TapeMedia, func(g *collect.Gauges, m *api.TapeMedium) {
				g.Count(tapes, m.Pool, m.Type, m.RobotType, m.Status)
				w.compat().TapeMedium(g, m)
			})
		},
	}
}
