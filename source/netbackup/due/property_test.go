package due

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// reference finds due dates as the definition says it, minute by minute: it looks at the wall clock of every minute and knows no
// shortcut. It is for windows, frequencies and starts that are whole minutes.
type reference struct {
	zone   *time.Location
	opened map[[2]int64]time.Time // by the day and the second of it
}

// opening is when a window of a day opens: the minute from which on the wall clock is past its start for the first time. What the
// clock leaves out after that minute comes as much later.
func (r *reference) opening(date time.Time, second int64) time.Time {
	key := [2]int64{date.Unix(), second}
	if at, ok := r.opened[key]; ok {
		return at
	}
	wanted := date.Unix() + second
	for at := date.Add(-26 * time.Hour); ; at = at.Add(time.Minute) {
		if now, next := r.wall(at), r.wall(at.Add(time.Minute)); now <= wanted && (wanted < now+60 || wanted < next) {
			at = at.Add(time.Duration(wanted-now) * time.Second)
			r.opened[key] = at
			return at
		}
	}
}

// wall is what the clock on the wall shows, as if that were UTC.
func (r *reference) wall(at time.Time) int64 {
	l := at.In(r.zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC).Unix()
}

// opensOn is the window that opens on a date.
func (r *reference) opensOn(w Window, date time.Time) (from, to time.Time, ok bool) {
	possible := w.Duration > 0 && w.Start >= 0 && w.Start < 86_400
	if !possible || date.Weekday() != w.Day {
		return from, to, false
	}
	from = r.opening(date, w.Start)
	return from, from.Add(time.Duration(min(w.Duration, 7*86_400)) * time.Second), true
}

// dates are those around a time whose windows may be open at it.
func datesAround(at time.Time, before, after int) (all []time.Time) {
	day := at.UTC().Truncate(24 * time.Hour)
	for n := -before; n <= after; n++ {
		all = append(all, day.AddDate(0, 0, n))
	}
	return all
}

// byFrequency steps through the minutes until a window is open.
func (r *reference) byFrequency(s *Schedule, last time.Time) (due time.Time, ok bool) {
	start := last.Add(s.Every)
	for at := start; at.Before(start.Add(10 * 24 * time.Hour)); at = at.Add(time.Minute) {
		for _, date := range datesAround(at, 9, 1) {
			for _, w := range s.Windows {
				from, to, opens := r.opensOn(w, date)
				if opens && !from.After(at) && at.Before(to) && (!ok || to.Before(due)) {
					due, ok = to, true
				}
			}
		}
		if ok {
			return due, true
		}
	}
	return due, false
}

// byCalendar steps through the minutes until the window of a run day opens.
func (r *reference) byCalendar(s *Schedule, last time.Time) (due time.Time, ok bool) {
	for _, date := range datesAround(last, 9, 5*366) {
		if !chosen(&s.Calendar.Include, date) || chosen(&s.Calendar.Exclude, date) {
			continue
		}
		from, to, opens := r.firstOf(s, date)
		if opens && from.After(last) && (!ok || to.Before(due)) {
			due, ok = to, true
		}
		if ok {
			return due, true
		}
	}
	return due, false
}

// firstOf is the first window that opens on a run day, or on one of the six days after it where that is allowed.
func (r *reference) firstOf(s *Schedule, date time.Time) (from, to time.Time, ok bool) {
	for range 7 {
		for _, w := range s.Windows {
			if f, t, opens := r.opensOn(w, date); opens && (!ok || f.Before(from) || f.Equal(from) && t.Before(to)) {
				from, to, ok = f, t, true
			}
		}
		if ok || !s.Calendar.Later {
			return from, to, ok
		}
		date = date.AddDate(0, 0, 1)
	}
	return from, to, ok
}

// chosen reads a date as the documents say: WEEK is that within the month, 5 is the last.
func chosen(d *Days, date time.Time) bool {
	if slices.Contains(d.Dates, date.Unix()/86_400) || d.OfMonth[date.Day()] {
		return true
	}
	lastOfMonth := date.AddDate(0, 0, 1).Month() != date.Month()
	nth := 1
	for earlier := date.AddDate(0, 0, -7); earlier.Month() == date.Month(); earlier = earlier.AddDate(0, 0, -7) {
		nth++
	}
	inLastWeek := date.AddDate(0, 0, 7).Month() != date.Month()
	return d.LastOfMonth && lastOfMonth || nth < 5 && d.OfWeek[nth][date.Weekday()] || inLastWeek && d.OfWeek[5][date.Weekday()]
}

func zones(t *testing.T) (all []*time.Location) {
	t.Helper()
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, zone)
	}
	return all
}

func randomWindows(r *rand.Rand) (windows []Window) {
	for range r.IntN(8) {
		w := Window{time.Weekday(r.IntN(7)), int64(r.IntN(1440)) * 60, int64(r.IntN(720)) * 60}
		switch r.IntN(12) {
		case 0:
			w.Duration = int64(r.IntN(14*1440)) * 60
		case 1:
			w.Day = time.Weekday(r.IntN(20) - 10)
		case 2:
			w.Start = int64(r.IntN(3000)-1000) * 60
		case 3:
			w.Start = int64(r.IntN(240)) * 60 // in the hours in which clocks change
		}
		windows = append(windows, w)
	}
	return windows
}

func randomDays(r *rand.Rand, around int64) (d Days) {
	for range r.IntN(4) {
		switch r.IntN(4) {
		case 0:
			d.OfMonth[1+r.IntN(31)] = true
		case 1:
			d.OfWeek[1+r.IntN(5)][r.IntN(7)] = true
		case 2:
			d.LastOfMonth = true
		case 3:
			d.Dates = append(d.Dates, around+int64(r.IntN(800)-100))
		}
	}
	slices.Sort(d.Dates)
	return d
}

func TestDueDatesAreThoseOfTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(20261025, 3))
	rounds := 1400
	if testing.Short() {
		rounds = 300
	}
	for _, zone := range zones(t) {
		naive := reference{zone, map[[2]int64]time.Time{}}
		for range rounds / 7 {
			s := Schedule{Type: Full, Windows: randomWindows(r)}
			last := time.Date(2026, 1, 1+r.IntN(365), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
			if r.IntN(3) == 0 { // about the changes of the clock
				last = time.Date(2026, 3, 26, 0, r.IntN(6*1440), 0, 0, time.UTC).AddDate(0, 7*r.IntN(2), -1)
			}
			if r.IntN(2) == 0 {
				s.Calendar = &Calendar{Include: randomDays(r, last.Unix()/86_400), Exclude: randomDays(r, last.Unix()/86_400), Later: r.IntN(2) == 0}
			} else {
				s.Every = time.Duration(1+r.IntN(20*1440)) * time.Minute
			}
			plan := Plan{Schedules: []Schedule{s}}
			var want time.Time
			var promised bool
			switch {
			case len(s.Windows) == 0:
				plan.Schedules[0].Windows = []Window{}
			case s.Calendar != nil:
				want, promised = naive.byCalendar(&s, last)
			default:
				want, promised = naive.byFrequency(&s, last)
			}
			got, ok := plan.Next(Full, last, zone)
			if ok != promised || ok && !got.Due.Equal(want) {
				t.Errorf("%v, last %v, schedule %+v %+v: due %v %v, want %v %v", zone, last, s, s.Calendar, got.Due.UTC(), ok, want, promised)
			}
		}
	}
}

// Whatever a policy says, an answer comes at once, and a due date is after the start and ends a window.
func TestDueDatesOfHostilePolicies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9999))
	odd := func() int64 {
		values := []int64{0, 1, -1, 59, 86_399, 86_400, 604_800, 1_000_000_000_000, math.MaxInt64, math.MinInt64, r.Int64(), -r.Int64N(math.MaxInt64)}
		return values[r.IntN(len(values))]
	}
	all := zones(t)
	for range 20_000 {
		var plan Plan
		for range r.IntN(5) {
			s := Schedule{Type: Full, Every: time.Duration(odd())}
			for range r.IntN(8) {
				w := Window{time.Weekday(r.IntN(9) - 1), odd(), odd()}
				if r.IntN(2) == 0 {
					w.Start = int64(r.IntN(86_400))
				}
				s.Windows = append(s.Windows, w)
			}
			if r.IntN(2) == 0 {
				s.Calendar = &Calendar{Include: randomDays(r, odd()/86_400), Exclude: randomDays(r, odd()/86_400), Later: r.IntN(2) == 0}
			}
			plan.Schedules = append(plan.Schedules, s)
		}
		if r.IntN(4) == 0 {
			plan.Effective = time.Unix(odd(), r.Int64N(1e9))
		}
		last := time.Unix(odd(), r.Int64N(1e9))
		if r.IntN(2) == 0 {
			last = time.Unix(r.Int64N(1<<32), 0)
		}
		zone := all[r.IntN(len(all))]
		next, ok := plan.Next(Full, last, zone)
		if !ok {
			continue
		}
		due := next.Due
		if !next.Opens.Before(due) {
			t.Fatalf("the window opens at %v, due %v: %+v", next.Opens, due, plan)
		}
		if !due.After(last) {
			t.Fatalf("due %v is not after the last start %v: %+v", due, last, plan)
		}
		if due.Before(plan.Effective) {
			t.Fatalf("due %v is before the policy's effective date: %+v", due, plan)
		}
		if !slices.ContainsFunc(plan.Schedules, func(s Schedule) bool { return s.endsAt(due.Unix(), zone) }) {
			t.Fatalf("due %v ends no window of %+v", due, plan)
		}
		if gap := plan.LongestGap(Full); gap < 0 {
			t.Fatalf("the longest gap is %v: %+v", gap, plan)
		}
	}
}

func (s *Schedule) endsAt(at int64, zone *time.Location) bool {
	for day := dayOf(at) - 9; day <= dayOf(at)+1; day++ {
		for _, w := range s.windows() {
			if x := w.on(day, zone); x.end == at && x.start < at {
				return true
			}
		}
	}
	return false
}

// A policy with as many schedules as the client reads, each with as much in it as it may have.
func TestDueDatesOfAnEnormousPolicyComeAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var plan Plan
	for i := range 500 {
		s := Schedule{Type: Full, Every: day}
		for d := range time.Weekday(7) {
			s.Windows = append(s.Windows, Window{d, int64(r.IntN(86_400)), int64(1 + r.IntN(604_800))})
		}
		if i%2 == 0 {
			s.Calendar = &Calendar{Include: everyWeek(1, 2, 3), Exclude: everyWeek(1, 2, 3)}
		}
		plan.Schedules = append(plan.Schedules, s)
	}
	began := time.Now()
	plan.Next(Full, began, time.UTC)
	plan.LongestGap(Full)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	} else {
		t.Log(took)
	}
}

func BenchmarkDue(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]Schedule{"frequency": every(day, nightly()), "calendar": runs(ofMonth(31), Days{}, nightly()), "never": runs(ofMonth(31), ofMonth(31), nightly())} {
		plan := Plan{Schedules: []Schedule{s}}
		last := time.Date(2026, 1, 31, 20, 0, 0, 0, time.UTC)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				plan.Next(Full, last, zone)
			}
		})
	}
}
