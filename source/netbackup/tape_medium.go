package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorTapeMedia = "tape_media"

// tapeMediumCollector counts tapes.
func tapeMediumCollector() collector {
	return collector{
		Name: collectorTapeMedia, Noun: "tape_medium", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).TapeMedia),
		Role: collect.Role{Namespace: "|STORAGE|TAPE-MEDIA|", Screen: "Storage > Tape storage > Volumes", Without: "no tapes by pool and status (10.5 and later)"},
		Start: func(w *workplace) collect.Reader {
			tapes := w.Gauge("nbu_tape_media", "",
				"Tapes by pool, media type, robot type and status (FULL, FROZEN, …).", "pool", "media_type", "robot_type", "status")
			return counting(w, (*api.Client).TapeMedia, func(g *collect.Gauges, m *api.TapeMedium) {
				g.Count(tapes, m.Pool, m.Type, m.RobotType, m.Status)
				w.compat().TapeMedium(g, m)
			})
		},
	}
}
