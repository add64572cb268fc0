package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorImages = "images"

// imageCollector counts those of the last day by what is known of them.
func imageCollector() collector {
	return collector{
		name: collectorImages, noun: "image", section: sectionProtection, cached: true, first: firstOf((*api.Client).Images),
		role: role{namespace: "|MANAGE|IMAGES|", screen: "Catalog > NetBackup images", without: "no images by malware and anomaly status"},
		start: func(w *workplace) reader {
			images := w.Gauge("nbu_images", "",
				"Images of the last 24 hours, by malware status and anomaly status.", "malware_status", "anomaly_status")
			return counting(w, (*api.Client).Images, func(g *collect.Gauges, i *api.Image) {
				g.Count(images, i.MalwareStatus, i.AnomalyStatus)
				w.compat().Image(g, i)
			})
		},
	}
}
