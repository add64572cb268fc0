package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"backwire/source/netbackup/due"
)

// What schedules may hold at most. The documents name seven windows of a schedule.
const (
	mostSchedules = 500
	mostWindows   = 50
	mostDates     = 10_000 // single days of one calendar: 27 years of every day
)

// policySchedules also says whether one that runs by itself copies what it makes to a storage unit.
func policySchedules(d *decoder) (schedules []due.Schedule, copies bool) {
	for range d.elements() {
		if len(schedules) == mostSchedules {
			d.refuse("a policy", mostSchedules, "schedules")
			return nil, false
		}
		s, copied := readSchedule(d)
		schedules, copies = append(schedules, s), copies || copied && due.StartsByItself(s.Type)
	}
	return schedules, copies
}

// readSchedule reads when a schedule runs. One of a word that is not documented goes by its frequency. If snapshotOnly is disabled, "NetBackup
// both creates a snapshot and copies the snapshot to a storage unit" (config_policies.yaml).
func readSchedule(d *decoder) (s due.Schedule, copies bool) {
	byCalendar, calendar, bySLP := false, due.Calendar{}, false
	for name := range d.members() {
		switch string(name) {
		case "backupType":
			s.Type = due.TypeOf(d.text())
		case "scheduleType":
			byCalendar = strings.EqualFold(d.text(), "Calendar")
		case "frequencySeconds":
			if n := d.integer().Value; n > 0 && n <= int64(due.Century/time.Second) {
				s.Every = time.Duration(n) * time.Second
			}
		case "startWindow":
			s.Windows = startWindows(d)
		case "includeDates":
			calendar.Include = readDays(d)
		case "excludeDates":
			calendar.Exclude = readDays(d)
		case "retriesAllowedAfterRunDay":
			calendar.Later = d.boolean().Value
		case "snapshotOnly":
			only := d.boolean()
			copies = only.Given && !only.Value
		case "storageIsSLP":
			bySLP = d.boolean().Value
		default:
			d.skip()
		}
	}
	if byCalendar {
		s.Calendar = &calendar
	}
	return s, copies && !bySLP
}

// startWindows reads when runs may start, closed windows included. It is nil where nothing of it can be read: then it is not
// known, and not never.
func startWindows(d *decoder) []due.Window {
	if d.json.PeekKind() != '[' {
		d.skip()
		return nil
	}
	windows, entries := []due.Window{}, 0
	for range d.elements() {
		if entries++; entries > mostWindows {
			d.refuse("a schedule", mostWindows, "windows")
			return nil
		}
		if w, ok := startWindow(d, entries); ok {
			windows = append(windows, w)
		}
	}
	if entries > 0 && len(windows) == 0 {
		return nil
	}
	return windows
}

// startWindow reads an entry; the first is that of Sunday where it does not name its day. One that cannot be is none.
func startWindow(d *decoder, entry int) (w due.Window, ok bool) {
	day, start, duration := some(int64(entry)), Optional[int64]{}, Optional[int64]{}
	for name := range d.members() {
		switch string(name) {
		case "dayOfWeek":
			if day = d.integer(); !d.valued && !d.odd {
				day = some(int64(entry))
			}
		case "startSeconds":
			start = d.integer()
		case "durationSeconds":
			duration = d.integer()
		default:
			d.skip()
		}
	}
	const daySeconds = 86_400
	closed := duration.Given && duration.Value == 0
	possible := start.Given && start.Value >= 0 && start.Value < daySeconds && duration.Value >= 0
	if !day.Given || day.Value < 1 || day.Value > 7 || !duration.Given || !closed && !possible {
		return due.Window{}, false
	}
	return due.Window{Day: time.Weekday(day.Value - 1), Start: start.Value, Duration: duration.Value}, true
}

// readDays reads includeDates or excludeDates.
func readDays(d *decoder) (days due.Days) {
	for name := range d.members() {
		switch string(name) {
		case "lastDayOfMonth":
			days.LastOfMonth = d.boolean().Value
		case "recurringDaysOfMonth":
			for range d.elements() {
				if day := d.integer().Value; day > 0 && day < int64(len(days.OfMonth)) {
					days.OfMonth[day] = true
				}
			}
		case "recurringDaysOfWeek":
			for range d.elements() {
				addWeekday(&days, d.text())
			}
		case "specificDates":
			for range d.elements() {
				if len(days.Dates) == mostDates {
					d.refuse("a calendar", mostDates, "dates")
					return days
				}
				addDate(&days, d.text())
			}
			slices.Sort(days.Dates)
		default:
			d.skip()
		}
	}
	return days
}

// addWeekday reads WEEK:DAY, where day 1 is Sunday.
func addWeekday(days *due.Days, text string) {
	before, after, _ := strings.Cut(text, ":")
	week, _ := strconv.Atoi(before)
	day, _ := strconv.Atoi(after)
	if week >= 1 && week <= due.LastWeek && day >= 1 && day <= 7 {
		days.OfWeek[week][day-1] = true
	}
}

// addDate reads YYYY-MM-DD and leaves out what may stand behind it.
func addDate(days *due.Days, text string) {
	if t, err := time.Parse(time.DateOnly, text[:min(len(text), len(time.DateOnly))]); err == nil {
		days.Dates = append(days.Dates, due.DayNumber(t))
	}
}
