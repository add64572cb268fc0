package page

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"backwire/agent/config"
	"backwire/source/overview"
)

// zone is where the tests' nights are.
func zone() *time.Location { return time.FixedZone("CET", 3600) }

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone())
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// usual is the night unless somebody sets another.
func usual() config.Night { return config.Night{From: 18 * time.Hour, To: 8 * time.Hour} }

// one is a client under a policy, with times as they are written on the 24th of November 2026 at nine; "" is never.
func one(t *testing.T, client, success, attempt string, failures int32, due string) overview.ClientPolicy {
	t.Helper()
	ms := func(text string) int64 {
		if text == "" {
			return 0
		}
		return at(t, "2026-11-"+text).UnixMilli()
	}
	return overview.ClientPolicy{Client: client, Policy: "p", Success: ms(success), Attempt: ms(attempt), Failures: failures, Due: ms(due)}
}

// Each situation that was met, and the answer that a person who knows everything would give.
func TestAnswer(t *testing.T) {
	t.Parallel()
	const morning = "2026-11-24 09:00"
	fine := one(t, "fine", "24 01:00", "24 01:00", 0, "25 06:00")
	failing := one(t, "failing", "22 01:00", "24 01:00", 1, "25 06:00")
	absent := one(t, "absent", "21 01:00", "21 01:00", 0, "22 06:00")
	resting := one(t, "resting", "20 23:00", "20 23:00", 0, "24 23:00") // Monday to Friday, seen on a Monday
	many := func(n int, c overview.ClientPolicy) (out []overview.ClientPolicy) {
		for i := range n {
			c.Client += strconv.Itoa(i)
			out = append(out, c)
			c.Client = strings.TrimRight(c.Client, "0123456789")
		}
		return out
	}
	site := func(name string, clients ...overview.ClientPolicy) *overview.Site {
		return &overview.Site{Name: name, JobsRead: at(t, morning), Clients: clients}
	}
	with := func(s *overview.Site, change func(*overview.Site)) *overview.Site { change(s); return s }
	paused := func(names ...string) func(*overview.Site) {
		return func(s *overview.Site) {
			for _, name := range names {
				s.Paused = append(s.Paused, overview.Paused{Client: name})
			}
		}
	}
	silent := func(s *overview.Site) { s.JobsRead = at(t, "2026-11-24 07:30") }
	for want, c := range map[string]struct {
		now   string
		sites []*overview.Site
	}{
		"good Yes: all 3 clients that ran last night have a good backup, and no other was due.":  {morning, []*overview.Site{site("a", many(3, fine)...)}},
		"good Yes: the one client that ran last night has a good backup, and no other was due.":  {morning, []*overview.Site{site("a", fine, resting)}},
		"good Yes: all 2 clients that ran since 18:00 have a good backup, and no other was due.": {"2026-11-24 05:00", []*overview.Site{site("a", many(2, fine)...)}},
		"flat Nothing to report: no backup was due last night, and none ran.":                    {morning, []*overview.Site{site("a", resting)}},
		"flat Not known yet: no backup has been seen so far.":                                    {morning, []*overview.Site{{Name: "a"}}},
		"flat Not known yet: no backup has been seen so far. (no site)":                          {morning, nil},
		"bad No: failing failed.": {morning, []*overview.Site{site("a", failing)}},
		"bad No: absent was due and did not run. 1 client that ran last night has a good backup.": {morning, []*overview.Site{site("a", fine, absent)}},
		"warn Almost: failing failed. 59 clients that ran last night have a good backup.":         {morning, []*overview.Site{site("a", append(many(59, fine), failing)...)}},
		"warn Almost: absent0, absent1 and absent2 were due and did not run. 60 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(60, fine), many(3, absent)...)...)},
		},
		// Nine of ten clients of a daily policy have not run for three days, and one ran by day.
		"bad No: 9 clients were due and did not run. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{site("a", append(many(9, absent), one(t, "x", "24 08:30", "24 08:30", 0, "25 06:00"))...)},
		},
		"bad No: 1,000 clients failed. 100 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(1000, failing), many(100, fine)...)...)},
		},
		// A cap on series that most clients find no room under.
		"warn Not known: 6,094 clients are not watched. 2 clients that ran last night have a good backup.": {
			morning, []*overview.Site{with(site("a", many(2, fine)...), func(s *overview.Site) { s.Unwatched = 6094 })},
		},
		// Two of the primary servers never answered since the start, one stopped in the night.
		"warn Not known: 3 of 4 sites have not been heard (b, c, d). 990 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", many(989, fine)...), {Name: "b"}, {Name: "c"}, with(site("d", fine), silent)},
		},
		"bad No: failing failed; 1 of 2 sites has not been heard (b). 40 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(40, fine), failing)...), {Name: "b"}},
		},
		"warn Not known: the jobs of the night have not been read. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{with(site("a", fine), silent)},
		},
		// While the night goes on, what was read ten minutes ago is new enough.
		"good Yes: the one client that ran since 18:00 has a good backup, and no other was due.": {
			"2026-11-24 07:35", []*overview.Site{with(site("a", fine), silent)},
		},
		"warn Not known: which backups were due is not known for each policy. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{with(site("a", fine), func(s *overview.Site) { s.Schedules = "403 Forbidden" })},
		},
		"warn Not known: which backups were due is not known at 1 of 2 sites (b). 2 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", fine), with(site("b", fine), func(s *overview.Site) { s.Schedules = "403 Forbidden" })},
		},
		// One stream fails and another ends after it; a full that always fails beside log backups that succeed.
		"warn Almost: logs has a failed backup beside a good one.": {morning, []*overview.Site{site("a", one(t, "logs", "24 02:00", "24 02:30", 3, "25 06:00"))}},
		"bad No: logs failed.": {morning, []*overview.Site{site("a", one(t, "logs", "24 02:00", "24 02:30", 3, "24 06:00"))}},
		// Whose backups are paused is not due, and is said all the same.
		"good Yes: the one client that ran last night has a good backup, and no other was due. db-1 is paused.": {
			morning, []*overview.Site{with(site("a", fine), paused("db-1"))},
		},
		"bad No: failing failed. 4 clients are paused.": {
			morning, []*overview.Site{with(site("a", failing), paused("a", "b", "c")), with(site("b"), paused("d"))},
		},
		"flat Nothing to report: no backup was due last night, and none ran. db-1 and db-2 are paused.": {
			morning, []*overview.Site{with(site("a", resting), paused("db-1", "db-2"))},
		},
		// One policy of a client is well and the other is not.
		"bad No: fine failed. (two policies)": {morning, []*overview.Site{site("a", fine, one(t, "fine", "", "24 03:00", 1, ""))}},
		// The attempt tells nothing of its result.
		"bad No: unknown failed.": {morning, []*overview.Site{site("a", one(t, "unknown", "20 03:00", "24 03:00", 0, ""))}},
	} {
		now := at(t, c.now)
		n := lastNight(now, usual())
		var all outcome
		for _, s := range c.sites {
			all.add(n.of(s, now))
		}
		v := n.answer(now, all)
		want, _, _ = strings.Cut(want, " (two policies)")
		want, _, _ = strings.Cut(want, " (no site)")
		if got := string(v.Tone) + " " + v.Word + ": " + v.Rest; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
