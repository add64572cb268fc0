package netbackup

import (
	"encoding/json"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// testdata/ledger-v1.json is what the agent before the second version of the state wrote after twelve jobs of a minute each; in
// one of the two the ids began again after the eighth. What it counted is not counted again, and what is new is.
func TestStateOfTheFirstVersionGoesOn(t *testing.T) {
	b, err := os.ReadFile("testdata/ledger-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var states map[string]map[string][]byte
	if err := json.Unmarshal(b, &states); err != nil {
		t.Fatal(err)
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				for i := range 12 {
					if name == "ids that began again" && i == 8 {
						r.sim.ResetJobs(1)
					}
					r.sim.AddJob(quick("gold"))
					time.Sleep(minute)
				}
				r.store.state = state
				r.start()
				for range 40 {
					r.tick()
				}
				if n, _ := r.live("nbu_jobs_completed_total"); n != 0 {
					t.Errorf("%v jobs count again", n)
				}
				for range 3 {
					r.sim.AddJob(quick("gold"))
					r.tick()
				}
				r.want(3, "nbu_jobs_completed_total", "policy", "gold")
				r.start()
				for range 3 {
					r.sim.AddJob(quick("gold"))
					r.tick()
				}
				r.want(6, "nbu_jobs_completed_total", "policy", "gold")
			})
		})
	}
}
