// Package due works out by when the next backup has to have started: the promise that a policy makes to its clients.
//
// A due date is the end of the first start window that is open at or after the start of the last successful run plus the
// frequency. By the calendar it is the end of the first window of a run day that opens after that start. Windows begin at
// the wall clock of the primary server's zone, and last as many seconds as they say, also where clocks are changed.
// Where nothing is promised there is no due date. The package is pure: it never asks a server, reads a clock or loops for ever,
// whatever a policy says.
package due

import (
	"cmp"
	"slices"
	"time"
)

// Plan is what a policy says about when it runs. It is not changed once it is made; any number of goroutines may use it.
type Plan struct {
	Inactive  bool
	Effective time.Time // nothing runs before it; zero is always
	Schedules []Schedule
}

// Schedule is one of a policy.
type Schedule struct {
	Type     string        // in the words of TypeOf
	Every    time.Duration // by frequency, from the start of a run to the next; above 0 and no more than a Century
	Calendar *Calendar     // nil where it goes by frequency
	Windows  []Window      // when a run may start; nil where that is not known, which is any time
}

// none stands for a time that does not come.
const none = int64(-1 << 63)

// Types are the types of backups that the policy promises at a time, in order.
func (p *Plan) Types(now time.Time) (types []string) {
	if p.Inactive || p.Effective.After(now) {
		return nil
	}
	for i := range p.Schedules {
		if s := &p.Schedules[i]; s.promises() && !slices.Contains(types, s.Type) {
			types = append(types, s.Type)
		}
	}
	slices.Sort(types)
	return types
}

// Date is when the next backup is promised.
type Date struct {
	Opens time.Time // the window in which it has to start
	Due   time.Time // and closes: by then it has to have started
}

// Next is when the next backup of a type is promised. last is the start of the last successful one, or the time from which the
// promise counts where there was none. It is false where nothing is promised.
func (p *Plan) Next(scheduleType string, last time.Time, zone *time.Location) (Date, bool) {
	if year := last.Year(); p.Inactive || year < 1 || year > lastYear {
		return Date{}, false
	}
	effective := none
	if year := p.Effective.Year(); !p.Effective.IsZero() && year > 1 {
		if year > lastYear {
			return Date{}, false
		}
		effective = secondsUp(p.Effective)
	}
	first := span{none, none}
	for i := range p.Schedules {
		s := &p.Schedules[i]
		if s.Type != scheduleType || !s.promises() {
			continue
		}
		if x := s.next(last, effective, zone); x.end != none && (first.end == none || x.end < first.end) {
			first = x
		}
	}
	if first.end == none {
		return Date{}, false
	}
	return Date{time.Unix(first.start, 0), time.Unix(first.end, 0)}, true
}

// Century is the longest frequency that is believed.
const Century = 100 * 365 * 24 * time.Hour

// lastYear is the last that a date of the documents can have.
const lastYear = 9999

// promises says that NetBackup starts the schedule by itself, at some time or other.
func (s *Schedule) promises() bool {
	return StartsByItself(s.Type) && (s.Calendar != nil || s.Every > 0 && s.Every <= Century) &&
		(s.Windows == nil || slices.ContainsFunc(s.Windows, func(w Window) bool { return w.opens() }))
}

// next is the window in which the next run has to start.
func (s *Schedule) next(last time.Time, effective int64, zone *time.Location) span {
	if s.Calendar != nil {
		return s.nextRunDay(last.Unix(), effective, zone)
	}
	return s.openFrom(max(secondsUp(last.Add(s.Every)), effective), zone)
}

// openFrom is the first window that is open at a time or after it. Of several that are open at once it is the one that ends
// first.
func (s *Schedule) openFrom(from int64, zone *time.Location) span {
	found, opens := span{none, none}, none
	today := dayOf(from)
	for day := today - weekOfDays - 1; day <= today+weekOfDays+1; day++ {
		for _, w := range s.windows() {
			x := w.on(day, zone)
			if x.end <= from {
				continue
			}
			at := max(x.start, from)
			if found.end == none || cmp.Or(cmp.Compare(at, opens), cmp.Compare(x.end, found.end)) < 0 {
				found, opens = x, at
			}
		}
	}
	return found
}

func secondsUp(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
