package netbackup

import (
	"context"
	"iter"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorVolumePools = "volume_pools"

// volumePoolCollector tells how many tapes of each pool are full in part.
func volumePoolCollector() collector {
	return collector{
		name: collectorVolumePools, noun: "volume_pool", section: sectionStorage, cached: true, first: firstOf((*api.Client).VolumePools),
		role: role{
			namespace: "|STORAGE|TAPE-MEDIA|VOLUME-POOLS|", screen: "Storage > Tape storage > Volume pools",
			without: "no partially full tapes (10.5 and later)",
		},
		start: func(w *workplace) reader {
			partlyFull := w.Gauge("nbu_tape_pool_partially_full_media", "",
				"Partially full tapes in the volume pool.", "pool", "type")
			var told collect.LastTold[api.VolumePool]
			rows := func(c *api.Client, ctx context.Context) iter.Seq2[api.VolumePool, error] {
				told.Begin()
				return c.VolumePools(ctx)
			}
			return counting(w, rows, func(g *collect.Gauges, p *api.VolumePool) {
				told.Complete(p.Name, p, (*api.VolumePool).KeepFacts)
				setBytes(g, partlyFull, p.PartiallyFull, p.Name, p.Type)
				w.compat().VolumePool(g, p)
			})
		},
	}
}
