package netbackup

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// Who waits for a long reading sees how far it is; a short one says nothing.
func TestLongReadingTellsHowFarItIs(t *testing.T) {
	for _, c := range []struct {
		page  time.Duration
		lines int
	}{{100 * time.Millisecond, 2}, {10 * time.Millisecond, 0}} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(cfg *SiteConfig) { cfg.Client.Concurrency = 1 })
			r.log = slog.New(slog.NewTextHandler(&out, nil))
			r.start()
			r.sim.AddHistory(nbusim.Workload{Seed: 1}, 10_000, 20*time.Hour)
			r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(c.page)})
			r.tick()
			if n := strings.Count(out.String(), "reading the job history"); n != c.lines {
				t.Errorf("%s a page: %d lines, want %d:\n%s", c.page, n, c.lines, out.String())
			}
		})
	}
}
