package due

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	hour = time.Hour
	day  = 24 * hour
)

// on are windows that open on some days of the week (Sun, Mon, …; all of them where there is none).
func on(days, start string, open time.Duration) (windows []Window) {
	at, err := time.Parse("15:04", start)
	if err != nil {
		panic(err)
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if days == "" || strings.Contains(days, d.String()[:3]) {
			windows = append(windows, Window{d, int64(at.Hour()*3600 + at.Minute()*60), int64(open / time.Second)})
		}
	}
	return windows
}

func nightly() []Window   { return on("", "20:00", 8*hour) }
func weeknight() []Window { return on("Mon Tue Wed Thu Fri", "20:00", 8*hour) }

// always is the answer of a server whose windows are open around the clock.
func always() []Window { return on("", "00:00", day) }

func every(f time.Duration, windows []Window) Schedule {
	return Schedule{Type: Full, Every: f, Windows: windows}
}

func runs(include, exclude Days, windows []Window) Schedule {
	return Schedule{Type: Full, Calendar: &Calendar{Include: include, Exclude: exclude}, Windows: windows}
}

func later(s Schedule) Schedule {
	s.Calendar.Later = true
	return s
}

func of(scheduleType string, s Schedule) Schedule {
	s.Type = scheduleType
	return s
}

func ofMonth(days ...int) (d Days) {
	for _, n := range days {
		d.OfMonth[n] = true
	}
	return d
}

// ofWeek are days of the week as the documents write them: 1 is Sunday.
func ofWeek(week int, days ...int) (d Days) {
	for _, n := range days {
		d.OfWeek[week][n-1] = true
	}
	return d
}

func everyWeek(days ...int) (d Days) {
	for week := 1; week <= LastWeek; week++ {
		for _, n := range days {
			d.OfWeek[week][n-1] = true
		}
	}
	return d
}

func dates(texts ...string) (d Days) {
	for _, text := range texts {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			panic(err)
		}
		d.Dates = append(d.Dates, DayNumber(t))
	}
	slices.Sort(d.Dates)
	return d
}

func days(from string, n int) (d Days) {
	first := dates(from).Dates[0]
	for i := range int64(n) {
		d.Dates = append(d.Dates, first+i)
	}
	return d
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Each row is a policy and, for starts of the last successful run, the next due date. The due dates were worked out with a
// calendar of the year, from the definition. In 2026 clocks change on 29 March and 25 October in Berlin, on 8 March and
// 1 November in New York, on 5 April and 4 October in Sydney and on Lord Howe Island.
func TestNextDueDate(t *testing.T) {
	const nothing = ""
	type pair struct{ last, due string }
	for name, test := range map[string]struct {
		zone      string // Europe/Berlin where it is not given
		plan      Plan
		schedules []Schedule
		kind      string // a full backup where it is not given
		now       string // the last start where it is not given
		want      []pair
	}{
		"every night": {schedules: []Schedule{every(day, nightly())}, want: []pair{
			{"2026-01-12 20:00 +0100", "2026-01-14 04:00 +0100"},
			{"2026-01-13 03:30 +0100", "2026-01-14 04:00 +0100"}, // late in the night: the next window is open already
			{"2026-01-13 05:00 +0100", "2026-01-15 04:00 +0100"}, // by hand in the morning
			{"2026-03-27 20:00 +0100", "2026-03-29 05:00 +0200"}, // eight hours, one of which the clock leaves out
			{"2026-03-28 20:00 +0100", "2026-03-30 04:00 +0200"},
			{"2026-10-23 20:00 +0200", "2026-10-25 03:00 +0100"},
			{"2026-10-24 20:00 +0200", "2026-10-26 04:00 +0100"}, // a day later is an hour before the window
			{"2025-12-31 20:00 +0100", "2026-01-02 04:00 +0100"},
		}},
		"Monday to Friday": {schedules: []Schedule{every(day, weeknight())}, want: []pair{
			{"2026-01-15 20:00 +0100", "2026-01-17 04:00 +0100"},
			{"2026-01-16 20:00 +0100", "2026-01-20 04:00 +0100"}, // from Friday to the night of Monday
			{"2026-01-17 03:00 +0100", "2026-01-20 04:00 +0100"},
			{"2026-03-27 20:00 +0100", "2026-03-31 04:00 +0200"},
			{"2026-10-23 20:00 +0200", "2026-10-27 04:00 +0100"},
		}},
		"twelve hours, but only by night": {schedules: []Schedule{every(12*hour, on("", "20:00", 10*hour))}, want: []pair{
			{"2026-01-12 20:00 +0100", "2026-01-14 06:00 +0100"},
			{"2026-01-13 05:00 +0100", "2026-01-14 06:00 +0100"},
		}},
		"all windows are closed":         {schedules: []Schedule{every(day, on("", "20:00", 0))}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"there is no window":             {schedules: []Schedule{every(day, []Window{})}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"windows are not told":           {schedules: []Schedule{every(day, nil)}, want: []pair{{"2026-01-12 10:00 +0100", "2026-01-14 00:00 +0100"}}},
		"users start it":                 {kind: "USER_BACKUP", schedules: []Schedule{of("USER_BACKUP", every(day, nightly()))}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"users archive":                  {kind: "USER_ARCHIVE", schedules: []Schedule{of("USER_ARCHIVE", every(day, nightly()))}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"an application starts it":       {kind: "APPLICATION_BACKUP", schedules: []Schedule{of("APPLICATION_BACKUP", every(day, nightly()))}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"the policy is inactive":         {plan: Plan{Inactive: true}, schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"it begins in 2030":              {plan: Plan{Effective: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"there is no schedule":           {want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"another type has all schedules": {kind: Differential, schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"it came into effect after the last start": {
			plan: Plan{Effective: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)}, now: "2026-02-01 13:00 +0100",
			schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-01-10 20:00 +0100", "2026-02-02 04:00 +0100"}},
		},
		"it came into effect in a window": {
			plan: Plan{Effective: time.Date(2026, 2, 1, 21, 0, 0, 0, time.UTC)}, now: "2026-02-01 22:00 +0100",
			schedules: []Schedule{runs(everyWeek(1), Days{}, nightly())}, want: []pair{{"2026-01-10 20:00 +0100", "2026-02-02 04:00 +0100"}},
		},
		"every week, from Saturday evening to Monday morning": {schedules: []Schedule{every(7*day, on("Sat", "18:00", 36*hour))}, want: []pair{
			{"2026-01-10 18:00 +0100", "2026-01-19 06:00 +0100"},
			{"2026-01-11 22:00 +0100", "2026-01-19 06:00 +0100"},
			{"2026-03-21 18:00 +0100", "2026-03-30 07:00 +0200"},
			{"2026-03-28 18:00 +0100", "2026-04-06 06:00 +0200"},
			{"2026-10-17 18:00 +0200", "2026-10-26 05:00 +0100"},
			{"2026-10-24 18:00 +0200", "2026-11-02 06:00 +0100"},
		}},
		"every four hours around the clock": {schedules: []Schedule{every(4*hour, always())}, want: []pair{
			{"2026-01-12 10:00 +0100", "2026-01-13 00:00 +0100"},
			{"2026-01-12 20:00 +0100", "2026-01-14 00:00 +0100"}, // at midnight the window of Monday is over
			{"2026-01-12 22:00 +0100", "2026-01-14 00:00 +0100"},
			{"2026-03-28 23:00 +0100", "2026-03-30 01:00 +0200"},
			{"2026-10-25 00:30 +0200", "2026-10-25 23:00 +0100"},
			{"2026-10-25 19:30 +0100", "2026-10-27 00:00 +0100"},
		}},
		"logs by day": {kind: RedoLog, schedules: []Schedule{of(RedoLog, every(hour, on("Mon Tue Wed Thu Fri", "08:00", 10*hour)))}, want: []pair{
			{"2026-01-16 10:00 +0100", "2026-01-16 18:00 +0100"},
			{"2026-01-16 17:30 +0100", "2026-01-19 18:00 +0100"},
		}},
		"every four weeks on Sundays": {schedules: []Schedule{every(28*day, on("Sun", "08:00", 12*hour))}, want: []pair{
			{"2026-01-04 08:00 +0100", "2026-02-01 20:00 +0100"},
			{"2026-03-01 08:00 +0100", "2026-03-29 20:00 +0200"},
			{"2026-10-11 08:00 +0200", "2026-11-08 20:00 +0100"},
		}},
		"every quarter, on a Saturday": {schedules: []Schedule{every(90*day, on("Sat", "20:00", 10*hour))}, want: []pair{
			{"2026-01-03 20:00 +0100", "2026-04-05 06:00 +0200"},
			{"2026-08-01 20:00 +0200", "2026-11-01 06:00 +0100"},
		}},
		"the frequency ends with the window": {schedules: []Schedule{every(day, on("", "20:00", 4*hour))}, want: []pair{
			{"2026-01-13 00:00 +0100", "2026-01-15 00:00 +0100"},
			{"2026-01-12 23:59 +0100", "2026-01-14 00:00 +0100"},
		}},
		"a window of a minute": {schedules: []Schedule{every(day, on("", "00:00", time.Minute))}, want: []pair{{"2026-01-12 00:00 +0100", "2026-01-13 00:01 +0100"}}},
		"a window over the end of the week": {schedules: []Schedule{every(7*day, on("Sat", "22:00", 5*hour))}, want: []pair{
			{"2026-01-10 22:30 +0100", "2026-01-18 03:00 +0100"},
			{"2026-03-21 22:30 +0100", "2026-03-29 04:00 +0200"},
		}},
		"a window in the hour that clocks change": {schedules: []Schedule{every(day, on("", "02:30", hour/2))}, want: []pair{
			{"2026-03-27 02:30 +0100", "2026-03-28 03:00 +0100"},
			{"2026-03-28 02:30 +0100", "2026-03-29 04:00 +0200"}, // it opens at 03:30
			{"2026-03-29 03:30 +0200", "2026-03-31 03:00 +0200"},
			{"2026-10-24 02:30 +0200", "2026-10-25 02:00 +0100"}, // it opens at the first 02:30
			{"2026-10-25 02:30 +0200", "2026-10-26 03:00 +0100"},
		}},
		"New York": {zone: "America/New_York", schedules: []Schedule{every(day, on("", "22:00", 8*hour))}, want: []pair{
			{"2026-03-06 22:00 -0500", "2026-03-08 07:00 -0400"},
			{"2026-07-01 22:00 -0400", "2026-07-03 06:00 -0400"},
			{"2026-10-30 22:00 -0400", "2026-11-01 05:00 -0500"},
		}},
		"Sydney": {zone: "Australia/Sydney", schedules: []Schedule{every(day, on("", "22:00", 6*hour))}, want: []pair{
			{"2026-04-03 22:00 +1100", "2026-04-05 03:00 +1000"},
			{"2026-10-02 22:00 +1000", "2026-10-04 05:00 +1100"},
		}},
		"Lord Howe Island, where half an hour is changed": {zone: "Australia/Lord_Howe", schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-04-03 20:00 +1100", "2026-04-05 03:30 +1030"}}},
		"India":                              {zone: "Asia/Kolkata", schedules: []Schedule{every(day, on("", "21:30", 3*hour))}, want: []pair{{"2026-06-01 21:30 +0530", "2026-06-03 00:30 +0530"}}},
		"the server's zone, not the agent's": {zone: "UTC", schedules: []Schedule{every(day, nightly())}, want: []pair{{"2026-06-01 22:00 +0200", "2026-06-03 04:00 +0000"}}},
		"the 15th": {schedules: []Schedule{runs(ofMonth(15), Days{}, nightly())}, want: []pair{
			{"2026-01-15 20:10 +0100", "2026-02-16 04:00 +0100"},
			{"2026-01-10 12:00 +0100", "2026-01-16 04:00 +0100"},
			{"2026-03-16 02:00 +0100", "2026-04-16 04:00 +0200"},
		}},
		"the last of the month": {schedules: []Schedule{runs(Days{LastOfMonth: true}, Days{}, nightly())}, want: []pair{
			{"2026-01-31 20:05 +0100", "2026-03-01 04:00 +0100"},
			{"2026-03-31 20:05 +0200", "2026-05-01 04:00 +0200"},
			{"2028-01-31 20:05 +0100", "2028-03-01 04:00 +0100"}, // the 29th of February
		}},
		"the first Sunday": {schedules: []Schedule{runs(ofWeek(1, 1), Days{}, nightly())}, want: []pair{
			{"2026-01-04 20:00 +0100", "2026-02-02 04:00 +0100"},
			{"2026-02-01 20:00 +0100", "2026-03-02 04:00 +0100"},
		}},
		"the last Saturday": {schedules: []Schedule{runs(ofWeek(LastWeek, 7), Days{}, nightly())}, want: []pair{
			{"2026-01-31 20:00 +0100", "2026-03-01 04:00 +0100"},
			{"2026-02-28 20:00 +0100", "2026-03-29 05:00 +0200"},
		}},
		"the fourth Monday": {schedules: []Schedule{runs(ofWeek(4, 2), Days{}, nightly())}, want: []pair{{"2026-01-26 20:00 +0100", "2026-02-24 04:00 +0100"}}},
		"the 31st":          {schedules: []Schedule{runs(ofMonth(31), Days{}, nightly())}, want: []pair{{"2026-01-31 20:00 +0100", "2026-04-01 04:00 +0200"}}},
		"weekdays, but not the last of the month": {schedules: []Schedule{runs(everyWeek(2, 3, 4, 5, 6), Days{LastOfMonth: true}, nightly())}, want: []pair{
			{"2026-01-29 20:00 +0100", "2026-01-31 04:00 +0100"},
			{"2026-01-30 20:00 +0100", "2026-02-03 04:00 +0100"},
			{"2026-06-29 20:00 +0200", "2026-07-02 04:00 +0200"},
		}},
		"the last of each quarter by date": {schedules: []Schedule{runs(dates("2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"), Days{}, nightly())}, want: []pair{
			{"2026-03-31 20:00 +0200", "2026-07-01 04:00 +0200"},
			{"2026-09-30 20:00 +0200", "2027-01-01 04:00 +0100"},
			{"2026-12-31 20:00 +0100", nothing},
		}},
		"one date in 2030":                        {schedules: []Schedule{runs(dates("2030-01-01"), Days{}, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", "2030-01-02 04:00 +0100"}}},
		"dates that are over":                     {schedules: []Schedule{runs(dates("2020-01-01", "2025-12-31"), Days{}, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"a date that is excluded":                 {schedules: []Schedule{runs(dates("2026-05-01"), dates("2026-05-01"), nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"every day but Christmas":                 {schedules: []Schedule{runs(everyWeek(1, 2, 3, 4, 5, 6, 7), dates("2026-12-24", "2026-12-25", "2026-12-26"), nightly())}, want: []pair{{"2026-12-23 20:00 +0100", "2026-12-28 04:00 +0100"}}},
		"the first, which may be a closed Sunday": {schedules: []Schedule{runs(ofMonth(1), Days{}, weeknight())}, want: []pair{{"2026-01-01 20:00 +0100", "2026-04-02 04:00 +0200"}}},
		"the first, or the next open day": {schedules: []Schedule{later(runs(ofMonth(1), Days{}, weeknight()))}, want: []pair{
			{"2026-01-01 20:00 +0100", "2026-02-03 04:00 +0100"},
			{"2026-02-02 20:05 +0100", "2026-03-03 04:00 +0100"},
		}},
		"no day of the calendar": {schedules: []Schedule{runs(Days{}, Days{}, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"Mondays over midnight": {schedules: []Schedule{runs(everyWeek(2), Days{}, on("", "22:00", 6*hour))}, want: []pair{
			{"2026-01-13 01:00 +0100", "2026-01-20 04:00 +0100"}, // on Tuesday, in the window of Monday
			{"2026-01-12 10:00 +0100", "2026-01-13 04:00 +0100"}, // by hand, before it opens
		}},
		"a weekly and a monthly full": {schedules: []Schedule{every(7*day, on("Sat", "18:00", 12*hour)), runs(ofWeek(1, 1), Days{}, on("Sun", "08:00", 8*hour))}, want: []pair{
			{"2026-01-31 18:00 +0100", "2026-02-01 16:00 +0100"},
			{"2026-02-07 18:00 +0100", "2026-02-15 06:00 +0100"},
		}},
		"incrementals beside a weekly full": {kind: Differential, schedules: []Schedule{every(7*day, on("Sat", "18:00", 12*hour)), of(Differential, every(day, weeknight()))}, want: []pair{{"2026-01-16 20:00 +0100", "2026-01-20 04:00 +0100"}}},
		"the weekly full beside them":       {schedules: []Schedule{every(7*day, on("Sat", "18:00", 12*hour)), of(Differential, every(day, weeknight()))}, want: []pair{{"2026-01-10 18:00 +0100", "2026-01-18 06:00 +0100"}}},
		"one schedule for the week, one for its end": {schedules: []Schedule{every(day, weeknight()), every(day, on("Sat Sun", "08:00", 12*hour))}, want: []pair{
			{"2026-01-16 20:00 +0100", "2026-01-18 20:00 +0100"},
			{"2026-01-18 08:00 +0100", "2026-01-20 04:00 +0100"},
		}},
		"windows that overlap":    {schedules: []Schedule{every(day, append(on("Mon", "20:00", 48*hour), on("Tue", "20:00", 6*hour)...))}, want: []pair{{"2026-01-12 21:00 +0100", "2026-01-14 02:00 +0100"}}},
		"a window of a week":      {schedules: []Schedule{every(day, on("Sun", "00:00", 7*day))}, want: []pair{{"2026-01-12 10:00 +0100", "2026-01-18 00:00 +0100"}}},
		"a window without an end": {schedules: []Schedule{every(day, []Window{{time.Sunday, 0, 1_000_000_000_000}})}, want: []pair{{"2026-01-12 10:00 +0100", "2026-01-18 00:00 +0100"}}},
		"windows that cannot be":  {schedules: []Schedule{every(day, []Window{{9, 0, 3600}, {-1, 0, 3600}, {time.Monday, -1, 3600}, {time.Monday, 86_400, 3600}, {time.Monday, 0, -5}})}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"one window that can":     {schedules: []Schedule{every(day, append([]Window{{9, 0, 3600}}, on("Fri", "20:00", hour)...))}, want: []pair{{"2026-01-12 20:00 +0100", "2026-01-16 21:00 +0100"}}},
		"no frequency":            {schedules: []Schedule{every(0, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"a negative frequency":    {schedules: []Schedule{every(-day, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
		"every second":            {schedules: []Schedule{every(time.Second, nightly())}, want: []pair{{"2026-01-12 21:00 +0100", "2026-01-13 04:00 +0100"}}},
		"once in a century":       {schedules: []Schedule{every(100*365*day, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", "2125-12-20 04:00 +0100"}}},
		"at the end of all dates": {schedules: []Schedule{runs(dates("9999-12-30"), Days{}, nightly())}, want: []pair{{"2026-01-12 20:00 +0100", "9999-12-31 04:00 +0100"}}},
		"ten thousand exclusions": {schedules: []Schedule{runs(everyWeek(1, 2, 3, 4, 5, 6, 7), days("2026-01-13", 10_000), nightly())}, want: []pair{{"2026-01-12 20:00 +0100", "2053-06-01 04:00 +0200"}}},
		"each day is excluded":    {schedules: []Schedule{runs(everyWeek(1, 2, 3, 4, 5, 6, 7), everyWeek(1, 2, 3, 4, 5, 6, 7), nightly())}, want: []pair{{"2026-01-12 20:00 +0100", nothing}}},
	} {
		if test.zone == "" {
			test.zone = "Europe/Berlin"
		}
		if test.kind == "" {
			test.kind = Full
		}
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		plan := test.plan
		plan.Schedules = test.schedules
		for _, p := range test.want {
			last := moment(t, p.last)
			now := last
			if test.now != "" {
				now = moment(t, test.now)
			}
			got := nothing
			if slices.Contains(plan.Types(now), test.kind) {
				if next, ok := plan.Next(test.kind, last, zone); ok {
					at := next.Due
					got = at.In(moment(t, p.last).Location()).Format("2006-01-02 15:04 -0700")
					if p.due != nothing && at.Equal(moment(t, p.due)) {
						got = p.due
					}
				}
			}
			if got != p.due {
				t.Errorf("%s, last started %s: due %q, want %q", name, p.last, got, p.due)
			}
		}
	}
}

func TestFirstAndLastDay(t *testing.T) {
	if got := dates("0001-01-01", "9999-12-31").Dates; got[0] != firstDay || got[1] != lastDay {
		t.Errorf("the first day is %d and the last %d", got[0], got[1])
	}
}

func TestTypesAreThoseThatNetBackupStarts(t *testing.T) {
	plan := Plan{Schedules: []Schedule{
		of(TypeOf("User Backup"), every(day, nightly())), of(TypeOf("Full Backup"), every(7*day, nightly())),
		of(TypeOf("Full Backup"), runs(ofMonth(1), Days{}, nightly())), of(TypeOf("Archived Redo Log Backup"), every(hour, always())),
		of(TypeOf("Cumulative Incremental Backup"), every(day, on("", "20:00", 0))), of(TypeOf("Precheck"), every(day, nil)),
	}}
	if got, want := plan.Types(time.Unix(0, 0)), []string{RedoLog, Full}; !slices.Equal(got, want) {
		t.Errorf("types %q, want %q", got, want)
	}
}

// What keeps a promise: an incremental backup is not due after a full one, and a full one is after all but itself.
func TestKeeps(t *testing.T) {
	for _, test := range []struct {
		done, promised string
		want           bool
	}{
		{"FULL_BACKUP", "Full Backup", true},
		{"FULL", "Full Backup", true},
		{"FULL", "Automatic Full Backup", true},
		{"INCR", "Differential Incremental Backup", true},
		{"INCR", "Full Backup", false},
		{"INCR", "Cumulative Incremental Backup", false},
		{"CINC", "Differential Incremental Backup", true},
		{"FULL", "Differential Incremental Backup", true},
		{"FULL", "Archived Redo Log Backup", false},
		{"ARCHIVE_REDO_LOG_BACKUP", "Archived Redo Log Backup", true},
		{"ARCHIVE_REDO_LOG_BACKUP", "Full Backup", false},
		{"TRANSACTION_LOG_BACKUP", "Transaction Log Backup", true},
		{"USER_BACKUP", "Differential Incremental Backup", false},
		{"", "Full Backup", false},
		{"(other)", "Full Backup", false},
		{"Automatic Vault", "AUTOMATIC_VAULT", true},
	} {
		if got := Keeps(TypeOf(test.done), TypeOf(test.promised)); got != test.want {
			t.Errorf("a run of %q keeps the promise of %q: %v, want %v", test.done, test.promised, got, test.want)
		}
	}
}

func TestLongestGap(t *testing.T) {
	for name, test := range map[string]struct {
		schedules []Schedule
		want      time.Duration
	}{
		"every night":                          {[]Schedule{every(day, nightly())}, day},
		"around the clock":                     {[]Schedule{every(4*hour, always())}, 4 * hour},
		"windows are not told":                 {[]Schedule{every(day, nil)}, day},
		"Monday to Friday":                     {[]Schedule{every(day, weeknight())}, 3 * day}, // from Friday 20:00 to Monday 20:00
		"twelve hours, but only by night":      {[]Schedule{every(12*hour, on("", "20:00", 10*hour))}, day},
		"25 hours, by night":                   {[]Schedule{every(25*hour, on("", "20:00", 10*hour))}, 39 * hour}, // from 05:00, past 06:00, to 20:00
		"every week":                           {[]Schedule{every(7*day, on("Sat", "18:00", 36*hour))}, 7 * day},
		"every day, in a window once a week":   {[]Schedule{every(day, on("Sat", "18:00", 6*hour))}, 7 * day},
		"every quarter on a Saturday":          {[]Schedule{every(90*day, on("Sat", "20:00", 10*hour))}, 91 * day}, // thirteen weeks
		"closed":                               {[]Schedule{every(day, on("", "20:00", 0))}, 0},
		"by hand":                              {[]Schedule{of("USER_BACKUP", every(day, nil))}, 0},
		"one for the week and one for its end": {[]Schedule{every(day, weeknight()), every(day, on("Sat Sun", "08:00", 12*hour))}, 36 * hour}, // from Friday 20:00 to Sunday 08:00
		"weekly and monthly":                   {[]Schedule{every(7*day, nil), runs(ofMonth(1), Days{}, nil)}, 7 * day},
		"the 15th":                             {[]Schedule{runs(ofMonth(15), Days{}, nil)}, 31 * day},
		"the 31st, which is rare":              {[]Schedule{runs(ofMonth(31), Days{}, nightly())}, 61 * day},  // from the end of October to that of December
		"the first, unless it is a weekend":    {[]Schedule{runs(ofMonth(1), Days{}, weeknight())}, 90 * day}, // from 1 January to 1 April 2026: two Sundays between them
		"the last of each quarter":             {[]Schedule{runs(dates("2026-12-31", "2026-03-31", "2026-06-30", "2026-09-30"), Days{}, nil)}, 92 * day},
		"one date":                             {[]Schedule{runs(dates("2026-12-31"), Days{}, nil)}, 0},
		"dates without sense":                  {[]Schedule{runs(dates("0001-01-01", "9999-12-31"), Days{}, nil)}, 0},
	} {
		plan := Plan{Schedules: test.schedules}
		if got := plan.LongestGap(test.schedules[0].Type); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
