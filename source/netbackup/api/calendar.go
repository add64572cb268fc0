package api

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// calendar is a choice of days: those on which a schedule runs, or on which it does not.
type calendar struct {
	lastOfMonth bool
	ofMonth     [32]bool   // by the day, from 1
	ofWeek      [6][7]bool // by the week in its month, from 1, then by time.Weekday
	dates       []int64    // single ones, as days since 1970
}

// mostDates bounds the single days of one calendar: 27 years of every day. A calendar with more is refused.
const mostDates = 10_000

// lastWeek stands for the last of a month, be it the fourth or the fifth.
const lastWeek = 5

// readCalendar reads includeDates or excludeDates of a schedule.
func readCalendar(d *decoder) (c calendar) {
	for name := range d.members() {
		switch string(name) {
		case "lastDayOfMonth":
			c.lastOfMonth = d.boolean().Value
		case "recurringDaysOfMonth":
			for range d.elements() {
				if day := d.integer().Value; day > 0 && day < int64(len(c.ofMonth)) {
					c.ofMonth[day] = true
				}
			}
		case "recurringDaysOfWeek":
			for range d.elements() {
				c.addWeekday(d.text())
			}
		case "specificDates":
			for range d.elements() {
				if len(c.dates) == mostDates {
					d.refuse("a calendar", mostDates, "dates")
					return c
				}
				c.addDate(d.text())
			}
		default:
			d.skip()
		}
	}
	return c
}

// addWeekday reads WEEK:DAY, where day 1 is Sunday.
func (c *calendar) addWeekday(text string) {
	before, after, _ := strings.Cut(text, ":")
	week, _ := strconv.Atoi(before)
	day, _ := strconv.Atoi(after)
	if week >= 1 && week <= lastWeek && day >= 1 && day <= 7 {
		c.ofWeek[week][day-1] = true
	}
}

// addDate reads YYYY-MM-DD and leaves out what may stand behind it.
func (c *calendar) addDate(text string) {
	if t, err := time.Parse(time.DateOnly, text[:min(len(text), len(time.DateOnly))]); err == nil {
		c.dates = append(c.dates, dayNumber(t))
	}
}

// recurs says whether a day of it can be told without its year.
func (c *calendar) recurs(day time.Time) bool {
	last := day.AddDate(0, 0, 1).Day() == 1
	week, inLastWeek := (day.Day()+6)/7, day.AddDate(0, 0, 7).Month() != day.Month()
	return c.ofMonth[day.Day()] || c.lastOfMonth && last ||
		week < lastWeek && c.ofWeek[week][day.Weekday()] || inLastWeek && c.ofWeek[lastWeek][day.Weekday()]
}

// runDays are the days of a schedule by the calendar.
type runDays struct{ include, exclude calendar }

// longestGap is the longest time from one run to the next of schedules that go by the calendar
// together; 0 where that cannot be known. A single day that is left out of what recurs is not
// counted: it would hide for ever what it explains once.
func longestGap(all []runDays) time.Duration {
	days := recurringDays(all)
	if len(days) == 0 {
		days = singleDays(all)
	}
	var longest int64
	for i := 1; i < len(days); i++ {
		longest = max(longest, days[i]-days[i-1])
	}
	const century = 100 * 365
	if longest > century {
		return 0
	}
	return time.Duration(longest) * 24 * time.Hour
}

// recurringDays are those of four years, which hold every length of a month and of a year.
func recurringDays(all []runDays) (days []int64) {
	first := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	for day, end := first, first.AddDate(4, 0, 0); day.Before(end); day = day.AddDate(0, 0, 1) {
		if slices.ContainsFunc(all, func(r runDays) bool { return r.include.recurs(day) && !r.exclude.recurs(day) }) {
			days = append(days, dayNumber(day))
		}
	}
	return days
}

func singleDays(all []runDays) (days []int64) {
	for _, r := range all {
		excluded := slices.Sorted(slices.Values(r.exclude.dates))
		for _, day := range r.include.dates {
			if _, out := slices.BinarySearch(excluded, day); !out {
				days = append(days, day)
			}
		}
	}
	slices.Sort(days)
	return days
}

func dayNumber(t time.Time) int64 { return t.Unix() / 86400 }
