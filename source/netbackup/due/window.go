package due

import "time"

// Window is when runs may start on one day of the week. It may be open over midnight, and for days.
type Window struct {
	Day      time.Weekday
	Start    int64 // seconds since the beginning of the day, by the wall clock
	Duration int64 // seconds; 0 is closed
}

const (
	daySeconds = 86_400
	weekOfDays = 7
)

// opens says that the window is open at some time. One that cannot be is closed.
func (w Window) opens() bool {
	return w.Duration > 0 && w.Start >= 0 && w.Start < daySeconds && w.Day >= time.Sunday && w.Day <= time.Saturday
}

// span is a stretch of time, in seconds since the epoch; its end does not belong to it.
type span struct{ start, end int64 }

// on is the window of a day; it is empty where it is not open on that. It is over after a week at the latest: then the next one
// of its day opens.
func (w Window) on(day int64, zone *time.Location) span {
	if !w.opens() || w.Day != weekday(day) {
		return span{none, none}
	}
	start := atWall(day, w.Start, zone)
	return span{start, start + min(w.Duration, weekOfDays*daySeconds)}
}

// windows are those of the schedule; where it does not tell, each day is one.
func (s *Schedule) windows() []Window {
	if s.Windows != nil {
		return s.Windows
	}
	return []Window{
		{time.Sunday, 0, daySeconds},
		{time.Monday, 0, daySeconds},
		{time.Tuesday, 0, daySeconds},
		{time.Wednesday, 0, daySeconds},
		{time.Thursday, 0, daySeconds},
		{time.Friday, 0, daySeconds},
		{time.Saturday, 0, daySeconds},
	}
}

// atWall is when the wall clock of a zone shows a time of a day. Of a time that it shows twice it is the first; one that it
// leaves out comes as much after the change as it would have without it.
func atWall(day, second int64, zone *time.Location) int64 {
	wall := day*daySeconds + second
	before, after := offset(wall-daySeconds, zone), offset(wall+daySeconds, zone)
	early, late := wall-before, wall-after
	if offset(early, zone) != before && offset(late, zone) == after {
		return late
	}
	return early
}

// offset is what a zone is ahead of UTC, in seconds.
func offset(at int64, zone *time.Location) int64 {
	_, seconds := time.Unix(at, 0).In(zone).Zone()
	return int64(seconds)
}

// dayOf is the day of a time in UTC, as days since 1970: in a zone it is the same, the one before or the one after.
func dayOf(at int64) int64 {
	if at < 0 {
		return (at+1)/daySeconds - 1
	}
	return at / daySeconds
}

func weekday(day int64) time.Weekday {
	const thursday = 4 // the first day of 1970
	return time.Weekday(((day+thursday)%weekOfDays + weekOfDays) % weekOfDays)
}
