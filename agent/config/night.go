package config

import (
	"errors"
	"strings"
	"time"
)

// Night is the hours that a person means by "last night", as times of the day. It goes over midnight where it ends before it
// begins.
type Night struct{ From, To time.Duration } // since midnight

// UnmarshalText parses two times of the day.
func (n *Night) UnmarshalText(text []byte) error {
	expected := errors.New("expected two times of the day at quarters of an hour, such as 18:00-08:00")
	from, to, found := strings.Cut(string(text), "-")
	if !found || from == to {
		return expected
	}
	for clock, into := range map[string]*time.Duration{from: &n.From, to: &n.To} {
		at, err := time.Parse("15:04", strings.TrimSpace(clock))
		if err != nil || at.Minute()%15 != 0 {
			return expected
		}
		*into = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	return nil
}

func (n Night) String() string {
	clock := func(d time.Duration) string { return time.Time{}.Add(d).Format("15:04") }
	return clock(n.From) + "-" + clock(n.To)
}

// MarshalText writes the two times.
func (n Night) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Last is the newest night that has begun when now's day began, in now's zone: so one night is meant all day long. Until its end it
// goes on.
func (n Night) Last(now time.Time) (start, end time.Time) {
	year, month, day := now.Date()
	at := func(day int, clock time.Duration) time.Time {
		return time.Date(year, month, day, int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, now.Location())
	}
	start, end = at(day, n.From), at(day, n.To)
	if n.To <= n.From {
		return at(day-1, n.From), end
	}
	if now.Before(start) {
		return at(day-1, n.From), at(day-1, n.To)
	}
	return start, end
}
