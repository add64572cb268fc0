package api

import (
	"testing"
	"time"
)

func TestParseInstant(t *testing.T) {
	second := time.Date(2026, 2, 2, 1, 2, 3, 0, time.UTC)
	tests := map[string]time.Time{
		"2026-02-02T01:02:03.000Z":       second,
		"2026-02-02T01:02:03.256Z":       second.Add(256 * time.Millisecond),
		"2026-02-02T01:02:03Z":           second,
		"2026-02-02T02:02:03+01:00":      second,
		"2026-02-02T02:02:03.000+0100":   second,
		"2026-02-02T01:02:03":            second,
		"2026-02-02 01:02:03":            second,
		"2026-02-02 01:02:03Z":           second,
		"1769994123000":                  second,
		"1769994123":                     second,
		"2026-02-02T01:02:03.123456789Z": second.Add(123456789),
	}
	for s, want := range tests {
		got, ok := parseInstant([]byte(s))
		if !ok || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "yesterday", "2026-02-30T00:00:00Z", "12.5", "2026-02-02T25:00:00Z"} {
		if got, ok := parseInstant([]byte(s)); ok {
			t.Errorf("%q: %v, want nothing", s, got)
		}
	}
}
