package nbusim

// NamespaceMediaServers is that of the role for /config/media-servers.
const NamespaceMediaServers = "|MANAGE|MEDIA-SERVERS|"

// MediaServer is a host that backups are written by. What is not given is one on Linux that is up and works for disk and
// tape, of the primary server's release.
type MediaServer struct {
	Name    string
	Version string
	OS      string
	Status  string // ACTIVE_FOR_TAPE_AND_DISK, ACTIVE_FOR_TAPE, ACTIVE_FOR_DISK, DEACTIVATED, OFFLINE or VIRTUAL_NODE
	Down    bool   // the machine is not up
}

// AddMediaServers adds media servers.
func (s *Server) AddMediaServers(servers ...MediaServer) { addTo(s, &s.mediaServers, servers) }

func (m MediaServer) row(release string) row {
	defaultTo(&m.Version, release)
	defaultTo(&m.OS, "Linux")
	defaultTo(&m.Status, "ACTIVE_FOR_TAPE_AND_DISK")
	return row{
		kind: "mediaServer", id: m.Name, path: "/config/media-servers/",
		attributes: map[string]any{
			"hostName": m.Name, "nbuVersion": m.Version, "osType": m.OS, "osVersion": "9.4", "osReleaseVersion": "9.4",
			"dteMode": "True", "isMachineUp": !m.Down, "uuid": "uuid-" + m.Name, "ndmpHosts": []any{},
			"supportedStoragesInfo": []any{map[string]any{"storageProviderId": "PureDisk", "storageCategory": MSDP}},
			"status":                map[string]any{"name": m.Status, "resourceBundleKey": "mediaserver.status." + m.Status},
		},
	}
}

// mediaServerList is documented for 10.3, 10.5 and 11.2 (config.yaml); no document of 11.0 shows it, and it is offered all the same.
func (s *Server) mediaServerList(x *exchange) reply {
	var rows []row
	for _, m := range shown(s, x, &s.mediaServers) {
		rows = append(rows, m.row(s.release.name))
	}
	return x.list(rows, mediaServerColumns(), limits{1, 500})
}

func mediaServerColumns() columns[row] {
	const order = "eq ne gt ge lt le and or not contains endswith startswith"
	return columns[row]{
		rowColumn("hostName", text, order),
		rowColumn("osType", text, order),
		rowColumn("nbuVersion", text, order),
	}
}
