package nbusim

// TapeDrive is a drive that tape units write with. What is not given is an LTO drive of a
// library that is up.
type TapeDrive struct {
	Name        string
	Type        string // DT_HCART3
	RobotType   string // TLD
	RobotNumber int
	Host        string // of the path to it
	Status      string // DRIVE_STATUS_UP, _DOWN, _MIXED or _DISABLED
	AlsoDown    string // a second host, whose path is down
	Dirty       bool   // it needs cleaning
	Alert       string // a TapeAlert flag
}

func (d TapeDrive) withDefaults() TapeDrive {
	defaultTo(&d.Type, "DT_HCART3")
	defaultTo(&d.RobotType, "TLD")
	defaultTo(&d.Host, "media-1")
	defaultTo(&d.Status, "DRIVE_STATUS_UP")
	return d
}

func (d TapeDrive) row() row {
	d = d.withDefaults()
	up := d.Status == "DRIVE_STATUS_UP"
	path, control := "PATH_STATUS_DOWN", "DRIVE_CONTROL_DOWN"
	if up {
		path, control = "PATH_STATUS_UP", "DRIVE_CONTROL_ACTIVE"
	}
	paths := []any{map[string]any{
		"pathIndex": 0, "deviceHost": d.Host, "driveName": d.Name, "devicePath": "/dev/nst0",
		"pathStatus": path, "driveControl": control, "isEnabled": true, "isNdmp": false, "robotControl": d.RobotType,
	}}
	if d.AlsoDown != "" {
		paths = append(paths, map[string]any{
			"pathIndex": 1, "deviceHost": d.AlsoDown, "driveName": d.Name, "devicePath": "/dev/nst0",
			"pathStatus": "PATH_STATUS_DOWN", "driveControl": "DRIVE_CONTROL_DOWN", "isEnabled": true, "isNdmp": false, "robotControl": d.RobotType,
		})
	}
	a := map[string]any{}
	if d.Dirty {
		a["cleaningComment"] = "NEEDS CLEANING"
	}
	if d.Alert != "" {
		a["tapeAlert1"] = d.Alert
	}
	return row{
		kind: "drive", id: d.Name, path: "/storage/drives/", common: func() map[string]any { return a },
		attributes: map[string]any{
			"driveType": d.Type, "robotType": d.RobotType, "robotNumber": d.RobotNumber, "robotDriveNumber": 1,
			"driveStatus": d.Status, "driveControl": control, "controlHostname": d.Host, "serialNumber": "SN-" + d.Name,
			"driveIndex": 0, "enabled": true, "sharedDrive": false, "isControlUp": up, "localControl": true,
			"devicePaths": paths,
		},
	}
}

// tapeDrives takes a page[limit] of 0, as its documents say (storage.yaml of 10.3 to 11.0, /storage/drives).
func (s *Server) tapeDrives(x *exchange) reply {
	rows := s.storageRows(x, func(e Estate) (rows []row) {
		for _, d := range e.Drives {
			rows = append(rows, d.row())
		}
		return rows
	})
	return x.list(rows, driveColumns(), limits{0, 100})
}

func driveColumns() columns[row] {
	return columns[row]{
		rowColumn("driveType", text, "eq ne or"),
		rowColumn("driveStatus", text, "eq ne or"),
		rowColumn("robotType", text, "eq ne or"),
		rowColumn("robotNumber", integer, "eq ne gt ge lt le and or not"),
		rowColumn("driveIndex", integer, "eq ne gt ge lt le and or not"),
	}
}
