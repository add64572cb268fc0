// Package pagetest has mornings that were met, and for each the sentence that a person would say who knows everything. The page's own test
// compares what it makes of them, and a browser reads what somebody sees. It is for tests alone.
package pagetest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"backwire/source/overview"
)

// Situation is a morning and its answer.
type Situation struct {
	Tone     string // how good the news is: good, warn, bad or flat
	Sentence string // the answer
	Now      time.Time
	Sites    []*overview.Site
}

// Zone is where the mornings are.
func Zone() *time.Location { return time.FixedZone("CET", 3600) }

func at(text string) time.Time {
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, Zone())
	if err != nil {
		panic(err) // of a time that is written below
	}
	return moment
}

// one is a client under a policy, with times as they are written on the 24th of November 2026 at nine; "" is never.
func one(client, success, attempt string, failures int32, due string) overview.ClientPolicy {
	ms := func(text string) int64 {
		if text == "" {
			return 0
		}
		return at("2026-11-" + text).UnixMilli()
	}
	return overview.ClientPolicy{Client: client, Policy: "p", Success: ms(success), Attempt: ms(attempt), Failures: failures, Due: ms(due)}
}

type facts struct {
	now   string
	sites []*overview.Site
}

// Situations are in the order of their sentences. The nights are from 18:00 to 08:00.
func Situations() (all []Situation) {
	cases := situations()
	for _, want := range slices.Sorted(maps.Keys(cases)) {
		sentence, _, _ := strings.Cut(want, " (two policies)")
		sentence, _, _ = strings.Cut(sentence, " (no site)")
		tone, sentence, _ := strings.Cut(sentence, " ")
		all = append(all, Situation{tone, sentence, at(cases[want].now), cases[want].sites})
	}
	return all
}

const morning = "2026-11-24 09:00"

func fine() overview.ClientPolicy    { return one("fine", "24 01:00", "24 01:00", 0, "25 06:00") }
func failing() overview.ClientPolicy { return one("failing", "22 01:00", "24 01:00", 1, "25 06:00") }
func absent() overview.ClientPolicy  { return one("absent", "21 01:00", "21 01:00", 0, "22 06:00") }

// weekdays has a policy that runs Monday to Friday, seen on a Monday.
func weekdays() overview.ClientPolicy { return one("weekday", "20 23:00", "20 23:00", 0, "24 23:00") }

func many(n int, c overview.ClientPolicy) (out []overview.ClientPolicy) {
	name := c.Client
	for i := range n {
		c.Client = name + strconv.Itoa(i)
		out = append(out, c)
	}
	return out
}

func site(name string, clients ...overview.ClientPolicy) *overview.Site {
	return &overview.Site{Name: name, JobsRead: at(morning), Clients: clients}
}

func with(s *overview.Site, change func(*overview.Site)) *overview.Site {
	change(s)
	return s
}

func silent(s *overview.Site) { s.JobsRead = at("2026-11-24 07:30") }

func paused(names ...string) func(*overview.Site) {
	return func(s *overview.Site) {
		for _, name := range names {
			s.Paused = append(s.Paused, overview.Paused{Client: name})
		}
	}
}

// situations are by tone and sentence; what two share is told apart in brackets.
func situations() map[string]facts {
	all := known()
	maps.Copy(all, unknown())
	maps.Copy(all, mixed())
	return all
}

// known are those in which everything is known.
func known() map[string]facts {
	return map[string]facts{
		"good Yes: all 3 clients that ran last night have a good backup, and no other was due.":  {morning, []*overview.Site{site("a", many(3, fine())...)}},
		"good Yes: the one client that ran last night has a good backup, and no other was due.":  {morning, []*overview.Site{site("a", fine(), weekdays())}},
		"good Yes: all 2 clients that ran since 18:00 have a good backup, and no other was due.": {"2026-11-24 05:00", []*overview.Site{site("a", many(2, fine())...)}},
		"flat Nothing to report: no backup was due last night, and none ran.":                    {morning, []*overview.Site{site("a", weekdays())}},
		"flat Not known yet: no backup has been seen so far.":                                    {morning, []*overview.Site{{Name: "a"}}},
		"flat Not known yet: no backup has been seen so far. (no site)":                          {morning, nil},
		"bad No: failing failed.": {morning, []*overview.Site{site("a", failing())}},
		"bad No: absent was due and did not run. 1 client that ran last night has a good backup.": {morning, []*overview.Site{site("a", fine(), absent())}},
		"warn Almost: failing failed. 59 clients that ran last night have a good backup.":         {morning, []*overview.Site{site("a", append(many(59, fine()), failing())...)}},
		"warn Almost: absent0, absent1 and absent2 were due and did not run. 60 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(60, fine()), many(3, absent())...)...)},
		},
		// Nine of ten clients of a daily policy have not run for three days, and one ran by day.
		"bad No: 9 clients were due and did not run. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{site("a", append(many(9, absent()), one("x", "24 08:30", "24 08:30", 0, "25 06:00"))...)},
		},
		"bad No: 1,000 clients failed. 100 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(1000, failing()), many(100, fine())...)...)},
		},
	}
}

// unknown are those in which something is not known.
func unknown() map[string]facts {
	return map[string]facts{
		// A cap on series that most clients find no room under.
		"warn Not known: 6,094 clients are not watched. 2 clients that ran last night have a good backup.": {
			morning, []*overview.Site{with(site("a", many(2, fine())...), func(s *overview.Site) { s.Unwatched = 6094 })},
		},
		// Two of the primary servers never answered since the start, one stopped in the night.
		"warn Not known for 3 of 4 sites: b, c and d have not been heard. 990 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", many(989, fine())...), {Name: "b"}, {Name: "c"}, with(site("d", fine()), silent)},
		},
		"bad No: failing failed; not known for 1 of 2 sites (b). 40 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", append(many(40, fine()), failing())...), {Name: "b"}},
		},
		"warn Not known: the jobs of the night have not been read. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{with(site("a", fine()), silent)},
		},
		// While the night goes on, what was read ten minutes ago is new enough.
		"good Yes: the one client that ran since 18:00 has a good backup, and no other was due.": {
			"2026-11-24 07:35", []*overview.Site{with(site("a", fine()), silent)},
		},
		"warn Not known: which backups were due is not known for each policy. 1 client that ran last night has a good backup.": {
			morning, []*overview.Site{with(site("a", fine()), func(s *overview.Site) { s.Schedules = "403 Forbidden" })},
		},
		"warn Not known: which backups were due is not known at 1 of 2 sites (b). 2 clients that ran last night have a good backup.": {
			morning, []*overview.Site{site("a", fine()), with(site("b", fine()), func(s *overview.Site) { s.Schedules = "403 Forbidden" })},
		},
	}
}

// mixed are those in which a client has good backups and bad ones, and those in which some are paused.
func mixed() map[string]facts {
	return map[string]facts{
		// One stream fails and another ends after it; a full that always fails beside log backups that succeed.
		"warn Almost: logs has a failed backup beside a good one.": {morning, []*overview.Site{site("a", one("logs", "24 02:00", "24 02:30", 3, "25 06:00"))}},
		"bad No: logs failed.": {morning, []*overview.Site{site("a", one("logs", "24 02:00", "24 02:30", 3, "24 06:00"))}},
		// Whose backups are paused is not due, and is said all the same.
		"good Yes: the one client that ran last night has a good backup, and no other was due. db-1 is paused.": {
			morning, []*overview.Site{with(site("a", fine()), paused("db-1"))},
		},
		"bad No: failing failed. 4 clients are paused.": {
			morning, []*overview.Site{with(site("a", failing()), paused("a", "b", "c")), with(site("b"), paused("d"))},
		},
		"flat Nothing to report: no backup was due last night, and none ran. db-1 and db-2 are paused.": {
			morning, []*overview.Site{with(site("a", weekdays()), paused("db-1", "db-2"))},
		},
		// One policy of a client is well and the other is not.
		"bad No: fine failed. (two policies)": {morning, []*overview.Site{site("a", fine(), one("fine", "", "24 03:00", 1, ""))}},
		// The attempt tells nothing of its result.
		"bad No: unknown failed.": {morning, []*overview.Site{site("a", one("unknown", "20 03:00", "24 03:00", 0, ""))}},
	}
}
