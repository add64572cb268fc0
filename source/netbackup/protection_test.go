package netbackup

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"backwire/source/netbackup/nbusim"
)

const (
	vendorScan = `{"type":"scanResult","id":"1","attributes":{"scanState":"SCAN_COMPLETED","scanResult":"IMPACTED","numberOfFilesScanned":"5000000000",
"numberOfFilesImpacted":3,"totalNumberOfFiles":9},"relationships":{"malwareTool":{"data":{"id":"1"}}}}`
	olderScan  = `{"id":"2","attributes":{"scanState":"IN_PROGRESS","scanResult":null,"noOfFilesImpacted":1}}`
	newerImage = `{"type":"image","id":"c_1","attributes":{"malwareScanResult":"IMPACTED","malwareStatus":"INFECTION_DETECTED_BY_FILE_HASH_SEARCH",
"anomalyStatus":"ANOMALOUS","fragments":[{"malwareStatus":"none"}]}}`
	olderImage = `{"id":"c_2","attributes":{"malwareScanResult":"CLEAN","fragments":null}}`
	vendorSLO  = `{"type":"slov3","id":"c0ffee","attributes":{"name":"gold","workloadType":"VMWARE","schedules":[{"workloadType":"none"}]}}`
)

// The files that were found have another name on 10.3.
func TestMalwareScans(t *testing.T) {
	c := newTestClient(t, serveRows(vendorScan, olderScan, `{"id":"3"}`))
	want := []MalwareScan{
		{State: "SCAN_COMPLETED", Result: "IMPACTED", Scanned: some[int64](5_000_000_000), Impacted: some[int64](3)},
		{State: "IN_PROGRESS", Impacted: some[int64](1)},
	}
	if diff := cmp.Diff(want, collect(t, c.MalwareScans(t.Context()))); diff != "" {
		t.Errorf("scans (-want +got):\n%s", diff)
	}
}

// The status of 11.0 says more than the result of a scan, which was there before.
func TestImages(t *testing.T) {
	c := newTestClient(t, serveRows(newerImage, olderImage, `{"id":"c_3","attributes":{}}`, `{"id":"c_4"}`))
	want := []Image{{"INFECTION_DETECTED_BY_FILE_HASH_SEARCH", "ANOMALOUS"}, {"CLEAN", ""}, {}}
	if diff := cmp.Diff(want, collect(t, c.Images(t.Context()))); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

func TestSLOs(t *testing.T) {
	c := newTestClient(t, serveRows(vendorSLO, `{"id":"x","attributes":null}`, `{"attributes":{"workloadType":"CLOUD"}}`))
	want := []SLO{{"c0ffee", "VMWARE"}, {ID: "x"}}
	if diff := cmp.Diff(want, collect(t, c.SLOs(t.Context()))); diff != "" {
		t.Errorf("SLOs (-want +got):\n%s", diff)
	}
}

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

// checkProtection has one row of each.
func checkProtection(t *testing.T, c *Client) {
	t.Helper()
	alerts, slos, images := collect(t, c.Alerts(t.Context())), collect(t, c.SLOs(t.Context())), collect(t, c.Images(t.Context()))
	scans := collect(t, c.MalwareScans(t.Context()))
	if len(alerts) != 1 || len(slos) != 1 || len(images) != 1 || len(scans) != 1 || scans[0].Impacted != some[int64](2) {
		t.Errorf("alerts %+v, SLOs %+v, images %+v, scans %+v", alerts, slos, images, scans)
	}
}
