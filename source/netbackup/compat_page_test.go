package netbackup

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"backwire/source/netbackup/compat"
)

const migrationPage = "../../docs/migrate-from-nbu_exporter.md"

// The metrics of that exporter, of its reference (docs/metrics.md of github.com/fjacquet/nbu_exporter), and the one of
// buildinfo.go, which its reference leaves out.
const exporterMetrics = `
	nbu_jobs_count nbu_jobs_bytes nbu_status_count nbu_jobs_state_count nbu_jobs_queued_count nbu_jobs_files_count
	nbu_jobs_dedup_ratio nbu_job_duration_seconds
	nbu_disk_bytes nbu_disk_capacity_bytes nbu_storage_max_concurrent_jobs nbu_storage_max_fragment_size_bytes nbu_storage_info
	nbu_alerts_count nbu_malware_files_scanned nbu_malware_files_infected nbu_malware_scan_count nbu_catalog_images_count
	nbu_slo_count nbu_tape_drives_count nbu_tape_drive_info nbu_tape_media_count nbu_tape_robot_device_hosts
	nbu_tape_pool_partially_full nbu_disk_pool_volume_count
	nbu_client_last_successful_backup_timestamp_seconds nbu_client_jobs_count nbu_client_last_job_success_seconds
	nbu_up nbu_api_version nbu_response_time_ms nbu_last_scrape_timestamp_seconds nbu_exporter_build_info`

// replacement is what to ask instead of a name of that exporter.
type replacement struct{ old, now, differs string }

func replacements() []replacement {
	const hour = "The old one counts the jobs that ended in the last hour; the new one is a counter: `increase(…[1h])`. "
	return []replacement{
		{"nbu_jobs_count", "nbu_jobs_completed_total", hour + "The old one includes parent jobs; `parent=\"false\"` excludes them."},
		{"nbu_jobs_bytes", "nbu_job_bytes_total", hour + "It is by policy, not by status."},
		{"nbu_status_count", "nbu_jobs_completed_total", hour + "`sum by (job_type, status)`."},
		{"nbu_jobs_state_count", "nbu_jobs", "The new one counts unfinished jobs; finished jobs are in `nbu_jobs_completed_total`."},
		{"nbu_jobs_queued_count", "nbu_jobs_queued", "The reason is a code in the old one and text in the new one."},
		{"nbu_jobs_files_count", "nbu_job_files_total", hour},
		{"nbu_jobs_dedup_ratio", "nbu_job_moved_bytes_total", "`1 - increase(nbu_job_moved_bytes_total[1h]) / increase(nbu_job_bytes_total[1h])` is weighted by bytes; the old one is the mean of the percentages of the jobs."},
		{"nbu_client_last_successful_backup_timestamp_seconds", "nbu_client_last_success_timestamp_seconds", "Also by policy, and for all clients, not only for listed ones. backwire counts partial success (status 1) as success under both names; the exporter counts status 0 alone."},
		{"nbu_client_jobs_count", "nbu_client_consecutive_failures", "Or `nbu_client_last_status`. They show the state of a client, not a count over a time window."},
		{"nbu_client_last_job_success_seconds", "nbu_client_last_success_timestamp_seconds", "The new one is for backups only. The old one keeps backups; other jobs are shown for an hour. Backups count with status 1 too; in the exporter, status 0 alone."},
		{"nbu_disk_bytes", "nbu_storage_unit_used_bytes", "And `nbu_storage_unit_free_bytes`. Absent for cloud, whose numbers have no meaning. To add up space, use pools: `nbu_disk_pool_used_bytes`."},
		{"nbu_disk_capacity_bytes", "nbu_storage_unit_capacity_bytes", "Absent for cloud."},
		{"nbu_storage_max_concurrent_jobs", "nbu_storage_unit_max_concurrent_jobs", ""},
		{"nbu_storage_max_fragment_size_bytes", "", "No replacement: it is a setting, not a measurement."},
		{"nbu_storage_info", "nbu_storage_unit_info", "`type` in the old one is the type of the storage server; the new one calls it `server_type`. Only the new one includes tape. What the server does not say about a unit is `false` in the exporter and empty in backwire."},
		{"nbu_disk_pool_volume_count", "nbu_disk_volume_up", "One series per volume."},
		{"nbu_tape_drives_count", "nbu_tape_drive_up", "One series per drive: `count by (drive_type) (nbu_tape_drive_up == 0)`."},
		{"nbu_tape_drive_info", "nbu_tape_drive_up", "In the new one a drive is up if one of its paths is up; the old one has the state as text."},
		{"nbu_tape_media_count", "nbu_tape_media", "Also by status: `sum by (pool, media_type, robot_type) (nbu_tape_media)`."},
		{"nbu_tape_pool_partially_full", "nbu_tape_pool_partially_full_media", "`pool_name` and `pool_type` are called `pool` and `type`."},
		{"nbu_tape_robot_device_hosts", "nbu_tape_robot_hosts", ""},
		{"nbu_alerts_count", "nbu_alerts", ""},
		{"nbu_malware_files_scanned", "nbu_malware_scanned_files", ""},
		{"nbu_malware_files_infected", "nbu_malware_impacted_files", ""},
		{"nbu_malware_scan_count", "nbu_malware_scans", "`status` is called `state` in the new one, which also has the result."},
		{"nbu_catalog_images_count", "nbu_images", "Images of the last 24 hours, in both."},
		{"nbu_slo_count", "nbu_slos", "By workload: `sum by (site) (nbu_slos)`."},
		{"nbu_api_version", "nbu_server_info", "The version is the label `api_version`."},
		{"nbu_last_scrape_timestamp_seconds", "nbu_collector_last_success_timestamp_seconds", "By collector; the sources are `storage` and `jobs` in the old one."},
	}
}

// missing are the names that need what is not collected.
func missing() []replacement {
	return []replacement{
		{"nbu_exporter_build_info", "", "`backwire_build_info`: the program is another one. It has `version`, `revision` and `goversion`."},
		{"nbu_response_time_ms", "nbu_collector_duration_seconds", "There is no scrape to measure. The new metric is the duration of each collector."},
	}
}

func migration(c *catalogue) string {
	var b strings.Builder
	b.WriteString(`# Migrate from nbu_exporter

Generated by ` + "`go generate ./source/netbackup`" + `: do not edit.

1. Install backwire beside the exporter, and use the same label ` + "`site`" + ` in both if you have one. They do not affect each other, but
   some metric names are the same. Let both write to the same Prometheus only after you have checked each one.
2. Set ` + "`BACKWIRE_COMPAT=nbu_exporter`" + `. backwire then also pushes the exporter's names and labels listed below, so its dashboards and
   rules continue to work. ` + "`up`" + ` does not exist, because nothing is scraped: use ` + "`nbu_up`" + ` and ` + "`absent(nbu_up)`" + `.
3. Stop the exporter. Switch to the dashboards and rules in ` + "`packaging/grafana` and `packaging/rules`" + `, or replace the names with this table.
4. Remove ` + "`BACKWIRE_COMPAT`" + `. The old names end at once.

Two things differ even with the old names. backwire also sees queued and running jobs, which a query by end time never shows. And it
reads jobs by their changes, so a value is complete or absent, never too low because a page failed.

## Emitted with BACKWIRE_COMPAT=nbu_exporter

| old | labels beside site | new | what differs |
|---|---|---|---|
`)
	for _, r := range replacements() {
		if f := c.named(r.old); f != nil {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.old, strings.Join(f.Labels, ", "), code(r.now), strings.TrimSpace(r.differs))
		}
	}
	b.WriteString(`
` + "`nbu_job_duration_seconds`" + ` exists in both: its series get the additional label ` + "`action`" + `. It counts every job once since the start, not
the jobs of a time window, so use ` + "`rate()`" + ` on its buckets. With Grafana,
` + "`rate(nbu_job_duration_seconds_bucket[$__rate_interval])`" + ` is empty at ` + "`BACKWIRE_INTERVAL=60s`" + ` unless the data source knows that interval:
set its *Scrape interval* (` + "`timeInterval`" + ` in a provisioning file) to ` + "`60s`" + `. ` + "`nbu_up`" + ` has the same meaning in both.

## Not emitted

| old | instead |
|---|---|
`)
	for _, r := range missing() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.old, strings.TrimSpace(code(r.now)+" "+r.differs))
	}
	return b.String()
}

func code(name string) string {
	if name == "" {
		return ""
	}
	return "`" + name + "`"
}

// The page has every name of that exporter once, and leads only to names that there are.
func TestMigrationPageIsCurrent(t *testing.T) {
	c := wholeCatalogue(t, compat.Name)
	told := map[string]bool{}
	for i, r := range append(replacements(), missing()...) {
		f := c.named(r.old)
		if emitted := f != nil && f.Section == compat.Section; told[r.old] || emitted != (i < len(replacements())) {
			t.Errorf("%s: told twice, or emitted and said not to be, or the reverse", r.old)
		}
		told[r.old] = true
		for _, name := range append(regexp.MustCompile("nbu_[a-z_]+").FindAllString(r.differs, -1), r.now) {
			if name != "" && c.named(name) == nil {
				t.Errorf("%s leads to %s, which there is not", r.old, name)
			}
		}
	}
	for _, f := range c.all {
		if f.Section == compat.Section && !told[f.Name] {
			t.Errorf("%s is emitted and not on the page", f.Name)
		}
	}
	want := migration(c)
	for name := range strings.FieldsSeq(exporterMetrics) {
		if !strings.Contains(want, "`"+name+"`") {
			t.Errorf("%s of nbu_exporter is not on the page", name)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.FromSlash(migrationPage), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(migrationPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the catalogue says; run go generate ./source/netbackup", migrationPage)
	}
}
