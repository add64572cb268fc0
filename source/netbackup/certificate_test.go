package netbackup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Every release lists the newest certificate of each host. Shown are the hundred that expire first; hosts that are long gone do not
// take their places.
func TestCertificatesThatExpireFirst(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			now := r.sim.Now() // the first of January 2000
			day := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
			for i := range 300 {
				r.sim.AddCertificates(
					nbusim.Certificate{Host: fmt.Sprintf("gone-%03d", i), Expires: day(-40 - i)},
					nbusim.Certificate{Host: fmt.Sprintf("host-%03d", 299-i), Expires: day(1 + 299 - i)},
				)
			}
			r.sim.AddCertificates(
				nbusim.Certificate{Host: "lapsed", Expires: day(-2)}, nbusim.Certificate{Host: "revoked", Expires: day(3), Revoked: true},
				nbusim.Certificate{Host: "far", Expires: day(5000)},
			)
			r.tick()
			if _, n := r.live("nbu_certificate_expiry_timestamp_seconds"); n != 100 {
				t.Errorf("%s: %d hosts, want 100", release, n)
			}
			for host, at := range map[string]float64{"lapsed": float64(day(-2).Unix()), "host-000": float64(day(1).Unix()), "host-098": float64(day(99).Unix())} {
				r.want(at, "nbu_certificate_expiry_timestamp_seconds", "host", host)
			}
			for _, host := range []string{"host-099", "gone-000", "revoked"} {
				r.want(none(), "nbu_certificate_expiry_timestamp_seconds", "host", host)
			}
			r.want(301, "nbu_certificates_expiring", "month", "expired")
			r.want(30, "nbu_certificates_expiring", "month", "2000-01") // from the second to the 31st
			r.want(29, "nbu_certificates_expiring", "month", "2000-02")
			r.want(1, "nbu_certificates_expiring", "month", "later")
		})
	}
}

// What cannot be, and what is missing, is left out; it costs no other row.
func TestUntidyCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/security/certificates/current", Effect: nbusim.Body(`{"certificateList":[
{"hostId":"id-1","notAfter":946857600000,"state":"1"},{"hostName":"b","notAfter":-7},{"hostName":"c","notAfter":99999999999999999},
{"hostName":"d","notAfter":946857600000,"isCertDeleted":true},{"notAfter":946857600000},{"hostName":"id-1","notAfter":946771200000},7]}`)})
		r.tick()
		r.want(946771200, "nbu_certificate_expiry_timestamp_seconds", "host", "id-1") // two of one name: the one that expires first
		if _, n := r.live("nbu_certificate_expiry_timestamp_seconds"); n != 1 {
			t.Errorf("%d hosts, want 1", n)
		}
		r.want(2, "nbu_certificates_expiring")
		r.want(1, "nbu_collector_success", "collector", "certificates")
		r.sim.ClearFaults()
		r.sim.Inject(nbusim.Fault{Path: "/security/certificates/current", Effect: nbusim.Body(`{"data":[]}`)})
		for range 16 {
			r.tick()
		}
		r.want(0, "nbu_collector_success", "collector", "certificates") // not what the documents describe
	})
}

func TestAPIKeysThatExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		key := func(name string, left time.Duration) nbusim.APIKey {
			return nbusim.APIKey{Key: name, User: name, Expires: now.Add(left)}
		}
		const day = 24 * time.Hour
		r := newRig(t, nbusim.Options{Storage: oneUnit(), Keys: []nbusim.APIKey{
			{Key: nbusim.DefaultKey}, key("a", -time.Hour), key("b", 20*time.Hour), key("c", 6*day), key("d", 6*day), key("e", 29*day), key("f", 31*day),
		}})
		r.tick()
		r.want(1, "nbu_api_keys_expiring", "within", "1d")
		r.want(3, "nbu_api_keys_expiring", "within", "7d")
		r.want(4, "nbu_api_keys_expiring", "within", "30d")
	})
}
