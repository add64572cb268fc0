package page

import (
	"testing"
	"time"

	"backwire/source/overview"
)

// The chart is laid by the clock of the place: days of 23 and 25 hours, zones that are half or a quarter of an hour from
// UTC's hours, and one whose clock is set by half an hour. Zones and dates are those of the IANA time zone database.
func TestChartCountsEveryBackupInAnyZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, now string
		night     int // hours of the night, by the clock
		bars      int
	}{
		{"Europe/Berlin", "2028-10-28 09:00", 14, 16},
		{"Europe/Berlin", "2028-10-28 23:30", 14, 30},
		{"Europe/Berlin", "2028-10-29 09:00", 15, 17}, // autumn
		{"Europe/Berlin", "2028-10-29 23:30", 15, 31}, // 25 hours: the last one is shown
		{"Europe/Berlin", "2028-10-30 09:00", 14, 16},
		{"Europe/Berlin", "2028-03-26 09:00", 13, 15}, // spring
		{"Europe/Berlin", "2028-03-26 23:59", 13, 29},
		{"Asia/Kolkata", "2028-02-29 09:00", 14, 16},
		{"Asia/Kolkata", "2028-02-29 23:45", 14, 30},
		{"Asia/Kathmandu", "2028-02-29 09:10", 14, 16},
		{"Australia/Lord_Howe", "2028-04-02 09:00", 14, 16}, // autumn: an hour of an hour and a half
		{"Australia/Lord_Howe", "2028-04-02 23:30", 14, 30},
		{"Australia/Lord_Howe", "2028-10-01 09:00", 14, 16}, // spring: one of half an hour
		{"America/Sao_Paulo", "2018-11-04 09:00", 13, 15},   // midnight did not exist
		{"America/St_Johns", "2028-11-05 23:59", 15, 31},
		{"UTC", "2028-02-29 03:00", 14, 14},
	} {
		where, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.ParseInLocation("2006-01-02 15:04", c.now, where)
		if err != nil {
			t.Fatal(err)
		}
		n := lastNight(now, usual())
		quarters := map[int64]*overview.Quarter{}
		night, all := uint64(0), uint64(0)
		for at := now.Add(-48 * time.Hour).Truncate(5 * time.Minute); at.Before(now); at = at.Add(5 * time.Minute) {
			q := quarters[at.Unix()/900]
			if q == nil {
				q = &overview.Quarter{Begin: at.Truncate(15 * time.Minute)}
				quarters[at.Unix()/900] = q
			}
			q.Success++
			if !at.Before(n.Start) {
				all++
				if at.Before(n.End) {
					night++
				}
			}
		}
		p := overview.Site{Name: "paris"}
		for _, q := range quarters {
			p.Hours = append(p.Hours, *q)
		}
		d := n.draw(now, []*overview.Site{&p})
		var shown uint64
		for i, b := range d.Bars {
			shown += b.Counts.all()
			if b.Begin.Minute() != 0 && (c.zone != "Australia/Lord_Howe" || b.Name != "02:30") {
				t.Errorf("%s %s: a bar begins at %s", c.zone, c.now, b.Name)
			}
			if i > 0 && !b.Begin.Equal(d.Bars[i-1].End) {
				t.Errorf("%s %s: the bar %s does not begin where the one before ends", c.zone, c.now, b.Name)
			}
		}
		if d.Total.all() != night || shown != all || len(d.Bars) != c.bars || int(d.Night/barPitch) != c.night {
			t.Errorf("%s %s: %d of %d backups in the night, %d of %d shown, %d bars, want %d, the night has %v of %d hours",
				c.zone, c.now, d.Total.all(), night, shown, all, len(d.Bars), c.bars, d.Night/barPitch, c.night)
		}
	}
}
