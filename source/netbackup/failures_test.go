package netbackup

import (
	"fmt"
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
	f.changes()
	f.after(clientKey{"0", "gold"}, 1e15)
	if c := f.changes(); len(c) != 1 || c[0].Value != nil {
		t.Errorf("%d changes, want the key deleted", len(c))
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
	c := f.changes()[0]
	back := newRecentFailures()
	if err := back.restore(c.Key, c.Value); err != nil || back.after(k, 3500) != 2 {
		t.Errorf("%v: %v", err, back.ends)
	}
	for _, broken := range [][]byte{nil, {2}, {failureVersion, 0x80}} {
		if err := newRecentFailures().restore(c.Key, broken); err == nil {
			t.Errorf("%x is restored without an error", broken)
		}
	}
}

// Up to the first release all failures were one key: it is read, and its clients become keys of their own.
func TestFailuresOfTheFirstReleaseAreRead(t *testing.T) {
	old := "\x04db-1\x04gold\x02\xb8\x17\xe8\x07" + "\x04db-2\x06silver\x01\xb8\x17"
	f := newRecentFailures()
	if err := f.restoreAll([]byte(old)); err != nil {
		t.Fatal(err)
	}
	changes := f.changes()
	if len(changes) != 3 || changes[0].Key != "failures" || changes[0].Value != nil {
		t.Fatalf("changes %q, want the old key deleted and two of clients", changes)
	}
	back := newRecentFailures()
	for _, c := range changes[1:] {
		if err := back.restore(c.Key, c.Value); err != nil {
			t.Fatal(err)
		}
	}
	if n := back.after(clientKey{"db-1", "gold"}, 3500); n != 1 {
		t.Errorf("%d failures of db-1 after 3500, want the one at 4000", n)
	}
	if n := back.after(clientKey{"db-2", "silver"}, 0); n != 1 {
		t.Errorf("%d failures of db-2, want the one at 3000", n)
	}
	for n := 1; n < len(old); n++ {
		if err := newRecentFailures().restoreAll([]byte(old[:n])); err == nil && n != 15 {
			t.Errorf("%d of %d bytes are restored without an error", n, len(old))
		}
	}
}

// What a failure writes is its own, however many other clients fail.
func TestOneFailureWritesItsOwnState(t *testing.T) {
	f := newRecentFailures()
	for i := range failuresMost {
		f.add(clientKey{fmt.Sprintf("client-%04d.example.com", i), "policy-of-the-night"}, 1_700_000_000_000+int64(i))
	}
	f.changes()
	f.add(clientKey{"client-0001.example.com", "policy-of-the-night"}, 1_700_000_100_000)
	size := 0
	for _, c := range f.changes() {
		size += len(c.Key) + len(c.Value)
	}
	if size == 0 || size > 100 {
		t.Errorf("one failure among a thousand clients writes %d bytes of state, want no more than 100", size)
	}
}
