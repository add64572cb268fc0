package netbackup

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

// wantSaid asserts how often the log holds a text.
func wantSaid(t *testing.T, log *bytes.Buffer, times int, text string) {
	t.Helper()
	if n := strings.Count(log.String(), text); n != times {
		t.Errorf("said %d times, want %d: %q in\n%s", n, times, text, log)
	}
}

func TestCapOnClientsIsSaidOnceUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.MaxClientSeries, c.ForgetClients = 15, 48*time.Hour
		})
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		backups := func(clients ...string) {
			for _, c := range clients {
				job := quick("gold")
				job.Client = c
				r.sim.AddJob(job)
			}
			r.tick()
		}
		backups("a", "b", "c", "d", "e")
		backups("d", "e", "f")
		r.want(5, "nbu_client_overflow_total")
		wantSaid(t, &log, 1, "d/gold, e/gold")
		wantSaid(t, &log, 1, "limit on client series")
		wantSaid(t, &log, 0, "f/gold")
		time.Sleep(72 * time.Hour)
		backups("f", "g", "h", "i")
		r.want(6, "nbu_client_overflow_total")
		wantSaid(t, &log, 2, "limit on client series")
		wantSaid(t, &log, 1, "i/gold")
	})
}

func TestCapOnJobsKeepsTheirSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxJobSeries = 100 })
		var log bytes.Buffer
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		for round := range 3 {
			for i := range 60 {
				job := quick(fmt.Sprintf("policy-%d", i))
				job.Work = nbusim.Work{Kilobytes: 1, Moved: 1, Files: 1}
				r.sim.AddJob(job)
			}
			r.tick()
			if round == 1 {
				r.start()
			}
		}
		// The histograms have 28 series and each policy five: the first fourteen have their own.
		r.want(3*(60-14), "nbu_jobs_completed_total", "policy", otherPolicies)
		for _, name := range []string{"nbu_jobs_completed_total", "nbu_job_duration_seconds_count", "nbu_job_files_total"} {
			if n := r.store.sum(name); n != 180 {
				t.Errorf("%s adds up to %v, want 180", name, n)
			}
		}
		r.want(3*(60-14), "nbu_job_overflow_total")
		r.want(3, "nbu_jobs_completed_total", "policy", "policy-0")
		wantSaid(t, &log, 2, "limit on job series") // in each life
		if _, n := r.live("nbu_client_last_status"); n != 60 {
			t.Errorf("%d clients have series, want 60", n)
		}
	})
}
