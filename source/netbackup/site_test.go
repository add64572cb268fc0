package netbackup

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/nbusim"
)

func itoa(n int) string { return strconv.Itoa(n) }

func boolean(b bool) string { return strconv.FormatBool(b) }

func oneUnit() nbusim.Estate {
	return nbusim.Estate{
		Units: []nbusim.StorageUnit{{Name: "stu-1", Category: nbusim.MSDP, Pool: "pool-1", MaxConcurrentJobs: 20}},
		Pools: []nbusim.DiskPool{{
			Name: "pool-1", Category: nbusim.MSDP, State: "UP", Capacity: 1 << 40, Used: 1 << 38, Servers: []string{"media-1"},
			Volumes: []nbusim.DiskVolume{{Name: "vol-1", State: "DOWN", Capacity: 1 << 40, Free: 1 << 39}},
		}},
		Servers: []nbusim.StorageServer{{Name: "media-1", Category: nbusim.MSDP, State: "UP", DedupRatio: 12.5}},
	}
}

func TestSiteCountsAJobOnceHoweverOftenItIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		id := r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Work: nbusim.Work{Kilobytes: 10, Moved: 3, Files: 2}, Life: nbusim.Run(10*time.Second, 90*time.Second, 0)})
		for range 10 {
			r.tick()
		}
		if err := r.sim.Continue(id, nbusim.Step{}); err != nil { // only the time of the last update changes
			t.Fatal(err)
		}
		for range 5 {
			r.tick()
		}
		r.want(1, "nbu_jobs_completed_total", "policy", "gold", "result", "success", "status", "0", "parent", "false")
		r.want(10*1024, "nbu_job_bytes_total")
		r.want(1, "nbu_up")
		r.wantTruth()
	})
}

func TestSiteTakesAsLongAsItsSlowestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Delay(time.Second)})
		r.sim.Inject(nbusim.Fault{Path: "/storage/*", Effect: nbusim.Delay(3 * time.Second)})
		at := time.Now().Truncate(minute).Add(minute)
		r.tick()
		if took := time.Since(at); took != 3*time.Second {
			t.Errorf("the cycle took %v, want 3s", took)
		}
		r.want(1, "nbu_collector_success", "collector", "storage")
		r.want(1, "nbu_collector_success", "collector", "jobs")
		r.want(3, "nbu_collector_duration_seconds", "collector", "storage")
		// What was done since, then the ids that are neither open nor done: one after the other.
		r.want(2, "nbu_collector_duration_seconds", "collector", "jobs")
	})
}

func TestSiteLosesOnlyThePartThatFails(t *testing.T) {
	for _, c := range []struct{ path, failed, other string }{
		{"/admin/jobs", "jobs", "storage"},
		{"/storage/storage-units", "storage", "jobs"},
	} {
		t.Run(c.failed, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
				r.tick()
				r.sim.Inject(nbusim.Fault{Path: c.path, Effect: nbusim.Status(http.StatusInternalServerError)})
				r.tick()
				r.want(0, "nbu_collector_success", "collector", c.failed)
				r.want(1, "nbu_collector_success", "collector", c.other)
				r.want(1, "nbu_up")
				_, units := r.live("nbu_storage_unit_info")
				_, open := r.live("nbu_jobs")
				if (units == 1) != (c.other == "storage") || (open == 1) != (c.other == "jobs") {
					t.Errorf("%s failed: %d storage units and %d series of open jobs", c.failed, units, open)
				}
			})
		})
	}
}

func TestSiteThatDoesNotAnswerHasNoOldGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Client: "db-1", Life: nbusim.Run(0, time.Second, 0)})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
		r.tick()
		r.want(1, "nbu_jobs")
		restore := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.tickFor(20 * time.Second)
		r.want(0, "nbu_up")
		r.want(none(), "nbu_jobs")
		r.want(none(), "nbu_storage_unit_info")
		r.want(none(), "nbu_server_info")
		r.want(1, "nbu_jobs_completed_total")
		r.want(0, "nbu_client_last_status")
		restore()
		r.tick()
		r.want(1, "nbu_up")
		r.want(1, "nbu_jobs")
	})
}

// TestSiteThatIsDownIsSoonKnownToBe has the cycle end long before the next tick.
func TestSiteThatIsDownIsSoonKnownToBe(t *testing.T) {
	for name, effect := range map[string]nbusim.Effect{"refuses": nbusim.Reset(), "hangs": nbusim.Delay(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: oneUnit()})
				r.sim.Inject(nbusim.Fault{Effect: effect})
				at := time.Now().Truncate(minute).Add(minute)
				r.tick()
				if took := time.Since(at); took > 10*time.Second {
					t.Errorf("the cycle took %v, want at most 10s", took)
				}
				r.want(0, "nbu_up")
			})
		})
	}
}

func TestSiteWithoutJobsFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(http.StatusNotFound)})
		r.tick()
		r.want(0, "nbu_collector_success", "collector", "jobs")
	})
}

func TestSiteReadsEveryStorageUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e nbusim.Estate
		for i := range 1150 {
			e.Units = append(e.Units, nbusim.StorageUnit{
				Name: fmt.Sprintf("stu-%04d", i), Category: nbusim.BasicDisk, Capacity: 1000, Used: 100, MaxConcurrentJobs: 5,
			})
		}
		r := newRig(t, nbusim.Options{Storage: e})
		r.tick()
		for _, name := range []string{"nbu_storage_unit_capacity_bytes", "nbu_storage_unit_used_bytes", "nbu_storage_unit_free_bytes", "nbu_storage_unit_max_concurrent_jobs", "nbu_storage_unit_info"} {
			if _, n := r.live(name); n != 1150 {
				t.Errorf("%s has %d series, want 1150", name, n)
			}
		}
		r.want(1000, "nbu_storage_unit_capacity_bytes", "storage_unit", "stu-1149")
	})
}

func TestSiteShowsQueuedAndRunningJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		began := float64(time.Now().Unix())
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Active}}, MediaServer: "media-1"})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Active}, {State: nbusim.Requeued, Reason: 5, Status: 50}}})
		r.tick()
		r.want(1, "nbu_jobs", "state", "QUEUED")
		r.want(1, "nbu_jobs", "state", "ACTIVE")
		r.want(1, "nbu_jobs", "state", "REQUEUED")
		r.want(2, "nbu_jobs_queued", "reason", "max storage unit jobs")
		r.want(began, "nbu_jobs_oldest_queued_timestamp_seconds", "job_type", "BACKUP")
		r.want(began, "nbu_jobs_oldest_active_timestamp_seconds", "policy", "gold")
		r.want(1, "nbu_media_server_active_jobs", "media_server", "media-1")
	})
}

// TestSiteKeepsSeriesInTheirPlace is the queue's fast path: the same pointers in the same order.
func TestSiteKeepsSeriesInTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
		r.sim.AddHistory(nbusim.Workload{Seed: 1}, 200, time.Hour)
		for range 10 { // until the server has explained each status: its words are other series
			r.tick()
		}
		before := r.batch.Samples
		r.tick()
		if len(before) != len(r.batch.Samples) {
			t.Fatalf("%d samples after %d", len(r.batch.Samples), len(before))
		}
		for i, x := range r.batch.Samples {
			if x.Series != before[i].Series {
				t.Fatalf("place %d has %s %v, it had %s %v", i, x.Series.Name, x.Series.Labels, before[i].Series.Name, before[i].Series.Labels)
			}
		}
	})
}

// without are all collectors but some.
func without(names ...string) []string {
	return slices.DeleteFunc(Collectors(), func(name string) bool { return slices.Contains(names, name) })
}

func TestSiteCollectsWhatIsChosen(t *testing.T) {
	for _, c := range []struct {
		collect []string
		want    []string
	}{
		{nil, Collectors()},
		{[]string{"all"}, Collectors()},
		{[]string{"all", "-jobs", "-server"}, without("jobs", "server")},
		{[]string{"jobs"}, []string{"jobs"}},
		{[]string{"-jobs"}, without("jobs")},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(cfg *SiteConfig) { cfg.Collect = c.collect })
			r.tick()
			r.want(1, "nbu_up")
			if _, n := r.live("nbu_collector_success"); n != len(c.want) {
				t.Errorf("%v: %d collectors, want %v", c.collect, n, c.want)
			}
			for _, name := range c.want {
				r.want(1, "nbu_collector_success", "collector", name)
			}
		})
	}
	if _, err := NewSite(SiteConfig{Interval: minute, Collect: []string{"job"}}, source.Checkpoint{}, slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Error("a collector that does not exist was accepted")
	}
}

func TestSiteShowsTheServerAndItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expires := time.Now().Add(30 * 24 * time.Hour)
		r := newRig(t, nbusim.Options{Storage: oneUnit(), Name: "primary-1", Keys: []nbusim.APIKey{{Key: nbusim.DefaultKey, Expires: expires}}})
		r.tick()
		r.want(1, "nbu_server_info", "server", "primary-1", "api_version", "14.0")
		r.want(float64(expires.Unix()), "nbu_api_key_expiry_timestamp_seconds")
		n := r.sim.Requests("/security/api-keys")
		for range 59 {
			r.tick()
		}
		if again := r.sim.Requests("/security/api-keys"); again != n {
			t.Errorf("the key was asked for %d times in an hour", again)
		}
		r.tick()
		if again := r.sim.Requests("/security/api-keys"); again != n+1 {
			t.Errorf("the key was asked for %d times in a day's first hour and a minute", again)
		}
	})
}

func TestSiteThatRefusesTheKeyIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, func(c *SiteConfig) {
			c.Client.APIKey = func() (string, error) { return "wrong", nil }
		})
		r.tick()
		r.want(0, "nbu_up")
		r.want(0, "nbu_collector_success", "collector", "jobs")
		r.want(0, "nbu_collector_success", "collector", "storage")
	})
}

// secured answers as over TLS, with a certificate that ends.
type secured struct {
	under http.RoundTripper
	end   time.Time
}

func (s secured) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := s.under.RoundTrip(req)
	if err == nil {
		res.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{
			{NotAfter: s.end.Add(time.Hour)}, {NotAfter: s.end},
		}}
	}
	return res, err
}

func TestSiteTellsWhenItsTrustEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.tick()
		r.want(none(), "nbu_server_certificate_expiry_timestamp_seconds")
		end := time.Now().Add(24 * time.Hour)
		r.cfg.Client.Transport = secured{r.sim.Transport(), end}
		r.start()
		r.tick()
		r.want(float64(end.Unix()), "nbu_server_certificate_expiry_timestamp_seconds")
	})
}
