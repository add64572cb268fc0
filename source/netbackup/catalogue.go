package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/compat"
)

//go:generate go test -run (TestMetricsReference|TestMigrationPage|TestRolePage)IsCurrent -update .

// The sections of the reference page, in its order.
const (
	sectionHealth     = "Health"
	sectionJobs       = "Jobs"
	sectionClients    = "Clients"
	sectionStorage    = "Storage"
	sectionProtection = "Protection"
)

// catalogue holds every metric of a primary server, each once. The ledger's are named here; a collector names its own where
// it is made. It is never changed once the site is made.
type catalogue struct {
	healthFamilies
	jobFamilies
	clientFamilies
	compat *compat.Exporter // nil where nbu_exporter's names are not wanted

	all []*collect.Family // those of the ledger and of the site's health, then those of each collector in its order
}

type healthFamilies struct {
	up, collectorSuccess, collectorDuration, collectorLastSuccess *collect.Family
	serverInfo, clockSkew, certificateExpiry                      *collect.Family
	rowsUnreadable                                                *collect.Family
}

type jobFamilies struct {
	completed, bytes, moved, files, retries  *collect.Family
	duration, queueWait                      *collect.Family
	open, queued, oldestQueued, oldestActive *collect.Family
	unitJobs                                 *collect.Family
	stalled, mediaJobs, mediaRate            *collect.Family
	oldestHeld                               *collect.Family
	catalogBackup, lastCopy                  *collect.Family
	unseen, resets, folded, jobProblems      *collect.Family
	unaccounted, statusCode                  *collect.Family
}

type clientFamilies struct {
	lastSuccess, lastAttempt, lastStatus, failures, lastBytes, overflow *collect.Family
}

func newCatalogue() *catalogue {
	c := &catalogue{}
	c.health()
	c.jobs()
	c.clients()
	return c
}

func (c *catalogue) health() {
	s := collect.NewGroup(&c.all, sectionHealth, "")
	c.up = s.Gauge("nbu_up", "",
		"1 when the server answered at least one request with the credential in the last cycle, 0 otherwise.")
	c.collectorSuccess = s.Gauge("nbu_collector_success", "",
		"1 when the collector read everything it requested, 0 when any part failed. Absent if the server does not offer it.", "collector")
	c.collectorDuration = s.Gauge("nbu_collector_duration_seconds", "seconds",
		"Duration of the last run of the collector.", "collector")
	c.collectorLastSuccess = s.Memory("nbu_collector_last_success_timestamp_seconds", "seconds",
		"Time of the last success of the collector.", "collector")
	c.rowsUnreadable = s.Counter("nbu_rows_unreadable_total", "",
		"Rows of the collector's lists that could not be read, or that have no identifier. They are left out. A row counts each time it is read.", "collector")
	c.serverInfo = s.Info("nbu_server_info",
		"Name of the primary server, its NetBackup release and the API version in use.",
		"server", "nbu_version", "api_version")
	c.clockSkew = s.Gauge("nbu_server_clock_skew_seconds", "seconds",
		"The server's clock minus the agent's clock.")
	c.certificateExpiry = s.Gauge("nbu_server_certificate_expiry_timestamp_seconds", "seconds",
		"Time at which the first certificate in the primary server's chain expires. Absent for http.")
}

func (c *catalogue) jobs() {
	s := collect.NewGroup(&c.all, sectionJobs, collectorJobs)
	work := []string{"job_type", "policy_type", "policy"}
	c.completed = s.Counter("nbu_jobs_completed_total", "",
		"Finished jobs, each counted once. result is success (status 0), partial (1) or failure; parent is true for a job that has child jobs.",
		"job_type", "policy_type", "policy", "schedule_type", "result", "status", "parent")
	c.bytes = s.Counter("nbu_job_bytes_total", "bytes",
		"Bytes of finished leaf jobs, before deduplication (kilobytesTransferred). Of a backup that writes several copies at once only the first counts.", work...)
	c.moved = s.Counter("nbu_job_moved_bytes_total", "bytes",
		"Bytes that finished leaf jobs transferred, after deduplication (kilobytesDataTransferred).", work...)
	c.files = s.Counter("nbu_job_files_total", "",
		"Files of finished leaf jobs. Of several copies that are written at once only the first counts.", work...)
	c.retries = s.Counter("nbu_job_retries_total", "",
		"Retries of finished leaf jobs.", work...)
	c.duration = s.Histogram("nbu_job_duration_seconds", "seconds",
		"Time from start to end of finished leaf jobs.", durationBuckets(), "job_type", "policy_type")
	c.queueWait = s.Histogram("nbu_job_queue_wait_seconds", "seconds",
		"Time from the start of finished leaf jobs to the start of their last attempt.", waitBuckets(), "job_type", "policy_type")
	c.openJobs(s)
	c.catalogBackup = s.Memory("nbu_catalog_backup_last_success_timestamp_seconds", "seconds",
		"End of the last successful backup of the NetBackup catalog.")
	c.lastCopy = s.Memory("nbu_client_last_copy_timestamp_seconds", "seconds",
		"End of the last duplication, replication or import (by job_type) that succeeded for the client and policy, as the job names them: for copies of an SLP the policy is the SLP's.",
		"client", "policy", "job_type")
	c.unseen = s.Counter("nbu_jobs_unseen_seconds_total", "seconds",
		"Length of time for which the server had deleted its finished jobs before the agent could read them. Jobs of that time may be missing from the counters.")
	c.resets = s.Counter("nbu_job_database_resets_total", "",
		"How often the server's job ids started again from a low number.")
	c.folded = s.Counter("nbu_job_overflow_total", "",
		"Finished jobs counted under the policy \"(other policies)\", because the limit on job series was reached.")
	c.unaccounted = s.Gauge("nbu_jobs_unaccounted", "",
		"Job ids for which the server shows neither an open nor a finished job: deleted jobs, late jobs or skipped ids. Absent until each id has been requested, and if the server refuses to filter by job id.")
	c.statusCode = s.Info("nbu_status_code_info",
		"What a status means, for each with which a counted job has ended: in the words of the server where it offers them (10.5 and later), else in those of backwire. Absent for a status whose meaning is not known.", "status", "message")
	c.jobProblems = s.Counter("nbu_job_problems_total", "",
		"Unreadable or impossible values in rows of jobs, by field. They are left out. The field is row if the whole row is unusable.", "field")
}

func (c *catalogue) openJobs(s collect.Group) {
	c.open = s.Gauge("nbu_jobs", "",
		"Jobs that are not finished.", "job_type", "policy_type", "state")
	c.queued = s.Gauge("nbu_jobs_queued", "",
		"Queued jobs, by the reason they wait.", "job_type", "reason")
	c.oldestQueued = s.Gauge("nbu_jobs_oldest_queued_timestamp_seconds", "seconds",
		"Time since which the longest-waiting job has been queued: its start, or the end of its last attempt.", "job_type")
	c.oldestActive = s.Gauge("nbu_jobs_oldest_active_timestamp_seconds", "seconds",
		"Time since which the longest-running job has been active: the start of its current attempt.", "job_type", "policy")
	c.oldestHeld = s.Gauge("nbu_jobs_oldest_held_timestamp_seconds", "seconds",
		"Start of the oldest job that is SUSPENDED or INCOMPLETE. Such a job does nothing until somebody resumes it, or NetBackup gives it up.", "job_type", "state")
	c.stalled = s.Gauge("nbu_jobs_stalled", "",
		"Active leaf jobs that have transferred no data for 30 minutes.", "job_type")
	c.unitJobs = s.Gauge("nbu_storage_unit_jobs", "",
		"Leaf jobs that write to the storage unit (ACTIVE), or wait for it (QUEUED, REQUEUED), beside nbu_storage_unit_max_concurrent_jobs. Jobs that name no unit do not count.", "storage_unit", "state")
	c.mediaJobs = s.Gauge("nbu_media_server_active_jobs", "",
		"Active leaf jobs by media server.", "media_server")
	c.mediaRate = s.Gauge("nbu_media_server_transfer_bytes_per_second", "bytes_per_second",
		"Sum of the transfer rates of active leaf jobs by media server.", "media_server")
}

func (c *catalogue) clients() {
	s := collect.NewGroup(&c.all, sectionClients, collectorJobs)
	c.lastSuccess = s.Memory("nbu_client_last_success_timestamp_seconds", "seconds",
		"End of the client's last successful or partially successful run of this type: what its policy did for it at one time, of which all streams and snapshots have succeeded.", "client", "policy", "schedule_type")
	c.lastAttempt = s.Memory("nbu_client_last_attempt_timestamp_seconds", "seconds",
		"End of the client's last run, successful or not.", "client", "policy")
	c.lastStatus = s.Memory("nbu_client_last_status", "",
		"Status code of the client's last run: the worst of its jobs. Absent if it is not known.", "client", "policy")
	c.failures = s.Memory("nbu_client_consecutive_failures", "",
		"Failed runs of the client that no later success has made good. A success makes those good of its schedule type and of the types that hold less: a full backup those of incremental ones, never the reverse.", "client", "policy")
	c.lastBytes = s.Memory("nbu_client_last_bytes", "bytes",
		"Bytes of all jobs of the client's last run, before deduplication. Of several copies that are written at once only the first counts.", "client", "policy")
	c.overflow = s.Counter("nbu_client_overflow_total", "",
		"Backups of client and policy pairs without series of their own, because the limit on client series was reached.")
}

// durationBuckets run from a minute to a day.
func durationBuckets() []float64 {
	return []float64{60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400}
}

func waitBuckets() []float64 {
	return []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400}
}
