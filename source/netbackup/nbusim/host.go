package nbusim

import (
	"net/http"
	"time"
)

// NamespaceHosts is that of the role for /config/hosts.
const NamespaceHosts = "|MANAGE|HOSTS|"

// Host is one that the server knows. What is not given is a client on Linux of the server's release that has its name alone.
type Host struct {
	Name       string
	Type       string // PRIMARY_SERVER, MEDIA_SERVER, CLIENT or NOT_DEFINED
	Version    string
	OS         string
	Mapped     []string // its other names
	Unapproved []string // names that nobody has approved
	Retired    time.Time
}

// AddHosts adds hosts.
func (s *Server) AddHosts(hosts ...Host) { addTo(s, &s.hosts, hosts) }

func (h Host) attributes(release, primary string, version int) map[string]any {
	defaultTo(&h.Type, "CLIENT")
	defaultTo(&h.Version, release)
	defaultTo(&h.OS, "Linux")
	mappings := []any{}
	mapping := func(name string, approved bool) {
		mappings = append(mappings, map[string]any{
			"mappedHostName": name, "isApproved": approved, "isConflicting": false, "isAddedManually": false, "isShared": false,
			"createdOn": 1_700_000_000_000, "updatedOn": 1_700_000_000_000, "origin": "HOST_DISCOVERY",
		})
	}
	for _, name := range append([]string{h.Name}, h.Mapped...) {
		mapping(name, true)
	}
	for _, name := range h.Unapproved {
		mapping(name, false)
	}
	a := map[string]any{
		"uuid": h.uuid(), "osVersion": "9.4", "osReleaseVersion": "9.4", "osType": h.OS, "hostName": h.Name, "cpuArchitecture": "x86_64",
		"masterServer": primary, "installedEEBs": "", "installedPackages": "", "nbuVersion": "NetBackup_" + h.Version, "hwDescription": "-",
		"vxUpdatePlatform": "redhat_x64", "isSecureEnabled": true, "autoReissue": false, "autoReissueDuration": 0, "externalCertificateSubject": "",
		"hasNetBackupCaHostCertificate": true, "servers": []any{primary}, "comment": "", "nbuReleaseVersion": h.Version, "nbuHostType": h.Type,
		"hostMappings": mappings, "trustVersion": "1", "lastUpdatedDateTime": 1_700_000_000_000, "createdDateTime": 1_700_000_000_000,
		"machineType": "PHYSICAL", "hypervisorType": "NONE", "machineNbuType": "NOT_DEFINED", "dteClientMode": "AUTOMATIC",
	}
	if version >= version110 {
		a["fipsEnabled"], a["decommissionedDateTime"] = "DISABLED", 0
		if !h.Retired.IsZero() {
			a["decommissionedDateTime"] = h.Retired.UnixMilli()
		}
	}
	return a
}

func (h Host) uuid() string { return "uuid-" + h.Name }

// hostList has no pages, and its rows are under a name of its own (config_hosts.yaml of 10.5 to 11.2). Of the filters it knows the one by type.
func (s *Server) hostList(x *exchange) reply {
	filter, err := parseFilter(x.request.URL.Query().Get("filter"))
	if err != nil {
		return x.refuse("filter", err)
	}
	holds, err := columns[row]{rowColumn("nbuHostType", text, "eq")}.bind(filter)
	if err != nil {
		return x.refuse("filter", err)
	}
	list := []any{}
	for _, h := range shown(s, x, &s.hosts) {
		a := h.attributes(s.release.name, s.name, s.release.api)
		if holds(&row{attributes: a}) {
			list = append(list, a)
		}
	}
	return x.json(http.StatusOK, map[string]any{"hosts": list})
}
