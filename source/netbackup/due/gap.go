package due

import (
	"cmp"
	"slices"
	"time"
)

// LongestGap is the longest time from the start of one run of a type to the next that the policy's schedules allow: the frequency
// and what the windows add to it, or the longest gap in the calendars of all that go by them. It is 0 where that is not
// known, as of a single date. Changes of the clock are left out of it, and so is a single date that is excluded from what
// recurs: it would be counted for ever, and explains a gap once.
func (p *Plan) LongestGap(scheduleType string) time.Duration {
	byFrequency := map[time.Duration][]Window{}
	var byCalendar []*Schedule
	for i := range p.Schedules {
		switch s := &p.Schedules[i]; {
		case s.Type != scheduleType || !s.promises():
		case s.Calendar != nil:
			byCalendar = append(byCalendar, s)
		default:
			byFrequency[s.Every] = append(byFrequency[s.Every], s.windows()...)
		}
	}
	least := gapOfCalendars(byCalendar)
	for every, windows := range byFrequency {
		if gap := gapOfWindows(every, windows); least == 0 || gap < least {
			least = gap
		}
	}
	return least
}

// gapOfWindows is the longest time from one start to the next. A gap is longest from a start at which the windows open, or
// from one after which the frequency ends as they close.
func gapOfWindows(every time.Duration, windows []Window) time.Duration {
	const week = weekOfDays * daySeconds
	open := openTimes(windows)
	step := int64((every + time.Second - 1) / time.Second)
	rest := step % week
	longest := int64(0)
	for _, x := range open {
		if x.start < 2*week || x.start >= 3*week { // every week is the same
			continue
		}
		for _, start := range []int64{x.start, x.end - rest} {
			if at, ok := firstOpen(open, start); ok && at == start {
				if next, ok := firstOpen(open, start+rest); ok {
					longest = max(longest, next-start-rest)
				}
			}
		}
	}
	return time.Duration(step+longest) * time.Second
}

// openTimes are when one of the windows is open, for six weeks in UTC from a Sunday on.
func openTimes(windows []Window) (open []span) {
	const sunday, weeks = 3, 6
	for day := int64(sunday); day < sunday+weeks*weekOfDays; day++ {
		for _, w := range windows {
			if x := w.on(day, time.UTC); x.end != none {
				open = append(open, span{x.start - sunday*daySeconds, x.end - sunday*daySeconds})
			}
		}
	}
	slices.SortFunc(open, func(x, y span) int { return cmp.Compare(x.start, y.start) })
	merged := open[:0]
	for _, x := range open {
		if n := len(merged); n > 0 && x.start <= merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, x.end)
			continue
		}
		merged = append(merged, x)
	}
	return merged
}

// firstOpen is the first time that is open, from a time on.
func firstOpen(open []span, from int64) (int64, bool) {
	i, _ := slices.BinarySearchFunc(open, from, func(x span, at int64) int {
		if x.end <= at {
			return -1
		}
		return 1
	})
	if i == len(open) {
		return 0, false
	}
	return max(open[i].start, from), true
}

// gapOfCalendars is that of schedules together.
func gapOfCalendars(all []*Schedule) time.Duration {
	starts := recurringStarts(all)
	if len(starts) == 0 {
		starts = singleStarts(all)
	}
	slices.Sort(starts)
	var longest int64
	for i := 1; i < len(starts); i++ {
		longest = max(longest, starts[i]-starts[i-1])
	}
	if longest > int64(Century/time.Second) {
		return 0
	}
	return time.Duration(longest) * time.Second
}

// recurringStarts are those of four years, which hold every length of a month and of a year.
func recurringStarts(all []*Schedule) (starts []int64) {
	first := DayNumber(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	const fourYears = 4*365 + 1
	for _, s := range all {
		if !s.Calendar.Include.recursAtAll() {
			continue
		}
		for day := first; day < first+fourYears; day++ {
			if s.Calendar.Include.recurs(day) && !s.Calendar.Exclude.recurs(day) {
				if x := s.windowOf(day, time.UTC); x.end != none {
					starts = append(starts, x.start)
				}
			}
		}
	}
	return starts
}

func singleStarts(all []*Schedule) (starts []int64) {
	for _, s := range all {
		for _, day := range s.Calendar.Include.between(firstDay, lastDay) {
			if !s.Calendar.Exclude.has(day) {
				if x := s.windowOf(day, time.UTC); x.end != none {
					starts = append(starts, x.start)
				}
			}
		}
	}
	return starts
}
