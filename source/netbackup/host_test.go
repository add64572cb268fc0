package netbackup

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

const withoutPolicy = "nbu_hosts_without_policy"

func (r *rig) wantWithoutPolicy(names ...string) {
	r.t.Helper()
	r.want(float64(len(names)), withoutPolicy)
	if got := r.site.Overview().WithoutPolicy; !slices.Equal(got, names) {
		r.t.Errorf("the page lists %q, want %q", got, names)
	}
}

// A client is in a policy under any of its names that somebody has approved (hostMappings, config_hosts.yaml of all releases), and host
// names are the same in any case. Servers are no clients, and what is decommissioned is gone (from 11.0).
func TestClientsInNoPolicy(t *testing.T) {
	for _, release := range []string{"10.3", "10.5", "11.0", "11.2"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			r.sim.AddPolicy(daily("gold", "DB-1", "short"))
			off := daily("old", "left")
			off.Inactive = true
			r.sim.AddPolicy(off)
			r.sim.AddHosts(
				nbusim.Host{Name: "primary.example", Type: "PRIMARY_SERVER"}, nbusim.Host{Name: "media-1", Type: "MEDIA_SERVER", OS: "Windows"},
				nbusim.Host{Name: "db-1"}, nbusim.Host{Name: "long.example", Mapped: []string{"Short"}, Version: "10.1", OS: "Windows"},
				nbusim.Host{Name: "other.example", Unapproved: []string{"short"}}, nbusim.Host{Name: "left"}, nbusim.Host{Name: "alone"},
				nbusim.Host{Name: "what", Type: "NOT_DEFINED"}, nbusim.Host{Name: "gone", Retired: r.sim.Now().Add(-time.Hour)},
			)
			r.tick()
			r.tick()
			want := []string{"alone", "left", "other.example"}
			if release == "10.3" || release == "10.5" { // they do not say who is decommissioned
				want = []string{"alone", "gone", "left", "other.example"}
			}
			r.wantWithoutPolicy(want...)
			r.want(1, "nbu_hosts", "nbu_version", "10.1", "os", "Windows")
			r.want(1, "nbu_hosts", "nbu_version", release, "os", "Windows")
			if n, _ := r.live("nbu_hosts"); int(n) != 5+len(want) {
				t.Errorf("%s: %v hosts, want %d", release, n, 5+len(want))
			}
			r.sim.AddPolicy(daily("silver", "alone"))
			for range 17 {
				r.tick()
			}
			r.wantWithoutPolicy(slices.DeleteFunc(want, func(name string) bool { return name == "alone" })...)
		})
	}
}

// Who was put into a policy is in one as soon as the policies are read, not when the hosts are.
func TestClientIsPutIntoAPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHosts(nbusim.Host{Name: "db-1"}, nbusim.Host{Name: "db-2"})
		mend := r.sim.Inject(nbusim.Fault{Path: "/config/policies/", Effect: nbusim.Status(http.StatusServiceUnavailable)})
		for range 5 {
			r.tick()
		}
		mend()
		r.sim.AddPolicy(daily("gold", "db-1"))
		for range 12 { // the hosts are read again
			r.tick()
		}
		r.wantWithoutPolicy("db-2")
		r.sim.AddPolicy(daily("silver", "db-2"))
		for range 6 { // the policies are
			r.tick()
		}
		r.want(0, withoutPolicy)
	})
}

// What a query finds is known by its runs.
func TestClientsThatAQueryFinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		policy := daily("vm", "MEDIA_SERVER")
		policy.Type, policy.Selections = "VMware", []string{"vmware:/?filter=Displayname Contains 'vm'"}
		r.sim.AddPolicy(policy)
		r.sim.AddHosts(nbusim.Host{Name: "vm-1"}, nbusim.Host{Name: "vm-2"})
		job := quick("vm")
		job.Client = "VM-1"
		r.sim.AddJob(job)
		r.tick()
		for range 16 {
			r.tick()
		}
		r.wantWithoutPolicy("vm-2")
	})
}

// Nobody is said to be in no policy, and nobody to be in one, while that is not known.
func TestClientsInNoPolicyAreNotKnown(t *testing.T) {
	for name, fault := range map[string]nbusim.Fault{
		"the role does not show hosts": {Path: "/config/hosts", Effect: nbusim.Body(`{"hosts":[]}`)},
		"hosts cannot be read":         {Path: "/config/hosts", Effect: nbusim.Status(http.StatusInternalServerError)},
		"hosts are cut off":            {Path: "/config/hosts", Effect: nbusim.Body(`{"hosts":[{"uuid":"1","hostName":"x","nbuHostType":"CLIENT"},`)},
		"policies cannot be read":      {Path: "/config/policies/", Effect: nbusim.Status(http.StatusInternalServerError)},
		"a policy cannot be read":      {Path: "/config/policies/gold", Effect: nbusim.Status(http.StatusInternalServerError)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				r.sim.AddPolicy(daily("gold", "db-1"))
				r.sim.AddHosts(nbusim.Host{Name: "db-1"}, nbusim.Host{Name: "alone"})
				if strings.HasPrefix(fault.Path, "/config/hosts") {
					mend := r.sim.Inject(fault)
					r.tick()
					r.want(none(), withoutPolicy)
					mend()
					for range 16 {
						r.tick()
					}
					r.wantWithoutPolicy("alone")
				}
				r.sim.Inject(fault)
				r.start()
				for range 16 {
					r.tick()
					r.want(none(), withoutPolicy)
					if got := r.site.Overview().WithoutPolicy; got != nil {
						t.Errorf("the page lists %q", got)
					}
				}
			})
		})
	}
}

func TestUntidyHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/config/hosts", Effect: nbusim.Body(`{"hosts":[{"uuid":"id-1","nbuHostType":"client","hostMappings":"none"},
{"uuid":"2","hostName":"b","nbuHostType":"CLIENT","hostMappings":[7,null,{"mappedHostName":null,"isApproved":true},{"mappedHostName":"c","isApproved":"yes"}],"nbuVersion":"NetBackup_10.1","osType":null,"decommissionedDateTime":"never"},
{"hostName":"d","nbuHostType":["CLIENT"]},{},null]}`)})
		r.tick()
		r.tick()
		r.wantWithoutPolicy("b", "id-1")
		r.want(1, "nbu_hosts", "nbu_version", "NetBackup_10.1", "os", "")
		r.want(2, "nbu_hosts", "nbu_version", "", "os", "")
		if got := r.store.sum("nbu_rows_unreadable_total", "collector", collectorHosts); got != 2 {
			t.Errorf("%v rows cannot be read, want 2", got)
		}
	})
}
