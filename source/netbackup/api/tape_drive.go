package api

import (
	"context"
	"iter"
	"strings"
)

// TapeDrive is one row of /storage/drives.
type TapeDrive struct {
	Name        string // the row's id: there is no attribute for it
	Type        string // DT_HCART, DT_HCART2, …
	RobotType   string // TLD, ACS, NOT_ROBOTIC, NA
	RobotNumber Optional[int64]
	Host        string // of the first path to it

	FirstHostMissing bool // the first path names none: the host is another's

	Status string // DRIVE_STATUS_UP, _DOWN, _MIXED, _DISABLED

	Paths    []DrivePath // those whose state is given
	Cleaning string      // cleaningComment: "NEEDS CLEANING", or something else
	Alerts   []string    // TapeAlert flags that are set: HARD_ERROR, CLEAN_NOW, … at most two
}

// DrivePath is one way from a host to a drive.
type DrivePath struct {
	Host, Device string
	Status       string // PATH_STATUS_UP, _DOWN, _DISABLED
}

// tapeDrivesPage is the documented maximum of page[limit] for /storage/drives.
const tapeDrivesPage = 100

// TapeDrives lists all tape drives.
func (c *Client) TapeDrives(ctx context.Context) iter.Seq2[TapeDrive, error] {
	return listing[TapeDrive]{
		row: tapeDriveRow,
		list: list{
			client: c, noun: "tape_drive", path: "/storage/drives",
			size: tapeDrivesPage, pager: byOffset,
		},
	}.rows(ctx)
}

func tapeDriveRow(d *decoder) (t TapeDrive, ok bool) {
	for name := range d.attributes() {
		switch string(name) {
		case "driveType":
			t.Type = d.word()
		case "robotType":
			t.RobotType = d.word()
		case "robotNumber":
			t.RobotNumber = d.within(0, mostThings)
		case "driveStatus":
			t.Status = d.word()
		case "devicePaths":
			drivePaths(d, &t)
		case "cleaningComment":
			t.Cleaning = d.word()
		case "tapeAlert1", "tapeAlert2":
			// the documents' words end in a comma, but for the first and the last
			if flag := strings.Trim(d.word(), ", "); flag != "" && len(t.Alerts) < 2 {
				t.Alerts = append(t.Alerts, flag)
			}
		default:
			d.skip()
		}
	}
	t.Name = string(d.id)
	return t, t.Name != ""
}

// drivePaths reads the paths of a drive; its host is that of the first one that names any.
func drivePaths(d *decoder, t *TapeDrive) {
	paths := 0
	for range d.elements() {
		var p DrivePath
		for name := range d.members() {
			switch string(name) {
			case "deviceHost":
				p.Host = d.text()
			case "devicePath":
				p.Device = d.text()
			case "pathStatus":
				p.Status = d.word()
			default:
				d.skip()
			}
		}
		if t.Host == "" {
			t.Host = p.Host
		}
		if paths++; paths == 1 {
			t.FirstHostMissing = p.Host == ""
		}
		if p.Status != "" {
			t.Paths = append(t.Paths, p)
		}
	}
}

// KeepFacts takes the facts that the row leaves out from the form that it had last.
func (t *TapeDrive) KeepFacts(last *TapeDrive) {
	keep(&t.Type, last.Type)
	keep(&t.RobotType, last.RobotType)
	if t.RobotType == last.RobotType {
		keep(&t.RobotNumber, last.RobotNumber)
	}
	if last.Host != "" && (t.Host == "" || t.FirstHostMissing) {
		t.Host = last.Host
	}
}
