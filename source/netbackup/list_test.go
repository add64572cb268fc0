package netbackup

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// What changes rarely is read four times an hour, stands between, and ends with the site.
func TestSeldomReadGaugesStand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddAlerts(nbusim.Alert{})
		r.tick()
		r.sim.AddAlerts(nbusim.Alert{})
		for range 14 {
			r.tick()
			r.want(1, "nbu_alerts")
		}
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.tickFor(5 * time.Second)
		r.want(none(), "nbu_alerts")
		heal()
		r.tick()
		r.want(2, "nbu_alerts")
		if n := r.sim.Requests("/manage/alerts"); n != 2 {
			t.Errorf("alerts were asked for %d times, want 2", n)
		}
	})
}

// Half of the pages is no number, and a failure is not waited out.
func TestSeldomReadIsReadAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddAlerts(make([]nbusim.Alert, 150)...)
		heal := r.sim.Inject(nbusim.Fault{Path: "/manage/alerts", Skip: 1, Effect: nbusim.Status(http.StatusForbidden)})
		r.tick()
		r.want(none(), "nbu_alerts")
		r.want(0, "nbu_collector_success", "collector", "alerts")
		r.want(1, "nbu_up")
		heal()
		r.tick()
		r.want(150, "nbu_alerts")
	})
}

func TestSeldomReadLeavesAloneWhatIsNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		heal := r.sim.Inject(nbusim.Fault{Path: "/manage/alerts", Effect: nbusim.Status(http.StatusNotImplemented)})
		for range 15 {
			r.tick()
			r.want(none(), "nbu_collector_success", "collector", "alerts")
		}
		if n := r.sim.Requests("/manage/alerts"); n != 1 {
			t.Errorf("alerts were asked for %d times, want 1", n)
		}
		heal()
		r.sim.AddAlerts(nbusim.Alert{})
		r.tick()
		r.want(1, "nbu_alerts")
	})
}
