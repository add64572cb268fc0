package nbusim

import "time"

// NamespaceAudit is that of the role for /security/auditlogs.
const NamespaceAudit = "|SECURITY|AUDIT-LOGS|"

// AuditRecord is of the audit log. What is not given is an image that somebody expired.
type AuditRecord struct {
	Category  string // CATALOG, LOGIN, AZFAILURE, …
	Operation string // DELETE, MODIFY, ACCESS, …
	At        time.Time
}

// AddAuditRecords adds records to the audit log.
func (s *Server) AddAuditRecords(records ...AuditRecord) { addTo(s, &s.audit, records) }

func (a AuditRecord) row(id int) row {
	defaultTo(&a.Category, "CATALOG")
	defaultTo(&a.Operation, "DELETE")
	return row{kind: "audit", id: itoa(id), path: "/security/auditlogs/", attributes: map[string]any{
		"messageId": 1401, "category": a.Category, "operation": a.Operation, "message": "-", "reason": "", "auditDateTime": stamp(a.At),
		"auditKeyList": []any{}, "auditRecordAttributeList": []any{},
		"auditUserIdentity": map[string]any{"userName": "admin", "domainName": "primary.example", "domainType": "LOCAL_HOST"},
	}}
}

// auditList has no maximum of page[limit] in the documents of any release.
func (s *Server) auditList(x *exchange) reply {
	var rows []row
	for i, a := range shown(s, x, &s.audit) {
		rows = append(rows, a.row(i+1))
	}
	return x.list(rows, columns[row]{rowColumn("category", text, "eq ne"), rowColumn("operation", text, "eq ne"), dateColumn("auditDateTime", "lt gt")}, limits{1, unlimited})
}
