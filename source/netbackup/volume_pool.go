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
		Name: collectorVolumePools, Noun: "volume_pool", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).VolumePools),
		Role: collect.Role{
			Namespace: "|STORAGE|TAPE-MEDIA|VOLUME-POOLS|", Screen: "Storage > Tape storage > Volume pools",
			Without: "no partially full tapes (10.5 and later)",
		},
		Start: func(w *workplace) collect.Reader {
			partlyFull := w.Gauge("nbu_tape_pool_partially_full_media", "",
				"Partially full tapes in the volume pool.", "pool", "type")
			var told collect.LastTold[api.VolumePool]
			rows := func(c *api.Client, ctx context.Context) iter.Seq2[*api.VolumePool, error] {
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
