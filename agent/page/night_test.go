package page

import (
	"testing"
	"time"

	"backwire/source/overview"
)

// zone is where the tests' nights are.
func zone() *time.Location { return time.FixedZone("CET", 3600) }

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone())
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// The night that is meant is the same all day long; before its end it is tonight.
func TestLastNight(t *testing.T) {
	t.Parallel()
	for _, now := range []string{"2026-11-24 00:00", "2026-11-24 06:45", "2026-11-24 13:00", "2026-11-24 23:59"} {
		n := lastNight(at(t, now))
		if !n.Start.Equal(at(t, "2026-11-23 18:00")) || !n.End.Equal(at(t, "2026-11-24 08:00")) {
			t.Errorf("at %s: %v", now, n)
		}
	}
}

func clients(now time.Time, ages ...[2]time.Duration) []*overview.Site {
	p := overview.Site{Name: "paris"}
	for i, age := range ages { // since the success, since the attempt
		p.Clients = append(p.Clients, overview.ClientPolicy{
			Client: string(rune('a' + i)), Policy: "p", Success: now.Add(-age[0]).UnixMilli(), Attempt: now.Add(-age[1]).UnixMilli(),
		})
	}
	return []*overview.Site{&p}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	well, failed, silent := [2]time.Duration{3 * hour, 3 * hour}, [2]time.Duration{2 * day, 3 * hour}, [2]time.Duration{2 * day, 2 * day}
	many := func(n int, x [2]time.Duration, more ...[2]time.Duration) [][2]time.Duration {
		for range n {
			more = append(more, x)
		}
		return more
	}
	for want, c := range map[string]struct {
		now  string
		ages [][2]time.Duration
	}{
		"good Yes: all 3 clients that ran last night have a good backup.":                                {"2026-11-24 09:00", many(3, well)},
		"good Yes: all 2 clients that ran since 18:00 have a good backup.":                               {"2026-11-24 05:00", many(2, well, silent)},
		"good Yes: the one client that ran last night has a good backup.":                                {"2026-11-24 09:00", many(1, well)},
		"warn Almost: 59 of the 60 clients that ran last night have a good backup; a has not.":           {"2026-11-24 09:00", many(59, well, failed)},
		"warn Almost: 59 of the 62 clients that ran last night have a good backup; a, b and c have not.": {"2026-11-24 09:00", many(59, well, failed, failed, failed)},
		"warn Almost: 96 of the 100 clients that ran last night have a good backup; 4 have not.":         {"2026-11-24 09:00", many(96, well, failed, failed, failed, failed)},
		"bad No: of the 4 clients that ran last night, 1 has no good backup.":                            {"2026-11-24 09:00", many(3, well, failed)},
		"bad No: of the 1,100 clients that ran last night, 1,000 have no good backup.":                   {"2026-11-24 09:00", many(1000, failed, many(100, well)...)},
		"bad No: no backup has ended since 18:00 yesterday.":                                             {"2026-11-24 09:00", many(5, silent)},
		"flat Not known yet: no backup has been seen so far.":                                            {"2026-11-24 09:00", nil},
	} {
		now := at(t, c.now)
		sites := clients(now, c.ages...)
		n := lastNight(now)
		v := n.answer(now, n.protect(sites), len(c.ages) > 0)
		if got := string(v.Tone) + " " + v.Word + ": " + v.Rest; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A client is protected when all of its policies are, on each site by itself.
func TestProtectedUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24 09:00")
	fresh, old := now.Add(-time.Hour).UnixMilli(), now.Add(-72*time.Hour).UnixMilli()
	pair := func(client, policy string, success int64) overview.ClientPolicy {
		return overview.ClientPolicy{Client: client, Policy: policy, Success: success, Attempt: fresh}
	}
	sites := []*overview.Site{
		{Name: "paris", Clients: []overview.ClientPolicy{pair("a", "x", fresh), pair("a", "y", old), pair("b", "x", fresh)}},
		{Name: "lyon", Clients: []overview.ClientPolicy{pair("a", "x", fresh)}},
	}
	if p := lastNight(now).protect(sites); p.ran != 3 || p.well != 2 || len(p.missing) != 1 || p.missing[0] != "a" {
		t.Errorf("%+v", p)
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
