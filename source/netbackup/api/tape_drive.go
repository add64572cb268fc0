package api

import (
	"context"
	"iter"
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
			t.Host, t.FirstHostMissing = firstHost(d)
		default:
			d.skip()
		}
	}
	t.Name = string(d.id)
	return t, t.Name != ""
}

// firstHost is that of the first path that names one.
func firstHost(d *decoder) (host string, firstMissing bool) {
	paths := 0
	for range d.elements() {
		paths++
		for name := range d.members() {
			if string(name) != "deviceHost" {
				d.skip()
			} else if text := d.text(); host == "" {
				host = text
			}
		}
		firstMissing = firstMissing || (paths == 1 && host == "")
	}
	return host, firstMissing
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
