package compat

import (
	"strconv"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// Name is the value of BACKWIRE_COMPAT that adds the metric names and labels of nbu_exporter.
const Name = "nbu_exporter"

// Section is where the metrics are declared. It is not on the page of metrics: these names are on the page for migration.
const Section = "nbu_exporter"

// LabelJobType is nbu_exporter's label for the type of a job. Both use the name nbu_job_duration_seconds, so that its
// series have this label beside job_type.
const LabelJobType = "action"

// Exporter holds the metrics of nbu_exporter, as far as what is collected anyway has their values. A nil one is not wanted:
// its methods for rows do nothing. It is not changed once it is made; the gauges that its methods set are the caller's.
type Exporter struct {
	jobs, bytes, byStatus, byState, byReason, files, dedup *collect.Family
	diskBytes, diskCapacity, unitMaxJobs, unitFragment     *collect.Family
	unitInfo, poolVolumes, drives, driveInfo               *collect.Family
	alerts, malwareScans, scannedFiles, infectedFiles      *collect.Family
	images, slos, tapes, partlyFull, robotHosts            *collect.Family
	apiVersion, lastScrape                                 *collect.Family
	clientSuccess, clientJobs, clientJobSuccess            *collect.Family
}

// Declare adds the metrics to all.
func Declare(all *[]*collect.Family) *Exporter {
	x, s := &Exporter{}, collect.NewGroup(all, Section, "")
	x.declareJobs(s)
	x.declareStorage(s)
	x.apiVersion = s.Gauge("nbu_api_version", "", "1 for the API version in use.", "version")
	x.lastScrape = s.Gauge("nbu_last_scrape_timestamp_seconds", "seconds", "Time of the last successful reading of storage or jobs.", "source")
	x.poolVolumes = s.Gauge("nbu_disk_pool_volume_count", "", "Volumes of the disk pool, by state.", "pool_name", "storage_category", "state")
	x.drives = s.Gauge("nbu_tape_drives_count", "", "Tape drives, by state.", "drive_type", "robot_type", "status")
	x.driveInfo = s.Info("nbu_tape_drive_info", "Properties of the tape drive.", "drive_name", "media_server", "drive_type", "robot_number", "status")
	x.declareProtection(s)
	return x
}

func (x *Exporter) declareJobs(s collect.Group) {
	x.jobs = s.Gauge("nbu_jobs_count", "", "Jobs that ended in the last hour.", "action", "policy_type", "status")
	x.bytes = s.Gauge("nbu_jobs_bytes", "bytes", "Bytes of the jobs that ended in the last hour.", "action", "policy_type", "status")
	x.byStatus = s.Gauge("nbu_status_count", "", "Jobs that ended in the last hour.", "action", "status")
	x.byState = s.Gauge("nbu_jobs_state_count", "", "Unfinished jobs by state, and jobs that ended in the last hour.", "action", "state")
	x.byReason = s.Gauge("nbu_jobs_queued_count", "", "Queued jobs, by reason code.", "action", "reason")
	x.files = s.Gauge("nbu_jobs_files_count", "", "Files of the jobs that ended in the last hour.", "action", "policy_type")
	x.dedup = s.Gauge("nbu_jobs_dedup_ratio", "ratio", "Mean deduplication ratio of the jobs that ended in the last hour and report one.", "action", "policy_type")
	x.clientSuccess = s.Gauge("nbu_client_last_successful_backup_timestamp_seconds", "seconds",
		"End of the client's last successful or partially successful backup, under any policy.", "client")
	x.clientJobs = s.Gauge("nbu_client_jobs_count", "", "Jobs of the client that ended in the last hour.", "client", "action", "status")
	x.clientJobSuccess = s.Gauge("nbu_client_last_job_success_seconds", "seconds",
		"End of the client's last successful job of this type. Backups: ever; other jobs: in the last hour.", "client", "policy", "action")
}

func (x *Exporter) declareStorage(s collect.Group) {
	x.diskBytes = s.Gauge("nbu_disk_bytes", "bytes", "Used and free space in the storage unit.", "name", "type", "size")
	x.diskCapacity = s.Gauge("nbu_disk_capacity_bytes", "bytes", "Capacity of the storage unit.", "name", "type")
	x.unitMaxJobs = s.Gauge("nbu_storage_max_concurrent_jobs", "", "Maximum number of concurrent jobs of the storage unit.", "name", "type")
	x.unitFragment = s.Gauge("nbu_storage_max_fragment_size_bytes", "bytes", "Maximum fragment size of the storage unit.", "name", "type")
	x.unitInfo = s.Info("nbu_storage_info", "Properties of the storage unit.",
		"name", "type", "subtype", "is_cloud", "worm_capable", "use_worm", "replication_capable", "instant_access")
}

func (x *Exporter) declareProtection(s collect.Group) {
	x.alerts = s.Gauge("nbu_alerts_count", "", "Alerts on the server.", "severity", "category")
	x.scannedFiles = s.Gauge("nbu_malware_files_scanned", "", "Files read by the newest malware scans.")
	x.infectedFiles = s.Gauge("nbu_malware_files_infected", "", "Impacted files found by the newest malware scans.")
	x.malwareScans = s.Gauge("nbu_malware_scan_count", "", "Newest malware scans, by state.", "status")
	x.images = s.Gauge("nbu_catalog_images_count", "", "Images of the last 24 hours.", "malware_status", "anomaly_status")
	x.slos = s.Gauge("nbu_slo_count", "", "Service level objectives.")
	x.declareTapes(s)
}

func (x *Exporter) declareTapes(s collect.Group) {
	x.tapes = s.Gauge("nbu_tape_media_count", "", "Tapes by pool, media type and robot type.", "pool", "media_type", "robot_type")
	x.partlyFull = s.Gauge("nbu_tape_pool_partially_full", "", "Partially full tapes in the volume pool.", "pool_name", "pool_type")
	x.robotHosts = s.Gauge("nbu_tape_robot_device_hosts", "", "Hosts that control tape robots.")
}

// StorageUnit sets the gauges of a storage unit; of tape that exporter has none.
func (x *Exporter) StorageUnit(g *collect.Gauges, u *api.StorageUnit) {
	if x == nil || u.IsTape() {
		return
	}
	tell(g, x.diskBytes, u.Free, u.Name, u.ServerType, "free")
	tell(g, x.diskBytes, u.Used, u.Name, u.ServerType, "used")
	tell(g, x.diskCapacity, u.Capacity, u.Name, u.ServerType)
	tell(g, x.unitMaxJobs, u.MaxConcurrentJobs, u.Name, u.ServerType)
	if m := u.MaxFragmentMegabytes; m.Given {
		const bytesPerMegabyte = 1 << 20
		g.Set(x.unitFragment, float64(m.Value)*bytesPerMegabyte, u.Name, u.ServerType)
	}
	g.Set(x.unitInfo, 1, u.Name, u.ServerType, u.SubType, u.IsCloud.String(), u.WormCapable.String(), u.UseWorm.String(),
		u.ReplicationCapable.String(), u.InstantAccess.String())
}

// DiskPool counts the volumes of a disk pool.
func (x *Exporter) DiskPool(g *collect.Gauges, p *api.DiskPool) {
	if x == nil {
		return
	}
	for _, v := range p.Volumes {
		g.Count(x.poolVolumes, p.Name, p.Category, v.State)
	}
}

// TapeDrive counts a tape drive, and sets its properties.
func (x *Exporter) TapeDrive(g *collect.Gauges, v *api.TapeDrive) {
	if x == nil {
		return
	}
	g.Count(x.drives, v.Type, v.RobotType, v.Status)
	if v.Status == "" {
		return // another series for a cycle would be none of the drive's
	}
	g.Set(x.driveInfo, 1, v.Name, v.Host, v.Type, v.RobotNumber.String(), v.Status)
}

// Alert counts an alert.
func (x *Exporter) Alert(g *collect.Gauges, a *api.Alert) {
	if x != nil {
		g.Count(x.alerts, a.Severity, a.Category)
	}
}

// MalwareScan counts a malware scan and its files.
func (x *Exporter) MalwareScan(g *collect.Gauges, m *api.MalwareScan) {
	if x == nil {
		return
	}
	g.Count(x.malwareScans, m.State)
	g.AddGiven(x.scannedFiles, float64(m.Scanned.Value), m.Scanned.Given)
	g.AddGiven(x.infectedFiles, float64(m.Impacted.Value), m.Impacted.Given)
}

// Image counts an image.
func (x *Exporter) Image(g *collect.Gauges, i *api.Image) {
	if x != nil {
		g.Count(x.images, i.MalwareStatus, i.AnomalyStatus)
	}
}

// SLO counts a service level objective.
func (x *Exporter) SLO(g *collect.Gauges) {
	if x != nil {
		g.Count(x.slos)
	}
}

// TapeMedium counts a tape.
func (x *Exporter) TapeMedium(g *collect.Gauges, m *api.TapeMedium) {
	if x != nil {
		g.Count(x.tapes, m.Pool, m.Type, m.RobotType)
	}
}

// VolumePool sets the partly full tapes of a volume pool.
func (x *Exporter) VolumePool(g *collect.Gauges, p *api.VolumePool) {
	if x != nil {
		tell(g, x.partlyFull, p.PartiallyFull, p.Name, p.Type)
	}
}

// RobotHost counts a host that controls a robot.
func (x *Exporter) RobotHost(g *collect.Gauges) {
	if x != nil {
		g.Count(x.robotHosts)
	}
}

// OpenJob counts a job that is not finished.
func (x *Exporter) OpenJob(g *collect.Gauges, j *api.Job) {
	if x == nil {
		return
	}
	g.Count(x.byState, j.Type, j.State)
	if j.State == api.StateQueued || j.State == api.StateRequeued {
		g.Count(x.byReason, j.Type, strconv.FormatInt(j.QueueReason, 10))
	}
}

// Server sets the version of the API that is spoken with the server.
func (x *Exporter) Server(g *collect.Gauges, apiVersion string) { g.Set(x.apiVersion, 1, apiVersion) }

// LastScrape sets when a part was last read whole, in seconds since the epoch by the agent's clock; from is storage or jobs.
func (x *Exporter) LastScrape(g *collect.Gauges, from string, at float64) {
	g.Set(x.lastScrape, at, from)
}

// tell sets what the server gave.
func tell(g *collect.Gauges, f *collect.Family, v api.Optional[int64], labels ...string) {
	if v.Given {
		g.Tell(f, float64(v.Value), labels...)
	}
}
