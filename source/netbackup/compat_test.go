package netbackup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/source"
	"backwire/source/netbackup/compat"
	"backwire/source/netbackup/nbusim"
)

func withExporter(c *SiteConfig) { c.Compat = compat.Name }

// legacy spells the last whole batch's series of that exporter, sorted.
func (r *rig) legacy() (lines []string) {
	for _, x := range r.batch.Samples {
		f := r.site.catalogue.named(x.Series.Metric.Name)
		if f == nil || f.Section != compat.Section || f.Name == "nbu_last_scrape_timestamp_seconds" {
			continue
		}
		lines = append(lines, spelled(x))
	}
	slices.Sort(lines)
	return lines
}

func spelled(x source.Sample) string {
	var labels []string
	for _, l := range x.Series.Labels {
		if l.Name != "site" {
			labels = append(labels, l.Name+"="+l.Value)
		}
	}
	return fmt.Sprintf("%s{%s} %v", x.Series.Name, strings.Join(labels, ","), x.Value)
}

func wantLines(t *testing.T, got []string, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if !slices.Equal(got, lines) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// someJobs are one that succeeded, one that failed, a parent with its child, a copy, one that
// runs and one that waits. They end within a minute and a half of now.
func someJobs(r *rig) (ended time.Time) {
	run := func(status int) []nbusim.Step { return nbusim.Run(time.Second, 9*time.Second, status) }
	full := nbusim.Work{Kilobytes: 100, Moved: 10, Files: 7}
	r.sim.AddJob(nbusim.JobSpec{Policy: "gold", PolicyType: "ORACLE", Client: "db-1", Work: full, Life: run(0)})
	r.sim.AddJob(nbusim.JobSpec{Policy: "gold", PolicyType: "ORACLE", Client: "db-2", Life: run(58)})
	parent := r.sim.AddJob(nbusim.JobSpec{Policy: "vm", PolicyType: "VMWARE", Client: "vm-1", Life: run(1)})
	r.sim.AddJob(nbusim.JobSpec{Parent: parent, Policy: "vm", PolicyType: "VMWARE", Client: "vm-1", Work: full, Life: run(1)})
	r.sim.AddJob(nbusim.JobSpec{Type: "DUPLICATE", Policy: "gold", PolicyType: "ORACLE", Client: "db-1", Work: full, Life: run(0)})
	r.sim.AddJob(nbusim.JobSpec{Policy: "gold", Life: []nbusim.Step{{State: nbusim.Active}}})
	r.sim.AddJob(nbusim.JobSpec{Policy: "gold"})
	return time.Now().Add(10 * time.Second)
}

const legacyLines = `
	nbu_alerts_count{category=JOB,severity=ERROR} 2
	nbu_api_version{version=14.0} 1
	nbu_catalog_images_count{anomaly_status=NOT_PROCESSED,malware_status=NOT_SCANNED} 2
	nbu_client_jobs_count{action=BACKUP,client=db-1,status=0} 1
	nbu_client_jobs_count{action=BACKUP,client=db-2,status=58} 1
	nbu_client_jobs_count{action=BACKUP,client=vm-1,status=1} 2
	nbu_client_jobs_count{action=DUPLICATE,client=db-1,status=0} 1
	nbu_client_last_job_success_seconds{action=BACKUP,client=db-1,policy=gold} ENDED
	nbu_client_last_job_success_seconds{action=BACKUP,client=vm-1,policy=vm} ENDED
	nbu_client_last_job_success_seconds{action=DUPLICATE,client=db-1,policy=gold} ENDED
	nbu_client_last_successful_backup_timestamp_seconds{client=db-1} ENDED
	nbu_client_last_successful_backup_timestamp_seconds{client=vm-1} ENDED
	nbu_disk_bytes{name=stu-1,size=free,type=PureDisk} 8.24633720832e+11
	nbu_disk_bytes{name=stu-1,size=used,type=PureDisk} 2.74877906944e+11
	nbu_disk_capacity_bytes{name=stu-1,type=PureDisk} 1.099511627776e+12
	nbu_disk_pool_volume_count{pool_name=pool-1,state=DOWN,storage_category=MSDP} 1
	nbu_jobs_bytes{action=BACKUP,policy_type=ORACLE,status=0} 102400
	nbu_jobs_bytes{action=BACKUP,policy_type=ORACLE,status=58} 0
	nbu_jobs_bytes{action=BACKUP,policy_type=VMWARE,status=1} 102400
	nbu_jobs_bytes{action=DUPLICATE,policy_type=ORACLE,status=0} 102400
	nbu_jobs_count{action=BACKUP,policy_type=ORACLE,status=0} 1
	nbu_jobs_count{action=BACKUP,policy_type=ORACLE,status=58} 1
	nbu_jobs_count{action=BACKUP,policy_type=VMWARE,status=1} 2
	nbu_jobs_count{action=DUPLICATE,policy_type=ORACLE,status=0} 1
	nbu_jobs_dedup_ratio{action=BACKUP,policy_type=ORACLE} 45
	nbu_jobs_dedup_ratio{action=BACKUP,policy_type=VMWARE} 45
	nbu_jobs_dedup_ratio{action=DUPLICATE,policy_type=ORACLE} 90
	nbu_jobs_files_count{action=BACKUP,policy_type=ORACLE} 7
	nbu_jobs_files_count{action=BACKUP,policy_type=VMWARE} 7
	nbu_jobs_files_count{action=DUPLICATE,policy_type=ORACLE} 7
	nbu_jobs_queued_count{action=BACKUP,reason=5} 1
	nbu_jobs_state_count{action=BACKUP,state=ACTIVE} 1
	nbu_jobs_state_count{action=BACKUP,state=DONE} 4
	nbu_jobs_state_count{action=BACKUP,state=QUEUED} 1
	nbu_jobs_state_count{action=DUPLICATE,state=DONE} 1
	nbu_malware_files_infected{} 3
	nbu_malware_files_scanned{} 200
	nbu_malware_scan_count{status=SCAN_COMPLETED} 2
	nbu_slo_count{} 2
	nbu_status_count{action=BACKUP,status=0} 1
	nbu_status_count{action=BACKUP,status=1} 2
	nbu_status_count{action=BACKUP,status=58} 1
	nbu_status_count{action=DUPLICATE,status=0} 1
	nbu_storage_info{instant_access=true,is_cloud=false,name=stu-1,replication_capable=true,subtype=PureDisk,type=PureDisk,use_worm=false,worm_capable=false} 1
	nbu_storage_max_concurrent_jobs{name=stu-1,type=PureDisk} 20
	nbu_storage_max_fragment_size_bytes{name=stu-1,type=PureDisk} 5.36870912e+10
	nbu_tape_drive_info{drive_name=drive-1,drive_type=DT_HCART3,media_server=media-1,robot_number=0,status=DRIVE_STATUS_UP} 1
	nbu_tape_drive_info{drive_name=drive-2,drive_type=DT_HCART3,media_server=media-1,robot_number=0,status=DRIVE_STATUS_UP} 1
	nbu_tape_drives_count{drive_type=DT_HCART3,robot_type=TLD,status=DRIVE_STATUS_UP} 2
	nbu_tape_media_count{media_type=HCART3,pool=NetBackup,robot_type=TLD} 2
	nbu_tape_pool_partially_full{pool_name=NetBackup,pool_type=REGULAR_MEDIA_POOL} 3
	nbu_tape_robot_device_hosts{} 1
`

// Name by name and label by label.
func TestExporterNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := oneUnit()
		e.Drives = []nbusim.TapeDrive{{Name: "drive-1", Host: "media-1"}, {Name: "drive-2", Host: "media-1"}}
		e.Tapes = []nbusim.TapeMedium{{ID: "A00001"}, {ID: "A00002", Status: "FROZEN"}}
		e.VolumePools = []nbusim.VolumePool{{Name: "NetBackup", PartiallyFull: 3}}
		e.RobotHosts = []string{"media-1"}
		r := newRig(t, nbusim.Options{Storage: e}, withExporter)
		r.sim.AddAlerts(nbusim.Alert{}, nbusim.Alert{})
		r.sim.AddMalwareScans(nbusim.MalwareScan{Scanned: 100, Impacted: 3}, nbusim.MalwareScan{Scanned: 100})
		r.sim.AddImages(nbusim.Image{At: r.sim.Now()}, nbusim.Image{At: r.sim.Now()})
		r.sim.AddSLOs(nbusim.SLO{Name: "gold"}, nbusim.SLO{Name: "silver", Workload: "CLOUD"})
		ended := someJobs(r)
		r.tick()
		want := strings.ReplaceAll(legacyLines, "ENDED", fmt.Sprint(float64(ended.Unix())))
		wantLines(t, r.legacy(), want)
		r.start() // the window is no state: it is read again
		r.tick()
		wantLines(t, r.legacy(), want)
		for range 60 {
			r.tick()
		}
		for _, line := range r.legacy() {
			if strings.HasPrefix(line, "nbu_jobs_count") || strings.HasPrefix(line, "nbu_status_count") || strings.Contains(line, "DUPLICATE") {
				t.Errorf("an hour later there is %s", line)
			}
		}
		r.want(float64(ended.Unix()), "nbu_client_last_successful_backup_timestamp_seconds", "client", "db-1")
		if _, n := r.live("nbu_last_scrape_timestamp_seconds", "source", "storage"); n != 1 {
			t.Errorf("%d series of the last scrape of storage", n)
		}
		if _, n := r.live("nbu_last_scrape_timestamp_seconds"); n != 2 {
			t.Errorf("%d series of the last scrape, want those of storage and jobs", n)
		}
	})
}

func TestExporterNamesAreNotThereUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		someJobs(r)
		r.tick()
		for _, x := range r.batch.Samples {
			if x.Series.Label("action") != "" || strings.HasPrefix(x.Series.Name, "nbu_disk_bytes") {
				t.Errorf("there is %s", spelled(x))
			}
		}
	})
}

// The one name that both have carries the labels of both, in one set of series: where it was
// counted without them before, it begins again with 0, so that increase() stays true.
func TestExporterSharesTheHistogramOfDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		someJobs(r)
		r.tick()
		r.cfg.Compat = compat.Name
		r.start()
		r.sim.AddJob(nbusim.JobSpec{Policy: "gold", PolicyType: "ORACLE", Client: "db-1", Life: nbusim.Run(time.Second, time.Second, 0)})
		r.tick()
		r.want(1, "nbu_job_duration_seconds_count", "action", "BACKUP", "job_type", "BACKUP", "policy_type", "ORACLE")
		r.want(1, "nbu_job_duration_seconds_bucket", "action", "BACKUP", "policy_type", "ORACLE", "le", "60.0")
		r.start()
		r.tick()
		r.want(1, "nbu_job_duration_seconds_bucket", "action", "BACKUP", "policy_type", "ORACLE", "le", "60.0")
		for _, x := range r.batch.Samples {
			if strings.HasPrefix(x.Series.Name, "nbu_job_duration_seconds") && x.Series.Label("action") == "" {
				t.Errorf("there is %s", spelled(x))
			}
			if strings.HasPrefix(x.Series.Name, "nbu_job_queue_wait") && x.Series.Label("action") != "" {
				t.Errorf("there is %s", spelled(x))
			}
		}
	})
}

// A site that does not answer says nothing of its jobs, and gives up nothing of the window.
func TestExporterNamesEndWithTheSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, withExporter)
		someJobs(r)
		r.tick()
		heal := r.sim.Inject(nbusim.Fault{Effect: nbusim.Reset()})
		r.tickFor(5 * time.Second)
		if got := r.legacy(); len(got) > 0 {
			t.Errorf("got %v", got)
		}
		heal()
		r.tick()
		r.want(2, "nbu_jobs_count", "policy_type", "VMWARE")
	})
}

func TestExporterClientSeriesAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, withExporter, func(c *SiteConfig) { c.MaxClientSeries = 4 })
		someJobs(r)
		r.tick()
		n := 0
		for _, line := range r.legacy() {
			if strings.HasPrefix(line, "nbu_client_jobs") || strings.HasPrefix(line, "nbu_client_last_job") {
				n++
			}
		}
		if n == 0 || n > 4 {
			t.Errorf("%d series of clients, want at most 4", n)
		}
	})
}

// The first reading of a long history keeps an hour of it.
func TestExporterKeepsAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()}, withExporter)
		r.sim.AddHistory(nbusim.Workload{Seed: 2}, 2400, 24*time.Hour)
		r.tick()
		if n := len(r.site.ledger.lastHour.All()); n == 0 || n > 300 {
			t.Errorf("%d jobs are kept of 100 an hour", n)
		}
		for range 3 * 60 {
			r.tick()
		}
		if n := len(r.site.ledger.lastHour.All()); n != 0 {
			t.Errorf("%d jobs are kept three hours later", n)
		}
	})
}
