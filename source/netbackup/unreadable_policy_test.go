package netbackup

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

const unreadablePolicies = "nbu_policies_unreadable"

// One policy that cannot be read costs that policy, whatever is wrong with it and wherever it stands: those before and after
// it keep what they promise, and it is said which one it is.
func TestAPolicyThatCannotBeReadCostsThatPolicy(t *testing.T) {
	huge := `{"data":{"attributes":{"policy":{"clients":[` + strings.Repeat(`{"hostName":"c"},`, 10) + `{"hostName":"c"}],"schedules":[{"scheduleType":"Calendar","backupType":"Full Backup","includeDates":{"specificDates":["` +
		strings.Repeat(`2026-01-01","`, 10_000) + `2026-01-02"]}}]}}}}`
	for name, effect := range map[string]nbusim.Effect{
		"500": nbusim.Status(500), "503": nbusim.Status(503), "403": nbusim.Status(403), "400": nbusim.Status(400), "resets": nbusim.Reset(),
		"hangs": nbusim.Delay(time.Hour), "HTML": nbusim.ProxyPage(), "truncated": nbusim.Truncated(), "garbage": nbusim.Body("{]"),
		"endless": nbusim.Oversized(8 << 20), "absurd dates": nbusim.Body(huge),
	} {
		for _, bad := range []string{"policy-0", "policy-3", "policy-6"} {
			t.Run(name+" "+bad, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					r := newRig(t, nbusim.Options{Storage: oneUnit()})
					r.log = slog.New(slog.NewTextHandler(&log, nil))
					r.start()
					for i := range 7 {
						r.sim.AddPolicy(daily(fmt.Sprintf("policy-%d", i), "db-1"))
					}
					heal := r.sim.Inject(nbusim.Fault{Path: "/config/policies/" + bad, Effect: effect})
					for range 5 {
						r.tick()
					}
					for i := range 7 {
						want, policy := 86400.0, fmt.Sprintf("policy-%d", i)
						if policy == bad {
							want = none()
						}
						r.want(want, rpo, "policy", policy)
					}
					r.want(1, unreadablePolicies)
					r.want(1, "nbu_collector_success", "collector", collectorPolicies)
					wantSaid(t, &log, 1, "policies that cannot be read are left out")
					if w := warningOf(r.site, collectorPolicies); !strings.Contains(w, bad) {
						t.Errorf("the status says %q, want the policy's name", w)
					}
					if n := r.sim.Requests("/config/policies/" + bad); n > 40 {
						t.Errorf("the policy was asked for %d times in 5 minutes", n)
					}
					heal()
					for range 16 {
						r.tick()
					}
					r.want(86400, rpo, "policy", bad)
					r.want(0, unreadablePolicies)
				})
			})
		}
	}
}

func warningOf(s *Site, collector string) string {
	for _, c := range s.Status().Collectors {
		if c.Name == collector {
			return c.Warning
		}
	}
	return ""
}

// More policies that cannot be read than are read in one go keep none from being read.
func TestManyPoliciesThatCannotBeReadLeaveTimeForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for i := range 120 {
			r.sim.AddPolicy(daily(fmt.Sprintf("a-%03d", i), "db-1"))
		}
		r.sim.AddPolicy(daily("z", "db-1"))
		r.sim.Inject(nbusim.Fault{Path: "/config/policies/a-*", Effect: nbusim.Status(http.StatusInternalServerError)})
		for range 3 {
			r.tick()
		}
		r.want(86400, rpo)
		r.want(120, unreadablePolicies)
	})
}

// What is deleted between the list and its reading is not unreadable.
func TestAPolicyThatWasDeletedIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(daily("gold", "db-1"))
		r.sim.AddPolicy(daily("silver", "db-1"))
		r.sim.Inject(nbusim.Fault{Path: "/config/policies/gold", Effect: nbusim.Status(http.StatusNotFound)})
		r.tick()
		r.want(86400, rpo)
		r.want(0, unreadablePolicies)
		r.want(1, "nbu_collector_success", "collector", collectorPolicies)
	})
}
