package nbusim

import "time"

// AddFindings adds what a server of some size has found and keeps: alerts of every severity, a
// night of images of which one is infected, their scans of which one failed, copies that wait, anomalies,
// events, what expires, protection plans, and media servers.
func (s *Server) AddFindings() {
	now := s.clock()
	s.AddAlerts(
		Alert{Created: now.Add(-2 * time.Hour)},
		Alert{Created: now.Add(-26 * time.Hour), Description: "Job 3 failed with status code 84 on client"},
		Alert{Severity: "WARNING", Context: "JOB_STATE_SUSPEND", Description: "Job 9 was suspended", Created: now.Add(-5 * time.Hour)},
		Alert{Severity: "WARNING", Context: "CREDENTIAL", Description: "A credential expires in 7 days", Created: now.Add(-9 * time.Hour)},
		Alert{Severity: "INFO", Context: "GENERAL", Description: "A scan host was added", Created: now.Add(-50 * time.Hour)},
	)
	s.AddImages(nightOfImages(now)...)
	for range 21 {
		s.AddMalwareScans(MalwareScan{Scanned: 41_000})
	}
	s.AddMalwareScans(
		MalwareScan{Scanned: 38_500, Impacted: 3},
		MalwareScan{State: "SCAN_FAILED", Result: "NOT_SCANNED"},
		MalwareScan{State: "IN_PROGRESS", Result: "NOT_SCANNED", Scanned: 12_000},
		MalwareScan{Result: "NOT_SUPPORTED"},
	)
	s.AddMediaServers(MediaServer{Name: "media-1"}, MediaServer{Name: "media-2"})
	s.AddHosts(Host{Name: s.name, Type: "PRIMARY_SERVER"}, Host{Name: "media-1", Type: "MEDIA_SERVER"}, Host{Name: "media-2", Type: "MEDIA_SERVER"})
	s.addServices()
	s.AddHosts(Host{Name: "client-1.example", Mapped: []string{"client-1"}}, Host{Name: "client-2.example", Version: "10.5", OS: "Windows"}, Host{Name: "forgotten.example"})
	s.addCopies(now)
	s.addEnds(now)
	s.AddAnomalies(
		Anomaly{At: now.Add(-3 * time.Hour)},
		Anomaly{Severity: "MEDIUM", At: now.Add(-8 * time.Hour)},
		Anomaly{Severity: "LOW", Type: "CLIENT_OFFLINE_BASED", Status: "IGNORED", At: now.Add(-80 * time.Hour)},
	)
	s.AddEvents(Event{At: now.Add(-time.Hour)}, Event{Severity: "WARNING", At: now.Add(-2 * time.Hour)}, Event{Severity: "INFO", At: now.Add(-50 * time.Hour)})
	s.AddAuditRecords(AuditRecord{At: now.Add(-4 * time.Hour)}, AuditRecord{Operation: "ACCESS", At: now.Add(-5 * time.Hour)})
	s.AddAuditRecords(AuditRecord{Category: "AZFAILURE", Operation: "ACCESS", At: now.Add(-time.Hour)}, AuditRecord{Category: "LOGIN", Operation: "ACCESS", At: now.Add(-time.Hour)})
	s.AddKMSKeys(KMSKey{Service: "nbkms", Ends: now.AddDate(0, 4, 0)}, KMSKey{Service: "nbkms", State: "INACTIVE"})
	s.AddSLOs(SLO{Name: "gold"}, SLO{Name: "silver"}, SLO{Name: "databases", Workload: "SQL_SERVER"}, SLO{Name: "cloud", Workload: "CLOUD"})
}

// addServices adds those of the servers, of which one is stopped.
func (s *Server) addServices() {
	services := []Service{{Host: "media-1", Name: "nbrmms"}, {Host: "media-1", Name: "bpcd"}, {Host: "media-2", Name: "nbrmms", Status: "STOPPED"}, {Host: "media-2", Name: "bpcd"}}
	for _, name := range []string{"bprd", "bpdbm", "nbemm", "nbjm", "nbpem", "nbrb", "nbstserv", "vnetd"} {
		services = append(services, Service{Host: s.name, Name: name})
	}
	s.SetServices(services...)
}

// addEnds adds what expires: certificates, of which one does in a week, licences and their use.
func (s *Server) addEnds(now time.Time) {
	for i, host := range []string{"client-1", "client-2", "media-1", "media-2"} {
		s.AddCertificates(Certificate{Host: host + ".example", Expires: now.AddDate(0, 3*i, 6)})
	}
	s.AddLicenses(License{Count: 50, End: now.AddDate(1, 0, 0), ServiceEnd: now.AddDate(0, 5, 0)})
	s.SetFrontEnd(31.5 * (1 << 20))
}

// addCopies adds images of two storage lifecycle policies: some wait for their copies, others are complete. A third one is inactive.
func (s *Server) addCopies(now time.Time) {
	for i := range 12 {
		s.AddSLPImages(
			SLPImage{SLP: "gold", State: "COMPLETE", At: now.Add(-time.Duration(i+10) * time.Hour), Copies: []SLPCopy{{"BACKUP", "COPYCOMPLETE"}, {"DUPLICATE", "COPYCOMPLETE"}}},
			SLPImage{SLP: "gold", At: now.Add(-time.Duration(i+1) * 20 * time.Minute)},
		)
	}
	s.AddSLPImages(
		SLPImage{SLP: "gold", State: "NOT_STARTED", At: now.Add(-5 * time.Minute), Copies: []SLPCopy{{"BACKUP", "COPYCOMPLETE"}}},
		SLPImage{SLP: "remote", At: now.Add(-9 * time.Hour), Copies: []SLPCopy{{"IMPORT", "IMPORT_PENDING"}}},
		SLPImage{SLP: "old", State: "IN_PROCESS|INACTIVE", At: now.Add(-30 * time.Hour), Copies: []SLPCopy{{"BACKUP", "COPYCOMPLETE"}, {"DUPLICATE", "NOT_STARTED|INACTIVE"}}},
	)
	s.AddSLPs(SLP{Name: "gold"}, SLP{Name: "remote"}, SLP{Name: "old", Inactive: true})
}

// nightOfImages are one each quarter of an hour.
func nightOfImages(now time.Time) (images []Image) {
	for i := range 32 {
		image := Image{MalwareStatus: "CLEAN", AnomalyStatus: "NOT_ANOMALOUS", At: now.Add(-time.Duration(i) * 15 * time.Minute)}
		switch {
		case i == 7:
			image.MalwareStatus, image.AnomalyStatus = "INFECTION_DETECTED_BY_MALWARE_SCAN", "ANOMALOUS"
		case i == 8:
			image.MalwareStatus = "NOT_SUPPORTED"
		case i%3 == 2:
			image.MalwareStatus, image.AnomalyStatus = "NOT_SCANNED", "NOT_PROCESSED"
		}
		images = append(images, image)
	}
	return images
}
