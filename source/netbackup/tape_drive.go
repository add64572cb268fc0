package netbackup

import (
	"context"
	"strings"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// tapeDrives reads the tape drives.
type tapeDrives struct {
	*workplace
	told                       collect.LastTold[api.TapeDrive]
	up, pathUp, cleaning, flag *collect.Family

	paths int // that were shown in this reading
}

// mostPaths are shown of all drives: a library of a hundred drives that forty hosts share has as many.
const mostPaths = 4_000

const collectorTapeDrives = "tape_drives"

func tapeDriveCollector() collector {
	return collector{
		Name: collectorTapeDrives, Noun: "tape_drive", Section: sectionStorage, Optional: true, First: firstOf((*api.Client).TapeDrives),
		Role: collect.Role{Namespace: "|STORAGE|TAPE-DEVICES|", Screen: "Storage > Tape storage > Device management", Without: "no state of tape drives"},
		Start: func(w *workplace) collect.Reader {
			t := &tapeDrives{
				workplace: w,
				up: w.Gauge("nbu_tape_drive_up", "",
					"1 when the tape drive is up on at least one path, 0 when it is down or disabled. Absent if the server reports neither.",
					"tape_drive", "media_server", "drive_type", "robot_type", "robot_number"),
				pathUp: w.Gauge("nbu_tape_drive_path_up", "",
					"1 when this path from the media server to the tape drive is up, 0 when it is down or disabled. Of the first 4,000 paths.",
					"tape_drive", "media_server", "path"),
				cleaning: w.Gauge("nbu_tape_drive_needs_cleaning", "",
					"1 when NetBackup or the drive itself says that the tape drive needs cleaning. Absent for others.", "tape_drive"),
				flag: w.Gauge("nbu_tape_drive_alert", "",
					"1 for each TapeAlert flag that is set for the tape drive (HARD_ERROR, MEDIA, …). Absent for others.", "tape_drive", "alert"),
			}
			return t.read
		},
	}
}

func (t *tapeDrives) read(ctx context.Context, _ int64) (int, error) {
	t.told.Begin()
	t.paths = 0
	return collect.CountRows(t.client().TapeDrives, func(g *collect.Gauges, v api.TapeDrive) {
		t.told.Complete(v.Name, &v, (*api.TapeDrive).KeepFacts)
		t.note(g, &v)
	})(ctx, t.Gauges)
}

func (t *tapeDrives) note(g *collect.Gauges, v *api.TapeDrive) {
	t.compat().TapeDrive(g, v)
	setState(g, t.up, strings.TrimPrefix(v.Status, "DRIVE_STATUS_"),
		v.Name, v.Host, v.Type, v.RobotType, v.RobotNumber.String())
	for _, p := range v.Paths {
		if t.paths++; t.paths <= mostPaths {
			setState(g, t.pathUp, strings.TrimPrefix(p.Status, "PATH_STATUS_"), v.Name, p.Host, p.Device)
		}
	}
	needs := strings.Contains(v.Cleaning, "NEEDS CLEANING")
	for _, flag := range v.Alerts {
		needs = needs || flag == "CLEAN_NOW" || flag == "CLEAN_PERIODIC"
		g.Tell(t.flag, 1, v.Name, flag)
	}
	if needs {
		g.Tell(t.cleaning, 1, v.Name)
	}
}
