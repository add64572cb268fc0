package nbusim

import (
	"net/http"
	"strings"
)

// NamespaceServices is that of the role for /admin/hosts/{hostId}/services.
const NamespaceServices = "|MANAGE|HOSTS|PROCESSES|"

// Service is one of a host. What is not given runs.
type Service struct{ Host, Name, Status string }

// SetServices replaces all services.
func (s *Server) SetServices(services ...Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services = services
}

// serviceList has no pages.
func (s *Server) serviceList(x *exchange) reply {
	id := strings.TrimSuffix(x.request.URL.Path, "/services")
	id = id[strings.LastIndexByte(id, '/')+1:]
	s.mu.Lock()
	hosts := s.hosts
	s.mu.Unlock()
	for _, h := range hosts {
		if h.uuid() == id {
			list := []any{}
			for _, service := range shown(s, x, &s.services) {
				if service.Host == h.Name {
					list = append(list, x.untidy.spoil(service.row(id).render()))
				}
			}
			return x.json(http.StatusOK, map[string]any{"data": list})
		}
	}
	return x.fail(http.StatusNotFound, "There is no such host.", nil)
}

func (s Service) row(hostID string) row {
	defaultTo(&s.Status, "RUNNING")
	return row{kind: "service", id: s.Name, path: "/admin/hosts/" + hostID + "/services/", attributes: map[string]any{
		"displayName": "NetBackup " + s.Name, "daemonCode": "-", "status": s.Status, "serviceType": "-", "binaryPath": "/usr/openv/netbackup/bin/" + s.Name,
		"startName": "root", "controlsAccepted": "", "startUp": "Automatic", "winExitCode": "0", "serviceExitCode": "0", "access": []any{0, 0, 0},
	}}
}
