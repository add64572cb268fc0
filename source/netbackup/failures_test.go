package netbackup

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// TestFailuresBeforeALateSuccessAreTakenAway has a success written down after the two failures that
// came after and the one that came before it, with a restart in between.
func TestFailuresBeforeALateSuccessAreTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		failed := quick("gold")
		failed.Life = nbusim.Run(time.Second, time.Second, 58)
		late := quick("gold")
		late.Life = nbusim.Run(time.Second, 2*minute, 0)
		late.Life[1].Late = 100 * time.Second // ended at 21 s, told at 121 s
		r.sim.AddJob(late)
		for range 3 { // fail at 2, 22 and 42 s
			r.sim.AddJob(failed)
			time.Sleep(20 * time.Second)
		}
		r.tick()
		r.want(3, "nbu_client_consecutive_failures")
		r.start()
		r.tick()
		r.tick()
		r.want(2, "nbu_client_consecutive_failures")
		r.want(58, "nbu_client_last_status")
		r.wantTruth()
	})
}

func TestFailuresAreForgottenInTime(t *testing.T) {
	f := newRecentFailures()
	for i := range failuresMost + 10 {
		f.add(clientKey{strconv.Itoa(i), "gold"}, 1000)
	}
	if len(f.ends) != failuresMost {
		t.Errorf("%d clients are remembered, want %d", len(f.ends), failuresMost)
	}
	f.add(clientKey{"0", "gold"}, 1000+failuresKept+1)
	if n := f.after(clientKey{"0", "gold"}, 0); n != 1 {
		t.Errorf("%d failures, want the later one alone", n)
	}
	f.forget(1001 + failuresKept)
	if len(f.ends) != 1 {
		t.Errorf("%d clients are remembered, want 1", len(f.ends))
	}
	f.after(clientKey{"0", "gold"}, 1e15)
	if c := f.changes(); len(c) != 1 || c[0].Value != nil {
		t.Errorf("changes %v, want the key deleted", c)
	}
	if c := f.changes(); c != nil {
		t.Errorf("changes %v, want none", c)
	}
}

func TestFailuresComeBackFromTheState(t *testing.T) {
	f := newRecentFailures()
	k := clientKey{"db-1", "gold"}
	for _, end := range []int64{5000, 3000, 4000} {
		f.add(k, end)
	}
	value := f.changes()[0].Value
	back := newRecentFailures()
	if err := back.restore(value); err != nil || back.after(k, 3500) != 2 {
		t.Errorf("%v: %v", err, back.ends)
	}
	for n := 1; n < len(value); n++ {
		if err := newRecentFailures().restore(value[:n]); err == nil {
			t.Errorf("%d of %d bytes are restored without an error", n, len(value))
		}
	}
}
