package netbackup

import (
	"bytes"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

const (
	rpo   = "nbu_client_rpo_seconds"
	never = "nbu_client_never_succeeded"
)

func daily(policy string, clients ...string) nbusim.Policy {
	return nbusim.Policy{
		Name: policy, Type: "Standard", Generation: 1, Clients: clients,
		Schedules: []nbusim.Schedule{{Name: "d", BackupType: "Full Backup", Every: 24 * time.Hour}},
	}
}

func TestPoliciesShowClientsThatNeverSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		off := daily("off", "db-3")
		off.Inactive = true
		monthly := daily("monthly", "db-1")
		monthly.Schedules = []nbusim.Schedule{{Name: "m", BackupType: "Full Backup", On: nbusim.Calendar{OfMonth: []int{1}}}}
		byUsers := daily("by-users", "db-1")
		byUsers.Schedules = []nbusim.Schedule{{Name: "u", BackupType: "User Backup", Every: time.Hour}}
		catalog := daily("catalog", "primary")
		catalog.Type = "NBU-Catalog"
		for _, p := range []nbusim.Policy{daily("gold", "db-1", "db-2"), monthly, byUsers, off, catalog} {
			r.sim.AddPolicy(p)
		}
		r.sim.AddJob(quick("gold")) // of db-1
		failed := quick("gold")
		failed.Client, failed.Life = "db-2", nbusim.Run(time.Second, time.Second, 58)
		r.sim.AddJob(failed)
		r.tick()
		r.want(86400, rpo, "client", "db-1", "policy", "gold")
		r.want(none(), never) // the jobs are only known from now on
		r.tick()
		r.want(0, never, "client", "db-1", "policy", "gold")
		r.want(0, never, "client", "db-2", "policy", "gold") // its first backup is not due yet
		r.want(31*86400, rpo, "policy", "monthly")
		r.want(none(), rpo, "policy", "by-users")
		r.want(none(), never, "policy", "off")
		r.want(none(), never, "policy", "catalog")
		time.Sleep(48 * time.Hour)
		r.start()
		r.tick()
		r.want(0, never, "client", "db-1", "policy", "gold")
		r.want(1, never, "client", "db-2", "policy", "gold")
		r.want(0, never, "client", "db-1", "policy", "monthly")
		failed.Life = nbusim.Run(time.Second, time.Second, 1)
		r.sim.AddJob(failed)
		r.tick()
		r.want(0, never, "client", "db-2", "policy", "gold")
	})
}

func TestPoliciesThatQueryPromiseToWhomTheyFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		p := daily("gold", "MEDIA_SERVER")
		p.Type, p.Selections = "VMware", []string{"vmware:/?filter=Displayname Contains 'x'"}
		r.sim.AddPolicy(p)
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.tick()
		r.want(86400, rpo) // of db-1 alone
		r.want(86400, rpo, "client", "db-1")
		r.want(none(), never)
	})
}

func TestPoliciesAreReadAgainWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for i := range 60 {
			r.sim.AddPolicy(daily("policy-"+strconv.Itoa(i), "db-1"))
		}
		r.tick()
		if _, n := r.live(rpo); n != policiesAtOnce {
			t.Errorf("%d policies after the first cycle, want %d", n, policiesAtOnce)
		}
		r.tick()
		if _, n := r.live(rpo); n != 60 {
			t.Errorf("%d policies after the second cycle, want 60", n)
		}
		r.sim.ResetRequests()
		for range 13 {
			r.tick()
		}
		r.want(86400, rpo, "policy", "policy-7")
		if n := r.sim.Requests("/config/policies/"); n != 0 {
			t.Errorf("the list was read %d times in a quarter of an hour", n)
		}
		changed := daily("policy-7", "db-1", "db-2")
		changed.Generation = 2
		r.sim.AddPolicy(changed)
		gone := daily("policy-8", "db-1")
		gone.Inactive = true
		r.sim.AddPolicy(gone)
		r.tick()
		r.tick()
		r.want(86400, rpo, "policy", "policy-7", "client", "db-2")
		r.want(none(), rpo, "policy", "policy-8")
		if n := r.sim.Requests("/config/policies/policy-7"); n != 1 {
			t.Errorf("the changed policy was read %d times, want once", n)
		}
		if n := r.sim.Requests("/config/policies/policy-9"); n != 0 {
			t.Errorf("a policy that did not change was read %d times", n)
		}
	})
}

func TestPoliciesThatAreNotOfferedAreNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/config/policies/", Effect: nbusim.Status(http.StatusNotFound)})
		r.tick()
		r.want(none(), "nbu_collector_success", "collector", "policies")
		r.want(1, "nbu_up")
	})
}

func TestPoliciesEndWithASiteThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(daily("gold", "db-1"))
		r.tick()
		r.want(86400, rpo)
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.tickFor(5 * time.Second)
		r.want(none(), rpo)
		r.want(0, "nbu_up")
		heal()
		r.tick()
		r.want(86400, rpo)
	})
}

func TestPoliciesOverTheCapAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxClientSeries = 10 })
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		r.sim.AddPolicy(daily("gold", "db-1", "db-2", "db-3"))
		for _, client := range []string{"db-3", "db-2", "db-1"} {
			job := quick("gold")
			job.Client = client
			r.sim.AddJob(job)
			r.tick()
		}
		if _, n := r.live(rpo); n != 2 {
			t.Errorf("%d clients have a promise, want 2", n)
		}
		r.want(none(), never, "client", "db-1") // it succeeded, and there was no room to remember that
		r.want(0, never, "client", "db-2")
		wantSaid(t, &log, 1, "db-3/gold")
	})
}
