package grafana

import "strings"

// of is a metric at the chosen sites, with further matchers.
func of(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{`site=~"$site"`}, matchers...), ",") + "}"
}

// explained adds the meaning of the label status, where it is known.
func explained(expr, labels string) string {
	return "(" + expr + ") * on (site, status) group_left (message) max by (site, status, message) (" + of("nbu_status_code_info") + ")" +
		" or on (site, status, " + labels + ") (" + expr + ")"
}

// agent is a metric of the agents themselves, which belong to no site.
func agent(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{`instance=~"$instance"`}, matchers...), ",") + "}"
}

// Matchers of jobs. Backups are leaf jobs: their parents would count them twice.
const (
	isBackup  = `job_type="BACKUP",parent="false"`
	isLeaf    = `parent="false"`
	isFailed  = `result="failure",status!="150"` // who cancels a job (150) ends it on purpose
	isStopped = `status="150"`
	isCopy    = `job_type=~"DUPLICATE|REPLICATE|REPLICA_IMPORT|SNAPDUPE|SNAPREPLICATE|CLOUD_SNAPSHOT_REPLICATE"`
)

// during is what a counter grew over the whole time range.
func during(counter string) string { return "increase(" + counter + "[$__range])" }

// each is what a counter grew from one point to the next; the points must be some minutes apart.
func each(counter string) string { return "increase(" + counter + "[$__interval])" }

// lately is what a counter grew in the last minutes before a point.
func lately(counter string) string { return "increase(" + counter + "[$__rate_interval])" }

// persecond is a counter's rate.
func persecond(counter string) string { return "rate(" + counter + "[$__rate_interval])" }

// quantile of a classic histogram over the time range of a point.
func quantile(q, histogram, by string) string {
	return "histogram_quantile(" + q + ", sum by (" + by + ") (rate(" + histogram + "[$__rate_interval])))"
}

// zeroElse shows 0 where there is nothing to count but the sites are known.
func zeroElse(expr string) string { return expr + " or 0 * sum(" + of("nbu_up") + ")" }

// Expressions that more than one dashboard shows.
var (
	// successAge is how long ago each client's last success was.
	successAge = "time() - max by (site, client, policy) (" + of("nbu_client_last_success_timestamp_seconds") + ")"

	// allowedAge is how old it may be: by the policy's schedules; a week where they do not
	// tell; a day for everybody where policies cannot be read.
	allowedAge = "(min by (site, client, policy) (" + of("nbu_client_rpo_seconds") + ")" +
		" or 0 * max by (site, client, policy) (" + of("nbu_client_never_succeeded") + ") + 604800" +
		" or (0 * max by (site, client, policy) (" + of("nbu_client_last_attempt_timestamp_seconds") + ") + 86400" +
		" unless on (site) " + of("nbu_client_never_succeeded") + "))"

	// overdue is how late each client's most overdue backup is, of those that are; where due dates are not known, how old beyond
	// what is allowed.
	overdue = "(max by (site, client, policy) (time() - " + of("nbu_client_due_timestamp_seconds") + ") > 0" +
		" or on (site, client, policy) (" + successAge + " - 1.25 * " + allowedAge + " > 0 unless on (site) " + of("nbu_client_due_timestamp_seconds") + "))"

	// promised are the clients to which a date is known, or an age.
	promised = "(max by (site, client, policy) (" + of("nbu_client_due_timestamp_seconds") + ")" +
		" or on (site, client, policy) (" + allowedAge + " unless on (site) " + of("nbu_client_due_timestamp_seconds") + "))"

	overdueClients = "count(" + overdue + ")"

	inTime = "1 - count(" + overdue + ") / count(" + promised + ") or 1 + 0 * count(" + promised + ")"

	poolShare = "max by (site, disk_pool) (" + of("nbu_disk_pool_used_bytes") + ") / max by (site, disk_pool) (" + of("nbu_disk_pool_usable_bytes") + ")"

	jobSuccess = "sum(" + during(of("nbu_jobs_completed_total", isBackup, `result=~"success|partial"`)) + ") / sum(" + during(of("nbu_jobs_completed_total", isBackup)) + ")"
)

// Colours of shares and ages that more than one dashboard shows.
var (
	shareColors = thresholds(bad, step(warn, 0.9), step(good, 0.98))
	poolColors  = thresholds(good, step(warn, 0.8), step(bad, 0.95))
	anyIsWarn   = thresholds(good, step(warn, 1))
	anyIsBad    = thresholds(good, step(bad, 1))
	plain       = thresholds(neutral)
	catalogAge  = thresholds(good, step(warn, 86400), step(bad, 129600))
)
