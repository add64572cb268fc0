package netbackup

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"backwire/source/netbackup/nbusim"
)

const (
	roboticDrive = `{"type":"drive","id":"IBM.ULT3580-TD8.000","attributes":{"driveType":"DT_HCART3","robotType":"TLD","robotNumber":"0",
"driveStatus":"DRIVE_STATUS_UP","devicePaths":[{"pathIndex":0,"deviceHost":"media-1"},{"deviceHost":"media-2"},null],"mountTime":null}}`
	aloneDrive = `{"id":"alone","attributes":{"driveStatus":"DRIVE_STATUS_DOWN","devicePaths":null,"robotNumber":null}}`
)

// Drives have their names as ids; two of one type must not share a series.
func TestTapeDrives(t *testing.T) {
	c := newTestClient(t, serveRows(roboticDrive, aloneDrive, `{"attributes":{"driveType":"DT_DLT"}}`))
	var got []TapeDrive
	for v, err := range c.TapeDrives(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	want := []TapeDrive{
		{Name: "IBM.ULT3580-TD8.000", Type: "DT_HCART3", RobotType: "TLD", RobotNumber: some[int64](0), Host: "media-1", Status: "DRIVE_STATUS_UP"},
		{Name: "alone", Status: "DRIVE_STATUS_DOWN"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drives (-want +got):\n%s", diff)
	}
}

func TestTapeDrivesAreUpOrDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := oneUnit()
		for _, status := range []string{"UP", "DOWN", "MIXED", "DISABLED", "NEW"} {
			e.Drives = append(e.Drives, nbusim.TapeDrive{Name: status, Status: "DRIVE_STATUS_" + status, Host: "media-1", RobotNumber: 3})
		}
		r := newRig(t, nbusim.Options{Release: "11.0", Storage: e})
		r.tick()
		for status, up := range map[string]float64{"UP": 1, "MIXED": 1, "DOWN": 0, "DISABLED": 0, "NEW": none()} {
			r.want(up, "nbu_tape_drive_up", "tape_drive", status)
		}
		r.want(1, "nbu_tape_drive_up", "tape_drive", "UP", "media_server", "media-1", "drive_type", "DT_HCART3", "robot_number", "3")
		r.want(1, "nbu_collector_success", "collector", "tape_drives")
	})
}
