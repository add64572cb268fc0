package netbackup

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

func manyImages(r *rig, n int) {
	images := make([]nbusim.Image, n)
	for i := range images {
		images[i] = nbusim.Image{MalwareStatus: "CLEAN", At: time.Now()}
	}
	r.sim.AddImages(images...)
	r.sim.ResetRequests()
}

// Thirty pages at 2.5 s take longer than a cycle of a minute. The list is read once all the same, page after page, and no
// tick is late.
func TestASlowListIsReadOverSeveralCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		manyImages(r, 3000)
		r.sim.Inject(nbusim.Fault{Path: "/catalog/images", Effect: nbusim.Delay(2500 * time.Millisecond)})
		for cycle := range 12 {
			at := time.Now().Truncate(minute).Add(minute)
			r.tick()
			if took := time.Since(at); took > minute/2 {
				t.Errorf("cycle %d took %v, want at most half its interval", cycle, took)
			}
			if cycle == 0 {
				r.want(none(), "nbu_images")
				r.want(none(), "nbu_collector_success", "collector", collectorImages) // nothing is known yet
			}
			if cycle >= 2 {
				r.want(3000, "nbu_images")
				r.want(1, "nbu_collector_success", "collector", collectorImages)
			}
		}
		if n := r.sim.Requests("/catalog/images"); n > 31 {
			t.Errorf("%d requests for 30 pages in a quarter of an hour", n)
		}
	})
}

// Where no other cycle follows, one reads the whole list, also where that is more than a cycle's budget of requests.
func TestASingleCycleReadsListsWhole(t *testing.T) {
	for images, pause := range map[int]time.Duration{3000: time.Second, 8000: 0} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Once = true })
			manyImages(r, images)
			r.sim.Inject(nbusim.Fault{Path: "/catalog/images", Effect: nbusim.Delay(pause)})
			r.tick()
			r.want(float64(images), "nbu_images")
			r.want(1, "nbu_collector_success", "collector", collectorImages)
		})
	}
}

// A page that fails is asked for again, and not the pages before it.
func TestAListGoesOnWhereItWasAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		manyImages(r, 1000)
		r.sim.Inject(nbusim.Fault{Path: "/catalog/images", Skip: 7, Times: 2, Effect: nbusim.Status(http.StatusInternalServerError)})
		r.tick()
		r.want(0, "nbu_collector_success", "collector", collectorImages)
		r.tick()
		r.want(0, "nbu_collector_success", "collector", collectorImages)
		r.tick()
		r.want(1, "nbu_collector_success", "collector", collectorImages)
		r.want(1000, "nbu_images")
		if n := r.sim.Requests("/catalog/images"); n > 13 {
			t.Errorf("%d requests for 10 pages of which one failed twice", n)
		}
	})
}

// However quick the server is, a long list is not read all at once.
func TestAListHasABudgetOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		manyImages(r, 12_000)
		for cycle, want := range []int{50, 100, 121} {
			r.tick()
			if n := r.sim.Requests("/catalog/images"); n > want {
				t.Errorf("%d requests after cycle %d, want at most %d", n, cycle, want)
			}
		}
		r.want(12_000, "nbu_images")
	})
}

// Sixty policies at 2.5 s each take longer than a cycle.
func TestSlowPoliciesDelayNoTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for i := range 60 {
			r.sim.AddPolicy(daily("policy-"+itoa(i), "db-1"))
		}
		r.sim.Inject(nbusim.Fault{Path: "/config/policies/*", Effect: nbusim.Delay(2500 * time.Millisecond)})
		r.sim.ResetRequests()
		for range 10 {
			at := time.Now().Truncate(minute).Add(minute)
			r.tick()
			if took := time.Since(at); took > minute/2 {
				t.Errorf("a cycle took %v, want at most half its interval", took)
			}
		}
		if _, n := r.live(rpo); n != 60 {
			t.Errorf("%d policies after ten cycles, want 60", n)
		}
		if n := r.sim.Requests("/config/policies/policy-1"); n != 1 {
			t.Errorf("a policy was read %d times, want once", n)
		}
	})
}
