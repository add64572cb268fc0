package netbackup

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/ledger"
	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

func ended(kind *jobKind, end int64, status int32) *ending {
	return &ending{Event: ledger.Event{End: end}, kind: kind, status: status}
}

func TestHoursCountBackupsByTheirEnd(t *testing.T) {
	t.Parallel()
	h := newHours()
	backups, other := &jobKind{kindKey: kindKey{jobType: backup}}, &jobKind{kindKey: kindKey{jobType: "RESTORE"}}
	const base = 500_000 * int64(hourMillis)
	h.observe(ended(backups, base, 0), clocks{})
	h.observe(ended(backups, base+hourMillis-1, 1), clocks{})
	h.observe(ended(backups, base+hourMillis, 2074), clocks{})
	h.observe(ended(other, base, 0), clocks{})
	h.observe(ended(backups, base, absent), clocks{})
	h.observe(&ending{Event: ledger.Event{End: base}, kind: backups, parent: true}, clocks{})
	got := h.overview()
	want := []overview.Quarter{
		{Begin: time.UnixMilli(base), Success: 1}, {Begin: time.UnixMilli(base + 3*quarterMillis), Partial: 1}, {Begin: time.UnixMilli(base + hourMillis), Failure: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestHoursAreRestoredAndExpire(t *testing.T) {
	t.Parallel()
	h := newHours()
	backups := &jobKind{kindKey: kindKey{jobType: backup}}
	const base = 500_000 * int64(hourMillis)
	for i := range int64(2000) {
		h.observe(ended(backups, base+i*hourMillis/5, int32(i%3)), clocks{}) // 5 in an hour, two of them in one quarter
	}
	restored := newHours()
	for _, c := range h.changes(0) {
		if err := restored.restore(c.Key, c.Value); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.changes(0)) != 0 {
		t.Error("changes are told twice")
	}
	if a, b := h.overview(), restored.overview(); len(a) != 400*4 || !slices.Equal(a, b) {
		t.Errorf("%d quarters of hours, %d after a restart", len(a), len(b))
	}
	h.expire(base+399*hourMillis, clocks{})
	gone := 0
	for _, c := range h.changes(0) {
		if c.Value != nil {
			t.Errorf("%s is kept", c.Key)
		}
		gone++
	}
	if len(h.counts) != hoursKept || gone != 400-hoursKept {
		t.Errorf("%d hours are left, %d gone", len(h.counts), gone)
	}
	for key, value := range map[string][]byte{"hour/x": {1, 0, 0, 0}, "hour/1": {2, 0, 0, 0}, "hour/2": {1, 0}, "hour/3": {}, "hour/4": {0}, "hour/5": {3}} {
		if restored.restore(key, value) == nil {
			t.Errorf("%s = %v is taken", key, value)
		}
	}
}

// What is shown of the past is the same after a restart, from what the queue holds alone.
func TestOverviewOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 200, 20*time.Hour)
		r.tick()
		before := r.site.Overview()
		if len(before.Hours) < 19 || len(before.Clients) == 0 || len(before.Storage) != 1 {
			t.Fatalf("%d hours, %d clients, %d storages", len(before.Hours), len(before.Clients), len(before.Storage))
		}
		r.tick() // the trend's first point is committed with the next cycle
		r.start()
		after := r.site.Overview()
		if len(after.Hours) != len(before.Hours) || after.Hours[3] != before.Hours[3] || len(after.Clients) != len(before.Clients) {
			t.Errorf("%d hours, %d clients after a restart; before %d and %d", len(after.Hours), len(after.Clients), len(before.Hours), len(before.Clients))
		}
		if len(r.site.trends) != 1 {
			t.Errorf("%d trends after a restart", len(r.site.trends))
		}
	})
}

// What cannot be read is forgotten: only what is counted may keep an agent from its start.
func TestUnreadablePastIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{})
		r.tick()
		r.store.state["hour/1"] = []byte{9}
		r.store.state["trend/x"] = []byte{9}
		r.start()
		if p := r.site.Overview(); len(p.Hours) != 0 {
			t.Errorf("%+v", p)
		}
	})
}

// Of a queue that an older agent wrote, an hour is one piece.
func TestHoursOfTheFirstVersionAreRead(t *testing.T) {
	t.Parallel()
	h := newHours()
	if err := h.restore("hour/500000", []byte{1, 7, 0x80, 1, 3}); err != nil {
		t.Fatal(err)
	}
	want := overview.Quarter{Begin: time.Unix(500_000*3600, 0), Success: 7, Partial: 128, Failure: 3}
	if got := h.overview(); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A job's end is the server's clock, the page's hours are this host's. Whatever the server's clock is ahead, a backup is
// shown in the quarter of an hour in which it ended here.
func TestHoursAreThisHosts(t *testing.T) {
	for _, ahead := range []time.Duration{
		0, 29 * time.Second, 31 * time.Second, -31 * time.Second, 40 * time.Minute, 5 * time.Hour, -5 * time.Hour, 60 * 24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: func() time.Time { return time.Now().Add(ahead) }})
			time.Sleep(45*minute - 5*time.Second) // of 2000-01-01T00:00Z
			r.sim.AddJob(quick("gold"))
			end := time.Now().Add(3 * time.Second)
			for range 3 {
				r.tick()
			}
			got := r.site.Overview().Hours
			if len(got) != 1 || got[0].Begin.After(end) || got[0].Begin.Add(15*minute).Before(end) || got[0].Success != 1 {
				t.Errorf("the server's clock is %v ahead: %+v, want one backup about %v", ahead, got, end)
			}
		})
	}
}

// So are the times of what is not done.
func TestOpenJobsOfTheOverviewAreInThisHostsClock(t *testing.T) {
	for _, ahead := range []time.Duration{0, 2 * time.Hour, -3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit(), Clock: func() time.Time { return time.Now().Add(ahead) }})
			began := time.Now()
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(0, 300*minute, 0)})
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Queued}}})
			r.tick()
			for _, j := range r.site.Overview().Jobs {
				if j.OldestActive.Sub(began).Abs() > time.Second || j.OldestQueued.Sub(began).Abs() > time.Second {
					t.Errorf("the server's clock is %v ahead: active since %v, queued since %v, want %v", ahead, j.OldestActive, j.OldestQueued, began)
				}
			}
			if len(r.site.Overview().Jobs) != 1 {
				t.Error("no jobs")
			}
		})
	}
}
