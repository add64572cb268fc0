package due

import (
	"slices"
	"time"
)

// Calendar is on which days a schedule runs. The window of a run day is the one that opens on it.
type Calendar struct {
	Include, Exclude Days // a day that is in both is no run day

	// Later says that a run day whose window is closed is made good in the next window that opens (retriesAllowedAfterRunDay).
	Later bool
}

// Days is a choice of days.
type Days struct {
	LastOfMonth bool
	OfMonth     [32]bool   // by the day, from 1
	OfWeek      [6][7]bool // by the week in its month, from 1, then by time.Weekday; LastWeek is the last of a month
	Dates       []int64    // single ones, as DayNumber says them, in ascending order
}

// LastWeek stands for the last of a month, be it the fourth or the fifth.
const LastWeek = 5

// DayNumber is a date as days since 1970; the time of day and the zone do not matter.
func DayNumber(t time.Time) int64 {
	return dayOf(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix())
}

// has says that a day is among them.
func (d *Days) has(day int64) bool {
	_, single := slices.BinarySearch(d.Dates, day)
	return single || d.recurs(day)
}

// between are the single dates from a day to another, both included.
func (d *Days) between(first, last int64) []int64 {
	from, _ := slices.BinarySearch(d.Dates, first)
	to, _ := slices.BinarySearch(d.Dates, last+1)
	return d.Dates[from:max(from, to)]
}

// The first and the last day that a date of the documents can name: 0001-01-01 and 9999-12-31.
const (
	firstDay = -719_162
	lastDay  = 2_932_896
)

// recurs says that a day can be told to be among them without its year.
func (d *Days) recurs(day int64) bool {
	date := time.Unix(day*daySeconds, 0).UTC()
	inMonth := date.Day()
	length := time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	week := (inMonth + weekOfDays - 1) / weekOfDays
	return d.OfMonth[inMonth] || d.LastOfMonth && inMonth == length ||
		week < LastWeek && d.OfWeek[week][date.Weekday()] || inMonth+weekOfDays > length && d.OfWeek[LastWeek][date.Weekday()]
}

// recursAtAll says that there are days among them that come every year.
func (d *Days) recursAtAll() bool {
	return d.LastOfMonth || d.OfMonth != [32]bool{} || d.OfWeek != [6][7]bool{}
}

// searchDays is how far a run day is looked for beside as many days as are excluded: all that recurs does so in four years.
const searchDays = 5 * 366

// nextRunDay is the first window of a run day that opens after the last start, and is open after the policy has come into effect.
func (s *Schedule) nextRunDay(last, effective int64, zone *time.Location) span {
	first := dayOf(max(last, effective)) - weekOfDays - 1
	if s.Calendar.Include.recursAtAll() {
		end := first + searchDays + int64(len(s.Calendar.Exclude.Dates))
		for ; first < end; first++ {
			if x, ok := s.runsOn(first, last, effective, zone); ok {
				return x
			}
		}
	}
	for _, day := range s.Calendar.Include.between(first, lastDay) {
		if x, ok := s.runsOn(day, last, effective, zone); ok {
			return x
		}
	}
	return span{none, none}
}

func (s *Schedule) runsOn(day, last, effective int64, zone *time.Location) (span, bool) {
	if !s.Calendar.Include.has(day) || s.Calendar.Exclude.has(day) {
		return span{}, false
	}
	x := s.windowOf(day, zone)
	return x, x.start > last && x.end > effective
}

// windowOf is the window of a run day; it is empty where it is closed.
func (s *Schedule) windowOf(day int64, zone *time.Location) span {
	until := day
	if s.Calendar.Later {
		until += weekOfDays - 1
	}
	for ; day <= until; day++ {
		found := span{none, none}
		for _, w := range s.windows() {
			if x := w.on(day, zone); x.end != none && (found.end == none || x.start < found.start || x.start == found.start && x.end < found.end) {
				found = x
			}
		}
		if found.end != none {
			return found
		}
	}
	return span{none, none}
}
