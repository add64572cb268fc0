package config

import (
	"testing"
	"time"
)

func TestNight(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"18:00-08:00": "18:00-08:00", "00:00-06:15": "00:00-06:15", "20:30 - 07:45": "20:30-07:45",
		"": "", "18:00": "", "18-8": "", "25:00-08:00": "", "18:07-08:00": "", "18:00-18:00": "", "a-b": "", "18:00-08:00-09:00": "",
	} {
		var n Night
		err := n.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && n.String() != want {
			t.Errorf("%q: %s, %v; want %q", text, n, err, want)
		}
	}
}

// One night is meant all day long. Each expectation is read off a calendar.
func TestLastNight(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct{ night, now, start, end string }{
		{"18:00-08:00", "2026-11-24 00:00", "2026-11-23 18:00", "2026-11-24 08:00"},
		{"18:00-08:00", "2026-11-24 06:45", "2026-11-23 18:00", "2026-11-24 08:00"},
		{"18:00-08:00", "2026-11-24 23:59", "2026-11-23 18:00", "2026-11-24 08:00"},
		{"18:00-08:00", "2026-12-01 07:00", "2026-11-30 18:00", "2026-12-01 08:00"},
		{"01:00-05:30", "2026-11-24 00:30", "2026-11-23 01:00", "2026-11-23 05:30"},
		{"01:00-05:30", "2026-11-24 01:00", "2026-11-24 01:00", "2026-11-24 05:30"},
		{"01:00-05:30", "2026-11-24 23:00", "2026-11-24 01:00", "2026-11-24 05:30"},
	} {
		var n Night
		if err := n.UnmarshalText([]byte(c.night)); err != nil {
			t.Fatal(err)
		}
		if start, end := n.Last(at(c.now)); !start.Equal(at(c.start)) || !end.Equal(at(c.end)) {
			t.Errorf("%s at %s: %v to %v, want %s to %s", c.night, c.now, start, end, c.start, c.end)
		}
	}
}
