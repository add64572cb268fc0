package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// exporterQueries are the shapes in which dashboards and alerts ask for what nbu_exporter calls its metrics, written for this test: sums by a label,
// shares, joins of two names, top lists, ages, percentiles of a histogram over a scrape's window, and conditions of alerts without their limits.
var exporterQueries = []string{
	// jobs of the last hour
	"sum(nbu_jobs_count)",
	"sum by (action) (nbu_jobs_count)",
	"sum by (status) (nbu_status_count)",
	"topk(5, sum by (status) (nbu_status_count))",
	`sum(nbu_jobs_count{status="0"}) / sum(nbu_jobs_count)`,
	`sum by (policy_type) (nbu_jobs_count{action="BACKUP", status!="0"})`,
	`sum(nbu_jobs_bytes{action="BACKUP"})`,
	"sum by (policy_type) (nbu_jobs_bytes) / 1024 ^ 3",
	"avg_over_time(sum(nbu_jobs_count)[5m:1m])",
	"max_over_time(nbu_jobs_state_count[5m])",
	`sum by (state) (nbu_jobs_state_count)`,
	"sum by (reason) (nbu_jobs_queued_count)",
	"sum by (action) (nbu_jobs_files_count)",
	"avg by (policy_type) (nbu_jobs_dedup_ratio)",
	"histogram_quantile(0.95, sum by (le) (rate(nbu_job_duration_seconds_bucket[4m])))",
	"histogram_quantile(0.5, sum by (le, action) (rate(nbu_job_duration_seconds_bucket[4m])))",
	"sum(rate(nbu_job_duration_seconds_sum[4m])) / sum(rate(nbu_job_duration_seconds_count[4m]))",
	// clients
	"time() - max by (client) (nbu_client_last_successful_backup_timestamp_seconds)",
	"topk(10, time() - nbu_client_last_successful_backup_timestamp_seconds)",
	"(time() - nbu_client_last_job_success_seconds) / 3600",
	"sum by (client, status) (nbu_client_jobs_count)",
	`count(count by (client) (nbu_client_jobs_count{status!="0"}))`,
	// storage
	`nbu_disk_bytes{size="used"}`,
	`sum by (type) (nbu_disk_bytes{size="free"})`,
	"nbu_disk_bytes / on (name, type) group_left () nbu_disk_capacity_bytes",
	`100 * sum(nbu_disk_bytes{size="used"}) / sum(nbu_disk_capacity_bytes)`,
	`predict_linear(nbu_disk_bytes{size="free"}[5m], 86400)`,
	"nbu_storage_max_concurrent_jobs * on (name) group_left (subtype) nbu_storage_info",
	`count by (is_cloud) (nbu_storage_info)`,
	`sum by (pool_name) (nbu_disk_pool_volume_count{state!="UP"})`,
	// tape
	"sum by (status) (nbu_tape_drives_count)",
	"count by (media_server, status) (nbu_tape_drive_info)",
	"sum by (pool) (nbu_tape_media_count)",
	// the server and the exporter
	"nbu_up == 1",
	"min_over_time(nbu_up[5m])",
	"count by (version) (nbu_api_version)",
	`time() - nbu_last_scrape_timestamp_seconds{source="jobs"}`,
	"sum by (severity) (nbu_alerts_count)",
	"sum by (malware_status) (nbu_catalog_images_count)",
	"nbu_malware_files_infected > 0",
	"sum(nbu_slo_count)",
}

var exporterName = regexp.MustCompile("(?m)^\\| `(nbu_[a-z_]+)` \\| ([a-z_, ]*) \\|")

// Who comes from nbu_exporter sees data in every panel and rule: each name of its list has series, each label a value, and each shape of query an
// answer.
func TestQueriesOfNbuExporterHaveData(t *testing.T) {
	text, err := os.ReadFile("../../docs/migrate-from-nbu_exporter.md")
	if err != nil {
		t.Fatal(err)
	}
	emitted, _, _ := strings.Cut(string(text), "## Not emitted")
	queries := exporterQueries
	for _, row := range exporterName.FindAllStringSubmatch(emitted, -1) {
		queries = append(queries, row[1])
		for label := range strings.SplitSeq(strings.ReplaceAll(row[2], " ", ""), ",") {
			if label != "" {
				queries = append(queries, fmt.Sprintf(`count by (%s) (%s{%s!=""})`, label, row[1], label))
			}
		}
	}
	if len(queries) < 100 {
		t.Fatalf("%d queries", len(queries))
	}
	dir := t.TempDir()
	prom := startPrometheus(t, dir)
	primary := newEventful(t)
	env := append(primary.environ(t, dir, prom.url+"/api/v1/write"), "BACKWIRE_COMPAT=nbu_exporter")
	start(t, env, buildPrograms(t).backwire, "run")
	await(t, "every query has data", func() error {
		var missing []string
		for _, q := range queries {
			rows, err := prom.query(q)
			if err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
			if len(rows) == 0 {
				missing = append(missing, q)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("none for\n  %s", strings.Join(missing, "\n  "))
		}
		return nil
	})
}
