package nbusim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// NamespaceKMS is that of the role for key management services and their keys.
const NamespaceKMS = "|SECURITY|KMS|"

// KMSKey is a key of a key management service. What is not given is an active one without an end.
type KMSKey struct {
	Service string
	State   string
	Ends    time.Time
}

// AddKMSKeys adds keys, and the services that they are of.
func (s *Server) AddKMSKeys(keys ...KMSKey) { addTo(s, &s.kmsKeys, keys) }

func (s *Server) kmsList(x *exchange) reply {
	var names []string
	var rows []row
	for _, k := range shown(s, x, &s.kmsKeys) {
		if slices.Contains(names, k.Service) {
			continue
		}
		names = append(names, k.Service)
		rows = append(rows, row{kind: "keyManagementServiceConfiguration", id: k.Service, path: "/security/key-management-services/", attributes: map[string]any{
			"name": k.Service, "kmsType": "NBKMS", "description": "", "enabledForBackup": true, "priority": 1,
			"netbackupAttributes": map[string]any{"hmkId": "1", "kpkId": "1"},
		}})
	}
	return x.list(rows, columns[row]{rowColumn("name", text, "")}, limits{0, unlimited})
}

func (s *Server) kmsKeyList(x *exchange) reply {
	service := strings.TrimSuffix(x.request.URL.Path, "/key-details")
	service = service[strings.LastIndexByte(service, '/')+1:]
	var rows []row
	for i, k := range shown(s, x, &s.kmsKeys) {
		if k.Service == service {
			rows = append(rows, k.row(i+1))
		}
	}
	if rows == nil && x.allowed {
		return x.fail(http.StatusNotFound, "There is no such key management service.", nil)
	}
	return x.list(rows, columns[row]{rowColumn("keyId", text, "")}, limits{0, unlimited})
}

func (k KMSKey) row(id int) row {
	defaultTo(&k.State, "ACTIVE")
	a := map[string]any{
		"kmsServerName": "primary.example", "configurationName": k.Service, "kmsType": "NBKMS", "kpkType": "KPK_LOCAL", "keyId": itoa(id), "keyState": k.State,
		"creationTime": "2024-01-01T00:00:00.000Z", "updateTime": "2024-01-15T10:30:00.000Z",
	}
	if !k.Ends.IsZero() {
		a["deactivationDate"] = stamp(k.Ends)
	}
	return row{kind: "keyAttributeDetailsResponse", id: itoa(id), path: "/security/key-management-services/" + k.Service + "/key-details/", attributes: map[string]any{"keyAttributes": a}}
}
