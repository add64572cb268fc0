package api

import (
	"bytes"
	"math"
	"strconv"
	"strings"
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

// parseSpan reads PT5M46S, P1DT2H, hh:mm:ss, d:hh:mm:ss and seconds.
func parseSpan(b []byte) (time.Duration, bool) {
	b, negative := bytes.CutPrefix(b, []byte("-"))
	var seconds float64
	var ok bool
	if rest, iso := bytes.CutPrefix(b, []byte("P")); iso {
		seconds, ok = isoSeconds(string(rest))
	} else {
		seconds, ok = clockSeconds(string(b))
	}
	d := seconds * float64(time.Second)
	if !ok || !(d < math.MaxInt64) {
		return 0, false
	}
	if negative {
		d = -d
	}
	return time.Duration(d), true
}

// isoSeconds adds up what follows the P of an ISO 8601 duration. Years and months have no
// fixed length and are not used for elapsed time.
func isoSeconds(s string) (sum float64, ok bool) {
	clock := false // after the T
	for s != "" {
		if s[0] == 'T' && !clock {
			clock, s = true, s[1:]
			continue
		}
		end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && r != ',' && (r < '0' || r > '9') })
		if end < 1 {
			return 0, false
		}
		n, err := strconv.ParseFloat(strings.Replace(s[:end], ",", ".", 1), 64)
		unit := isoUnit(s[end], clock)
		if err != nil || unit == 0 {
			return 0, false
		}
		sum, ok, s = sum+n*unit, true, s[end+1:]
	}
	return sum, ok
}

// isoUnit is a designator's length in seconds, 0 where it has none.
func isoUnit(designator byte, clock bool) float64 {
	switch {
	case !clock && designator == 'W':
		return 7 * 86400
	case !clock && designator == 'D':
		return 86400
	case clock && designator == 'H':
		return 3600
	case clock && designator == 'M':
		return 60
	case clock && designator == 'S':
		return 1
	}
	return 0
}

// clockSeconds reads hh:mm:ss, mm:ss, d:hh:mm:ss, or seconds alone.
func clockSeconds(s string) (sum float64, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 4 {
		return 0, false
	}
	units := []float64{86400, 3600, 60, 1}[4-len(parts):]
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || !(n >= 0) {
			return 0, false
		}
		sum += n * units[i]
	}
	return sum, true
}
