package netbackup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/nbusim"
)

func TestClientsRememberAcrossAFailureAndARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		began := time.Now()
		labels := []string{"client", "db-1", "policy", "gold"}
		job := quick("gold")
		job.Work = nbusim.Work{Kilobytes: 5}
		r.sim.AddJob(job)
		r.tick()
		job.Life = nbusim.Run(time.Second, time.Second, 58)
		for range 3 {
			r.sim.AddJob(job)
			r.tick()
			r.start()
		}
		r.want(float64(began.Add(2*time.Second).Unix()), "nbu_client_last_success_timestamp_seconds", labels...)
		r.want(float64(began.Add(3*minute+2*time.Second).Unix()), "nbu_client_last_attempt_timestamp_seconds", labels...)
		r.want(58, "nbu_client_last_status", labels...)
		r.want(3, "nbu_client_consecutive_failures", labels...)
		r.want(5*1024, "nbu_client_last_bytes", labels...)
		job.Life = nbusim.Run(time.Second, time.Second, 1)
		r.sim.AddJob(job)
		r.tick()
		r.want(0, "nbu_client_consecutive_failures", labels...)
		r.want(1, "nbu_client_last_status", labels...)
	})
}

func TestClientsThatNeverSucceededHaveNoSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		job := quick("gold")
		job.Life = nbusim.Run(time.Second, time.Second, 58)
		r.sim.AddJob(job)
		restore := quick("gold")
		restore.Type = "RESTORE" // says nothing of the client's backups
		r.sim.AddJob(restore)
		r.tick()
		r.want(none(), "nbu_client_last_success_timestamp_seconds")
		r.want(58, "nbu_client_last_status")
	})
}

func TestClientsAreForgottenAfterTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(quick("gold"))
		r.tick()
		time.Sleep(34 * 24 * time.Hour)
		r.start()
		r.tick()
		r.want(0, "nbu_client_last_status", "client", "db-1")
		time.Sleep(25 * time.Hour)
		r.tick()
		r.want(none(), "nbu_client_last_status")
		if n := r.store.sum("nbu_client_last_status"); n != 0 || len(r.store.ended) == 0 {
			t.Error("the series did not end")
		}
		r.start()
		r.tick()
		r.want(none(), "nbu_client_last_status")
		r.want(1, "nbu_jobs_completed_total")
	})
}

func TestClientsOverTheCapAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxClientSeries = 50 })
		for i := range 13 {
			job := quick("gold")
			job.Client = fmt.Sprintf("db-%d", i)
			r.sim.AddJob(job)
		}
		r.tick()
		if _, n := r.live("nbu_client_last_status"); n != 10 {
			t.Errorf("%d clients have series, want 10", n)
		}
		r.want(3, "nbu_client_overflow_total")
		r.want(13, "nbu_jobs_completed_total")
	})
}

// TestClientsKeepWhatIsLaterThoughItIsToldFirst has the end of a failed backup written down
// after that of a later successful one.
func TestClientsKeepWhatIsLaterThoughItIsToldFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		failed := quick("gold")
		failed.Life = nbusim.Run(time.Second, 90*time.Second, 58)
		failed.Life[1].Late = 60 * time.Second // ended at 31 s, told at 91 s
		r.sim.AddJob(failed)
		time.Sleep(40 * time.Second)
		ended := time.Now().Add(2 * time.Second)
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.tick()
		r.want(1, "nbu_jobs_completed_total", "result", "failure")
		r.want(0, "nbu_client_last_status")
		r.want(0, "nbu_client_consecutive_failures")
		r.want(float64(ended.Unix()), "nbu_client_last_attempt_timestamp_seconds")
		r.want(float64(ended.Unix()), "nbu_client_last_success_timestamp_seconds")
	})
}

// TestFailuresBeforeALateSuccessAreTakenAway has a success written down after the two failures that
// came after and the one that came before it, with a restart in between.
func TestFailuresBeforeALateSuccessAreTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		failed := quick("gold")
		failed.Life = nbusim.Run(time.Second, time.Second, 58)
		late := quick("gold")
		late.Life = nbusim.Run(time.Second, 2*minute, 0)
		late.Life[1].Late = 100 * time.Second // ended at 21 s, told at 121 s
		r.sim.AddJob(late)
		for range 3 { // fail at 2, 22 and 42 s
			r.sim.AddJob(failed)
			time.Sleep(20 * time.Second)
		}
		r.tick()
		r.want(3, "nbu_client_consecutive_failures")
		r.start()
		r.tick()
		r.tick()
		r.want(2, "nbu_client_consecutive_failures")
		r.want(58, "nbu_client_last_status")
		r.wantTruth()
	})
}

// What the first releases left in the queue: series without a schedule type, and when backups failed of late, at first in one key. The keys
// are deleted, and what the series tell goes on.
func TestClientsOfTheFirstReleasesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.tick()
		at := float64(time.Now().Add(-time.Hour).Unix())
		old := func(name string, v float64) {
			f := newCatalogue().named(name)
			s := source.NewSeries(f.Metric, "", 0, source.Label{Name: "site", Value: "paris"}, source.Label{Name: "client", Value: "db-1"}, source.Label{Name: "policy", Value: "gold"})
			r.store.durable[s.Key()] = source.Sample{Series: s, Value: v}
		}
		old("nbu_client_last_success_timestamp_seconds", at-86400)
		old("nbu_client_last_attempt_timestamp_seconds", at)
		old("nbu_client_last_status", 42)
		old("nbu_client_last_bytes", 1234)
		old("nbu_client_consecutive_failures", 2)
		r.store.state["failures"] = []byte("\x04db-1\x04gold\x02\xb8\x17\xe8\x07" + "\x04db-2\x06silver\x01\xb8\x17")
		r.store.state["failure/db-1\xffgold"] = []byte{1, 0xb8, 0x17}
		r.start()
		for range 2 {
			r.tick()
			r.want(2, "nbu_client_consecutive_failures")
			r.want(42, "nbu_client_last_status")
			r.want(1234, "nbu_client_last_bytes")
			r.want(at, "nbu_client_last_attempt_timestamp_seconds")
			r.want(at-86400, "nbu_client_last_success_timestamp_seconds")
			r.start()
		}
		if r.store.state["failures"] != nil || r.store.state["failure/db-1\xffgold"] != nil {
			t.Error("keys of the old state are left")
		}
		failed := quick("gold")
		failed.Life = nbusim.Run(time.Second, time.Second, 58)
		r.sim.AddJob(failed)
		r.tick()
		r.want(3, "nbu_client_consecutive_failures")
		r.want(at-86400, "nbu_client_last_success_timestamp_seconds")
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.want(0, "nbu_client_consecutive_failures")
		r.want(1, "nbu_jobs_completed_total", "result", "success")
		if _, n := r.live("nbu_client_last_success_timestamp_seconds"); n != 1 {
			t.Errorf("%d last successes, want the new one alone", n)
		}
	})
}
