package netbackup

import (
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// auditCollector counts what somebody did to images within a day, and the access that was refused.
func auditCollector() collector {
	return collector{
		Name: "audit", Noun: "audit_record", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOfLastDay((*api.Client).AuditRecords),
		Role: collect.Role{Namespace: "|SECURITY|AUDIT-LOGS|", Screen: "Security > Security events", Without: "no images that were deleted or expired by hand, no refused access"},
		Start: func(w *workplace) collect.Reader {
			records := w.Gauge("nbu_audit_records", "",
				"Records of the last 24 hours in the server's audit log, by category and operation. CATALOG is what users did to images: DELETE and MODIFY are those that they deleted or expired. AZFAILURE is access that was refused.",
				"category", "operation")
			at := func(r *api.AuditRecord) time.Time { return r.At }
			return countingLastDay(w, (*api.Client).AuditRecords, at, func(g *collect.Gauges, r *api.AuditRecord) {
				g.Count(records, r.Category, r.Operation)
			})
		},
	}
}
