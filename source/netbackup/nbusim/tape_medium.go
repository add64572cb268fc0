package nbusim

import (
	"fmt"
	"net/http"
	"slices"
)

// TapeMedium is a tape. What is not given is an LTO tape of a library in the pool NetBackup.
type TapeMedium struct {
	ID     string // six characters
	Type   string // HCART3
	Pool   string
	Status string // ACTIVE, FULL, FROZEN

	RobotNumber int
	RobotHost   string
}

// VolumePool is a pool of tapes. What is not given is a regular one.
type VolumePool struct {
	Name          string
	Type          string // REGULAR_MEDIA_POOL, SCRATCH_MEDIA_POOL
	PartiallyFull int
}

func (m TapeMedium) row() row {
	defaultTo(&m.Type, "HCART3")
	defaultTo(&m.Pool, "NetBackup")
	defaultTo(&m.Status, "ACTIVE")
	defaultTo(&m.RobotHost, "media-1")
	return row{
		kind: "volumeInfo", id: m.ID, path: "/storage/tape-media/",
		attributes: map[string]any{
			"barcode": m.ID + "L8", "mediaType": m.Type, "robot": map[string]any{"robotType": "TLD", "robotNumber": m.RobotNumber, "robotHost": m.RobotHost},
			"slot": 1, "volumeGroup": "000_00000_TLD", "volumePool": m.Pool, "mounts": 7, "application": "NETBACKUP", "maxMounts": 0,
			"created": "2026-01-01T00:00:00.000Z", "kiloBytes": 1024, "images": 2, "validImages": 2, "numberOfRestores": 0,
			"originHost": "NONE", "mediaStatus": m.Status, "mediaOwner": "NONE", "lastWriteHost": m.RobotHost,
		},
	}
}

func (p VolumePool) row(id int) row {
	defaultTo(&p.Type, "REGULAR_MEDIA_POOL")
	return row{
		kind: "volumePoolDetails", id: itoa(id), path: "/storage/tape-volume-pools/",
		attributes: map[string]any{"volumePoolName": p.Name, "description": "", "partiallyFullMedia": p.PartiallyFull, "poolType": p.Type},
	}
}

// addLibrary gives a tape unit a robot with two drives and its tapes: most are full, some are
// being written, one is frozen, some wait in the scratch pool, and one cleans.
func (e *Estate) addLibrary(u StorageUnit) {
	number, host := len(e.Drives)/2, u.MediaServers[0]
	for range 2 {
		e.Drives = append(e.Drives, TapeDrive{Name: "IBM.ULT3580-TD8." + itoa(len(e.Drives)), RobotNumber: number, Host: host})
	}
	if !slices.Contains(e.RobotHosts, host) {
		e.RobotHosts = append(e.RobotHosts, host)
	}
	for _, some := range []struct {
		count              int
		pool, status, kind string
	}{
		{count: 9, pool: "NetBackup", status: "FULL"},
		{count: 4, pool: "NetBackup", status: "ACTIVE"},
		{count: 1, pool: "NetBackup", status: "FROZEN"},
		{count: 2, pool: "CatalogBackup", status: "ACTIVE"},
		{count: 7, pool: "Scratch"},
		{count: 1, pool: "None", kind: "HC3_CLN"},
	} {
		for range some.count {
			e.Tapes = append(e.Tapes, TapeMedium{
				ID: fmt.Sprintf("A%05d", len(e.Tapes)+1), Pool: some.pool, Status: some.status, Type: some.kind, RobotNumber: number, RobotHost: host,
			})
		}
	}
	e.VolumePools = volumePools(number + 1)
}

// volumePools are those of so many libraries. Every server has the first three.
func volumePools(libraries int) []VolumePool {
	return []VolumePool{
		{Name: "None"},
		{Name: "NetBackup", PartiallyFull: 3 * libraries},
		{Name: "CatalogBackup", Type: "CATALOG_MEDIA_POOL", PartiallyFull: libraries},
		{Name: "Scratch", Type: "SCRATCH_MEDIA_POOL"},
	}
}

func (s *Server) tapeMedia(x *exchange) reply {
	return s.tapePage(x, s.storageRows(x, func(e Estate) (rows []row) {
		for _, m := range e.Tapes {
			rows = append(rows, m.row())
		}
		return rows
	}))
}

func (s *Server) volumePools(x *exchange) reply {
	return s.tapePage(x, s.storageRows(x, func(e Estate) (rows []row) {
		for i, p := range e.VolumePools {
			rows = append(rows, p.row(i))
		}
		return rows
	}))
}

// robotHosts has no pages, and rows of a name alone.
func (s *Server) robotHosts(x *exchange) reply {
	if s.release.api < version105 {
		return s.unknown(x.request)
	}
	shown := []any{}
	for _, host := range s.Storage().RobotHosts {
		if x.allowed {
			shown = append(shown, map[string]any{"type": "deviceHost", "id": host})
		}
	}
	return x.json(http.StatusOK, map[string]any{"data": shown})
}

// tapePage answers a page of 0 to 100 rows, as storage.yaml of 10.5 and 11.0 says.
func (s *Server) tapePage(x *exchange, rows []row) reply {
	if s.release.api < version105 {
		return s.unknown(x.request)
	}
	return x.cursorPage(rows, defaultLimit, 100)
}
