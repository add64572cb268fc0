package page

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"backwire/source/overview"
)

func TestOverdueIsTheLongestAgoFirst(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 09:00")
	p := overview.Site{Name: "paris"}
	for i := range 40 {
		p.Clients = append(p.Clients, overview.ClientPolicy{Client: strconv.Itoa(i), Success: now.Add(-time.Duration(i) * 2 * time.Hour).UnixMilli()})
	}
	p.Clients = append(p.Clients, overview.ClientPolicy{Client: "never", Attempt: now.UnixMilli(), Status: 58, Failures: 3})
	p.Clients = append(p.Clients, // in time by their weekly policy, late by their hourly one, promised nothing
		overview.ClientPolicy{Client: "weekly", Success: now.Add(-5 * 24 * time.Hour).UnixMilli(), Due: now.Add(2 * 24 * time.Hour).UnixMilli()},
		overview.ClientPolicy{Client: "hourly", Success: now.Add(-2 * time.Hour).UnixMilli(), Due: now.Add(-time.Hour).UnixMilli()},
		overview.ClientPolicy{Client: "by hand", Success: now.Add(-90 * 24 * time.Hour).UnixMilli(), Due: overview.NothingDue})
	rows := lastNight(now, usual()).clientRows(now, []*overview.Site{&p})
	o := tableOf(rows, showOverdue)
	if o.Known != 44 || o.Wanted != 28 || len(o.Rows) != shownOnPage || o.More() != 3 {
		t.Errorf("%d known, %d late, %d shown, %d more", o.Known, o.Wanted, len(o.Rows), o.More())
	}
	if first := o.Rows[0]; first.Client != "never" || first.Success() != nil || first.Attempt() == nil || first.Failures != 3 {
		t.Errorf("first %+v", first)
	}
	if o.Rows[1].Client != "39" || o.Rows[2].Client != "38" {
		t.Errorf("%+v", o.Rows[1:3])
	}
	if found := search(rows, showAll, "WEEK", 10); found.Wanted != 1 || found.Rows[0].Client != "weekly" {
		t.Errorf("a search finds %+v", found)
	}
	if failed := tableOf(rows, showFailed); failed.Wanted != 1 || failed.Rows[0].Client != "never" {
		t.Errorf("failed: %+v", failed)
	}
}

func TestStorageIsJudged(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := func(name string, used float64, more func(*overview.Storage)) overview.Storage {
		p := overview.Storage{Name: name, Used: used, Capacity: 100, HighWater: 0.98, Known: true}
		if more != nil {
			more(&p)
		}
		return p
	}
	in := func(left time.Duration) func(*overview.Storage) {
		return func(p *overview.Storage) { p.Fills, p.FullIn, p.Growth = true, left, 1 }
	}
	rows := storageRows([]*overview.Site{{Name: "paris", Storage: []overview.Storage{
		s("steady", 20, nil), s("new", 10, func(p *overview.Storage) { p.Known = false }), s("late", 90, in(200*day)), s("week", 80, in(6*day)),
		s("month", 80, in(20*day)), s("tomorrow", 97, in(30*time.Hour)), s("today", 97, in(5*time.Hour)), s("full", 99, nil),
		s("down", 5, func(p *overview.Storage) { p.Down = true }),
	}}})
	want := []string{
		"down bad down", "full bad full", "today bad full within a day", "tomorrow bad full in 1 day", "week bad full in 6 days",
		"month warn full in 20 days", "late good full in 200 days", "steady good not filling", "new flat too early to tell",
	}
	for i, r := range rows {
		if got := r.Name + " " + string(r.Tone) + " " + r.Forecast; got != want[i] {
			t.Errorf("%d: %q, want %q", i, got, want[i])
		}
	}
	if rows[2].Pace() != "+1 B a day" || rows[7].Pace() != "steady" || rows[8].Pace() != "" {
		t.Errorf("%q %q %q", rows[2].Pace(), rows[7].Pace(), rows[8].Pace())
	}
}

func TestJobsInWords(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 09:00")
	r := jobsRows(now, []*overview.Site{{Name: "paris", Jobs: []overview.Jobs{{
		Type: "REPLICA_IMPORT", Active: 1, Queued: 9, OldestActive: now.Add(-time.Hour), OldestQueued: now.Add(-time.Minute),
		Reasons: []overview.Reason{{Words: "a", Jobs: 4}, {Words: "b", Jobs: 3}, {Words: "c", Jobs: 1}, {Words: "d", Jobs: 1}},
	}}}})[0]
	want := "[the longest runs for 1h0m the longest waits for 1m0s 4: a 3: b 1: c]"
	if r.Name() != "Replica import" || fmt.Sprint(r.Words()) != want {
		t.Errorf("%q %v", r.Name(), r.Words())
	}
}
