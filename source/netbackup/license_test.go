package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// A product ends with its next end, of licence or service; what is over does not hide what is left.
func TestLicensesOfEachRelease(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			never, now := time.Time{}, r.sim.Now()
			day := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
			r.sim.AddLicenses(
				nbusim.License{Product: "base", Count: 50, End: day(300), ServiceEnd: day(60)},
				nbusim.License{Product: "base", Count: 25, End: day(200), ServiceEnd: day(-30)},
				nbusim.License{Product: "base", Count: 1000, End: day(-90), ServiceEnd: day(-90), Expired: true},
				nbusim.License{Product: "over", Meter: "CPU", End: day(-20), ServiceEnd: day(-10)},
				nbusim.License{Product: "bought", Meter: "FETB_PLUS", Count: 3, End: never, ServiceEnd: never},
			)
			r.sim.SetFrontEnd(1.5 * (1 << 20))
			r.tick()
			r.want(float64(day(60).Unix()), "nbu_license_expiry_timestamp_seconds", "product", "base")
			r.want(float64(day(-10).Unix()), "nbu_license_expiry_timestamp_seconds", "product", "over")
			r.want(none(), "nbu_license_expiry_timestamp_seconds", "product", "bought")
			r.want(75*(1<<40), "nbu_licensed_bytes", "meter", "FETB")
			r.want(3*(1<<40), "nbu_licensed_bytes", "meter", "FETB_PLUS")
			r.want(none(), "nbu_licensed_bytes", "meter", "CPU")
			r.want(1.5*(1<<40), "nbu_front_end_bytes")
			r.want(0.75*(1<<40), "nbu_front_end_policy_bytes", "policy_type", "Standard") // two policies of it
			r.want(0.75*(1<<40), "nbu_front_end_policy_bytes", "policy_type", "VMware")
		})
	}
}

// What a policy protects that cannot be read makes the sum of its type unknown, and no other.
func TestUntidyFrontEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/licensing/capacity", Effect: nbusim.Body(`{"data":[{"id":"p","attributes":{"masterConsumptionMB":"3","clientDetails":[
7,null,{"policyDetails":null},{"clientName":"a","policyDetails":[{"policyType":"Standard","policyConsumptionMB":2},{"policyType":"VMware","policyConsumptionMB":-1},{"policyType":"Oracle","policyConsumptionMB":"1.5"}]},
{"clientName":"b","policyDetails":[{"policyType":"Standard","policyConsumptionMB":1},{"policyType":"VMware","policyConsumptionMB":5},[]]}]}}]}`)})
		r.tick()
		r.want(3<<20, "nbu_front_end_bytes")
		r.want(3<<20, "nbu_front_end_policy_bytes", "policy_type", "Standard")
		r.want(1.5*(1<<20), "nbu_front_end_policy_bytes", "policy_type", "Oracle")
		r.want(none(), "nbu_front_end_policy_bytes", "policy_type", "VMware")
	})
}

// A capacity of which a part is not known is not known; a server without a report has no front-end bytes.
func TestUntidyLicenses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/licensing/entitlements", Effect: nbusim.Body(`{"data":[
{"id":"1","attributes":{"productName":"base","licenseMeter":"FETB","licenseCount":5,"countMultiplier":2,"endDate":"never","serviceExpiration":null}},
{"id":"2","attributes":{"productName":"plus","licenseMeter":"FETB_PLUS","licenseCount":5}},
{"id":"3","attributes":{"productName":"plus","licenseMeter":"FETB_PLUS","licenseCount":-5}},
{"id":"4","attributes":{}}]}`)})
		r.sim.Inject(nbusim.Fault{Path: "/licensing/capacity", Effect: nbusim.Status(404)})
		r.tick()
		r.want(10*(1<<40), "nbu_licensed_bytes", "meter", "FETB")
		r.want(none(), "nbu_licensed_bytes", "meter", "FETB_PLUS")
		r.want(none(), "nbu_license_expiry_timestamp_seconds")
		r.want(none(), "nbu_front_end_bytes")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", "licenses"); got != 1 {
			t.Errorf("%v rows cannot be read, want 1", got)
		}
	})
}
