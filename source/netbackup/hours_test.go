package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

func ended(kind *jobKind, end int64, status int32) *ending {
	return &ending{kind: kind, end: end, status: status}
}

func TestHoursCountBackupsByTheirEnd(t *testing.T) {
	t.Parallel()
	h := newHours()
	backups, other := &jobKind{kindKey: kindKey{jobType: backup}}, &jobKind{kindKey: kindKey{jobType: "RESTORE"}}
	const base = 500_000 * int64(hourMillis)
	h.add(ended(backups, base, 0))
	h.add(ended(backups, base+hourMillis-1, 1))
	h.add(ended(backups, base+hourMillis, 2074))
	h.add(ended(other, base, 0))
	h.add(ended(backups, base, absent))
	h.add(&ending{kind: backups, end: base, parent: true})
	got := h.picture(0)
	want := []HourPicture{{time.UnixMilli(base), 1, 1, 0}, {time.UnixMilli(base + hourMillis), 0, 0, 1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestHoursAreRestoredAndExpire(t *testing.T) {
	t.Parallel()
	h := newHours()
	backups := &jobKind{kindKey: kindKey{jobType: backup}}
	const base = 500_000 * int64(hourMillis)
	for i := range int64(300) {
		h.add(ended(backups, base+i*hourMillis/5, int32(i%3)))
	}
	restored := newHours()
	for _, c := range h.changes() {
		if err := restored.restore(c.Key, c.Value); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.changes()) != 0 {
		t.Error("changes are told twice")
	}
	if a, b := h.picture(0), restored.picture(0); len(a) != 60 || len(b) != 60 || a[59] != b[59] || a[0] != b[0] {
		t.Errorf("%d hours, %d after a restart", len(a), len(b))
	}
	h.expire(base + 59*hourMillis)
	gone := 0
	for _, c := range h.changes() {
		if c.Value != nil {
			t.Errorf("%s is kept", c.Key)
		}
		gone++
	}
	if len(h.picture(0)) != hoursKept || gone != 60-hoursKept {
		t.Errorf("%d hours are left, %d gone", len(h.picture(0)), gone)
	}
	for key, value := range map[string][]byte{"hour/x": {1, 0, 0, 0}, "hour/1": {2, 0, 0, 0}, "hour/2": {1, 0}, "hour/3": {}} {
		if restored.restore(key, value) == nil {
			t.Errorf("%s = %v is taken", key, value)
		}
	}
}

// What is shown of the past is the same after a restart, from what the queue holds alone.
func TestPictureOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddHistory(nbusim.Workload{Seed: 4}, 200, 20*time.Hour)
		r.tick()
		before := r.site.Picture()
		if len(before.Hours) < 19 || len(before.Clients) == 0 || len(before.Storage) != 1 {
			t.Fatalf("%d hours, %d clients, %d storages", len(before.Hours), len(before.Clients), len(before.Storage))
		}
		r.tick() // the trend's first point is committed with the next cycle
		r.start()
		after := r.site.Picture()
		if len(after.Hours) != len(before.Hours) || after.Hours[3] != before.Hours[3] || len(after.Clients) != len(before.Clients) {
			t.Errorf("%d hours, %d clients after a restart; before %d and %d", len(after.Hours), len(after.Clients), len(before.Hours), len(before.Clients))
		}
		if len(r.site.ledger.trends) != 1 {
			t.Errorf("%d trends after a restart", len(r.site.ledger.trends))
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
		if p := r.site.Picture(); len(p.Hours) != 0 {
			t.Errorf("%+v", p)
		}
	})
}
