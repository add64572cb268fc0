package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
