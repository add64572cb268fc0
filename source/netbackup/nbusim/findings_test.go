package nbusim

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// What the default server has found, by what the agent counts it by.
func TestFindingsAreOfEveryKind(t *testing.T) {
	at := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	s := newServer(t, Options{Clock: func() time.Time { return at }, Storage: NewEstate(16)})
	s.AddFindings()
	for list, want := range map[string]map[string]int{
		"/manage/alerts severity":                 {"ERROR": 2, "WARNING": 2, "INFO": 1},
		"/malware/latest-scan-results scanResult": {"CLEAN": 21, "IMPACTED": 1, "NOT_SCANNED": 2, "NOT_SUPPORTED": 1},
		"/malware/latest-scan-results scanState":  {"SCAN_COMPLETED": 23, "SCAN_FAILED": 1, "IN_PROGRESS": 1},
		"/catalog/images malwareStatus":           {"CLEAN": 21, "INFECTION_DETECTED_BY_MALWARE_SCAN": 1, "NOT_SCANNED": 9, "NOT_SUPPORTED": 1},
		"/catalog/images anomalyStatus":           {"NOT_ANOMALOUS": 22, "ANOMALOUS": 1, "NOT_PROCESSED": 9},
		"/servicecatalog/slos workloadType":       {"VMWARE": 2, "SQL_SERVER": 1, "CLOUD": 1},
		"/storage/drives driveStatus":             {"DRIVE_STATUS_UP": 4},
		"/storage/tape-media volumePool":          {"NetBackup": 28, "CatalogBackup": 4, "Scratch": 14, "None": 2},
		"/storage/tape-media mediaStatus":         {"FULL": 18, "FROZEN": 2, "ACTIVE": 28},
		"/storage/tape-volume-pools poolType":     {"REGULAR_MEDIA_POOL": 2, "CATALOG_MEDIA_POOL": 1, "SCRATCH_MEDIA_POOL": 1},
	} {
		path, attribute, _ := strings.Cut(list, " ")
		got := map[string]int{}
		for _, row := range get(t, s, path+query("page[limit]", "100")).page(t).Data {
			got[fmt.Sprint(row.Attributes[attribute])]++
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", list, got, want)
		}
	}
}
