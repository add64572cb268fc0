package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

const collectorImages = "images"

// imageCollector counts those of the last day by what is known of them.
func imageCollector() collector {
	return collector{
		Name: collectorImages, Noun: "image", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).Images),
		Role: collect.Role{Namespace: "|MANAGE|IMAGES|", Screen: "Catalog > NetBackup images", Without: "no images by malware and anomaly status"},
		Start: func(w *workplace) collect.Reader {
			images := w.Gauge("nbu_images", "",
				"Images of the last 24 hours, by malware status and anomaly status.", "malware_status", "anomaly_status")
			return counting(w, (*api.Client).Images, func(g *collect.Gauges, i *api.Image) {
				g.Count(images, i.MalwareStatus, i.AnomalyStatus)
				w.compat().Image(g, i)
			})
		},
	}
}
