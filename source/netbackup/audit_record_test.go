package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// The audit log of every release has a category and an operation (security.yaml, auditResponse); only its last day counts, and only what
// somebody did to images and the access that was refused.
func TestAuditRecordsOfADay(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			now := r.sim.Now()
			for i := range 120 { // more than a page
				r.sim.AddAuditRecords(nbusim.AuditRecord{At: now.Add(-time.Duration(i) * time.Minute)})
			}
			r.sim.AddAuditRecords(
				nbusim.AuditRecord{At: now.Add(-25 * time.Hour)}, nbusim.AuditRecord{Operation: "MODIFY", At: now.Add(-time.Hour)},
				nbusim.AuditRecord{Category: "AZFAILURE", Operation: "ACCESS", At: now.Add(-23 * time.Hour)},
				nbusim.AuditRecord{Category: "LOGIN", Operation: "ACCESS", At: now},
			)
			r.tick()
			r.want(120, "nbu_audit_records", "category", "CATALOG", "operation", "DELETE")
			r.want(1, "nbu_audit_records", "category", "CATALOG", "operation", "MODIFY")
			r.want(1, "nbu_audit_records", "category", "AZFAILURE", "operation", "ACCESS")
			if n, _ := r.live("nbu_audit_records"); n != 122 {
				t.Errorf("%s: %v records, want 122", release, n)
			}
			for range 75 {
				r.tick()
			}
			r.want(none(), "nbu_audit_records", "category", "AZFAILURE") // it is more than a day old
		})
	}
}

// A server that ignores the filter gives records of other days and other categories: they do not count, and none counts twice.
func TestUntidyAuditRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/security/auditlogs", Effect: nbusim.Body(`{"data":[
{"id":1,"attributes":{"category":"catalog","operation":"Delete","auditDateTime":"1999-12-31T20:00:00Z"}},
{"id":2,"attributes":{"category":"CATALOG","operation":null,"auditDateTime":"soon"}},
{"id":3,"attributes":{"category":"CATALOG","operation":"DELETE","auditDateTime":"1999-12-01T00:00:00Z"}},
{"id":4,"attributes":{"category":"LOGIN","operation":"ACCESS","auditDateTime":"1999-12-31T20:00:00Z"}},
{"id":5,"attributes":{"operation":"DELETE"}}]}`)})
		r.tick()
		r.want(1, "nbu_audit_records", "category", "CATALOG", "operation", "DELETE")
		r.want(1, "nbu_audit_records", "category", "CATALOG", "operation", "")
		if n, _ := r.live("nbu_audit_records"); n != 2 {
			t.Errorf("%v records, want 2", n)
		}
	})
}
