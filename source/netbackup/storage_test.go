package netbackup

import (
	"net/http"
	"testing"
	"testing/synctest"

	"backwire/source/netbackup/nbusim"
)

func TestStorageHasCapacityWhereItMeansSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := oneUnit()
		e.Units = append(e.Units,
			nbusim.StorageUnit{Name: "tape-1", Category: nbusim.Tape},
			nbusim.StorageUnit{Name: "cloud-1", Category: nbusim.Cloud, Capacity: nbusim.Boundless},
			nbusim.StorageUnit{Name: "odd-1", Category: nbusim.OpenStorage, Capacity: nbusim.Boundless, MaxConcurrentJobs: 3})
		r := newRig(t, nbusim.Options{Storage: e})
		r.tick()
		for _, unit := range []string{"tape-1", "cloud-1", "odd-1"} {
			r.want(none(), "nbu_storage_unit_capacity_bytes", "storage_unit", unit)
			r.want(1, "nbu_storage_unit_info", "storage_unit", unit)
		}
		r.want(1<<40, "nbu_storage_unit_capacity_bytes", "storage_unit", "stu-1", "category", "MSDP")
		r.want(20, "nbu_storage_unit_max_concurrent_jobs", "storage_unit", "stu-1")
		r.want(none(), "nbu_storage_unit_max_concurrent_jobs", "storage_unit", "tape-1")
	})
}

func TestStorageShowsPoolsVolumesAndServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.tick()
		r.want(1<<38, "nbu_disk_pool_used_bytes", "disk_pool", "pool-1:PureDisk", "category", "MSDP")
		r.want(1<<40, "nbu_disk_pool_raw_bytes", "disk_pool", "pool-1:PureDisk")
		r.want(1, "nbu_disk_pool_up", "disk_pool", "pool-1:PureDisk")
		r.want(0, "nbu_disk_volume_up", "disk_pool", "pool-1:PureDisk", "volume", "vol-1")
		r.want(1, "nbu_storage_server_up", "storage_server", "media-1", "type", "PureDisk")
		r.want(12.5, "nbu_storage_server_dedup_ratio")
		if high, n := r.live("nbu_disk_pool_high_water_mark_ratio"); n != 1 || high <= 0 || high > 1 {
			t.Errorf("%d high water marks, %v", n, high)
		}
	})
}

func TestStorageThatIsGoneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.tick()
		e := oneUnit()
		e.Units[0].Name = "stu-2"
		r.sim.SetStorage(e)
		r.tick()
		r.want(none(), "nbu_storage_unit_info", "storage_unit", "stu-1")
		r.want(1, "nbu_storage_unit_info", "storage_unit", "stu-2")
	})
}

// TestStorageThatIsNotShownIsNotZero has a role taken away: the answer is 200 and empty.
func TestStorageThatIsNotShownIsNotZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddJob(quick("gold"))
		r.tick()
		r.want(1, "nbu_collector_success", "collector", "storage")
		r.sim.Inject(nbusim.Fault{Path: "/storage/storage-units", Effect: nbusim.EmptyList()})
		r.sim.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.EmptyList()})
		r.tick()
		r.want(0, "nbu_collector_success", "collector", "storage")
		r.want(0, "nbu_collector_success", "collector", "jobs")
		r.want(1, "nbu_jobs_completed_total")
		r.want(1, "nbu_up")
	})
}

// TestStorageThatIsNotShownIsNotDown has nothing to show at all, to a credential that is accepted.
func TestStorageThatIsNotShownIsNotDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{}, func(c *SiteConfig) { c.Collect = []string{collectorStorage} })
		r.tick()
		r.want(0, "nbu_collector_success", "collector", "storage")
		r.want(1, "nbu_up")
	})
}

// TestStorageThatIsNotOfferedIsNoFailure is a server of a smaller role.
func TestStorageThatIsNotOfferedIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.Inject(nbusim.Fault{Path: "/storage/storage-servers", Effect: nbusim.Status(http.StatusNotFound)})
		r.tick()
		r.want(none(), "nbu_collector_success", "collector", "storage_servers")
		r.want(1, "nbu_collector_success", "collector", "disk_pools")
		st := r.site.Status()
		for _, c := range st.Collectors {
			if c.NotOffered != (c.Name == collectorStorageServers) {
				t.Errorf("status of %s: %+v", c.Name, c)
			}
		}
		if !st.Up || st.APIVersion == "" || st.ReadUntil.IsZero() {
			t.Errorf("status %+v", st)
		}
	})
}

func TestStorageHasNoNegativeRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		estate := oneUnit()
		estate.Servers[0].DedupRatio = -1
		r := newRig(t, nbusim.Options{Storage: estate})
		r.tick()
		r.want(none(), "nbu_storage_server_dedup_ratio")
		r.want(1, "nbu_storage_server_up")
	})
}

func TestTapeDrivesAreUpOrDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := oneUnit()
		for _, status := range []string{"UP", "DOWN", "MIXED", "DISABLED", "NEW"} {
			e.Drives = append(e.Drives, nbusim.TapeDrive{Name: status, Status: "DRIVE_STATUS_" + status, Host: "media-1", RobotNumber: 3})
		}
		r := newRig(t, nbusim.Options{Release: "11.0", Storage: e})
		r.tick()
		for status, up := range map[string]float64{"UP": 1, "MIXED": 1, "DOWN": 0, "DISABLED": 0, "NEW": none()} {
			r.want(up, "nbu_tape_drive_up", "tape_drive", status)
		}
		r.want(1, "nbu_tape_drive_up", "tape_drive", "UP", "media_server", "media-1", "drive_type", "DT_HCART3", "robot_number", "3")
		r.want(1, "nbu_collector_success", "collector", "tape_drives")
	})
}
