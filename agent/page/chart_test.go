package page

import (
	"strings"
	"testing"

	"backwire/source/overview"
)

func TestChart(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 06:45")
	hour := func(text string, s, p, f uint64) overview.Quarter {
		return overview.Quarter{Begin: at(t, text), Success: s, Partial: p, Failure: f}
	}
	sites := []*overview.Site{
		{Name: "paris", Hours: []overview.Quarter{hour("2026-11-23 17:00", 999, 0, 0), hour("2026-11-23 18:00", 70, 2, 0), hour("2026-11-24 03:00", 10, 0, 6)}},
		{Name: "lyon", Hours: []overview.Quarter{hour("2026-11-23 18:00", 30, 0, 1)}},
	}
	c := lastNight(now, usual()).draw(now, sites)
	if len(c.Bars) != 14 || c.Total != (counts{110, 2, 7}) || c.Night != c.Width {
		t.Fatalf("%d bars, %+v", len(c.Bars), c.Total)
	}
	first, third := c.Bars[0], c.Bars[9]
	if first.Name != "18:00" || first.Counts != (counts{100, 2, 1}) || first.Success.Y+first.Success.Height != c.Line || first.Partial.Y < 0 {
		t.Errorf("%+v", first)
	}
	if third.Name != "03:00" || third.Failure.Y <= c.Line || third.Failure.Height <= first.Failure.Height || third.Success.Height >= first.Success.Height {
		t.Errorf("%+v", third)
	}
	if first.Failure.Height < leastSeen || c.Bars[1].Success.Height != 0 {
		t.Error("one failure must be seen, and none must not")
	}
	for i := range c.Bars {
		if b := c.Bars[i]; b.Failure.Y+b.Failure.Height > c.Height+1 || b.Partial.Y < 0 || b.Success.Y < 0 {
			t.Errorf("beyond the edge: %+v", b)
		}
	}
	if !strings.Contains(c.Story, "110 succeeded, 2 were partially successful and 7 failed. Busiest hour: 18:00, 103 backups.") {
		t.Error(c.Story)
	}
	evening := at(t, "2026-11-24 23:30")
	if c := lastNight(evening, usual()).draw(evening, sites); len(c.Bars) != 30 || c.Night != 140 {
		t.Errorf("in the evening %d bars, a night of %v", len(c.Bars), c.Night)
	}
}
