package netbackup

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// A collector's last success is the time at which its last reading without an error ended. It stays while readings fail, and
// over a restart, since it is how a rule finds a collector that has been silent for an hour. One that never succeeded has none.
func TestLastSuccessOfACollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const name = "nbu_collector_last_success_timestamp_seconds"
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		pools := r.sim.Inject(nbusim.Fault{Path: "/storage/disk-pools", Effect: nbusim.Status(http.StatusInternalServerError)})
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(3 * time.Second)})
		r.tick()
		first := time.Now()
		r.want(unix(first), name, "collector", "storage")
		r.want(unix(first), name, "collector", "jobs")
		r.want(none(), name, "collector", "disk_pools")

		units := r.sim.Inject(nbusim.Fault{Path: "/storage/storage-units", Effect: nbusim.Status(http.StatusInternalServerError)})
		r.tick()
		second := time.Now()
		r.want(0, "nbu_collector_success", "collector", "storage")
		r.want(unix(first), name, "collector", "storage")
		r.want(unix(second), name, "collector", "jobs")

		r.start() // the program is started again
		pools()
		r.tick()
		third := time.Now()
		r.want(unix(first), name, "collector", "storage")
		r.want(unix(third), name, "collector", "jobs")
		r.want(unix(third), name, "collector", "disk_pools")

		units()
		r.tick()
		r.want(unix(time.Now()), name, "collector", "storage")
	})
}

// unix is a time in seconds since the epoch, to the millisecond.
func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
