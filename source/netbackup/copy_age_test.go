package netbackup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// The last copy of each kind is told by client and policy, over a restart and until it is forgotten; one that failed is none.
func TestAgesOfCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.ForgetClients = 48 * time.Hour })
		job := func(kind, client string, status int) {
			r.sim.AddJob(nbusim.JobSpec{Type: kind, Policy: "SLP_gold", Client: client, Life: nbusim.Run(time.Second, time.Second, status)})
		}
		job("DUPLICATE", "db-1", 0)
		job("REPLICATE", "db-1", 1)
		job("REPLICA_IMPORT", "db-2", 191)
		job("BACKUP", "db-3", 0)
		r.tick()
		r.tick()
		const name = "nbu_client_last_copy_timestamp_seconds"
		first, n := r.live(name, "client", "db-1", "policy", "SLP_gold", "job_type", "DUPLICATE")
		if age := time.Since(time.UnixMilli(int64(first * 1000))); n != 1 || age < 0 || age > 3*minute {
			t.Errorf("%d series, the copy is %v old", n, age)
		}
		if _, n := r.live(name); n != 2 {
			t.Errorf("%d series, want two: of the duplication and of the replication", n)
		}
		r.start()
		r.tick()
		r.want(first, name, "client", "db-1", "job_type", "DUPLICATE")
		job("DUPLICATE", "db-1", 84)
		r.tick()
		r.tick()
		r.want(first, name, "client", "db-1", "job_type", "DUPLICATE") // a failure changes nothing
		job("DUPLICATE", "db-1", 0)
		r.tick()
		r.tick()
		if again, _ := r.live(name, "client", "db-1", "job_type", "DUPLICATE"); again <= first {
			t.Errorf("the newer copy is told as %v, the older one was %v", again, first)
		}
		for range 51 {
			time.Sleep(time.Hour)
			r.tick()
		}
		r.want(none(), name)
	})
}

// Beyond the limit no series is made, and those without room are named.
func TestAgesOfCopiesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxClientSeries = 10 * seriesPerClient })
		for i := range 30 {
			r.sim.AddJob(nbusim.JobSpec{Type: "DUPLICATE", Policy: "SLP_gold", Client: fmt.Sprint("db-", i), Life: nbusim.Run(time.Second, time.Second, 0)})
		}
		r.tick()
		r.tick()
		if _, n := r.live("nbu_client_last_copy_timestamp_seconds"); n != 10 || r.site.copies.overCap.Count() != 20 {
			t.Errorf("%d series and %d without room, want 10 and 20", n, r.site.copies.overCap.Count())
		}
	})
}
