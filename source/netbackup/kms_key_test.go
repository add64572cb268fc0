package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Every release lists the services, and the keys of each (security.yaml). A key that is not active ends nothing.
func TestKMSKeys(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			now := r.sim.Now()
			day := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
			for range 120 { // more than a page
				r.sim.AddKMSKeys(nbusim.KMSKey{Service: "nbkms", Ends: day(90)})
			}
			r.sim.AddKMSKeys(
				nbusim.KMSKey{Service: "nbkms", Ends: day(40)}, nbusim.KMSKey{Service: "nbkms", State: "INACTIVE", Ends: day(-3)},
				nbusim.KMSKey{Service: "far away", State: "COMPROMISED"}, nbusim.KMSKey{Service: "far away"},
			)
			r.tick()
			r.want(121, "nbu_kms_keys", "kms", "nbkms", "state", "ACTIVE")
			r.want(1, "nbu_kms_keys", "kms", "nbkms", "state", "INACTIVE")
			r.want(1, "nbu_kms_keys", "kms", "far away", "state", "COMPROMISED")
			r.want(float64(day(40).Unix()), "nbu_kms_key_expiry_timestamp_seconds", "kms", "nbkms")
			r.want(none(), "nbu_kms_key_expiry_timestamp_seconds", "kms", "far away")
		})
	}
}

// No document says how the date is written: one that cannot be read is none, and costs its field alone. A service that was removed since
// it was listed costs no other.
func TestUntidyKMSKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddKMSKeys(nbusim.KMSKey{Service: "nbkms"}, nbusim.KMSKey{Service: "other"})
		r.sim.Inject(nbusim.Fault{Path: "/security/key-management-services", Effect: nbusim.Body(`{"data":[{"id":"gone","attributes":{"name":"gone"}},{"id":"nbkms","attributes":null},{"id":"other"}]}`)})
		r.sim.Inject(nbusim.Fault{Path: "/security/key-management-services/nbkms/key-details", Effect: nbusim.Body(`{"data":[
{"id":"1","attributes":{"keyAttributes":{"keyState":"active","deactivationDate":"Sat Jan  1 2000"}}},{"id":"2","attributes":{"keyAttributes":{"keyState":null}}},{"id":"3","attributes":{"keyAttributes":[]}}]}`)})
		r.tick()
		r.want(1, "nbu_kms_keys", "kms", "nbkms", "state", "ACTIVE")
		r.want(1, "nbu_kms_keys", "kms", "other", "state", "ACTIVE")
		r.want(none(), "nbu_kms_key_expiry_timestamp_seconds")
		r.want(1, "nbu_collector_success", "collector", "kms_keys")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", "kms_keys"); got != 2 {
			t.Errorf("%v rows cannot be read, want 2", got)
		}
	})
}
