package nbusim

import (
	"net/http"
	"time"
)

// The namespaces of the role for certificates, licences and their use.
const (
	NamespaceCertificates = "|SECURITY|CERTIFICATE-MANAGEMENT|NETBACKUP-CERTIFICATES|"
	NamespaceLicenses     = "|MANAGE|LICENSING|"
	NamespaceLicenseUsage = "|MANAGE|LICENSING|USAGE|"
)

// Certificate is the newest one of a host.
type Certificate struct {
	Host    string
	Expires time.Time
	Revoked bool
}

// License is an entitlement. What is not given is a subscription of 10 front-end terabytes that is active.
type License struct {
	Product         string
	Meter           string // FETB, FETB_PLUS, CPU, SERVER
	Count           int
	End, ServiceEnd time.Time
	Expired         bool
}

// AddCertificates adds certificates of hosts.
func (s *Server) AddCertificates(certificates ...Certificate) {
	addTo(s, &s.certificates, certificates)
}

// AddLicenses adds licences.
func (s *Server) AddLicenses(licenses ...License) { addTo(s, &s.licenses, licenses) }

// SetFrontEnd says how many megabytes the server protects; before that it has no report.
func (s *Server) SetFrontEnd(megabytes float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frontEnd = []float64{megabytes}
}

// certificateList has no pages, and its rows are under a name of its own (security.yaml of all releases).
func (s *Server) certificateList(x *exchange) reply {
	list := []any{}
	for i, c := range shown(s, x, &s.certificates) {
		state := 1
		if c.Revoked {
			state = 2
		}
		list = append(list, map[string]any{
			"certificateKey": i, "hostId": "uuid-" + c.Host, "hostName": c.Host, "serialNumber": i, "notBefore": c.Expires.AddDate(-1, 0, 0).UnixMilli(),
			"notAfter": c.Expires.UnixMilli(), "tokenType": 1, "state": state, "publicKey": "-", "keySize": 2048, "revocationReason": 0, "hostType": 2,
			"createOn": c.Expires.AddDate(-1, 0, 0).UnixMilli(), "updatedOn": c.Expires.AddDate(-1, 0, 0).UnixMilli(), "isCertDeleted": false,
		})
	}
	return x.json(http.StatusOK, map[string]any{"certificateList": list})
}

func frontEndPolicy(name, kind string, megabytes float64) map[string]any {
	return map[string]any{"backupId": "client-1_1", "policyName": name, "masterServer": "primary.example", "policyType": kind, "policyConsumptionMB": megabytes}
}

func (l License) row(id int) row {
	defaultTo(&l.Product, "NetBackup Platform Base")
	defaultTo(&l.Meter, "FETB")
	if l.Count == 0 {
		l.Count = 10
	}
	status := "ACTIVE"
	if l.Expired {
		status = "EXPIRED"
	}
	name := "A" + itoa(1_000_000+id)
	return row{
		kind: "entitlementDetails", id: name, path: "/licensing/entitlements/",
		attributes: map[string]any{
			"entitlementId": name, "licenseFormat": 1, "iplProductId": "1", "account": "1", "productName": l.Product, "productVersion": "11.2",
			"productDescription": l.Product, "platform": "ANY", "serviceStartDate": stamp(l.ServiceEnd.AddDate(-1, 0, 0)), "serviceExpiration": stamp(l.ServiceEnd),
			"signDate": stamp(l.End), "startDate": stamp(l.End.AddDate(-1, 0, 0)), "endDate": stamp(l.End), "licenseMeter": l.Meter,
			"licenseType": "SUBSCRIPTION", "licenseCount": l.Count, "countMultiplier": 1, "warnPolicy": 30, "gracePolicy": 30, "countPolicy": "SOFT",
			"svcPolicy": "SOFT", "status": status, "entitledVersion": "11.2", "serviceContractNumber": "1", "coverageType": "", "supportId": "1",
			"countGracePeriod": 30, "countGracePercentage": 10, "reporting": "", "meterId": "1", "stackingGroup": 1, "entitlementLicenseMeter": "", "reportingCategory": "",
			"reportingFrequency": 30, "features": []any{}, "fulfillmentId": "1", "productId": "NETBACKUP",
		},
	}
}

func (s *Server) licenseList(x *exchange) reply {
	var rows []row
	for i, l := range shown(s, x, &s.licenses) {
		rows = append(rows, l.row(i+1))
	}
	return x.list(rows, columns[row]{rowColumn("productName", text, "contains"), rowColumn("status", text, "eq")}, limits{1, 100})
}

// frontEndList has no maximum of page[limit]: licensing.yaml of all releases names a default alone.
func (s *Server) frontEndList(x *exchange) reply {
	var rows []row
	for _, megabytes := range shown(s, x, &s.frontEnd) {
		rows = append(rows, row{kind: "capacity", id: s.name, path: "/licensing/capacity/", attributes: map[string]any{
			"masterConsumptionMB": megabytes, "clientDetails": []any{map[string]any{"clientName": "client-1", "clientConsumptionMB": megabytes, "policyDetails": []any{
				frontEndPolicy("linux-01", "Standard", megabytes/4), frontEndPolicy("linux-02", "Standard", megabytes/4), frontEndPolicy("vm-03", "VMware", megabytes/2),
			}}},
		}})
	}
	return x.list(rows, columns[row]{rowColumn("masterServer", text, "eq")}, limits{0, unlimited})
}
