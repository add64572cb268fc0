package netbackup

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/compat"
	"backwire/source/netbackup/nbusim"
)

// An agent that starts while the web service is half up is answered by what stands in front of it. Nothing is called "not
// offered" then, and everything is asked again in the next cycle.
func TestHalfAWebServiceProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := nbusim.NewEstate(8)
		r := newRig(t, nbusim.Options{Storage: estate})
		r.sim.AddFindings()
		up := r.sim.Inject(nbusim.Fault{Path: "/*/*", Effect: nbusim.ForeignNotFound()})
		upToo := r.sim.Inject(nbusim.Fault{Path: "/authorization-context", Effect: nbusim.ForeignNotFound()})
		policies := r.sim.Inject(nbusim.Fault{Path: "/*/*/*", Effect: nbusim.ForeignNotFound()})
		for range 2 {
			r.tick()
			for _, name := range Collectors() {
				r.want(0, "nbu_collector_success", "collector", name)
			}
			for _, c := range r.site.Status().Collectors {
				if c.NotOffered {
					t.Errorf("%s counts as not offered", c.Name)
				}
			}
			r.want(0, "nbu_up")
		}
		up()
		upToo()
		policies()
		r.tick()
		for _, name := range Collectors() {
			r.want(1, "nbu_collector_success", "collector", name)
		}
		r.want(1, "nbu_up")
	})
}

// Rows that cannot be read are counted by collector, and where none can be the collector has not succeeded.
func TestUnreadableRowsAreCounted(t *testing.T) {
	const readable, unreadable = `{"type":"x","id":"good","hostName":"good","attributes":{"name":"good","sType":"PureDisk","driveStatus":"DRIVE_STATUS_UP","severity":"ERROR",` +
		`"scanState":"PENDING","volumePoolName":"good","workloadType":"VMWARE","slpName":"good","productName":"good","category":"CATALOG"}}`, `{"type":"x","id":null,"attributes":null}`
	asked := firstQuestions(t)
	delete(asked, collectorServer)
	delete(asked, collectorJobs)
	part := map[string]string{"slp": "eq 'IN_PROCESS'", "audit": "eq 'CATALOG'"}                         // asks for one state after the other
	under := map[string]string{"certificates": "certificateList", "hosts": "hosts", "services": "hosts"} // the member that holds its rows
	for name, first := range asked {
		path := first.path
		if first.shared {
			part[name] = first.filter
		}
		list := `{"` + cmp.Or(under[name], "data") + `":[`
		for _, lost := range []string{unreadable, `null`, `7`, `"x"`, `{}`, `[]`} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)})
				mend := r.sim.Inject(nbusim.Fault{Path: path, Query: part[name], Effect: nbusim.Body(list + strings.Repeat(lost+",", 2) + lost + `]}`)})
				r.tick()
				r.want(0, "nbu_collector_success", "collector", name)
				if got := r.store.sum("nbu_rows_unreadable_total", "collector", name); got != 3 {
					t.Errorf("%s, rows %s: %v unreadable, want 3", name, lost, got)
				}
				mend()
				r.sim.Inject(nbusim.Fault{Path: path, Query: part[name], Effect: nbusim.Body(list + readable + "," + lost + `]}`)})
				r.start() // the count outlives a restart
				r.tick()
				r.want(1, "nbu_collector_success", "collector", name)
				if got := r.store.sum("nbu_rows_unreadable_total", "collector", name); got != 4 {
					t.Errorf("%s, one row %s beside one that is readable: %v unreadable, want 4", name, lost, got)
				}
				r.want(none(), "nbu_rows_unreadable_total", "collector", collectorServer)
			})
			if testing.Short() {
				break
			}
		}
	}
}

// nbu_up says that a question was answered by a server that accepts the credential, whatever is collected and however
// seldom.
func TestUpWhateverIsCollected(t *testing.T) {
	selections := [][]string{{"all"}, {collectorAlerts, collectorImages, collectorSLOs}, {collectorTapeMedia, collectorVolumePools, collectorRobots}}
	for _, name := range Collectors() {
		selections = append(selections, []string{name})
	}
	for _, collect := range selections {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: nbusim.NewEstate(8)}, func(c *SiteConfig) { c.Collect = collect })
			want := func(what string, up float64) {
				t.Helper()
				r.tick()
				if got, n := r.live("nbu_up"); n != 1 || got != up || r.site.Status().Up != (up == 1) {
					t.Errorf("%v, %s: nbu_up %v, status %v, want %v", collect, what, got, r.site.Status().Up, up)
				}
			}
			for range 3 {
				want("all is well", 1)
			}
			heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Status(http.StatusUnauthorized), Path: "/*/*"})
			alsoHeal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Status(http.StatusUnauthorized), Path: "/authorization-context"})
			policies := r.sim.Inject(nbusim.Fault{Effect: nbusim.Status(http.StatusUnauthorized), Path: "/*/*/*"})
			want("the credential is refused", 0)
			heal()
			alsoHeal()
			policies()
			want("it is accepted again", 1)
			down := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
			want("the server is down", 0)
			down()
			want("it is up again", 1)
		})
	}
}

// A page that is cut leaves sums that are too small: none is shown. What stands in rows of its own is true as it is.
func TestSumsOverAPartAreNotShown(t *testing.T) {
	for name, effect := range map[string]nbusim.Effect{
		"cut off": nbusim.Body(`{"data":[{"id":"x","attributes":{"sev`), "refused": nbusim.Status(http.StatusInternalServerError), "a proxy's": nbusim.ProxyPage(),
	} {
		synctest.Test(t, func(t *testing.T) {
			estate := nbusim.NewEstate(8)
			for i := range 150 {
				estate.Drives = append(estate.Drives, nbusim.TapeDrive{Name: "more-" + strconv.Itoa(i)})
				estate.Pools = append(estate.Pools, nbusim.DiskPool{
					Name: "more-" + strconv.Itoa(i), Category: nbusim.MSDP, State: "UP", Volumes: []nbusim.DiskVolume{{Name: "v", State: "UP"}},
				})
			}
			r := newRig(t, nbusim.Options{Storage: estate}, func(c *SiteConfig) { c.Compat = compat.Name })
			alerts := make([]nbusim.Alert, 150)
			r.sim.AddAlerts(alerts...)
			r.tick()
			sums := []string{"nbu_tape_drives_count", "nbu_disk_pool_volume_count", "nbu_alerts", "nbu_alerts_count"}
			for _, sum := range sums {
				if _, n := r.live(sum); n == 0 {
					t.Fatalf("%s is missing where all is well", sum)
				}
			}
			r.sim.Inject(nbusim.Fault{Path: "/storage/drives", Skip: 1, Effect: effect}) // the second page
			r.sim.Inject(nbusim.Fault{Path: "/manage/alerts", Skip: 1, Effect: effect})
			r.sim.Inject(nbusim.Fault{Path: "/storage/disk-pools", Effect: effect})
			r.tick()
			r.want(0, "nbu_collector_success", "collector", collectorTapeDrives)
			if up, n := r.live("nbu_tape_drive_up"); n != 100 || up != 100 {
				t.Errorf("%s: %d drives of the first page are shown", name, n)
			}
			r.want(none(), "nbu_tape_drives_count")
			for range 15 {
				r.tick()
			}
			for _, sum := range sums {
				if got, n := r.live(sum); n != 0 {
					t.Errorf("%s: %s is %v over a part of the rows", name, sum, got)
				}
			}
			r.want(0, "nbu_collector_success", "collector", collectorAlerts)
		})
	}
}

// The words of a state are the documents'; servers spell them oddly. What nobody knows is absent, and never down.
func TestStatesAreReadTolerantly(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]float64{
		`"UP"`: 1, `"Up"`: 1, `"up"`: 1, `"UP "`: 1, `" uP\t"`: 1,
		`"DOWN"`: 0, `"Down"`: 0, `" down "`: 0,
		`"UNKNOWN"`: none(), `"Unknown"`: none(), `null`: none(), `""`: none(), `1`: none(), `0`: none(), `true`: none(), `-3.5`: none(),
		`{}`: none(), `["UP"]`: none(), `"UPPER"`: none(), `"NOT_UP"`: none(), `"MAINTENANCE"`: none(), `"2"`: none(),
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()})
			attribute := func(path, row string) {
				r.sim.Inject(nbusim.Fault{Path: path, Effect: nbusim.Body(`{"data":[` + row + `]}`)})
			}
			attribute("/storage/disk-pools", `{"id":"p","attributes":{"name":"p","diskPoolState":`+state+`,"rawSizeBytes":1,"diskVolumes":[{"id":"v","name":"v","state":`+state+`}]}}`)
			attribute("/storage/storage-servers", `{"id":"s","attributes":{"name":"s","sType":"PureDisk","storageServerState":`+state+`}}`)
			drive := state
			if rest, ok := strings.CutPrefix(strings.TrimLeft(state, ` `), `"`); ok && strings.TrimSpace(strings.Trim(rest, `"`)) != "" {
				drive = `"` + "Drive_Status_" + strings.TrimLeft(rest, ` `)
			}
			attribute("/storage/drives", `{"id":"d","attributes":{"driveStatus":`+drive+`}}`)
			r.tick()
			for _, name := range []string{"nbu_disk_pool_up", "nbu_disk_volume_up", "nbu_storage_server_up", "nbu_tape_drive_up"} {
				r.want(want, name)
			}
			if t.Failed() {
				t.Errorf("state %s", state)
			}
		})
	}
}

// A pool is known by its id in its own metrics and in those of the units that stand on it, so that they join, and two
// pools of one name do not stand in for each other.
func TestPoolsJoinTheirUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := nbusim.NewEstate(8)
		for i, category := range []string{nbusim.MSDP, nbusim.AdvancedDisk} {
			estate.Pools = append(estate.Pools, nbusim.DiskPool{
				Name: "dp", Category: category, State: []string{"UP", "DOWN"}[i], Capacity: int64(i+1) << 40, Used: int64(i+1) << 38,
				Volumes: []nbusim.DiskVolume{{Name: "v", State: "UP", Capacity: 1, Free: 1}},
			})
		}
		r := newRig(t, nbusim.Options{Storage: estate})
		r.tick()
		pools, names := map[string]bool{}, map[string]int{}
		for _, x := range r.batch.Samples {
			if x.Series.Name == "nbu_disk_pool_info" {
				pools[x.Series.Label("disk_pool")] = true
				names[x.Series.Label("name")]++
			}
		}
		if len(pools) != len(estate.Pools) || names["dp"] != 2 {
			t.Errorf("%d pools of %d, %d are called dp", len(pools), len(estate.Pools), names["dp"])
		}
		of := map[string]int{}
		for _, x := range r.batch.Samples {
			id := x.Series.Label("disk_pool")
			if id == "" {
				continue
			}
			of[x.Series.Name]++
			if !pools[id] {
				t.Errorf("%s has disk_pool %q, which no pool has", x.Series.Name, id)
			}
		}
		for _, name := range []string{"nbu_disk_pool_up", "nbu_disk_pool_high_water_mark_ratio"} {
			if of[name] != len(estate.Pools) {
				t.Errorf("%s: %d series for %d pools", name, of[name], len(estate.Pools))
			}
		}
		if of["nbu_storage_unit_info"] == 0 {
			t.Error("no unit stands on a pool")
		}
		up, n := r.live("nbu_disk_pool_up")
		if n != len(estate.Pools) || int(up) != n-1 {
			t.Errorf("%v of %d pools are up, want all but one", up, n)
		}
		shown := map[string]bool{}
		for _, s := range r.site.Overview().Storage {
			if shown[s.Name] {
				t.Errorf("the page shows %q twice", s.Name)
			}
			shown[s.Name] = true
		}
		if !shown["dp (PureDisk)"] || !shown["dp (AdvancedDisk)"] || len(r.site.trends) < 2 {
			t.Errorf("the page shows %v", shown)
		}
	})
}

// Where two rows say different things of what has the same labels, nobody can tell which is right.
func TestContradictionIsAbsentAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		server := func(id, state string) string {
			return `{"id":"` + id + `","attributes":{"name":"media-1","sType":"PureDisk","storageServerState":"` + state + `"}}`
		}
		r.sim.Inject(nbusim.Fault{Path: "/storage/storage-servers", Effect: nbusim.Body(`{"data":[` + server("a", "UP") + `,` + server("b", "DOWN") + `]}`)})
		r.sim.Inject(nbusim.Fault{Path: "/storage/disk-pools", Effect: nbusim.Body(`{"data":[{"id":"p","attributes":{"diskVolumes":[` +
			`{"id":"1","name":"v","state":"UP"},{"id":"2","name":"v","state":"UP"},{"id":"3","name":"w","state":"UP"},{"id":"4","name":"w","state":"DOWN"}]}}]}`)})
		r.tick()
		r.want(none(), "nbu_storage_server_up")
		r.want(none(), "nbu_disk_volume_up", "volume", "w")
		r.want(1, "nbu_disk_volume_up", "volume", "v") // both say the same
		for _, name := range []string{collectorStorageServers, collectorDiskPools} {
			if got := r.store.sum("nbu_rows_unreadable_total", "collector", name); got != 1 {
				t.Errorf("%s: %v rows unreadable, want 1", name, got)
			}
		}
	})
}

// A job that was requeued a minute ago waits since then, however long it has worked before.
func TestRequeuedJobWaitsSinceItWasRequeued(t *testing.T) {
	for _, state := range []nbusim.State{nbusim.Requeued, nbusim.Queued} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: oneUnit()})
			began := time.Now()
			r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{
				{State: nbusim.Active}, {After: 5*time.Hour + 6*minute + 30*time.Second, State: state},
			}})
			for time.Since(began) < 5*time.Hour+6*minute {
				r.tick()
			}
			r.tick()
			requeued := began.Add(5*time.Hour + 6*minute + 30*time.Second)
			for range 5 {
				since, n := r.live("nbu_jobs_oldest_queued_timestamp_seconds")
				if n != 1 || time.UnixMilli(int64(since*1000)).Sub(requeued).Abs() > minute {
					t.Errorf("%s: waits since %v, want %v", state, time.UnixMilli(int64(since*1000)).UTC(), requeued)
				}
				r.tick()
			}
		})
	}
}

// Lists may leave out any value, and rows move while they are read: what is shown all the same is true. The truth is
// what the simulator was told.
func TestUntidyListsNeverLie(t *testing.T) {
	estate := nbusim.NewEstate(40)
	for i := range 230 {
		estate.Drives = append(estate.Drives, nbusim.TapeDrive{Name: "drive-" + strconv.Itoa(i), Status: []string{"DRIVE_STATUS_UP", "DRIVE_STATUS_DOWN"}[i%2]})
	}
	capacity, drives := map[string]float64{}, map[string]float64{}
	for _, p := range estate.Pools {
		capacity[p.Name] = float64(p.Capacity)
	}
	for _, d := range estate.Drives {
		drives[d.Name] = truth(d.Status != "DRIVE_STATUS_DOWN")
	}
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Storage: estate}, func(c *SiteConfig) {
				c.Collect, c.Compat = []string{"all", "-jobs", "-policies"}, compat.Name
			})
			r.sim.AddFindings()
			r.sim.AddAlerts(make([]nbusim.Alert, 330)...)
			r.sim.BeUntidy(nbusim.Untidy{Seed: seed, OneNull: 15, Moving: 3})
			shown := map[string]int{}
			for range 40 {
				r.tick()
				for _, x := range r.batch.Samples {
					s := x.Series
					shown[s.Name]++
					switch s.Name {
					case "nbu_tape_drive_up":
						if want, known := drives[s.Label("tape_drive")]; !known || x.Value != want {
							t.Errorf("seed %d: %v %v", seed, s.Labels, x.Value)
						}
					case "nbu_disk_pool_usable_bytes", "nbu_disk_pool_raw_bytes":
						name, _, _ := strings.Cut(s.Label("disk_pool"), ":") // the simulator's ids begin with the name
						if x.Value != capacity[name] {
							t.Errorf("seed %d: %s %v is %v, want %v", seed, s.Name, s.Labels, x.Value, capacity[name])
						}
					case "nbu_storage_unit_capacity_bytes", "nbu_storage_unit_free_bytes":
						if c := s.Label("category"); x.Value == 0 || c == nbusim.Tape || strings.HasPrefix(c, "CLOUD") {
							t.Errorf("seed %d: %s %v is %v", seed, s.Name, s.Labels, x.Value)
						}
					case "nbu_disk_pool_up", "nbu_disk_volume_up", "nbu_storage_server_up":
						if x.Value != 1 {
							t.Errorf("seed %d: %s %v is down", seed, s.Name, s.Labels)
						}
					}
				}
				for name, most := range map[string]int{"nbu_tape_drives_count": len(estate.Drives), "nbu_alerts": 330 + 5, "nbu_tape_media": len(estate.Tapes)} {
					if got, _ := r.live(name); int(got) > most {
						t.Errorf("seed %d: %s adds up to %v of %d rows", seed, name, got, most)
					}
				}
			}
			for _, name := range []string{"nbu_tape_drive_up", "nbu_disk_pool_usable_bytes", "nbu_storage_unit_capacity_bytes", "nbu_alerts", "nbu_rows_unreadable_total"} {
				if shown[name] < 20 {
					t.Errorf("seed %d: %s was shown %d times in 40 cycles", seed, name, shown[name])
				}
			}
		})
	}
}

// A list of storage with more labels than a collector may have costs it the pages up to there: the others are not asked for.
func TestStorageBeyondTheLimitIsNotReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := nbusim.NewEstate(8)
		for i := range 12_000 { // in pages of 500 units or pools, or of 100 drives
			u, p, d := estate.Units[0], estate.Pools[0], estate.Drives[0]
			u.Name, p.Name, d.Name = strconv.Itoa(i), strconv.Itoa(i), strconv.Itoa(i)
			estate.Units, estate.Pools, estate.Drives = append(estate.Units, u), append(estate.Pools, p), append(estate.Drives, d)
		}
		r := newRig(t, nbusim.Options{Storage: estate})
		r.tick()
		asked := firstQuestions(t)
		for collector, most := range map[string]int{collectorStorage: 10, collectorDiskPools: 10, collectorTapeDrives: 100} {
			r.want(0, "nbu_collector_success", "collector", collector)
			if n := r.sim.Requests(asked[collector].path); n > most {
				t.Errorf("%s: %d pages are asked for, want at most %d", collector, n, most)
			}
		}
	})
}
