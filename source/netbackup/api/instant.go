package api

import (
	"strconv"
	"time"
)

// parseInstant reads RFC 3339 with or without a fraction, the same with a looser zone or
// none (then UTC), and a number since the epoch.
func parseInstant(b []byte) (time.Time, bool) {
	var t time.Time
	if t.UnmarshalText(b) == nil { // RFC 3339, without an allocation
		return t, true
	}
	s := string(b)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return sinceEpoch(n), true
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// sinceEpoch takes n as milliseconds, or as seconds where milliseconds would be in 1973 or
// before, when there was no NetBackup.
func sinceEpoch(n int64) time.Time {
	if n < 100_000_000_000 {
		return time.Unix(n, 0)
	}
	return time.UnixMilli(n)
}
