package netbackup

import "backwire/source"

//go:generate go test -run (TestMetricsReference|TestMigrationPage|TestRolePage)IsCurrent -update .

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

// catalogue holds every metric of a primary server, each once. The ledger's are named here; a collector names its own where
// it is made. It is never changed once the site is made.
type catalogue struct {
	healthFamilies
	jobFamilies
	clientFamilies
	exporter *exporterFamilies // nil where its names are not wanted

	all []*family // those of the ledger and of the site's health, then those of each collector in its order
}

type healthFamilies struct {
	up, collectorSuccess, collectorDuration, collectorLastSuccess *family
	serverInfo, clockSkew, certificateExpiry                      *family
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
}

func newCatalogue() *catalogue {
	c := &catalogue{}
	c.health()
	c.jobs()
	c.clients()
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
		"1 when the server answered at least one request with the credential in the last cycle, 0 otherwise.")
	c.collectorSuccess = s.gauge("nbu_collector_success", "",
		"1 when the collector read everything it requested, 0 when any part failed. Absent if the server does not offer it.", "collector")
	c.collectorDuration = s.gauge("nbu_collector_duration_seconds", "seconds",
		"Duration of the last run of the collector.", "collector")
	c.collectorLastSuccess = s.memory("nbu_collector_last_success_timestamp_seconds", "seconds",
		"Time of the last success of the collector.", "collector")
	c.rowsUnreadable = s.counter("nbu_rows_unreadable_total", "",
		"Rows of the collector's lists that could not be read, or that have no identifier. They are left out. A row counts each time it is read.", "collector")
	c.serverInfo = s.info("nbu_server_info",
		"Name of the primary server, its NetBackup release and the API version in use.",
		"server", "nbu_version", "api_version")
	c.clockSkew = s.gauge("nbu_server_clock_skew_seconds", "seconds",
		"The server's clock minus the agent's clock.")
	c.certificateExpiry = s.gauge("nbu_server_certificate_expiry_timestamp_seconds", "seconds",
		"Time at which the first certificate in the primary server's chain expires. Absent for http.")
}

func (c *catalogue) jobs() {
	s := shelf{c, sectionJobs, collectorJobs}
	work := []string{"job_type", "policy_type", "policy"}
	c.completed = s.counter("nbu_jobs_completed_total", "",
		"Finished jobs, each counted once. result is success (status 0), partial (1) or failure; parent is true for a job that has child jobs.",
		"job_type", "policy_type", "policy", "schedule_type", "result", "status", "parent")
	c.bytes = s.counter("nbu_job_bytes_total", "bytes",
		"Bytes of finished leaf jobs, before deduplication (kilobytesTransferred).", work...)
	c.moved = s.counter("nbu_job_moved_bytes_total", "bytes",
		"Bytes that finished leaf jobs transferred, after deduplication (kilobytesDataTransferred).", work...)
	c.files = s.counter("nbu_job_files_total", "",
		"Files of finished leaf jobs.", work...)
	c.retries = s.counter("nbu_job_retries_total", "",
		"Retries of finished leaf jobs.", work...)
	c.duration = s.histogram("nbu_job_duration_seconds", "seconds",
		"Time from start to end of finished leaf jobs.", durationBuckets(), "job_type", "policy_type")
	c.queueWait = s.histogram("nbu_job_queue_wait_seconds", "seconds",
		"Time from the start of finished leaf jobs to the start of their last attempt.", waitBuckets(), "job_type", "policy_type")
	c.openJobs(s)
	c.catalogBackup = s.memory("nbu_catalog_backup_last_success_timestamp_seconds", "seconds",
		"End of the last successful backup of the NetBackup catalog.")
	c.unseen = s.counter("nbu_jobs_unseen_seconds_total", "seconds",
		"Length of time for which the server had deleted its finished jobs before the agent could read them. Jobs of that time may be missing from the counters.")
	c.resets = s.counter("nbu_job_database_resets_total", "",
		"How often the server's job ids started again from a low number.")
	c.folded = s.counter("nbu_job_overflow_total", "",
		"Finished jobs counted under the policy \"(other policies)\", because the limit on job series was reached.")
	c.unaccounted = s.gauge("nbu_jobs_unaccounted", "",
		"Job ids for which the server shows neither an open nor a finished job: deleted jobs, late jobs or skipped ids. Absent until each id has been requested, and if the server refuses to filter by job id.")
	c.jobProblems = s.counter("nbu_job_problems_total", "",
		"Unreadable or impossible values in rows of jobs, by field. They are left out. The field is row if the whole row is unusable.", "field")
}

func (c *catalogue) openJobs(s shelf) {
	c.open = s.gauge("nbu_jobs", "",
		"Jobs that are not finished.", "job_type", "policy_type", "state")
	c.queued = s.gauge("nbu_jobs_queued", "",
		"Queued jobs, by the reason they wait.", "job_type", "reason")
	c.oldestQueued = s.gauge("nbu_jobs_oldest_queued_timestamp_seconds", "seconds",
		"Time since which the longest-waiting job has been queued: its start, or the end of its last attempt.", "job_type")
	c.oldestActive = s.gauge("nbu_jobs_oldest_active_timestamp_seconds", "seconds",
		"Time since which the longest-running job has been active: the start of its current attempt.", "job_type", "policy")
	c.stalled = s.gauge("nbu_jobs_stalled", "",
		"Active leaf jobs that have transferred no data for 30 minutes.", "job_type")
	c.mediaJobs = s.gauge("nbu_media_server_active_jobs", "",
		"Active leaf jobs by media server.", "media_server")
	c.mediaRate = s.gauge("nbu_media_server_transfer_bytes_per_second", "bytes_per_second",
		"Sum of the transfer rates of active leaf jobs by media server.", "media_server")
}

func (c *catalogue) clients() {
	s := shelf{c, sectionClients, collectorJobs}
	c.lastSuccess = s.memory("nbu_client_last_success_timestamp_seconds", "seconds",
		"End of the client's last successful or partially successful backup.", "client", "policy")
	c.lastAttempt = s.memory("nbu_client_last_attempt_timestamp_seconds", "seconds",
		"End of the client's last backup, successful or not.", "client", "policy")
	c.lastStatus = s.memory("nbu_client_last_status", "",
		"Status code of the client's last backup.", "client", "policy")
	c.failures = s.memory("nbu_client_consecutive_failures", "",
		"Failed backups of the client since its last successful one.", "client", "policy")
	c.lastBytes = s.memory("nbu_client_last_bytes", "bytes",
		"Bytes of the client's last backup, before deduplication.", "client", "policy")
	c.overflow = s.counter("nbu_client_overflow_total", "",
		"Backups of client and policy pairs without series of their own, because the limit on client series was reached.")
}

// durationBuckets run from a minute to a day.
func durationBuckets() []float64 {
	return []float64{60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400}
}

func waitBuckets() []float64 {
	return []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400}
}
