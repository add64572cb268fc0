package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// slpCollector tells which copies are still to be made, and for how long.
func slpCollector() collector {
	return collector{
		Name: "slp", Noun: "slp_image", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).IncompleteSLPImages),
		Role: collect.Role{
			Namespace: "|MANAGE|STORAGE-LIFECYCLE-IMAGES|", Screen: "Storage > Storage lifecycle policies",
			Without: "no backlog of copies, no age of the oldest",
		},
		Start: func(w *workplace) collect.Reader {
			images := w.Gauge("nbu_slp_images", "",
				"Images of which the storage lifecycle policy has not made all copies, by state (NOT_STARTED, IN_PROCESS, …). Absent if there are none. How many bytes they are no document says: fragmentSize has no unit.", "slp", "state")
			copies := w.Gauge("nbu_slp_copies", "",
				"Copies of these images by type and state. Copies that are complete are included; those that NetBackup has not planned yet are not.", "slp", "copy_type", "state")
			oldest := w.Gauge("nbu_slp_oldest_incomplete_timestamp_seconds", "seconds",
				"Backup time of the oldest image that waits for a copy. Images of which all remaining copies are deferred do not count.", "slp")
			return counting(w, (*api.Client).IncompleteSLPImages, func(g *collect.Gauges, i *api.SLPImage) {
				g.Count(images, i.SLP, i.State)
				for _, c := range i.Copies {
					g.Count(copies, i.SLP, c.Type, c.State)
				}
				if w.happened(i.BackupTime) && !deferred(i.Copies) {
					g.Least(oldest, float64(milliseconds(i.BackupTime))/1000, i.SLP)
				}
			})
		},
	}
}

// deferred says that the copies that remain to be made wait on purpose, as those that are made when the first one expires.
func deferred(copies []api.SLPCopy) (some bool) {
	for _, c := range copies {
		switch c.State {
		case "DEFERRED":
			some = true
		case "COPYCOMPLETE", "JOBCOMPLETE", "CANCELLED", "CANT_PROCESS", "NOT_MANAGED", "IMPORTS_DONE":
		default:
			return false
		}
	}
	return some
}

// slpActiveCollector tells which storage lifecycle policies make copies at all.
func slpActiveCollector() collector {
	return collector{
		Name: "slp_active", Noun: "slp", Section: sectionStorage, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).SLPs),
		Role: collect.Role{Namespace: "|PROTECTION|SLPS|", Screen: "Storage > Storage lifecycle policies", Without: "not known which policies make no copies"},
		Start: func(w *workplace) collect.Reader {
			active := w.Gauge("nbu_slp_active", "",
				"1 when the storage lifecycle policy makes copies, 0 when it is inactive. Absent if the server does not report it.", "slp")
			return counting(w, (*api.Client).SLPs, func(g *collect.Gauges, s *api.SLP) {
				if s.Active.Given {
					g.Tell(active, truth(s.Active.Value), s.Name)
				}
			})
		},
	}
}
