package config

import (
	"strings"
	"testing"
	"time"
)

func TestZoneIsTheHostsWhereNoneIsSet(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal()...)
	if zone := c.Sites[0].TimeZone.Location(); zone != time.Local {
		t.Errorf("the zone is %v, want the host's", zone)
	}
}

// Each primary server has its own zone, or that of all.
func TestZoneOfEachSite(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "BACKWIRE_NETBACKUP_SITES=paris,delhi", "BACKWIRE_NETBACKUP_PARIS_URL=https://p.example/netbackup",
		"BACKWIRE_NETBACKUP_DELHI_URL=https://d.example/netbackup", "BACKWIRE_NETBACKUP_API_KEY=k",
		"BACKWIRE_NETBACKUP_TIME_ZONE=Europe/Paris", "BACKWIRE_NETBACKUP_DELHI_TIME_ZONE=Asia/Kolkata")
	for i, want := range []string{"Europe/Paris", "Asia/Kolkata"} {
		if got := c.Sites[i].TimeZone.Location().String(); got != want {
			t.Errorf("site %s has the zone %s, want %s", c.Sites[i].Name, got, want)
		}
	}
}

func TestUnknownZoneIsRefusedWithASuggestion(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Europe/Berln":     "did you mean Europe/Berlin?",
		"europe/berlin":    "did you mean Europe/Berlin?",
		"Berlin":           "did you mean Europe/Berlin?",
		"new york":         "did you mean America/New_York?",
		"America/NewYork":  "did you mean America/New_York?",
		"utc":              "did you mean UTC?",
		"Local":            "such as Europe/Berlin or UTC",
		"GMT+2 or so":      "such as Europe/Berlin or UTC",
		"../../etc/passwd": "such as Europe/Berlin or UTC",
	} {
		problems := problemsOf(t, minimal("BACKWIRE_NETBACKUP_TIME_ZONE="+value)...)
		wantProblem(t, problems, "BACKWIRE_NETBACKUP_TIME_ZONE", want)
	}
}

// Every name that may be suggested is one.
func TestZoneNamesAreKnown(t *testing.T) {
	t.Parallel()
	for name := range strings.Lines(zoneNames) {
		if _, err := time.LoadLocation(strings.TrimSpace(name)); err != nil {
			t.Error(err)
		}
	}
}
