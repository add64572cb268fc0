package nbusim

import "time"

// MalwareScan is the newest one of an image. What is not given has completed.
type MalwareScan struct {
	State             string // PENDING, IN_PROGRESS, SCAN_COMPLETED, SCAN_FAILED, …
	Result            string // NOT_SCANNED, IMPACTED, CLEAN, NOT_SUPPORTED
	Scanned, Impacted int
}

// Image is one of the catalog. What is not given was never scanned.
type Image struct {
	MalwareStatus string // NOT_SCANNED, CLEAN, INFECTION_DETECTED_BY_MALWARE_SCAN, …
	AnomalyStatus string // NOT_PROCESSED, ANOMALOUS, …
	At            time.Time
}

// SLO is a protection plan.
type SLO struct{ Name, Workload string }

// AddMalwareScans adds scans.
func (s *Server) AddMalwareScans(scans ...MalwareScan) { addTo(s, &s.scans, scans) }

// AddImages adds images to the catalog.
func (s *Server) AddImages(images ...Image) { addTo(s, &s.images, images) }

// AddSLOs adds protection plans.
func (s *Server) AddSLOs(slos ...SLO) { addTo(s, &s.slos, slos) }

func addTo[T any](s *Server, list *[]T, more []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, more...)
}

// The media type versions with which attributes came.
const (
	version105 = 12
	version110 = 13
)

func (m MalwareScan) row(id, version int) row {
	defaultTo(&m.State, "SCAN_COMPLETED")
	if defaultTo(&m.Result, "CLEAN"); m.Impacted > 0 {
		m.Result = "IMPACTED"
	}
	impacted := "numberOfFilesImpacted"
	if version < version105 {
		impacted = "noOfFilesImpacted"
	}
	return row{
		kind: "scanResult", id: itoa(id), path: "/malware/scan-results/",
		attributes: map[string]any{
			"scanState": m.State, "scanResult": m.Result, "policyType": "STANDARD", "backupType": "FULL", "signature": "1.0",
			"malwareToolId": "1", "scanHostId": "1", "client": "client-1", "triggerMethod": "AUTOMATIC",
			"numberOfFilesScanned": m.Scanned, "totalNumberOfFiles": m.Scanned, impacted: m.Impacted,
		},
	}
}

func (i Image) row(id, version int) row {
	defaultTo(&i.MalwareStatus, "NOT_SCANNED")
	defaultTo(&i.AnomalyStatus, "NOT_PROCESSED")
	a := map[string]any{"malwareScanResult": i.scanResult(), "clientName": "client-1", "backupTime": stamp(i.At)}
	if version >= version105 {
		a["anomalyStatus"] = i.AnomalyStatus
	}
	if version >= version110 {
		a["malwareStatus"] = i.MalwareStatus
	}
	return row{kind: "image", id: "client-1_" + itoa(id), path: "/catalog/images/", attributes: a, common: imageFacts}
}

// scanResult is the older word for the status.
func (i Image) scanResult() string {
	switch i.MalwareStatus {
	case "NOT_SCANNED", "CLEAN", "NOT_SUPPORTED":
		return i.MalwareStatus
	}
	return "IMPACTED"
}

// imageFacts are the attributes that every image must have, and that nobody here asks for.
func imageFacts() map[string]any {
	const never = "1970-01-01T00:00:00Z"
	return map[string]any{
		"policyType": "Standard", "policyName": "linux-01", "scheduleType": "FULL", "scheduleName": "weekly-full",
		"backupCopyType": "DEFAULT", "backupStatus": 0, "blockIncrementalFullTime": never, "clientCharset": 0, "compression": false,
		"contentFile": "client-1.f", "contentFileSize": "0", "contentFileCompressed": "NOT", "creator": "root", "dataClassification": "",
		"drMediaList": []any{}, "elapsedTimeSeconds": 60, "encryption": "NONE", "expiration": never, "extendedSecurityInfo": false,
		"fileSystemOnly": false, "fragments": []any{}, "imageDumpLevel": 0, "imageType": "NORMAL", "jobId": 1, "kbytes": 1024, "keyword": "",
		"kbytesDataTransferred": 1024, "mpx": false, "numCopies": 1, "numFiles": 1, "numberFragments": 0, "originMasterServer": "", "pfiType": 0,
		"primaryCopy": 1, "providerGeneratedId": "", "proxyClient": "", "remoteExpirationDate": never, "retentionLevel": 1, "slpVersion": 0,
		"slpCompleted": 0, "slpName": "", "tirExpirationDate": never, "version": 1, "vmType": "NONE", "streamNumber": 0,
		"streamAggregatedKbytes": -1, "streamAggregatedFiles": -1,
	}
}

func (o SLO) row() row {
	defaultTo(&o.Workload, "VMWARE")
	return row{
		kind: "slov3", id: "slo-" + o.Name, path: "/servicecatalog/slos/",
		attributes: map[string]any{
			"name": o.Name, "policyNamePrefix": o.Name, "workloadType": o.Workload, "capabilities": []any{},
			"schedules": []any{}, "subscriptionCount": 0, "subscribeAllowed": true,
		},
	}
}

// latestScans takes a page[limit] of 0, as its documents say (malware.yaml of all releases).
func (s *Server) latestScans(x *exchange) reply {
	var rows []row
	for i, m := range shown(s, x, &s.scans) {
		rows = append(rows, m.row(i+1, x.version))
	}
	return x.list(rows, columns[row]{rowColumn("client", text, "eq contains"), rowColumn("scanResult", text, "eq contains")}, limits{0, 100})
}

// imageList shows the last day, as the API does without a filter on the time.
func (s *Server) imageList(x *exchange) reply {
	var rows []row
	for i, m := range shown(s, x, &s.images) {
		if x.now.Sub(m.At) <= 24*time.Hour {
			rows = append(rows, m.row(i+1, x.version))
		}
	}
	return x.list(rows, columns[row]{rowColumn("clientName", text, "eq"), rowColumn("malwareScanResult", text, "eq")}, limits{1, 100})
}

// sloList has no maximum: servicecatalog.yaml of 10.3 to 11.0 names a default alone.
func (s *Server) sloList(x *exchange) reply {
	var rows []row
	for _, o := range shown(s, x, &s.slos) {
		rows = append(rows, o.row())
	}
	return x.list(rows, columns[row]{rowColumn("name", text, orderedText)}, limits{0, unlimited})
}
