package netbackup

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseInstant reads RFC 3339 with or without a fraction, the same with a looser zone, and
// milliseconds since the epoch.
func parseInstant(b []byte) (time.Time, bool) {
	var t time.Time
	if t.UnmarshalText(b) == nil { // RFC 3339, without an allocation
		return t, true
	}
	s := string(b)
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), true
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseSpan reads PT5M46S, P1DT2H, hh:mm:ss, d:hh:mm:ss and seconds.
func parseSpan(s string) (time.Duration, bool) {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	seconds, ok := 0.0, false
	if rest, iso := strings.CutPrefix(s, "P"); iso {
		seconds, ok = isoSeconds(rest)
	} else {
		seconds, ok = clockSeconds(s)
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

// isoSeconds adds up the parts after the P of an ISO 8601 duration. Years and months
// have no fixed length and are not used for elapsed time.
func isoSeconds(s string) (float64, bool) {
	var sum float64
	dates := map[byte]float64{'W': 7 * 86400, 'D': 86400}
	times := map[byte]float64{'H': 3600, 'M': 60, 'S': 1}
	units, parts := dates, 0
	for s != "" {
		if s[0] == 'T' {
			units, s = times, s[1:]
			continue
		}
		end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && r != ',' && (r < '0' || r > '9') })
		if end < 1 {
			return 0, false
		}
		n, err := strconv.ParseFloat(strings.Replace(s[:end], ",", ".", 1), 64)
		unit, known := units[s[end]]
		if err != nil || !known {
			return 0, false
		}
		sum += n * unit
		s = s[end+1:]
		parts++
	}
	return sum, parts > 0
}

// clockSeconds reads hh:mm:ss, mm:ss, d:hh:mm:ss, or seconds alone.
func clockSeconds(s string) (float64, bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 4 {
		return 0, false
	}
	units := []float64{86400, 3600, 60, 1}[4-len(parts):]
	var sum float64
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || !(n >= 0) {
			return 0, false
		}
		sum += n * units[i]
	}
	return sum, true
}
