package config

import (
	_ "embed"
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // hosts and containers may have no zones of their own
)

// Zone is a time zone by its name in the IANA database: Europe/Berlin.
type Zone struct{ location *time.Location }

// UnmarshalText wants a name as the database writes it.
func (z *Zone) UnmarshalText(text []byte) error {
	name := string(text)
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return errors.New("expected the name of a time zone such as Europe/Berlin or UTC" + suggestZone(name))
	}
	z.location = location
	return nil
}

// Location is that of the host where no zone is set.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.Local
	}
	return z.location
}

//go:embed zones.txt
var zoneNames string

// suggestZone names the zone that was probably meant. A city or a country alone is enough.
func suggestZone(name string) string {
	wanted := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
	best, distance := "", 4
	for known := range strings.Lines(zoneNames) {
		known = strings.TrimSpace(known)
		lower := strings.ToLower(known)
		for _, part := range []string{lower, lower[strings.LastIndexByte(lower, '/')+1:]} {
			if abs(len(part)-len(wanted)) >= distance {
				continue // they differ by more than the best
			}
			if d := editDistance(wanted, part); d < distance && d <= len(wanted)/3 {
				best, distance = known, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func abs(n int) int { return max(n, -n) }
