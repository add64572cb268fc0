package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backwire/source/netbackup/due"
)

// A schedule's calendar as the server writes it, and the days from one run to the next at most.
func TestLongestGapOfTheCalendar(t *testing.T) {
	for name, test := range map[string]struct {
		schedules []string // includeDates and excludeDates
		days      int
	}{
		"a day of the month":      {[]string{`{"includeDates":{"recurringDaysOfMonth":[15]}}`}, 31},
		"the last of the month":   {[]string{`{"includeDates":{"lastDayOfMonth":true,"recurringDaysOfMonth":[]}}`}, 31},
		"the 31st, which is rare": {[]string{`{"includeDates":{"recurringDaysOfMonth":["31"]}}`}, 61},
		"twice a month":           {[]string{`{"includeDates":{"recurringDaysOfMonth":[1,15]}}`}, 17},
		"the first Sunday":        {[]string{`{"includeDates":{"recurringDaysOfWeek":["1:1"]}}`}, 35},
		"the last Saturday":       {[]string{`{"includeDates":{"recurringDaysOfWeek":["5:7"]}}`}, 35},
		"every Sunday":            {[]string{`{"includeDates":{"recurringDaysOfWeek":["1:1","2:1","3:1","4:1","5:1"]}}`}, 7},
		"but not the fifth":       {[]string{`{"includeDates":{"recurringDaysOfWeek":["1:1","2:1","3:1","4:1"]}}`}, 14},
		"not in the first week": {[]string{
			`{"includeDates":{"recurringDaysOfWeek":["1:1","2:1","3:1","4:1","5:1"]},"excludeDates":{"recurringDaysOfWeek":["1:1"]}}`,
		}, 14},
		"two schedules together": {[]string{
			`{"includeDates":{"recurringDaysOfMonth":[1]}}`, `{"includeDates":{"recurringDaysOfMonth":[11,21]}}`,
		}, 11},
		"the last of a quarter":      {[]string{`{"includeDates":{"specificDates":["2026-12-31","2026-03-31","2026-06-30","2026-09-30 13:13:00+00:00"]}}`}, 92},
		"a date that is taken back":  {[]string{`{"includeDates":{"specificDates":["2026-01-01","2026-01-05","2026-01-09"]},"excludeDates":{"specificDates":["2026-01-05"]}}`}, 8},
		"a holiday":                  {[]string{`{"includeDates":{"recurringDaysOfMonth":[25]},"excludeDates":{"specificDates":["2026-12-25"]}}`}, 31},
		"one date":                   {[]string{`{"includeDates":{"specificDates":["2026-12-31"]}}`}, 0},
		"dates without sense":        {[]string{`{"includeDates":{"specificDates":["0001-01-01","9999-12-31"]}}`}, 0},
		"nothing":                    {nil, 0},
		"nothing that can be read":   {[]string{`{"includeDates":{"recurringDaysOfMonth":[0,32,-1,null],"recurringDaysOfWeek":["6:1","1:8","0:0","1","x:y",null],"specificDates":["31.12.2026","",null]}}`}, 0},
		"something that is an error": {[]string{`{"includeDates":[1],"excludeDates":null}`}, 0},
	} {
		var plan due.Plan
		for _, text := range test.schedules {
			d := newTestDecoder()
			d.reset([]byte(`{"scheduleType":"Calendar",` + text[1:]))
			s, _ := readSchedule(d)
			plan.Schedules = append(plan.Schedules, s)
		}
		if got := plan.LongestGap(""); got != time.Duration(test.days)*24*time.Hour {
			t.Errorf("%s: %v, want %d days", name, got, test.days)
		}
	}
}

// Start windows as servers write them, and as they must not. What is not known is nil, closed is not.
func TestStartWindows(t *testing.T) {
	monday := due.Window{Day: time.Monday, Start: 72_000, Duration: 28_800}
	for name, test := range map[string]struct {
		body string
		want []due.Window
	}{
		"one":                      {`[{"dayOfWeek":2,"startSeconds":72000,"durationSeconds":28800}]`, []due.Window{monday}},
		"texts":                    {`[{"dayOfWeek":"2","startSeconds":"72000","durationSeconds":"28800"}]`, []due.Window{monday}},
		"by their place":           {`[{"startSeconds":0,"durationSeconds":0},{"startSeconds":72000,"durationSeconds":28800}]`, []due.Window{{}, monday}},
		"a null for the day":       {`[{"durationSeconds":0},{"dayOfWeek":null,"startSeconds":72000,"durationSeconds":28800}]`, []due.Window{{}, monday}},
		"closed":                   {`[{"dayOfWeek":1,"startSeconds":0,"durationSeconds":0}]`, []due.Window{{}}},
		"none":                     {`[]`, []due.Window{}},
		"not told":                 {`null`, nil},
		"no list":                  {`{"dayOfWeek":2}`, nil},
		"a ninth day":              {`[{"dayOfWeek":9,"startSeconds":0,"durationSeconds":60}]`, nil},
		"a ninth day and a second": {`[{"dayOfWeek":9,"startSeconds":0,"durationSeconds":60},{"dayOfWeek":2,"startSeconds":72000,"durationSeconds":28800}]`, []due.Window{monday}},
		"a day that is no number":  {`[{"dayOfWeek":"Monday","startSeconds":0,"durationSeconds":60}]`, nil},
		"negative":                 {`[{"dayOfWeek":2,"startSeconds":72000,"durationSeconds":-1},{"dayOfWeek":2,"startSeconds":-1,"durationSeconds":60}]`, nil},
		"a start on another day":   {`[{"dayOfWeek":2,"startSeconds":86400,"durationSeconds":60}]`, nil},
		"without an end":           {`[{"dayOfWeek":2,"startSeconds":72000,"durationSeconds":1000000000000}]`, []due.Window{{Day: time.Monday, Start: 72_000, Duration: 1_000_000_000_000}}},
		"no duration":              {`[{"dayOfWeek":2,"startSeconds":72000}]`, nil},
		"nulls":                    {`[null,null]`, nil},
	} {
		d := newTestDecoder()
		d.reset([]byte(`{"startWindow":` + test.body + `,"scheduleType":"Frequency"}`))
		got, _ := readSchedule(d)
		if diff := cmp.Diff(test.want, got.Windows); diff != "" || d.err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, d.err, diff)
		}
	}
}

// More of anything than there can be ends the reading of that policy.
func TestSchedulesWithTooMuchAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"windows":   `[{"startWindow":[` + strings.Repeat(`null,`, mostWindows) + `null]}]`,
		"dates":     `[{"excludeDates":{"specificDates":[` + strings.Repeat(`"2026-01-01",`, mostDates) + `"2026-01-01"]}}]`,
		"schedules": `[` + strings.Repeat(`null,`, mostSchedules) + `null]`,
	} {
		d := newTestDecoder()
		d.reset([]byte(body))
		if policySchedules(d); d.err == nil {
			t.Errorf("too many %s are not refused", name)
		}
	}
}
