package api

import (
	"testing"
	"time"
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
		var all []runDays
		for _, text := range test.schedules {
			d := newTestDecoder()
			d.reset([]byte(text))
			all = append(all, readSchedule(d).days)
		}
		if got := longestGap(all); got != time.Duration(test.days)*24*time.Hour {
			t.Errorf("%s: %v, want %d days", name, got, test.days)
		}
	}
}
