package nbusim

import (
	"net/http"
	"slices"
	"strings"
)

// Estate is the storage of a primary server.
type Estate struct {
	Units   []StorageUnit
	Pools   []DiskPool
	Servers []StorageServer
	Drives  []TapeDrive

	Tapes       []TapeMedium
	VolumePools []VolumePool
	RobotHosts  []string
}

// The storage categories of the documents. Tape and basic disk have no disk pool.
const (
	AdvancedDisk  = "ADVANCED_DISK"
	BasicDisk     = "BASIC_DISK"
	Cloud         = "CLOUD"
	CloudCatalyst = "CLOUD_CATALYST"
	MSDP          = "MSDP"
	OpenStorage   = "OPEN_STORAGE"
	Tape          = "TAPE"
)

// Boundless is what cloud storage has been seen to report as its capacity.
const Boundless = 9223372036854775807

// StorageUnit is a place that backups are written to.
type StorageUnit struct {
	Name              string
	Category          string
	Pool              string // the name of its disk pool; several units may share one
	Capacity, Used    int64  // bytes; of a unit without a pool, for one with a pool the pool's count
	MaxConcurrentJobs int
	MediaServers      []string
	Worm              bool
}

// DiskPool is disk storage that units share.
type DiskPool struct {
	Name           string
	Category       string
	State          string // UP, DOWN or TRANSIENT
	Capacity, Used int64  // bytes
	Servers        []string
	Volumes        []DiskVolume
}

// DiskVolume is a part of a disk pool.
type DiskVolume struct {
	Name           string
	State          string // UP, DOWN or UNKNOWN
	Capacity, Free int64  // bytes
}

// StorageServer is the host, or the cloud, behind disk pools.
type StorageServer struct {
	Name       string
	Category   string
	State      string // UP or DOWN
	DedupRatio float64
	Capacity   int64 // bytes
	Used       int64
	Version    string // of the product on that host
}

// SetStorage replaces the storage.
func (s *Server) SetStorage(e Estate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storage = e
}

// Storage is the storage as it is now.
func (s *Server) Storage() Estate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Estate{
		slices.Clone(s.storage.Units), slices.Clone(s.storage.Pools), slices.Clone(s.storage.Servers), slices.Clone(s.storage.Drives),
		slices.Clone(s.storage.Tapes), slices.Clone(s.storage.VolumePools), slices.Clone(s.storage.RobotHosts),
	}
}

// serverType is the word that the product uses for a category.
func serverType(category string) string {
	switch category {
	case MSDP:
		return "PureDisk"
	case AdvancedDisk:
		return "AdvancedDisk"
	case Cloud:
		return "amazon_raw"
	case CloudCatalyst:
		return "PureDisk_amazon_rawd"
	case OpenStorage:
		return "DataDomain"
	}
	return ""
}

func storageType(category string) (storage, sub string) {
	switch category {
	case Tape:
		return "Media Manager", "Media Manager"
	case BasicDisk:
		return "Disk", "Basic"
	}
	return "Disk", serverType(category)
}

func isCloud(category string) bool { return category == Cloud || category == CloudCatalyst }

func poolID(name, category string) string { return name + ":" + serverType(category) }

func mediaServers(names []string, version string) []any {
	out := []any{}
	for _, n := range names {
		out = append(out, map[string]any{"name": n, "operatingSystem": "linuxR_x86_64", "netbackupVersion": version})
	}
	return out
}

func (e Estate) pool(name string) *DiskPool {
	i := slices.IndexFunc(e.Pools, func(p DiskPool) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &e.Pools[i]
}

// capacity puts in the three numbers of a unit: tape has none, cloud has meaningless ones.
func (e Estate) capacity(u StorageUnit, a map[string]any) {
	total, used := u.Capacity, u.Used
	if p := e.pool(u.Pool); p != nil {
		total, used = p.Capacity, p.Used
	}
	switch {
	case u.Category == Tape:
		return
	case isCloud(u.Category):
		total, used = Boundless, 0
	}
	a["totalCapacityBytes"], a["usedCapacityBytes"], a["freeCapacityBytes"] = total, used, total-used
}

func (e Estate) unitRow(u StorageUnit, version string) row {
	storage, sub := storageType(u.Category)
	disk := u.Category != Tape
	a := map[string]any{
		"name": u.Name, "storageType": storage, "storageSubType": sub,
		"storageServerType": serverType(u.Category), "storageCategory": u.Category,
		"useAnyAvailableMediaServer": len(u.MediaServers) == 0,
		"accelerator":                u.Category == MSDP || isCloud(u.Category),
		"replicationCapable":         u.Category == MSDP, "replicationSourceCapable": u.Category == MSDP,
		"replicationTargetCapable": u.Category == MSDP,
		"snapshot":                 false, "mirror": false, "independent": false, "primary": false,
		"instantAccessEnabled": u.Category == MSDP, "scaleOutEnabled": false,
		"isCloudSTU": isCloud(u.Category), "onDemandOnly": false,
		"maxFragmentSizeMegabytes": 51200, "wormCapable": u.Worm, "useWorm": u.Worm,
		"mediaServerDetails": mediaServers(u.MediaServers, version),
	}
	if disk {
		a["maxConcurrentJobs"] = u.MaxConcurrentJobs
	} else {
		a["maxConcurrentDrives"], a["robotType"], a["robotNumber"] = u.MaxConcurrentJobs, "TLD", 0
		a["density"], a["multiplexing"] = "DHCART3", 4
	}
	if u.Category == BasicDisk {
		a["absolutePath"], a["okOnRoot"], a["stageData"] = "/backup/"+u.Name, false, false
	}
	e.capacity(u, a)
	r := row{kind: "storageUnit", id: u.Name, path: "/storage/storage-units/", attributes: a, relationships: map[string]any{}}
	if p := e.pool(u.Pool); p != nil {
		id := poolID(p.Name, p.Category)
		r.relationships["diskPool"] = map[string]any{
			"links": map[string]any{"related": link("/storage/disk-pools/" + id)},
			"data":  map[string]any{"type": "diskPool", "id": id},
		}
	}
	return r
}

func (v DiskVolume) render(cloud bool) map[string]any {
	a := map[string]any{
		"name": v.Name, "id": "vol-" + v.Name, "diskMediaId": "@" + v.Name, "state": v.State,
		"isReplicationSource": false, "isReplicationTarget": false,
		"wormIndelibleMinimumInterval": 0, "wormIndelibleMaximumInterval": 0,
		"diskVolumeCapabilities": []string{},
	}
	if !cloud {
		a["rawSizeBytes"], a["freeSizeBytes"] = v.Capacity, v.Free
	}
	return a
}

func (p DiskPool) row() row {
	volumes := []any{}
	for _, v := range p.Volumes {
		volumes = append(volumes, v.render(isCloud(p.Category)))
	}
	total, used := p.Capacity, p.Used
	if isCloud(p.Category) {
		total, used = Boundless, 0
	}
	servers := []any{}
	for _, s := range p.Servers {
		servers = append(servers, map[string]any{"type": "storageServer", "id": serverType(p.Category) + ":" + s})
	}
	return row{
		kind: "diskPool", id: poolID(p.Name, p.Category), path: "/storage/disk-pools/",
		attributes: map[string]any{
			"name": p.Name, "sType": serverType(p.Category), "storageCategory": p.Category,
			"diskVolumes": volumes, "highWaterMark": 98, "lowWaterMark": 80,
			"maximumIoStreams": map[string]any{"limitIoStreams": false},
			"diskPoolState":    p.State, "rawSizeBytes": total, "usableSizeBytes": total,
			"availableSpaceBytes": total - used, "usedCapacityBytes": used,
			"wormCapable": false, "readOnly": false, "comment": "",
			"diskPoolCapabilities": []string{"VISIBLE", "OPEN_STORAGE", "ADMIN_UP", "INTERNAL_UP"},
			"mediaServersCount":    len(p.Servers),
		},
		relationships: map[string]any{"storageServers": map[string]any{"data": servers}},
	}
}

func (v StorageServer) row(r release) row {
	a := map[string]any{
		"name": v.Name, "storageCategory": v.Category, "sType": serverType(v.Category),
		"nbuHostVersion": v.Version, "additionalMediaServersDetails": []any{},
		"encryptionEnabled": false, "kmsEnabled": false, "isSnapshotSupported": false,
		"isAcceleratorSupported": true, "isAIRSupported": v.Category == MSDP,
		"storageServerCapabilities": []string{"OPEN_STORAGE", "ADMIN_UP", "INTERNAL_UP"},
		"storageServerState":        v.State, "storageUnits": []string{},
		"isWormSupported": false, "isUshareSupported": v.Category == MSDP,
	}
	if v.Category == MSDP {
		a["msdpAttributes"] = v.msdp()
		if r.api >= 12 {
			a["mvgenabled"] = false
		}
	}
	return row{
		kind: "storageServer", id: serverType(v.Category) + ":" + v.Name, path: "/storage/storage-servers/",
		attributes: a, relationships: map[string]any{"universalShares": map[string]any{"data": []any{}}},
	}
}

func (v StorageServer) msdp() map[string]any {
	return map[string]any{
		"storagePath": "/msdp/data", "spaLogPath": "/msdp/log", "deduplicationDBPath": "/msdp/cat",
		"specificNetworkInterface": "", "spaLogRetention": 7, "verboseLevel": 3, "fipsEnabled": false,
		"replicationTargets": []string{},
		"storagePoolDetails": map[string]any{
			"rawSizeBytes": v.Capacity, "reservedSpaceBytes": v.Capacity / 25, "sizeBytes": v.Capacity - v.Capacity/25,
			"usedSpaceBytes": v.Used, "availableSpaceBytes": v.Capacity - v.Capacity/25 - v.Used,
		},
		"catalogLogicalSizeBytes": int64(float64(v.Used) * max(v.DedupRatio, 1)), "catalogFilesCount": 123456,
		"deduplicationRatioPercentage": v.DedupRatio,
	}
}

// storageRows is one of the three lists, empty without the role.
func (s *Server) storageRows(x *exchange, rows func(Estate) []row) []row {
	if !x.allowed {
		return nil
	}
	return rows(s.Storage())
}

func (s *Server) unitRows(e Estate) []row {
	var rows []row
	for _, u := range e.Units {
		rows = append(rows, e.unitRow(u, s.release.name))
	}
	return rows
}

func (s *Server) poolRows(e Estate) []row {
	var rows []row
	for _, p := range e.Pools {
		rows = append(rows, p.row())
	}
	return rows
}

func (s *Server) serverRows(e Estate) []row {
	var rows []row
	for _, v := range e.Servers {
		rows = append(rows, v.row(s.release))
	}
	return rows
}

// The limits of the three lists are those of the documents (storage.yaml of 10.3 to 11.0, page[limit]).

func (s *Server) storageUnits(x *exchange) reply {
	return x.list(s.storageRows(x, s.unitRows), unitColumns(), limits{1, 500})
}

func (s *Server) diskPools(x *exchange) reply {
	return x.list(s.storageRows(x, s.poolRows), poolColumns(), limits{1, 500})
}

func (s *Server) storageServers(x *exchange) reply {
	return x.list(s.storageRows(x, s.serverRows), serverColumns(), limits{1, 100})
}

func (s *Server) storageUnit(x *exchange) reply { return x.single(s.storageRows(x, s.unitRows)) }

func (s *Server) diskPool(x *exchange) reply { return x.single(s.storageRows(x, s.poolRows)) }

func (s *Server) storageServer(x *exchange) reply { return x.single(s.storageRows(x, s.serverRows)) }

// single answers the object that the path ends with.
func (x *exchange) single(rows []row) reply {
	for _, r := range rows {
		if r.id == x.lastSegment() {
			return x.json(http.StatusOK, map[string]any{"data": x.untidy.spoil(r.render())})
		}
	}
	return x.fail(http.StatusNotFound, "There is no "+strings.TrimPrefix(x.request.URL.Path, Mount)+".", nil)
}

func unitColumns() columns[row] {
	cs := columns[row]{
		rowColumn("name", text, orderedText),
		rowColumn("storageServerType", text, orderedText),
		rowColumn("storageCategory", text, "eq contains tolower toupper"),
		rowColumn("storageType", text, "eq contains tolower toupper"),
		rowColumn("storageSubType", text, "eq contains tolower toupper"),
		rowColumn("freeCapacityBytes", integer, ""),
		rowColumn("totalCapacityBytes", integer, ""),
		rowColumn("usedCapacityBytes", integer, ""),
		rowColumn("maxConcurrentJobs", integer, ""),
		rowColumn("maxConcurrentDrives", integer, ""),
		rowColumn("maxFragmentSizeMegabytes", integer, ""),
	}
	for _, name := range []string{
		"useWorm", "wormCapable", "accelerator", "replicationCapable", "replicationSourceCapable",
		"replicationTargetCapable", "instantAccessEnabled", "isCloudSTU", "scaleOutEnabled",
	} {
		cs = append(cs, rowColumn(name, boolean, "eq"))
	}
	return cs
}

func poolColumns() columns[row] {
	return columns[row]{
		rowColumn("name", text, orderedText),
		rowColumn("sType", text, orderedText),
		rowColumn("storageCategory", text, "eq contains tolower toupper"),
		rowColumn("diskPoolState", text, ""),
		rowColumn("wormCapable", boolean, "eq"),
		rowColumn("rawSizeBytes", integer, ""),
		rowColumn("usableSizeBytes", integer, ""),
		rowColumn("availableSpaceBytes", integer, ""),
		rowColumn("usedCapacityBytes", integer, ""),
	}
}

func serverColumns() columns[row] {
	return columns[row]{
		rowColumn("name", text, orderedText),
		rowColumn("sType", text, orderedText),
		rowColumn("storageCategory", text, "eq contains tolower toupper"),
		rowColumn("storageServerState", text, ""),
		rowColumn("isWormSupported", boolean, "eq"),
		rowColumn("isUshareSupported", boolean, "eq"),
	}
}

// NewEstate is believable storage with so many units: every category, several units to a
// pool, tape without capacity, cloud without bounds. Each tape unit has a library.
func NewEstate(units int) Estate {
	const tib = int64(1) << 40
	var e Estate
	categories := []string{MSDP, MSDP, AdvancedDisk, Cloud, Tape, OpenStorage, BasicDisk, CloudCatalyst}
	for i := range units {
		category := categories[i%len(categories)]
		u := StorageUnit{
			Name: "stu-" + strings.ToLower(strings.ReplaceAll(category, "_", "-")) + "-" + itoa(i+1), Category: category,
			Capacity: 20 * tib, Used: 7 * tib, MaxConcurrentJobs: 16, MediaServers: []string{"media-" + itoa(i%4+1)},
		}
		if serverType(category) != "" {
			u.Pool = "pool-" + strings.TrimPrefix(u.Name, "stu-")
			if i%len(categories) == 1 { // the second MSDP unit writes to the first one's pool
				u.Pool = e.Units[i-1].Pool
			} else {
				e.addPool(u, int64(i))
			}
		}
		if category == Tape {
			e.addLibrary(u)
		}
		e.Units = append(e.Units, u)
	}
	return e
}

func (e *Estate) addPool(u StorageUnit, i int64) {
	const tib = int64(1) << 40
	capacity := (40 + 10*(i%5)) * tib
	used := capacity / 100 * (30 + 7*i%60)
	server := u.MediaServers[0]
	e.Pools = append(e.Pools, DiskPool{
		Name: u.Pool, Category: u.Category, State: "UP", Capacity: capacity, Used: used, Servers: []string{server},
		Volumes: []DiskVolume{{Name: u.Pool + "-v1", State: "UP", Capacity: capacity, Free: capacity - used}},
	})
	known := slices.ContainsFunc(e.Servers, func(v StorageServer) bool {
		return v.Name == server && v.Category == u.Category
	})
	if !known {
		e.Servers = append(e.Servers, StorageServer{
			Name: server, Category: u.Category, State: "UP", DedupRatio: 12.5, Capacity: capacity, Used: used, Version: "11.0",
		})
	}
}
