package agent

import (
	"errors"
	"testing"
	"time"

	"backwire/remotewrite/record"
)

// Jobs are counted twice only where a site begins anew beside one that is gone and was counted within BACKWIRE_BACKFILL.
func TestRenamed(t *testing.T) {
	now := time.Now()
	site := func(name string, ago time.Duration) record.Site {
		return record.Site{Name: name, Newest: now.Add(-ago)}
	}
	for name, c := range map[string]struct {
		known    []record.Site
		backfill string
		want     bool
	}{
		"the first start":             {nil, "24h", false},
		"the same site":               {[]record.Site{site("paris", time.Minute)}, "24h", false},
		"the same site, another gone": {[]record.Site{site("paris", time.Minute), site("rome", 0)}, "24h", false},
		"another name":                {[]record.Site{site("rome", time.Minute)}, "24h", true},
		"another name, of yesterday":  {[]record.Site{site("rome", 24*time.Hour-time.Second)}, "24h", true},
		"another name, long ago":      {[]record.Site{site("rome", 24*time.Hour)}, "24h", false},
		"a clock that was ahead":      {[]record.Site{site("rome", -time.Hour)}, "24h", true},
		"no backfill":                 {[]record.Site{site("rome", time.Minute)}, "0", false},
		"the agent's own metrics":     {[]record.Site{site(selfName, time.Minute)}, "24h", false},
	} {
		settings := mustLoad(t, minimal("BACKWIRE_NETBACKUP_SITE=paris", "BACKWIRE_BACKFILL="+c.backfill)...)
		if err := renamed(settings, c.known, now); errors.Is(err, ErrRenamed) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
