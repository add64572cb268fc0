package netbackup

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

var update = flag.Bool("update", false, "write docs/metrics.md from the catalogue")

// TestMetricsReferenceIsCurrent holds docs/metrics.md to the catalogue it is generated from.
func TestMetricsReferenceIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "metrics.md")
	want := reference(wholeCatalogue(t, ""))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the catalogue says; run go generate ./source/netbackup", path)
	}
}

// wholeCatalogue has the metrics of all collectors.
func wholeCatalogue(t *testing.T, compat string) *catalogue {
	t.Helper()
	primary := &url.URL{Scheme: "https", Host: "primary.example:1556"}
	s, err := NewSite(SiteConfig{Client: api.Config{Site: "paris", URL: primary}, Interval: minute, Compat: compat}, source.Checkpoint{},
		slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s.catalogue
}

// bySection are the metrics in the order of the page.
func bySection(all []*collect.Family) []*collect.Family {
	order := []string{sectionHealth, sectionJobs, sectionClients, sectionStorage, sectionProtection}
	return slices.SortedStableFunc(slices.Values(all), func(a, b *collect.Family) int {
		return cmp.Compare(slices.Index(order, a.Section), slices.Index(order, b.Section))
	})
}

func reference(c *catalogue) string {
	var b strings.Builder
	b.WriteString(`# Metrics

Generated from the catalogue in ` + "`source/netbackup/catalogue.go`" + ` by ` + "`go generate ./source/netbackup`" + `: do not edit.

Every series carries the label ` + "`site`" + `. A value that the server does not provide is absent, never zero. A label without
a value is omitted. Counters and histograms count each finished job exactly once. They start at 0 one interval
before their first job. Counters, histograms and gauges marked as remembered keep their values through restarts
and while the server does not answer. All other gauges end when they cannot be read.
A parent job has child jobs; a leaf job has none. Histograms are classic; with ` + "`BACKWIRE_NATIVE_HISTOGRAMS=true`" + ` they are also sent as native
ones, without the suffix ([receivers.md](receivers.md#native-histograms)).
`)
	section := ""
	for _, f := range bySection(c.all) {
		if f.Section != section {
			section = f.Section
			fmt.Fprintf(&b, "\n## %s\n\n| metric | type | unit | labels | collector | meaning |\n|---|---|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			f.Name, typeOf(f), f.Unit, strings.Join(f.Labels, ", "), f.Collector, f.Help+bounds(f))
	}
	return b.String()
}

func typeOf(f *collect.Family) string {
	if f.Durable && f.Type == source.Gauge {
		return "gauge, remembered"
	}
	return f.Type.String()
}

func bounds(f *collect.Family) string {
	if len(f.Buckets) == 0 {
		return ""
	}
	return " Buckets up to " + strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Buckets), " ", ", "), "[]") + "."
}

func TestCatalogueKeepsTheConventions(t *testing.T) {
	c := wholeCatalogue(t, "")
	seen := map[string]bool{}
	for _, f := range c.all {
		bare := strings.TrimSuffix(strings.TrimSuffix(f.Name, "_total"), "_info")
		switch {
		case seen[f.Name]:
			t.Errorf("%s is there twice", f.Name)
		case !strings.HasPrefix(f.Name, "nbu_"):
			t.Errorf("%s lacks the prefix", f.Name)
		case !strings.HasSuffix(f.Help, ".") && !strings.HasSuffix(f.Help, ".)"):
			t.Errorf("%s: help %q is no sentence", f.Name, f.Help)
		case f.Unit != "" && !strings.HasSuffix(bare, f.Unit):
			t.Errorf("%s does not end in its unit %q", f.Name, f.Unit)
		case (f.Type == source.Counter) != strings.HasSuffix(f.Name, "_total"):
			t.Errorf("%s is a %v", f.Name, f.Type)
		case (f.Type == source.Info) != strings.HasSuffix(f.Name, "_info"):
			t.Errorf("%s is a %v", f.Name, f.Type)
		case (f.Type == source.Histogram) != (len(f.Buckets) > 0) || !slices.IsSorted(f.Buckets):
			t.Errorf("%s is a %v with the buckets %v", f.Name, f.Type, f.Buckets)
		case f.Type != source.Gauge && f.Type != source.Info && !f.Durable:
			t.Errorf("%s would start again with every restart", f.Name)
		}
		seen[f.Name] = true
	}
	for _, name := range promised() {
		if !seen[name] {
			t.Errorf("%s is promised and not there", name)
		}
	}
}

// promised are the names that dashboards and rules rely on.
func promised() []string {
	return strings.Fields(`
		nbu_up nbu_collector_success nbu_collector_duration_seconds nbu_collector_last_success_timestamp_seconds
		nbu_server_info nbu_server_clock_skew_seconds nbu_server_certificate_expiry_timestamp_seconds nbu_api_key_expiry_timestamp_seconds
		nbu_jobs_completed_total nbu_job_bytes_total nbu_job_moved_bytes_total nbu_job_files_total nbu_job_retries_total
		nbu_job_duration_seconds nbu_job_queue_wait_seconds nbu_jobs nbu_jobs_queued
		nbu_jobs_oldest_queued_timestamp_seconds nbu_jobs_oldest_active_timestamp_seconds nbu_jobs_stalled
		nbu_media_server_active_jobs nbu_media_server_transfer_bytes_per_second nbu_catalog_backup_last_success_timestamp_seconds
		nbu_client_last_success_timestamp_seconds nbu_client_last_attempt_timestamp_seconds nbu_client_last_status
		nbu_client_consecutive_failures nbu_client_last_bytes
		nbu_storage_unit_capacity_bytes nbu_storage_unit_used_bytes nbu_storage_unit_free_bytes
		nbu_storage_unit_max_concurrent_jobs nbu_storage_unit_info
		nbu_disk_pool_raw_bytes nbu_disk_pool_usable_bytes nbu_disk_pool_used_bytes nbu_disk_pool_available_bytes
		nbu_disk_pool_high_water_mark_ratio nbu_disk_pool_low_water_mark_ratio nbu_disk_pool_up nbu_disk_volume_up
		nbu_storage_server_up nbu_storage_server_dedup_ratio`)
}
