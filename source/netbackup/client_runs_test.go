package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

const lastSuccess = "nbu_client_last_success_timestamp_seconds"

// machineJob is a job of the policy gold that works for a client, below a parent.
func machineJob(kind, client string, parent int64, run time.Duration, status int) nbusim.JobSpec {
	return nbusim.JobSpec{
		Type: kind, Policy: "gold", PolicyType: "VMWARE", Client: client, Parent: parent, ScheduleType: "FULL_BACKUP",
		Work: nbusim.Work{Kilobytes: 100}, Life: nbusim.Run(time.Second, run, status),
	}
}

// A machine whose snapshot fails every night has failed every night, also one that was never backed up. The policy's own jobs, its
// search for machines that fails once among them, make no client.
// A policy that writes two copies at once has a job for each, and they hold the same data (copyNumber of admin.yaml): the backup is as
// large as one of them. A duplication has work of its own.
func TestTwoCopiesAreOneBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		work := nbusim.Work{Kilobytes: 1000, Moved: 100, Files: 7}
		parent := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, 20*time.Second, 0)})
		for copyNumber := range 2 {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Parent: parent, Copy: copyNumber + 1, Work: work, Life: nbusim.Run(time.Second, 10*time.Second, 0)})
		}
		r.sim.AddJob(nbusim.JobSpec{Type: "DUPLICATE", Policy: "gold", Client: "db-1", Copy: 2, Work: work, Life: nbusim.Run(time.Second, 10*time.Second, 0)})
		time.Sleep(30 * time.Second)
		r.tick()
		r.tick()
		r.wantTruth()
		for name, want := range map[string]float64{"nbu_job_bytes_total": 1000 * 1024, "nbu_job_moved_bytes_total": 2 * 100 * 1024, "nbu_job_files_total": 7} {
			if got := r.store.sum(name, "job_type", "BACKUP"); got != want {
				t.Errorf("%s of backups: %v, want %v", name, got, want)
			}
		}
		if got := r.store.sum("nbu_job_bytes_total", "job_type", "DUPLICATE"); got != 1000*1024 {
			t.Errorf("%v bytes of duplications", got)
		}
		if got := r.store.sum("nbu_client_last_bytes", "client", "db-1"); got != 1000*1024 {
			t.Errorf("%v bytes of the client's last run", got)
		}
	})
}

func TestASnapshotThatFailsIsAFailedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Interval = 10 * minute })
		r.sim.AddJob(machineJob("BACKUP", "vm-old", 0, time.Second, 0))
		r.sim.AddJob(machineJob("BACKUP", "MEDIA_SERVER", 0, time.Second, 200))
		for range 25 {
			search := r.sim.AddJob(machineJob("BACKUP", "MEDIA_SERVER", 0, 300*time.Second, 1))
			for _, client := range []string{"vm-old", "vm-new"} {
				r.sim.AddJob(machineJob("SNAPSHOT", client, search, 60*time.Second, 156))
			}
			shot := r.sim.AddJob(machineJob("SNAPSHOT", "vm-good", search, 200*time.Second, 0))
			r.sim.AddJob(machineJob("BACKUP", "vm-good", shot, 100*time.Second, 0))
			r.tick()
			r.start()
			time.Sleep(24 * time.Hour)
			r.tick()
		}
		for _, client := range []string{"vm-old", "vm-new"} {
			r.want(156, "nbu_client_last_status", "client", client)
			r.want(25, "nbu_client_consecutive_failures", "client", client)
		}
		r.want(none(), lastSuccess, "client", "vm-new")
		r.want(0, "nbu_client_last_status", "client", "vm-good")
		r.want(100*1024, "nbu_client_last_bytes", "client", "vm-good")
		r.want(none(), "nbu_client_last_status", "client", "MEDIA_SERVER")
		r.wantTruth()
	})
}

// A full backup that always fails is missed, and has failed, however many log backups succeed beside it.
func TestAFullThatFailsIsMissedBesideLogBackups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Interval = 10 * minute })
		p := daily("gold", "db-1")
		p.Schedules = append(p.Schedules, nbusim.Schedule{Name: "logs", BackupType: "Transaction Log Backup", Every: 6 * time.Hour})
		r.sim.AddPolicy(p)
		r.until(2, 0)
		for range 10 {
			full, log := quick("gold"), quick("gold")
			full.ScheduleType, full.Life = "FULL_BACKUP", nbusim.Run(time.Second, time.Minute, 42)
			log.ScheduleType = "TRANSACTION_LOG_BACKUP"
			r.sim.AddJob(full)
			for range 4 {
				r.sim.AddJob(log)
				time.Sleep(6 * time.Hour)
				r.tick()
			}
		}
		now := float64(time.Now().Unix())
		if at, n := r.live(dueAt, "schedule_type", "FULL_BACKUP"); n != 1 || at > now-8*86400 {
			t.Errorf("the full backup of %d clients was due %v s ago, want one that has been for more than a week", n, now-at)
		}
		if at, n := r.live(dueAt, "schedule_type", "TRANSACTION_LOG_BACKUP"); n != 1 || at < now {
			t.Errorf("the log backup of %d clients is due in %v s, want one in time", n, at-now)
		}
		r.want(10, "nbu_client_consecutive_failures")
		r.want(none(), lastSuccess, "schedule_type", "FULL_BACKUP")
		r.want(0, never)
		r.wantTruth()
	})
}

// A date counts from the start of the last successful run: one that takes longer than its window leaves the next one its time.
func TestDueCountsFromTheStartOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Interval = 4 * minute })
		p := windows(daily("gold", "db-1"), time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday)
		r.sim.AddPolicy(p)
		r.until(2, 21)
		parent := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(time.Second, 12*time.Hour, 0)})
		for i := range 3 {
			stream := quick("gold")
			stream.Parent, stream.Stream, stream.Life = parent, i+1, nbusim.Run(time.Minute, time.Duration(i+1)*4*time.Hour-5*minute, 0)
			r.sim.AddJob(stream)
		}
		r.until(3, 6)
		if at, _ := r.live(dueAt); at < float64(time.Now().Unix()) {
			t.Errorf("missed %v after the window while streams are active", time.Since(time.Unix(int64(at), 0)))
		}
		r.until(3, 12)
		r.wantDue(4, 4)
		r.start()
		r.until(3, 14)
		r.wantDue(4, 4)
		r.wantTruth()
	})
}

// Whether a policy copies its snapshots to a storage unit says its configuration (snapshotOnly of a schedule, config_policies.yaml), also in the first
// night, when no backup of it was seen: then a snapshot alone is no backup, and is missed when one was due.
func TestASnapshotAloneIsNoneWhereThePolicyCopiesIt(t *testing.T) {
	for only, status := range map[bool]float64{true: 0, false: none()} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()})
			p := windows(daily("gold", "filer"), 0, 1, 2, 3, 4, 5, 6)
			p.Schedules[0].SnapshotOnly = only
			r.sim.AddPolicy(p)
			r.until(2, 0)
			r.until(2, 20)
			root := r.sim.AddJob(machineJob("BACKUP", "filer", 0, 40*time.Second, 0))
			r.sim.AddJob(machineJob("SNAPSHOT", "filer", root, 20*time.Second, 0))
			for range 3 {
				r.tick()
				r.want(status, "nbu_client_last_status", "client", "filer")
			}
			r.until(3, 12)
			r.want(status, "nbu_client_last_status", "client", "filer")
			if only {
				r.wantDue(4, 4)
			} else {
				r.wantDue(3, 4)
			}
			r.wantTruth()
		})
	}
}

// The snapshots of a policy that takes nothing else are its successes.
func TestSnapshotsAloneAreTheSuccessOfTheirPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		root := r.sim.AddJob(machineJob("BACKUP", "filer", 0, 40*time.Second, 0))
		r.sim.AddJob(machineJob("SNAPSHOT", "filer", root, 20*time.Second, 0))
		r.tick()
		r.want(0, "nbu_client_last_status", "client", "filer")
		r.want(1, "nbu_jobs_completed_total", "job_type", "SNAPSHOT")
		if _, n := r.live(lastSuccess, "client", "filer", "schedule_type", "FULL_BACKUP"); n != 1 {
			t.Errorf("%d successes, want one", n)
		}
		r.wantTruth()
	})
}
