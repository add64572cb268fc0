package netbackup

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

func TestOpenJobsThatMoveNothingAreStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		work := nbusim.Work{Kilobytes: 1 << 30, Moved: 1 << 28, Files: 10}
		stuck := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Work: work, Life: []nbusim.Step{{State: nbusim.Active, Stalled: true}, {After: 300 * minute, State: nbusim.Done}}})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Work: work, Life: nbusim.Run(0, 300*minute, 0)})
		parent := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(0, 300*minute, 0)})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Parent: parent})
		for range 29 {
			r.tick()
			r.want(none(), "nbu_jobs_stalled")
		}
		r.tick()
		r.want(1, "nbu_jobs_stalled", "job_type", "BACKUP")
		if err := r.sim.Continue(stuck, nbusim.Step{State: nbusim.Requeued}, nbusim.Step{State: nbusim.Active}, nbusim.Step{After: 300 * minute, State: nbusim.Done}); err != nil {
			t.Fatal(err)
		}
		r.tick()
		r.want(none(), "nbu_jobs_stalled")
	})
}

func TestOpenJobsAddUpByMediaServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for range 3 {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", MediaServer: "media-7", Work: nbusim.Work{Kilobytes: 6000, Moved: 6000}, Life: nbusim.Run(0, 10*minute, 0)})
		}
		r.tick()
		r.want(3, "nbu_media_server_active_jobs", "media_server", "media-7")
		rate, n := r.live("nbu_media_server_transfer_bytes_per_second")
		if n != 1 || rate != 3*10*1024 {
			t.Errorf("%d series with %v bytes a second, want one with %d", n, rate, 3*10*1024)
		}
	})
}

// TestOpenJobsAreNotShownByHalves has the second page of the open jobs fail: a sum over the
// first would be wrong.
func TestOpenJobsAreNotShownByHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for range 150 {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
		}
		r.sim.AddJob(quick("gold"))
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state ne", Skip: 1, Times: 1, Effect: nbusim.Status(http.StatusInternalServerError)})
		r.tick()
		r.want(none(), "nbu_jobs")
		r.want(0, "nbu_collector_success", "collector", "jobs")
		r.want(1, "nbu_jobs_completed_total")
		r.tick()
		r.want(150, "nbu_jobs")
	})
}

func TestReasonIsInWords(t *testing.T) {
	for code, want := range map[int64]string{5: "max storage unit jobs", 31: "media server jobs throttled", 0: "unknown", -99: "unknown", 32: "unknown"} {
		if got := reason(code); got != want {
			t.Errorf("reason %d is %q, want %q", code, got, want)
		}
	}
}

func TestOpenJobsForgetThoseThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: nbusim.Run(0, 90*time.Second, 0)})
		r.tick()
		r.want(1, "nbu_jobs", "state", "ACTIVE")
		r.tick()
		r.want(none(), "nbu_jobs")
		if n := len(r.site.open.transfers); n != 0 {
			t.Errorf("%d jobs are remembered as active", n)
		}
	})
}

// A job that somebody suspended, and one that waits for its next try, are told by the oldest of each (admin.yaml, state).
// Jobs stand at the unit that they write to, or wait for: where the destination is not known yet, the resource that a queued job waits
// for is a storage unit by three of the documented reasons (jobQueueReason 5, 15, 25 of admin.yaml).
func TestJobsByStorageUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		row := func(id int, more string) string {
			return `{"id":"` + strconv.Itoa(id) + `","attributes":{"jobId":` + strconv.Itoa(id) + `,"jobType":"BACKUP","startTime":"1999-12-31T23:00:00Z",` + more + `}}`
		}
		rows := []string{
			row(1, `"state":"ACTIVE","destinationStorageUnitName":"msdp"`), row(2, `"state":"ACTIVE","destinationStorageUnitName":"msdp","childCount":3`),
			row(3, `"state":"QUEUED","destinationStorageUnitName":"","jobQueueReason":5,"jobQueueResource":"msdp"`),
			row(4, `"state":"QUEUED","jobQueueReason":15,"jobQueueResource":"msdp"`), row(5, `"state":"REQUEUED","jobQueueReason":25,"jobQueueResource":"tape"`),
			row(6, `"state":"QUEUED","jobQueueReason":1,"jobQueueResource":"A00001"`), row(7, `"state":"QUEUED","destinationStorageUnitName":"tape","jobQueueReason":1,"jobQueueResource":"A00001"`),
			row(8, `"state":"SUSPENDED","destinationStorageUnitName":"msdp"`), row(9, `"state":"ACTIVE"`),
		}
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Query: "state ne 'DONE'", Effect: nbusim.Body(`{"data":[` + strings.Join(rows, ",") + `],"meta":{"pagination":{}}}`)})
		r.tick()
		const jobs = "nbu_storage_unit_jobs"
		r.want(1, jobs, "storage_unit", "msdp", "state", "ACTIVE")
		r.want(2, jobs, "storage_unit", "msdp", "state", "QUEUED")
		r.want(1, jobs, "storage_unit", "tape", "state", "REQUEUED")
		r.want(1, jobs, "storage_unit", "tape", "state", "QUEUED")
		if n, _ := r.live(jobs); n != 5 {
			t.Errorf("%v jobs, want 5", n)
		}
	})
}

func TestOldestJobsThatAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		held := func(state nbusim.State) {
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Active}, {After: time.Second, State: state}}})
		}
		first := r.sim.Now()
		held(nbusim.Suspended)
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Active}}})
		r.tick()
		later := r.sim.Now()
		held(nbusim.Suspended)
		held(nbusim.Incomplete)
		r.tick()
		const name = "nbu_jobs_oldest_held_timestamp_seconds"
		r.want(float64(first.Unix()), name, "job_type", "BACKUP", "state", "SUSPENDED")
		r.want(float64(later.Unix()), name, "job_type", "BACKUP", "state", "INCOMPLETE")
		if _, n := r.live(name); n != 2 {
			t.Errorf("%d series, want 2: active jobs are not held", n)
		}
	})
}
