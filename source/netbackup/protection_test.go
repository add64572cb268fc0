package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"backwire/source/netbackup/nbusim"
)

func TestProtectionOfEachRelease(t *testing.T) {
	for release, status := range map[string][2]string{
		"10.3": {"IMPACTED", ""},
		"10.5": {"IMPACTED", "ANOMALOUS"},
		"11.0": {"INFECTION_DETECTED_BY_MALWARE_SCAN", "ANOMALOUS"},
		"11.2": {"INFECTION_DETECTED_BY_MALWARE_SCAN", "ANOMALOUS"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nbusim.Options{Release: release, Storage: oneUnit()})
			now := r.sim.Now()
			r.sim.AddMalwareScans(nbusim.MalwareScan{Scanned: 100, Impacted: 2}, nbusim.MalwareScan{Scanned: 50}, nbusim.MalwareScan{State: "PENDING", Result: "NOT_SCANNED"})
			infected := nbusim.Image{MalwareStatus: "INFECTION_DETECTED_BY_MALWARE_SCAN", AnomalyStatus: "ANOMALOUS", At: now}
			r.sim.AddImages(infected, infected, nbusim.Image{At: now.Add(-25 * time.Hour)})
			r.sim.AddSLOs(nbusim.SLO{Name: "gold"}, nbusim.SLO{Name: "silver"}, nbusim.SLO{Name: "cloud", Workload: "CLOUD"})
			r.tick()
			r.want(1, "nbu_malware_scans", "state", "SCAN_COMPLETED", "result", "IMPACTED")
			r.want(1, "nbu_malware_scans", "state", "PENDING", "result", "NOT_SCANNED")
			r.want(150, "nbu_malware_scanned_files")
			r.want(2, "nbu_malware_impacted_files")
			r.want(2, "nbu_images")
			r.want(2, "nbu_images", "malware_status", status[0], "anomaly_status", status[1])
			r.want(2, "nbu_slos", "workload", "VMWARE")
			r.want(1, "nbu_slos", "workload", "CLOUD")
		})
	}
}

func TestAlertsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nbusim.Options{Storage: oneUnit()})
		r.sim.AddAlerts(make([]nbusim.Alert, 150)...)
		r.sim.AddAlerts(nbusim.Alert{Severity: "INFO"})
		r.tick()
		r.want(150, "nbu_alerts", "severity", "ERROR", "category", "JOB")
		r.want(1, "nbu_alerts", "severity", "INFO", "category", "JOB")
		r.want(1, "nbu_collector_success", "collector", "alerts")
	})
}
