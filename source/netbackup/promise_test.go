package netbackup

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

const dueAt = "nbu_client_due_timestamp_seconds"

// windows gives a daily policy nights from 20:00 to 04:00.
func windows(p nbusim.Policy, days ...time.Weekday) nbusim.Policy {
	p.Schedules[0].Windows = nbusim.Windows(20*time.Hour, 8*time.Hour, days...)
	return p
}

// until waits for a time of January 2000, whose first day is a Saturday, and collects.
func (r *rig) until(day, hour int) {
	r.t.Helper()
	time.Sleep(time.Until(time.Date(2000, time.January, day, hour, 0, 0, 0, time.UTC)))
	r.tick()
	r.tick()
}

func (r *rig) wantDue(day, hour int, labels ...string) {
	r.t.Helper()
	r.want(float64(time.Date(2000, time.January, day, hour, 0, 0, 0, time.UTC).Unix()), dueAt, labels...)
}

func TestDueOverAWeekend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(windows(daily("gold", "db-1"), time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday))
		r.until(7, 20) // a Friday
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.tick()
		r.wantDue(11, 4, "client", "db-1", "policy", "gold", "schedule_type", "FULL_BACKUP")
		r.want(3*86400, rpo, "schedule_type", "FULL_BACKUP")
		r.until(10, 12)
		r.wantDue(11, 4) // on Monday still
		r.start()
		r.until(12, 12)
		r.wantDue(11, 4) // it was missed
		r.want(0, never)
	})
}

// While a backup that would do is queued or active it is not missed; once that has failed, it is.
func TestDueIsNotPastWhileABackupIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(windows(daily("gold", "db-1"), time.Monday, time.Tuesday))
		r.until(3, 20)
		r.sim.AddJob(quick("gold"))
		r.until(4, 23)
		other := quick("gold")
		other.ScheduleType, other.Life = "DIFFERENTIAL_INCREMENTAL_BACKUP", nbusim.Run(time.Hour, 20*time.Hour, 0)
		r.sim.AddJob(other)
		r.until(5, 6)
		r.wantDue(5, 4) // an incremental is no full
		slow := quick("gold")
		slow.Life = nbusim.Run(time.Hour, 4*time.Hour, 58)
		r.sim.AddJob(slow)
		r.tick()
		if at, _ := r.live(dueAt); at < float64(time.Now().Unix()) {
			t.Errorf("due is %v ago while a backup is queued", time.Since(time.Unix(int64(at), 0)))
		}
		r.until(5, 12)
		r.wantDue(5, 4)
	})
}

// After a panic the clients are made anew from the queue: the dates follow those, and not the ones of before.
func TestDatesFollowTheRunsAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.remember()
		r.sim.AddPolicy(daily("gold", "db-1"))
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.tick()
		r.until(2, 12)
		before, _ := r.live(dueAt)
		r.sim.AddJob(quick("gold"))
		clients := r.site.clients
		for _, k := range r.site.ledger.counters.kinds {
			k.timing = nil // the next job that is counted panics
		}
		r.tick()
		r.tick()
		if r.site.clients == clients {
			t.Fatal("nothing was made anew")
		}
		r.until(2, 13) // before the policy is read again
		after, _ := r.live(dueAt)
		if after <= before {
			t.Errorf("after another run the next one is due %v later", time.Duration(after-before)*time.Second)
		}
		if row := r.row("db-1"); row.Due != int64(after)*1000 {
			t.Errorf("the page says %v, the series %v", time.UnixMilli(row.Due).UTC(), time.Unix(int64(after), 0).UTC())
		}
	})
}

func TestNothingIsDueWhereNothingIsPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		off, later, closed, byUsers := daily("off", "db-1"), daily("later", "db-1"), daily("closed", "db-1"), daily("by-users", "db-1")
		off.Inactive = true
		later.Effective = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		closed.Schedules[0].Windows = []nbusim.Window{}
		byUsers.Schedules[0].BackupType = "User Backup"
		for _, p := range []nbusim.Policy{off, later, closed, byUsers} {
			r.sim.AddPolicy(p)
		}
		r.until(2, 0)
		r.until(9, 0)
		r.want(none(), dueAt)
		if total, _ := r.live(never); total != 0 {
			t.Errorf("%v clients never succeeded", total)
		}
		for _, c := range r.site.Overview().Clients {
			if time.Now().UnixMilli() > c.Due {
				t.Errorf("late: %+v", c)
			}
		}
	})
}

// The first date counts from when the policy was first seen, over restarts; that of a client which is added later from then.
func TestFirstDateCountsFromWhenThePolicyWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		weekly := daily("gold", "db-1")
		weekly.Schedules[0].Every = 7 * 24 * time.Hour
		weekly.Schedules[0].Windows = nbusim.Windows(18*time.Hour, 6*time.Hour, time.Saturday)
		r.sim.AddPolicy(weekly)
		r.until(1, 12)
		r.wantDue(9, 0)
		r.until(5, 0)
		r.start()
		r.tick()
		r.tick()
		r.wantDue(9, 0)
		r.want(0, never)
		weekly.Clients, weekly.Generation = append(slices.Clone(weekly.Clients), "db-2"), 2
		r.sim.AddPolicy(weekly)
		r.until(5, 12)
		r.wantDue(16, 0, "client", "db-2")
		r.until(9, 12)
		r.start()
		r.tick()
		r.tick()
		r.wantDue(9, 0, "client", "db-1")
		r.want(1, never, "client", "db-1")
		r.wantDue(16, 0, "client", "db-2")
		r.want(0, never, "client", "db-2")
	})
}

// A machine that the query does not find any more ends; one that was not backed up because nothing was is missed.
func TestQueriedClientsEndWhenTheyAreNotFoundAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		p := windows(daily("gold", "MEDIA_SERVER"), time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
		p.Type, p.Selections = "VMware", []string{"vmware:/?filter=Displayname Contains 'x'"}
		r.sim.AddPolicy(p)
		night := func(day int, machines ...int) {
			r.until(day, 20)
			for _, n := range machines {
				job := quick("gold")
				job.Client = "vm-" + strconv.Itoa(n)
				r.sim.AddJob(job)
			}
			r.until(day+1, 6)
		}
		night(2, 1, 2, 3)
		night(3, 1, 2)
		if _, n := r.live(dueAt); n != 2 {
			t.Errorf("%d clients are due, want the two that were found", n)
		}
		r.want(none(), "nbu_client_last_status", "client", "vm-3")
		night(4) // nothing ran
		if _, n := r.live(dueAt); n != 2 {
			t.Errorf("%d clients are due, want two that are missed", n)
		}
		night(5, 1)
		r.wantDue(7, 4, "client", "vm-1")
	})
}

// What a policy promises once in a quarter is remembered for longer than the usual time.
func TestClientsAreRememberedAsLongAsTheirPolicyNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		quarterly := daily("quarterly", "db-1")
		quarterly.Schedules[0].Every = 90 * 24 * time.Hour
		r.sim.AddPolicy(quarterly)
		r.sim.AddPolicy(daily("gone", "db-1"))
		r.sim.AddJob(quick("quarterly"))
		r.sim.AddJob(quick("gone"))
		r.tick()
		r.tick()
		inactive := daily("gone", "db-1")
		inactive.Inactive = true
		r.sim.AddPolicy(inactive)
		for range 3 {
			time.Sleep(20 * 24 * time.Hour)
			r.start()
			r.tick()
			r.tick()
		}
		r.want(0, "nbu_client_last_status", "policy", "quarterly")
		r.want(none(), "nbu_client_last_status", "policy", "gone")
		r.want(0, never, "policy", "quarterly")
	})
}

func TestDueGoesByTheZoneOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone, err := time.LoadLocation("Asia/Kolkata")
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.TimeZone = zone })
		r.sim.AddPolicy(windows(daily("gold", "db-1"), time.Monday))
		r.tick()
		r.tick()
		r.want(float64(time.Date(2000, 1, 3, 22, 30, 0, 0, time.UTC).Unix()), dueAt)
	})
}

// A client takes the room of its series: with three types of promises these are seven, so five of them find room under 35.
func TestClientsOfSeveralTypesTakeTheRoomOfTheirSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxClientSeries = 35 })
		p := windows(daily("gold", "a", "b", "c", "d", "e", "f"), 0, 1, 2, 3, 4, 5, 6)
		for _, kind := range []string{"Cumulative Incremental Backup", "Differential Incremental Backup"} {
			s := p.Schedules[0]
			s.Name, s.BackupType = kind, kind
			p.Schedules = append(p.Schedules, s)
		}
		r.sim.AddPolicy(p)
		r.until(2, 0)
		if _, n := r.live(dueAt); n != 15 {
			t.Errorf("%d due dates, want three for each of five clients", n)
		}
		r.want(none(), dueAt, "client", "f")
		if n := r.site.policies.overCap.Count(); n != 1 {
			t.Errorf("%d clients found no room, want 1", n)
		}
	})
}

func TestFirstSeenIsReadAgain(t *testing.T) {
	f := newFirstSeen()
	f.note("p", []string{"a"}, 1000)
	f.note("p", []string{"a", "b", "c"}, 2000)
	f.note("q", nil, 3000)
	state := map[string][]byte{"ledger": {1}}
	for _, c := range f.changes() {
		state[c.Key] = c.Value
	}
	again := newFirstSeen()
	if err := again.restore(state); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[clientKey]int64{{"a", "p"}: 1000, {"b", "p"}: 2000, {"z", "q"}: 3000, {"a", "new"}: 9000} {
		if got := again.since(k, "FULL_BACKUP", 9000); got != want {
			t.Errorf("%v since %d, want %d", k, got, want)
		}
	}
	again.keep(map[string]bool{"p": true})
	if c := again.changes(); len(c) != 1 || c[0].Key != "seen/q" || c[0].Value != nil {
		t.Errorf("changes %v, want the end of q", c)
	}
	for _, bad := range []string{"", "\x02", "\x01", "\x01\x80", "\x01\x05\x09ab", "\x01\x05\x02ab", "\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if err := newFirstSeen().restore(map[string][]byte{"seen/x": []byte(bad)}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
