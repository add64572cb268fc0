package netbackup

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// CompatExporter is the value of SiteConfig.Compat that adds the metric names and labels of
// nbu_exporter, so that dashboards and rules made for it go on working.
const CompatExporter = "nbu_exporter"

// exporterFamilies are that exporter's metrics, as far as what is collected anyway holds them.
// Only in them are jobs counted over a window: those that ended in the last hour, parents too.
type exporterFamilies struct {
	jobs, bytes, byStatus, byState, byReason, files, dedup *collect.Family
	diskBytes, diskCapacity, unitMaxJobs, unitFragment     *collect.Family
	unitInfo, poolVolumes, drives, driveInfo               *collect.Family
	alerts, malwareScans, scannedFiles, infectedFiles      *collect.Family
	images, slos, tapes, partlyFull, robotHosts            *collect.Family
	apiVersion, lastScrape                                 *collect.Family
	clientSuccess, clientJobs, clientJobSuccess            *collect.Family
}

// sectionExporter is not on the page of metrics: its names are on the page for those who change.
const sectionExporter = "nbu_exporter"

// addExporter adds the families, and to the one whose name both use the label that it lacks.
func (c *catalogue) addExporter() {
	c.exporter = &exporterFamilies{}
	c.duration.Labels = append(slices.Clone(c.duration.Labels), "action")
	c.exporterJobs(collect.NewGroup(&c.all, sectionExporter, ""))
	c.exporterStorage(collect.NewGroup(&c.all, sectionExporter, ""))
	s, x := collect.NewGroup(&c.all, sectionExporter, ""), c.exporter
	x.apiVersion = s.Gauge("nbu_api_version", "", "1 for the API version in use.", "version")
	x.lastScrape = s.Gauge("nbu_last_scrape_timestamp_seconds", "seconds", "Time of the last successful reading of storage or jobs.", "source")
	x.poolVolumes = s.Gauge("nbu_disk_pool_volume_count", "", "Volumes of the disk pool, by state.", "pool_name", "storage_category", "state")
	x.drives = s.Gauge("nbu_tape_drives_count", "", "Tape drives, by state.", "drive_type", "robot_type", "status")
	x.driveInfo = s.Info("nbu_tape_drive_info", "Properties of the tape drive.", "drive_name", "media_server", "drive_type", "robot_number", "status")
	c.exporterProtection(s)
}

func (c *catalogue) exporterJobs(s collect.Group) {
	x := c.exporter
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

func (c *catalogue) exporterStorage(s collect.Group) {
	x := c.exporter
	x.diskBytes = s.Gauge("nbu_disk_bytes", "bytes", "Used and free space in the storage unit.", "name", "type", "size")
	x.diskCapacity = s.Gauge("nbu_disk_capacity_bytes", "bytes", "Capacity of the storage unit.", "name", "type")
	x.unitMaxJobs = s.Gauge("nbu_storage_max_concurrent_jobs", "", "Maximum number of concurrent jobs of the storage unit.", "name", "type")
	x.unitFragment = s.Gauge("nbu_storage_max_fragment_size_bytes", "bytes", "Maximum fragment size of the storage unit.", "name", "type")
	x.unitInfo = s.Info("nbu_storage_info", "Properties of the storage unit.",
		"name", "type", "subtype", "is_cloud", "worm_capable", "use_worm", "replication_capable", "instant_access")
}

func (c *catalogue) exporterProtection(s collect.Group) {
	x := c.exporter
	x.alerts = s.Gauge("nbu_alerts_count", "", "Alerts on the server.", "severity", "category")
	x.scannedFiles = s.Gauge("nbu_malware_files_scanned", "", "Files read by the newest malware scans.")
	x.infectedFiles = s.Gauge("nbu_malware_files_infected", "", "Impacted files found by the newest malware scans.")
	x.malwareScans = s.Gauge("nbu_malware_scan_count", "", "Newest malware scans, by state.", "status")
	x.images = s.Gauge("nbu_catalog_images_count", "", "Images of the last 24 hours.", "malware_status", "anomaly_status")
	x.slos = s.Gauge("nbu_slo_count", "", "Service level objectives.")
	c.exporterTapes(s)
}

func (c *catalogue) exporterTapes(s collect.Group) {
	x := c.exporter
	x.tapes = s.Gauge("nbu_tape_media_count", "", "Tapes by pool, media type and robot type.", "pool", "media_type", "robot_type")
	x.partlyFull = s.Gauge("nbu_tape_pool_partially_full", "", "Partially full tapes in the volume pool.", "pool_name", "pool_type")
	x.robotHosts = s.Gauge("nbu_tape_robot_device_hosts", "", "Hosts that control tape robots.")
}

// noteUnit sets what that exporter tells of a storage unit; of tape it tells nothing.
func (x *exporterFamilies) noteUnit(g *collect.Gauges, u *api.StorageUnit) {
	if x == nil || u.IsTape() {
		return
	}
	setBytes(g, x.diskBytes, u.Free, u.Name, u.ServerType, "free")
	setBytes(g, x.diskBytes, u.Used, u.Name, u.ServerType, "used")
	setBytes(g, x.diskCapacity, u.Capacity, u.Name, u.ServerType)
	setBytes(g, x.unitMaxJobs, u.MaxConcurrentJobs, u.Name, u.ServerType)
	if m := u.MaxFragmentMegabytes; m.Given {
		const bytesPerMegabyte = 1 << 20
		g.Set(x.unitFragment, float64(m.Value)*bytesPerMegabyte, u.Name, u.ServerType)
	}
	g.Set(x.unitInfo, 1, u.Name, u.ServerType, u.SubType, fact(u.IsCloud), fact(u.WormCapable), fact(u.UseWorm),
		fact(u.ReplicationCapable), fact(u.InstantAccess))
}

func (x *exporterFamilies) notePool(g *collect.Gauges, p *api.DiskPool) {
	if x == nil {
		return
	}
	for _, v := range p.Volumes {
		g.Count(x.poolVolumes, p.Name, p.Category, v.State)
	}
}

func (x *exporterFamilies) noteDrive(g *collect.Gauges, v *api.TapeDrive) {
	if x == nil {
		return
	}
	g.Count(x.drives, v.Type, v.RobotType, v.Status)
	if v.Status == "" {
		return // another series for a cycle would be none of the drive's
	}
	g.Set(x.driveInfo, 1, v.Name, v.Host, v.Type, numeral(v.RobotNumber), v.Status)
}

func (x *exporterFamilies) noteAlert(g *collect.Gauges, a *api.Alert) {
	if x != nil {
		g.Count(x.alerts, a.Severity, a.Category)
	}
}

func (x *exporterFamilies) noteScan(g *collect.Gauges, m *api.MalwareScan) {
	if x == nil {
		return
	}
	g.Count(x.malwareScans, m.State)
	addFigure(g, x.scannedFiles, m.Scanned)
	addFigure(g, x.infectedFiles, m.Impacted)
}

func (x *exporterFamilies) noteImage(g *collect.Gauges, i *api.Image) {
	if x != nil {
		g.Count(x.images, i.MalwareStatus, i.AnomalyStatus)
	}
}

func (x *exporterFamilies) noteSLO(g *collect.Gauges) {
	if x != nil {
		g.Count(x.slos)
	}
}

func (x *exporterFamilies) noteTape(g *collect.Gauges, m *api.TapeMedium) {
	if x != nil {
		g.Count(x.tapes, m.Pool, m.Type, m.RobotType)
	}
}

func (x *exporterFamilies) noteVolumePool(g *collect.Gauges, p *api.VolumePool) {
	if x != nil {
		setBytes(g, x.partlyFull, p.PartiallyFull, p.Name, p.Type)
	}
}

func (x *exporterFamilies) noteRobotHost(g *collect.Gauges) {
	if x != nil {
		g.Count(x.robotHosts)
	}
}

func (x *exporterFamilies) noteOpen(g *collect.Gauges, j *api.Job) {
	if x == nil {
		return
	}
	g.Count(x.byState, j.Type, j.State)
	if j.State == api.StateQueued || j.State == api.StateRequeued {
		g.Count(x.byReason, j.Type, strconv.FormatInt(j.QueueReason, 10))
	}
}

// lastHour holds the jobs that ended in the last hour. It is no state: after a restart the first
// reading goes back so far.
type lastHour struct {
	jobs  map[int64]recentJob // by id
	since int64               // server's clock, ms: what ended before is left out
}

// recentJob is what is told of a job.
type recentJob struct {
	end                                         int64 // server's clock, ms
	jobType, policyType, policy, client, status string
	bytes, files                                int64 // absent where negative
	dedup                                       api.Optional[float64]
}

// window is its length in ms.
const window = 3_600_000

// begin forgets what is older than an hour now: a first reading of a year keeps no more than that.
func (h *lastHour) begin(now int64) {
	if h == nil {
		return
	}
	h.since = now - window
	maps.DeleteFunc(h.jobs, func(_ int64, j recentJob) bool { return j.end <= h.since })
}

// note keeps a job that is done, or sees it again.
func (h *lastHour) note(j *api.Job, e *ending) {
	if h == nil || e.End <= h.since {
		return
	}
	status := ""
	if e.status >= 0 {
		status = strconv.Itoa(int(e.status))
	}
	h.jobs[e.ID] = recentJob{
		end: e.End, jobType: j.Type, policyType: j.PolicyType, policy: j.Policy, client: j.Client, status: status,
		bytes: e.bytes, files: e.files, dedup: j.DedupRatio,
	}
}

// ended are the jobs in the order of their ids, so that sums come out the same to the bit.
func (h *lastHour) ended() []recentJob {
	list := make([]recentJob, 0, len(h.jobs))
	for _, id := range slices.Sorted(maps.Keys(h.jobs)) {
		list = append(list, h.jobs[id])
	}
	return list
}

// emitExporter sets the gauges of jobs once those of the cycle are known.
func (s *Site) emitExporter() {
	x, g := s.catalogue.exporter, s.exporter
	if x == nil {
		return
	}
	g.Reset()
	if s.ping.APIVersion == "" {
		return
	}
	g.Set(x.apiVersion, 1, s.ping.APIVersion)
	for _, c := range s.collectors {
		if c.health.lastSuccess != 0 && (c.name == collectorStorage || c.name == collectorJobs) {
			g.Set(x.lastScrape, float64(c.health.lastSuccess)/1000, c.name)
		}
	}
	if s.reading == nil || !s.reading.complete() {
		return
	}
	ended := s.ledger.lastHour.ended()
	for i := range ended {
		x.noteEnded(g, &ended[i])
	}
	x.noteDedup(g, ended)
	x.noteClients(g, ended, s.clients, s.cfg.MaxClientSeries)
}

func (x *exporterFamilies) noteEnded(g *collect.Gauges, j *recentJob) {
	g.Count(x.jobs, j.jobType, j.policyType, j.status)
	g.Count(x.byStatus, j.jobType, j.status)
	g.Count(x.byState, j.jobType, api.StateDone)
	g.AddGiven(x.bytes, float64(j.bytes), j.bytes >= 0, j.jobType, j.policyType, j.status)
	g.AddGiven(x.files, float64(j.files), j.files >= 0, j.jobType, j.policyType)
}

// noteDedup sets the means, over the jobs that give a ratio.
func (x *exporterFamilies) noteDedup(g *collect.Gauges, ended []recentJob) {
	type sum struct{ ratios, jobs float64 }
	sums := map[timingKey]sum{}
	for _, j := range ended {
		if j.dedup.Given {
			k := timingKey{j.jobType, j.policyType}
			sums[k] = sum{sums[k].ratios + j.dedup.Value, sums[k].jobs + 1}
		}
	}
	for k, s := range sums {
		g.Set(x.dedup, s.ratios/s.jobs, k.jobType, k.policyType)
	}
}

// clientWork is a kind of job of a client under a policy.
type clientWork struct{ client, policy, action string }

// noteClients sets what that exporter tells of chosen clients, for all of them up to the cap.
func (x *exporterFamilies) noteClients(g *collect.Gauges, ended []recentJob, c *clients, limit int) {
	last := map[clientWork]float64{}
	for k, p := range c.pairs {
		if p.success != nil {
			last[clientWork{k.client, k.policy, backup}] = p.success.value
		}
	}
	for _, j := range ended {
		if j.client == "" {
			continue
		}
		if limit--; limit >= 0 {
			g.Count(x.clientJobs, j.client, j.jobType, j.status)
		}
		if k := (clientWork{j.client, j.policy, j.jobType}); j.status == "0" {
			last[k] = max(last[k], float64(j.end)/1000)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(last), clientWork.compare) {
		if limit--; limit < 0 {
			return
		}
		g.Set(x.clientJobSuccess, last[k], k.client, k.policy, k.action)
		if k.action == backup {
			at := g.At(x.clientSuccess, k.client)
			*at = max(*at, last[k])
		}
	}
}

func (k clientWork) compare(o clientWork) int {
	return cmp.Or(cmp.Compare(k.client, o.client), cmp.Compare(k.policy, o.policy), cmp.Compare(k.action, o.action))
}

// timingLabels are the values of the labels of a histogram of times: with that exporter's names,
// the type of the job under both.
func timingLabels(f *collect.Family, jobType, policyType string) []string {
	if hasAction(f) {
		return []string{jobType, policyType, jobType}
	}
	return []string{jobType, policyType}
}

func hasAction(f *collect.Family) bool { return slices.Contains(f.Labels, "action") }
