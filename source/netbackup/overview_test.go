package netbackup

import (
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
	"backwire/source/overview"
)

// The overview says of clients, jobs and storage what the server was told to have.
func TestOverviewShowsClientsJobsAndStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := nbusim.NewEstate(7)
		estate.Pools[0].State = "DOWN"
		r := newRig(t, nbusim.Options{Storage: estate})
		r.sim.AddJob(nbusim.JobSpec{Client: "a", Policy: "p", Life: nbusim.Run(0, time.Second, 0)})
		for i := range 3 {
			r.sim.AddJob(nbusim.JobSpec{Client: "b", Policy: "p", Life: nbusim.Run(time.Duration(i)*time.Second, time.Second, 58)})
		}
		r.sim.AddJob(nbusim.JobSpec{Client: "c", Policy: "p", Life: nbusim.Run(time.Second, time.Hour, 0)})
		r.sim.AddJob(nbusim.JobSpec{Client: "d", Policy: "p", Life: []nbusim.Step{{After: time.Second, State: nbusim.Requeued, Reason: 2}}})
		r.tick()
		p := r.site.Overview()
		for _, c := range p.Clients {
			well := c.Client == "a" && c.Success != 0 && c.Failures == 0 && c.Status == 0
			bad := c.Client == "b" && c.Success == 0 && c.Failures == 3 && c.Status == 58
			if !well && !bad || c.Attempt == 0 || c.Policy != "p" {
				t.Errorf("%+v", c)
			}
		}
		if len(p.Clients) != 2 || len(p.Jobs) != 1 {
			t.Fatalf("%+v", p)
		}
		j := p.Jobs[0]
		if j.Type != "BACKUP" || j.Active != 1 || j.Queued != 1 || j.OldestActive.IsZero() || j.OldestQueued.IsZero() || len(j.Reasons) != 1 || j.Reasons[0] != (overview.Reason{Words: "drives in use", Jobs: 1}) {
			t.Errorf("%+v", j)
		}
		names := map[string]overview.Storage{}
		for _, s := range p.Storage {
			names[s.Name] = s
		}
		// Three pools have bounds, and one unit stands on none; cloud and tape have no capacity.
		if len(names) != 4 || !names["pool-msdp-1"].Down || names["pool-advanced-disk-3"].Down || names["stu-basic-disk-7"].Capacity == 0 {
			t.Errorf("%+v", p.Storage)
		}
		for _, s := range p.Storage {
			if s.Used <= 0 || s.Capacity <= s.Used || s.Known || s.Fills {
				t.Errorf("%+v", s)
			}
		}
	})
}

// A client that its policy names is shown although nobody has ever seen it, with what it was promised.
func TestOverviewShowsWhoNeverRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddPolicy(nbusim.Policy{Name: "p", Type: "Standard", Generation: 1, Clients: []string{"a", "b"}, Schedules: []nbusim.Schedule{{Name: "daily", BackupType: "Full Backup", Every: 24 * time.Hour}}})
		r.sim.AddJob(nbusim.JobSpec{Client: "a", Policy: "p", Life: nbusim.Run(0, time.Second, 0)})
		r.tick()
		r.tick() // whether anybody never succeeded is known once the jobs have been read
		seen := map[string]bool{}
		for _, c := range r.site.Overview().Clients {
			seen[c.Client] = c.Success != 0
			if until := time.Until(time.UnixMilli(c.Due)); until < 24*time.Hour || until > 48*time.Hour || c.Policy != "p" {
				t.Errorf("%+v", c)
			}
		}
		if succeeded, known := seen["b"]; !seen["a"] || succeeded || !known || len(seen) != 2 {
			t.Errorf("%v", seen)
		}
	})
}

// A failed run is told with all that a person asks of it, in the agent's clock.
func TestOverviewTellsFailedRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(nbusim.JobSpec{Client: "a", Policy: "p", ScheduleType: "FULL_BACKUP", Life: []nbusim.Step{
			{After: 10 * time.Second, State: nbusim.Active}, {After: 10 * minute, State: nbusim.Incomplete, Status: 42}, {After: minute, State: nbusim.Active}, {After: 2 * minute, State: nbusim.Done, Status: 2074},
		}})
		began := time.Now()
		for range 20 {
			r.tick()
		}
		f := r.site.Overview().Clients[0].Failed
		if f == nil {
			t.Fatal("no failed run is told")
		}
		end := began.Add(10*time.Second + 13*minute)
		if f.ScheduleType != "FULL_BACKUP" || f.Status != 2074 || f.Meaning == "" || f.Tries != 2 || f.End != end.UnixMilli() || f.Start != began.UnixMilli() {
			t.Errorf("%+v, which began %v and ended %v; it is %v", f, time.UnixMilli(f.Start), time.UnixMilli(f.End), end)
		}
	})
}

// What is not known is said, and only as long as it is not: jobs that cannot be read, policies that cannot, clients without room.
func TestOverviewNamesWhatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.MaxClientSeries = 2 * seriesPerClient })
		jobs := r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(500)})
		policies := r.sim.Inject(nbusim.Fault{Path: "/config/policies/", Effect: nbusim.Status(403)})
		for _, client := range []string{"a", "b", "c", "d"} {
			r.sim.AddJob(nbusim.JobSpec{Client: client, Policy: "p", Life: nbusim.Run(0, time.Second, 0)})
		}
		r.tick()
		if o := r.site.Overview(); !o.JobsRead.IsZero() || o.Schedules != "the role does not allow policies to be read" {
			t.Errorf("nothing can be read: jobs were read at %v, schedules %q", o.JobsRead, o.Schedules)
		}
		jobs()
		policies()
		for range 20 {
			r.tick()
		}
		o := r.site.Overview()
		if age := time.Since(o.JobsRead); age < 0 || age > 2*minute || o.Schedules != "" || o.Unwatched != 2 {
			t.Errorf("jobs were read %v ago, schedules %q, %d clients without room, want 2", age, o.Schedules, o.Unwatched)
		}
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(500)})
		for range 5 {
			r.tick()
		}
		if later := r.site.Overview().JobsRead; time.Since(later) < 4*minute {
			t.Errorf("jobs cannot be read and were read %v ago", time.Since(later))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) { c.Collect = []string{"all", "-policies"} })
		r.tick()
		if o := r.site.Overview(); o.Schedules != "policies are not collected" {
			t.Errorf("schedules %q", o.Schedules)
		}
	})
}

// What somebody was given stays as it is, however many cycles go by before he has read it.
func TestOverviewThatWasGivenStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		for status := range 3 {
			job := quick("gold")
			job.Life = nbusim.Run(time.Second, time.Second, status*42)
			r.sim.AddJob(job)
			r.tick()
			r.tick()
			given := r.site.Overview()
			before := *given
			before.Clients = slices.Clone(given.Clients)
			job.Client = "db-0"
			r.sim.AddJob(job)
			for range 3 {
				r.tick()
			}
			if !reflect.DeepEqual(*given, before) {
				t.Errorf("the overview was %+v and is %+v", before, *given)
			}
		}
	})
}
