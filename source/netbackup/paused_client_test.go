package netbackup

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/api"
	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

// newPaused is a site with two clients of a policy that runs each night from 20:00 to 04:00, backed up on the night of the second.
func newPaused(t *testing.T) *rig {
	r := newRig(t, nbusim.Options{Storage: oneUnit()})
	r.sim.AddPolicy(windows(daily("gold", "db-1", "db-2"), 0, 1, 2, 3, 4, 5, 6))
	r.until(2, 20)
	for _, client := range []string{"db-1", "db-2"} {
		job := quick("gold")
		job.Client = client
		r.sim.AddJob(job)
	}
	r.until(3, 12)
	r.wantDue(4, 4, "client", "db-1")
	r.wantDue(4, 4, "client", "db-2")
	return r
}

// row is what the page is told of a client.
func (r *rig) row(client string) (found overview.ClientPolicy) {
	for _, c := range r.site.Overview().Clients {
		if c.Client == client {
			found = c
		}
	}
	return found
}

// "When the option is selected for a client, no jobs are scheduled for that client" (Administrator's Guide, Offline option): nothing is
// promised meanwhile, and what was not promised is not missed afterwards. Host names are the same in any case.
func TestPausedClientIsNotDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPaused(t)
		from := time.Now()
		r.sim.SetPausedClients(nbusim.PausedClient{Name: "DB-1", From: from, By: "alice", Reason: "new disks"})
		r.until(3, 13)
		wantPaused := func() {
			t.Helper()
			r.want(none(), dueAt, "client", "db-1")
			r.want(0, never, "client", "db-1")
			r.want(86400, rpo, "client", "db-1")
			if row := r.row("db-1"); !row.Paused || row.Due != overview.NothingDue {
				t.Errorf("the page is told %+v", row)
			}
			if row := r.row("db-2"); row.Paused {
				t.Errorf("the page is told %+v", row)
			}
		}
		wantPaused()
		r.want(1, "nbu_client_paused", "client", "DB-1", "trigger", "MANUAL")
		want := overview.Paused{Client: "DB-1", From: from.UnixMilli(), By: "alice", Reason: "new disks"}
		if got := r.site.Overview().Paused; len(got) != 1 || got[0] != want {
			t.Errorf("paused %+v, want %+v", got, want)
		}
		r.until(5, 12)
		wantPaused()
		r.wantDue(4, 4, "client", "db-2") // it was missed
		broken := r.sim.Inject(nbusim.Fault{Path: "/config/paused-clients", Effect: nbusim.Status(http.StatusInternalServerError)})
		r.start()
		r.tick()
		r.tick()
		wantPaused()
		r.want(0, "nbu_collector_success", "collector", collectorPaused)
		broken()
		r.sim.SetPausedClients()
		r.until(6, 12)
		r.wantDue(7, 4, "client", "db-1")
		r.want(none(), "nbu_client_paused")
		r.start()
		r.until(7, 12)
		r.wantDue(7, 4, "client", "db-1") // and now it was missed, too
		r.wantDue(4, 4, "client", "db-2")
		if got := r.site.Overview().Paused; len(got) != 0 || r.row("db-1").Paused {
			t.Errorf("paused %+v", got)
		}
	})
}

// A pause that says when it ends is over then, whatever is listed: the window that is open, or the next one, counts again.
func TestPauseEndsWhenItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPaused(t)
		end := time.Date(2000, 1, 6, 22, 0, 0, 0, time.UTC)
		r.sim.SetPausedClients(nbusim.PausedClient{Name: "a name for people", Identifier: "db-1", From: time.Now(), Until: end, Trigger: "AUTOMATIC"})
		r.until(6, 21)
		r.want(none(), dueAt, "client", "db-1")
		if got := r.site.Overview().Paused; len(got) != 1 || !got[0].Automatic || got[0].Until != end.UnixMilli() {
			t.Errorf("paused %+v", got)
		}
		r.until(6, 23)
		r.wantDue(7, 4, "client", "db-1")
		if got := r.site.Overview().Paused; len(got) != 0 {
			t.Errorf("paused %+v", got)
		}
	})
}

// The last list stands for a day. Who is paused is not known after that, and nobody stays paused for ever.
func TestPausesAreNotBelievedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPaused(t)
		r.sim.SetPausedClients(nbusim.PausedClient{Name: "db-1", From: time.Now()})
		r.until(3, 13)
		r.sim.Inject(nbusim.Fault{Path: "/config/paused-clients", Effect: nbusim.Status(http.StatusInternalServerError)})
		r.until(4, 11)
		r.want(none(), dueAt, "client", "db-1")
		r.until(4, 14)
		r.wantDue(5, 4, "client", "db-1")
		r.wantDue(4, 4, "client", "db-2")
	})
}

// A server that does not offer the list, and one whose role does not allow it, cost nothing: who is promised a backup is due.
func TestWithoutPausedClientsAllAreDue(t *testing.T) {
	for name, effect := range map[string]nbusim.Effect{"not offered": nbusim.Status(http.StatusNotFound), "forbidden": nbusim.Status(http.StatusForbidden)} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()})
			r.sim.Inject(nbusim.Fault{Path: "/config/paused-clients", Effect: effect})
			r.sim.AddPolicy(windows(daily("gold", "db-1"), 0, 1, 2, 3, 4, 5, 6))
			r.until(2, 0)
			r.wantDue(3, 4, "client", "db-1")
			if s := r.site.Overview().Schedules; s != "" {
				t.Errorf("%s: schedules are not known: %s", name, s)
			}
			if n := r.sim.Requests("/config/paused-clients"); name == "not offered" && n > 2 {
				t.Errorf("%d requests in three cycles", n)
			}
		})
	}
}

// A page holds a hundred, and the list is read four times an hour at most.
func TestPausedClientsAreReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		var all []nbusim.PausedClient
		for i := range 250 {
			all = append(all, nbusim.PausedClient{Name: fmt.Sprintf("client-%d", i), From: time.Now()})
		}
		r.sim.SetPausedClients(all...)
		for range 10 {
			r.tick()
		}
		if n := r.sim.Requests("/config/paused-clients"); n != 3 {
			t.Errorf("%d requests for 250 clients, want 3", n)
		}
		if _, n := r.live("nbu_client_paused"); n != 250 {
			t.Errorf("%d clients are paused, want 250", n)
		}
	})
}

// What is known of a client is kept while it is paused, however long that is.
func TestPausedClientsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPaused(t)
		r.sim.SetPausedClients(nbusim.PausedClient{Name: "db-1", From: time.Now()})
		for range 4 {
			time.Sleep(20 * 24 * time.Hour)
			r.start()
			r.tick()
			r.tick()
		}
		r.want(0, "nbu_client_last_status", "client", "db-1")
		r.want(none(), "nbu_client_last_status", "client", "db-2")
	})
}

func TestPausesAreReadAgain(t *testing.T) {
	p := newPauses()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	rows := []api.PausedClient{{Name: "A", From: at(700_000_000)}, {Name: "b", From: at(700_000_000), Until: at(700_005_000)}, {Name: "c", From: at(700_000_000)}}
	p.take(rows, 700_001_000_000)
	p.take(rows[:2], 700_002_000_000)
	state := map[string][]byte{}
	for _, c := range p.changes() {
		state[c.Key] = c.Value
	}
	if again := p.changes(); len(again) != 0 {
		t.Errorf("changes are told twice: %v", again)
	}
	again := newPauses()
	if err := again.restore(state); err != nil {
		t.Fatal(err)
	}
	const now = 700_006_000_000
	for client, want := range map[string]bool{"a": true, "b": false, "c": false, "d": false} {
		if got := again.holds(client, now); got != want {
			t.Errorf("%s is paused: %v", client, got)
		}
	}
	for client, want := range map[string]int64{"b": 700_005_000_000, "c": 700_002_000_000, "d": 0} {
		if got := again.endedAt(client, now); got != want {
			t.Errorf("the pause of %s ended %d, want %d", client, got, want)
		}
	}
	again.take(nil, now+401*dayMillis) // nobody is, and what ended is forgotten
	if c := again.changes(); len(c) != 1 || c[0].Value != nil {
		t.Errorf("changes %v, want the end of the key", c)
	}
	for _, bad := range []string{"", "\x02", "\x01\x80", "\x01\x05\x09ab", "\x01\x05\x01a\x01\x02", "\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if err := newPauses().restore(map[string][]byte{pausedKey: []byte(bad)}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
