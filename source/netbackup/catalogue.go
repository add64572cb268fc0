package netbackup

import "backwire/source"

//go:generate go test -run (TestMetricsReference|TestMigrationPage)IsCurrent -update .

// family is one metric of the catalogue: what its series have in common, the names of
// their labels beside site, and the collector that reads it.
type family struct {
	*source.Metric
	section   string
	collector string
	labels    []string
	buckets   []float64 // upper bounds of a histogram, ascending, without +Inf
}

// The sections of the reference page, in its order.
const (
	sectionHealth     = "Health"
	sectionJobs       = "Jobs"
	sectionClients    = "Clients"
	sectionStorage    = "Storage"
	sectionProtection = "Protection"
)

// catalogue holds every metric of a primary server, each once. It is never changed after
// newCatalogue.
type catalogue struct {
	healthFamilies
	jobFamilies
	clientFamilies
	storageFamilies
	protectionFamilies
	exporter *exporterFamilies // nil where its names are not wanted

	all []*family // in the order of the reference page
}

type healthFamilies struct {
	up, collectorSuccess, collectorDuration, collectorLastSuccess *family
	serverInfo, clockSkew, keyExpiry, certificateExpiry           *family
	rowsUnreadable                                                *family
}

type jobFamilies struct {
	completed, bytes, moved, files, retries  *family
	duration, queueWait                      *family
	open, queued, oldestQueued, oldestActive *family
	stalled, mediaJobs, mediaRate            *family
	catalogBackup                            *family
	unseen, resets, folded, jobProblems      *family
	unaccounted                              *family
}

type clientFamilies struct {
	lastSuccess, lastAttempt, lastStatus, failures, lastBytes, overflow *family
	rpo, neverSucceeded, unreadablePolicies                             *family
}

type storageFamilies struct {
	unitCapacity, unitUsed, unitFree, unitMaxJobs, unitInfo *family
	poolRaw, poolUsable, poolUsed, poolAvailable            *family
	poolHighWater, poolLowWater, poolUp, poolInfo, volumeUp *family
	serverUp, serverDedup, driveUp                          *family
	tapes, partlyFull, robotHosts                           *family
}

type protectionFamilies struct {
	alerts, malwareScans, scannedFiles, impactedFiles, images, slos *family
}

func newCatalogue() *catalogue {
	c := &catalogue{}
	c.health()
	c.jobs()
	c.clients()
	c.storageUnits()
	c.diskPools()
	c.storageServers()
	c.tapeDrives()
	c.protection()
	return c
}

func (c *catalogue) add(f *family) *family {
	c.all = append(c.all, f)
	return f
}

// shelf is where a group of metrics belongs.
type shelf struct {
	c                  *catalogue
	section, collector string
}

func (s shelf) gauge(name, unit, help string, labels ...string) *family {
	return s.put(source.Metric{Name: name, Type: source.Gauge, Unit: unit, Help: help}, labels)
}

// memory is a gauge that is kept over restarts and emitted although nobody answers.
func (s shelf) memory(name, unit, help string, labels ...string) *family {
	return s.put(source.Metric{Name: name, Type: source.Gauge, Unit: unit, Help: help, Durable: true}, labels)
}

func (s shelf) info(name, help string, labels ...string) *family {
	return s.put(source.Metric{Name: name, Type: source.Info, Help: help}, labels)
}

func (s shelf) counter(name, unit, help string, labels ...string) *family {
	return s.put(source.Metric{Name: name, Type: source.Counter, Unit: unit, Help: help, Durable: true}, labels)
}

func (s shelf) histogram(name, unit, help string, buckets []float64, labels ...string) *family {
	f := s.put(source.Metric{Name: name, Type: source.Histogram, Unit: unit, Help: help, Durable: true}, labels)
	f.buckets = buckets
	return f
}

func (s shelf) put(m source.Metric, labels []string) *family {
	return s.c.add(&family{Metric: &m, section: s.section, collector: s.collector, labels: labels})
}

func (c *catalogue) health() {
	s := shelf{c, sectionHealth, ""}
	c.up = s.gauge("nbu_up", "",
		"1 when at least one question was answered by a server that accepted the credential, else 0.")
	c.collectorSuccess = s.gauge("nbu_collector_success", "",
		"1 when the collector read all that it asks for, 0 when any of it failed; absent where the server does not offer it.", "collector")
	c.collectorDuration = s.gauge("nbu_collector_duration_seconds", "seconds",
		"How long the collector took.", "collector")
	c.collectorLastSuccess = s.memory("nbu_collector_last_success_timestamp_seconds", "seconds",
		"The last time at which the collector succeeded.", "collector")
	c.rowsUnreadable = s.counter("nbu_rows_unreadable_total", "",
		"Rows of the collector's lists that could not be read: without what identifies them, or no rows at all. What they say is missing. A row counts at each reading.", "collector")
	c.serverInfo = s.info("nbu_server_info",
		"The primary server: its name, the release that its API belongs to, the API version in use.",
		"server", "nbu_version", "api_version")
	c.clockSkew = s.gauge("nbu_server_clock_skew_seconds", "seconds",
		"The server's clock less the agent's.")
	c.certificateExpiry = s.gauge("nbu_server_certificate_expiry_timestamp_seconds", "seconds",
		"When the first certificate of the primary server's chain expires; absent over plain http.")
	s.collector = collectorServer
	c.keyExpiry = s.gauge("nbu_api_key_expiry_timestamp_seconds", "seconds",
		"When the API key in use expires.")
}

func (c *catalogue) jobs() {
	s := shelf{c, sectionJobs, collectorJobs}
	work := []string{"job_type", "policy_type", "policy"}
	c.completed = s.counter("nbu_jobs_completed_total", "",
		"Finished jobs, each counted once. result is success (status 0), partial (1) or failure; parent is true for a job that has child jobs.",
		"job_type", "policy_type", "policy", "schedule_type", "result", "status", "parent")
	c.bytes = s.counter("nbu_job_bytes_total", "bytes",
		"Bytes of finished leaf jobs before deduplication (kilobytesTransferred).", work...)
	c.moved = s.counter("nbu_job_moved_bytes_total", "bytes",
		"Bytes that finished leaf jobs really moved, after deduplication (kilobytesDataTransferred).", work...)
	c.files = s.counter("nbu_job_files_total", "",
		"Files of finished leaf jobs.", work...)
	c.retries = s.counter("nbu_job_retries_total", "",
		"Tries of finished leaf jobs beyond the first.", work...)
	c.duration = s.histogram("nbu_job_duration_seconds", "seconds",
		"Time from start to end of finished leaf jobs.", durationBuckets(), "job_type", "policy_type")
	c.queueWait = s.histogram("nbu_job_queue_wait_seconds", "seconds",
		"Time from the start of finished leaf jobs to the start of their last try.", waitBuckets(), "job_type", "policy_type")
	c.openJobs(s)
	c.catalogBackup = s.memory("nbu_catalog_backup_last_success_timestamp_seconds", "seconds",
		"When the last successful backup of NetBackup's own catalog ended.")
	c.unseen = s.counter("nbu_jobs_unseen_seconds_total", "seconds",
		"Time whose finished jobs the server had forgotten before they could be read: jobs may be missing from the counters.")
	c.resets = s.counter("nbu_job_database_resets_total", "",
		"Times that the server's job ids were seen to start again.")
	c.folded = s.counter("nbu_job_overflow_total", "",
		"Finished jobs that are counted under the policy \"(other policies)\", because the cap on series of jobs was reached.")
	c.unaccounted = s.gauge("nbu_jobs_unaccounted", "",
		"Job ids between the first and the highest of which the server shows neither an open nor a finished job: jobs that were deleted or are shown late, or ids that were skipped. Absent until each was asked for, and where the server refuses to filter by job ids.")
	c.jobProblems = s.counter("nbu_job_problems_total", "",
		"Values in rows of jobs that were unreadable or impossible and were left out, by field; the field is row where nothing of the row was of use.", "field")
}

func (c *catalogue) openJobs(s shelf) {
	c.open = s.gauge("nbu_jobs", "",
		"Jobs that are not done.", "job_type", "policy_type", "state")
	c.queued = s.gauge("nbu_jobs_queued", "",
		"Jobs that wait, by the reason in words.", "job_type", "reason")
	c.oldestQueued = s.gauge("nbu_jobs_oldest_queued_timestamp_seconds", "seconds",
		"Since when the job waits that has been waiting longest: its start, or the end of its last try.", "job_type")
	c.oldestActive = s.gauge("nbu_jobs_oldest_active_timestamp_seconds", "seconds",
		"Since when the job runs that has been running longest: the start of its current try.", "job_type", "policy")
	c.stalled = s.gauge("nbu_jobs_stalled", "",
		"Active leaf jobs that have moved no bytes for 30 minutes.", "job_type")
	c.mediaJobs = s.gauge("nbu_media_server_active_jobs", "",
		"Active leaf jobs by media server.", "media_server")
	c.mediaRate = s.gauge("nbu_media_server_transfer_bytes_per_second", "bytes_per_second",
		"Sum of the transfer rates of active leaf jobs by media server.", "media_server")
}

func (c *catalogue) clients() {
	s := shelf{c, sectionClients, collectorJobs}
	c.lastSuccess = s.memory("nbu_client_last_success_timestamp_seconds", "seconds",
		"When the client's last successful or partially successful backup ended.", "client", "policy")
	c.lastAttempt = s.memory("nbu_client_last_attempt_timestamp_seconds", "seconds",
		"When the client's last backup ended, however it ended.", "client", "policy")
	c.lastStatus = s.memory("nbu_client_last_status", "",
		"Status code of the client's last backup.", "client", "policy")
	c.failures = s.memory("nbu_client_consecutive_failures", "",
		"Failed backups of the client since its last success.", "client", "policy")
	c.lastBytes = s.memory("nbu_client_last_bytes", "bytes",
		"Bytes of the client's last backup before deduplication.", "client", "policy")
	c.overflow = s.counter("nbu_client_overflow_total", "",
		"Backups whose client and policy have no series of their own, because the cap on client series was reached.")
	s.collector = collectorPolicies
	c.rpo = s.gauge("nbu_client_rpo_seconds", "seconds",
		"How often an active policy backs the client up: the frequency of the schedule that runs most often, or the longest gap in its calendar. Absent where no schedule tells: only users start it, or it runs on one day alone.", "client", "policy")
	c.neverSucceeded = s.gauge("nbu_client_never_succeeded", "",
		"1 for a client of an active policy whose success was never seen, else 0. Absent for policies that find their clients by a query.", "client", "policy")
	c.unreadablePolicies = s.gauge("nbu_policies_unreadable", "",
		"Active policies that cannot be read: what they promise to their clients is not known, and their nbu_client_rpo_seconds and nbu_client_never_succeeded are absent.")
}

func (c *catalogue) storageUnits() {
	s := shelf{c, sectionStorage, collectorStorage}
	const pool = " Units may share a disk pool: do not add them up."
	c.unitCapacity = s.gauge("nbu_storage_unit_capacity_bytes", "bytes",
		"Capacity of the storage unit; absent for tape and cloud."+pool, "storage_unit", "category")
	c.unitUsed = s.gauge("nbu_storage_unit_used_bytes", "bytes",
		"Space used in the storage unit; absent for tape and cloud."+pool, "storage_unit", "category")
	c.unitFree = s.gauge("nbu_storage_unit_free_bytes", "bytes",
		"Space free in the storage unit; absent for tape and cloud."+pool, "storage_unit", "category")
	c.unitMaxJobs = s.gauge("nbu_storage_unit_max_concurrent_jobs", "",
		"Jobs that may write to the storage unit at once; absent for tape.", "storage_unit")
	c.unitInfo = s.info("nbu_storage_unit_info",
		"Facts of the storage unit. disk_pool is the id of the pool that it stands on, as in the pool's own metrics.",
		"storage_unit", "category", "type", "subtype", "server_type", "disk_pool",
		"cloud", "worm_capable", "worm", "replication_capable", "instant_access")
}

func (c *catalogue) diskPools() {
	s := shelf{c, sectionStorage, collectorDiskPools}
	c.poolRaw = s.gauge("nbu_disk_pool_raw_bytes", "bytes",
		"Raw size of the disk pool. disk_pool is the pool's id, as in nbu_storage_unit_info; nbu_disk_pool_info has its name.", "disk_pool", "category")
	c.poolUsable = s.gauge("nbu_disk_pool_usable_bytes", "bytes",
		"Space of the disk pool that can be used.", "disk_pool", "category")
	c.poolUsed = s.gauge("nbu_disk_pool_used_bytes", "bytes",
		"Space of the disk pool that is used.", "disk_pool", "category")
	c.poolAvailable = s.gauge("nbu_disk_pool_available_bytes", "bytes",
		"Space of the disk pool that is available.", "disk_pool", "category")
	c.poolHighWater = s.gauge("nbu_disk_pool_high_water_mark_ratio", "ratio",
		"Share of use from which the disk pool counts as full.", "disk_pool")
	c.poolLowWater = s.gauge("nbu_disk_pool_low_water_mark_ratio", "ratio",
		"Share of use down to which images are cleaned up.", "disk_pool")
	c.poolUp = s.gauge("nbu_disk_pool_up", "",
		"1 when the disk pool is up, 0 when it is down or changes over; absent where the server says neither.", "disk_pool")
	c.poolInfo = s.info("nbu_disk_pool_info",
		"The disk pool behind an id: its name, which another pool of another server type may have too.",
		"disk_pool", "name", "category", "server_type")
	c.volumeUp = s.gauge("nbu_disk_volume_up", "",
		"1 when the disk volume is up, 0 when it is down; absent where the server says neither.", "disk_pool", "volume")
}

func (c *catalogue) storageServers() {
	s := shelf{c, sectionStorage, collectorStorageServers}
	c.serverUp = s.gauge("nbu_storage_server_up", "",
		"1 when the storage server is up, 0 when it is down; absent where the server says neither.", "storage_server", "type")
	c.serverDedup = s.gauge("nbu_storage_server_dedup_ratio", "ratio",
		"Deduplication ratio as the storage server gives it.", "storage_server", "type")
}

func (c *catalogue) tapeDrives() {
	s := shelf{c, sectionStorage, collectorTapeDrives}
	c.driveUp = s.gauge("nbu_tape_drive_up", "",
		"1 when the tape drive is up, by one path at least, 0 when it is down or disabled; absent where the server says neither.", "tape_drive", "media_server", "drive_type", "robot_type", "robot_number")
	s.collector = collectorTapeMedia
	c.tapes = s.gauge("nbu_tape_media", "",
		"Tapes by pool, kinds and status (FULL, FROZEN, …).", "pool", "media_type", "robot_type", "status")
	s.collector = collectorVolumePools
	c.partlyFull = s.gauge("nbu_tape_pool_partially_full_media", "",
		"Tapes of the volume pool that are full in part.", "pool", "type")
	s.collector = collectorRobots
	c.robotHosts = s.gauge("nbu_tape_robot_hosts", "",
		"Hosts that control tape robots.")
}

func (c *catalogue) protection() {
	s := shelf{c, sectionProtection, collectorAlerts}
	c.alerts = s.gauge("nbu_alerts", "",
		"Alerts that the server keeps.", "severity", "category")
	s.collector = collectorMalware
	c.malwareScans = s.gauge("nbu_malware_scans", "",
		"Images by their newest malware scan: how it stands, and what it found.", "state", "result")
	c.scannedFiles = s.gauge("nbu_malware_scanned_files", "",
		"Files that the newest malware scans of all images have read; absent where one of them does not say how many.")
	c.impactedFiles = s.gauge("nbu_malware_impacted_files", "",
		"Files that the newest malware scans of all images found to be impacted; absent where one of them does not say how many.")
	s.collector = collectorImages
	c.images = s.gauge("nbu_images", "",
		"Images of the last 24 hours by what malware scans and the detection of anomalies say of them.", "malware_status", "anomaly_status")
	s.collector = collectorSLOs
	c.slos = s.gauge("nbu_slos", "",
		"Service level objectives (protection plans).", "workload")
}

// durationBuckets run from a minute to a day.
func durationBuckets() []float64 {
	return []float64{60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400}
}

func waitBuckets() []float64 {
	return []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400}
}
