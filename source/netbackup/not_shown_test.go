package netbackup

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// A role that sees the jobs of one workload and all policies is answered as if no job of the others existed: an answer is filtered, not
// refused. Nobody knows then whether their clients were backed up.
func TestJobsOfOneWorkloadAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(windows(daily("gold", "db-1", "db-2"), 0, 1, 2, 3, 4, 5, 6))
		oracle := windows(daily("ora", "ora-1", "ora-2"), 0, 1, 2, 3, 4, 5, 6)
		oracle.Type = "Oracle"
		r.sim.AddPolicy(oracle)
		r.until(2, 20)
		job := quick("gold")
		job.Client = "db-1"
		r.sim.AddJob(job)
		r.until(2, 23)
		r.want(none(), "nbu_clients_not_shown") // nothing was due yet
		r.until(5, 12)
		const hidden = "nbu_clients_not_shown"
		r.want(2, hidden, "policy_type", "Oracle")
		r.want(none(), hidden, "policy_type", "Standard")
		for _, client := range []string{"ora-1", "ora-2"} {
			r.want(none(), never, "client", client)
			r.want(none(), dueAt, "client", client)
			r.want(86400, rpo, "client", client)
			if row := r.row(client); row.Client == "" || row.Due != 0 {
				t.Errorf("the page is told %+v", row)
			}
		}
		r.want(1, never, "client", "db-2") // its jobs would be shown
		r.wantDue(4, 4, "client", "db-1")
		if said := r.site.Overview().Schedules; !strings.Contains(said, "Oracle (2)") || strings.Contains(said, "Standard") {
			t.Errorf("the page is told %q", said)
		}
		for _, c := range r.site.Status().Collectors {
			if c.Name == collectorPolicies && !strings.Contains(c.Warning, "Oracle (2)") {
				t.Errorf("the status warns %q", c.Warning)
			}
		}
		failed := quick("ora")
		failed.Client, failed.PolicyType, failed.Life = "ora-1", "ORACLE", nbusim.Run(time.Second, time.Second, 58)
		r.sim.AddJob(failed)
		r.until(5, 13) // the role shows them now
		r.want(none(), hidden)
		r.want(1, never, "client", "ora-1")
		r.want(1, never, "client", "ora-2")
		if said := r.site.Overview().Schedules; said != "" {
			t.Errorf("the page is told %q", said)
		}
	})
}

// Where no job at all is known it is not the role for one workload: each client is missed, as before.
func TestNoJobAtAllIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(windows(daily("gold", "db-1"), 0, 1, 2, 3, 4, 5, 6))
		r.tick() // the policy is seen
		r.until(5, 12)
		r.want(none(), "nbu_clients_not_shown")
		r.want(1, never, "client", "db-1")
	})
}
