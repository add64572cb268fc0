package nbusim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

type loginRequest struct {
	DomainType string `json:"domainType"`
	DomainName string `json:"domainName"`
	UserName   string `json:"userName"`
	Password   string `json:"password"`
}

func (l loginRequest) matches(u User) bool {
	if u.Name != l.UserName || u.Password != l.Password {
		return false
	}
	anyDomain := u.DomainType == "" && u.DomainName == ""
	return anyDomain || (u.DomainType == l.DomainType && u.DomainName == l.DomainName)
}

// ping answers the server's clock in milliseconds. Its header names the newest version.
func (s *Server) ping(x *exchange) reply {
	a := newReply(http.StatusOK, mediaType(plainType, x.version), strconv.AppendInt(nil, x.now.UnixMilli(), 10))
	if s.versioned {
		a.header.Set("X-NetBackup-API-Version", itoa(s.release.api)+".0")
	}
	return a
}

const maxLoginBody = 64 << 10

func (s *Server) login(x *exchange) reply {
	if !s.release.contentAccepted(x.request, x.version) {
		return x.fail(http.StatusUnsupportedMediaType, "The media type in the Content-Type header is not supported.", nil)
	}
	var l loginRequest
	body := http.MaxBytesReader(nil, x.request.Body, maxLoginBody)
	if err := json.NewDecoder(body).Decode(&l); err != nil {
		return x.refuse("body", err)
	}
	if l.UserName == "" || l.Password == "" {
		return x.fail(http.StatusBadRequest, "userName and password are required.", nil)
	}
	token, who := s.gate.admit(l, x.now)
	if who == nil {
		return x.fail(http.StatusUnauthorized, "The user name, password or API key is wrong.", nil)
	}
	kind := "BEARER"
	if who.mfa {
		kind = "MFA"
	}
	return x.json(http.StatusCreated, map[string]any{
		"token":     token,
		"tokenType": kind,
		"validity":  int64(who.expires.Sub(who.issued) / time.Second),
	})
}

func (s *Server) logout(x *exchange) reply {
	s.gate.forget(x.request.Header.Get("Authorization"))
	return newReply(http.StatusOK, "", nil)
}

// authorizationContext shows the claims of the credential; permissions is where a missing role can be seen.
func (s *Server) authorizationContext(x *exchange) reply {
	permissions := []map[string]any{}
	for _, ns := range []string{
		NamespaceJobs, NamespaceStorageUnits, NamespaceDiskPools, NamespaceStorageServers, NamespaceTapeDevices, NamespaceAPIKeys,
		NamespacePolicies, NamespaceAlerts, NamespaceMalware, NamespaceImages, NamespaceSLOs, NamespaceTapeMedia, NamespaceVolumePools,
	} {
		if x.who.may(ns) {
			permissions = append(permissions, map[string]any{"permission": "|OPERATIONS|VIEW|", "collections": []string{ns}})
		}
	}
	return x.json(http.StatusOK, map[string]any{"data": map[string]any{
		"type":  "authorizationContext",
		"id":    x.who.user,
		"links": map[string]any{"self": link("/authorization-context")},
		"attributes": map[string]any{
			"subject":     s.name + ":" + x.who.user + ":vx",
			"issuer":      s.name,
			"issuedAt":    stamp(x.who.issued),
			"expireDate":  stamp(x.who.expires),
			"authToken":   "internal",
			"isAdmin":     x.who.roles == nil,
			"isMachine":   false,
			"permissions": permissions,
		},
		"relationships": map[string]any{"authContextRoles": map[string]any{"data": []any{}}},
	}})
}

func link(path string) map[string]any { return map[string]any{"href": path} }

func (s *Server) serverInfo(x *exchange) reply {
	return x.json(http.StatusOK, map[string]any{
		"serverName":          s.name,
		"nbuVersion":          s.release.name,
		"cacpivConnectorPort": 0,
		"nbuKeySize":          2048,
		"masterHostId":        "4d7a1c52-0b1e-4d0e-9c2f-6b0f5a1d2e3f",
		"externalCaUsage":     1,
		"cacpivEnabled":       0,
		"ssoEnabled":          false,
		"domainType":          "vx",
	})
}

func (s *Server) serverTime(x *exchange) reply {
	return x.json(http.StatusOK, map[string]any{
		"serverTime":   x.now.UnixMilli(),
		"timeZoneName": "Coordinated Universal Time",
		"timeZoneId":   "UTC",
	})
}

func (k APIKey) row() row {
	return row{kind: "apiKeyDetails", id: k.Tag, path: "/security/api-keys/", attributes: map[string]any{
		"userName":             k.User,
		"userDomain":           "primary.example",
		"userDomainType":       "vx",
		"createdDateTime":      stamp(k.Created),
		"expiryDateTime":       stamp(k.Expires),
		"lastModifiedDateTime": stamp(k.Created),
		"description":          "read by the monitoring agent",
		"samlSessionValidated": false,
	}}
}

func (s *Server) apiKeys(x *exchange) reply {
	rows := []row{}
	for _, k := range s.gate.everyKey() {
		if x.allowed || k.Tag == x.who.tag { // everybody sees the own key
			rows = append(rows, k.row())
		}
	}
	return x.list(rows, apiKeyColumns(), limits{1, 100})
}

func (s *Server) apiKey(x *exchange) reply {
	for _, k := range s.gate.everyKey() {
		if k.Tag == x.lastSegment() && (x.allowed || k.Tag == x.who.tag) {
			return x.json(http.StatusOK, map[string]any{"data": k.row().render()})
		}
	}
	return x.fail(http.StatusNotFound, "There is no such API key.", nil)
}
