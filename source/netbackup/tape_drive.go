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
	told collect.LastTold[api.TapeDrive]
	up   *collect.Family
}

const collectorTapeDrives = "tape_drives"

func tapeDriveCollector() collector {
	return collector{
		Name: collectorTapeDrives, Noun: "tape_drive", Section: sectionStorage, Optional: true, First: firstOf((*api.Client).TapeDrives),
		Role: collect.Role{Namespace: "|STORAGE|TAPE-DEVICES|", Screen: "Storage > Tape storage > Device management", Without: "no state of tape drives"},
		Start: func(w *workplace) collect.Reader {
			t := &tapeDrives{workplace: w, up: w.Gauge("nbu_tape_drive_up", "",
				"1 when the tape drive is up on at least one path, 0 when it is down or disabled. Absent if the server reports neither.",
				"tape_drive", "media_server", "drive_type", "robot_type", "robot_number")}
			return t.read
		},
	}
}

func (t *tapeDrives) read(ctx context.Context, _ int64) (rows int, err error) {
	t.told.Begin()
	for v, err := range t.client().TapeDrives(ctx) {
		if err != nil {
			return rows, err
		}
		rows++
		t.told.Complete(v.Name, &v, (*api.TapeDrive).KeepFacts)
		t.note(&v)
	}
	return rows, nil
}

func (t *tapeDrives) note(v *api.TapeDrive) {
	t.compat().TapeDrive(t.Gauges, v)
	setState(t.Gauges, t.up, strings.TrimPrefix(v.Status, "DRIVE_STATUS_"),
		v.Name, v.Host, v.Type, v.RobotType, v.RobotNumber.String())
}
