package nbusim

import "time"

// The namespaces of the role for /security/anomalies and /eventlog/notifications.
const (
	NamespaceAnomalies = "|MANAGE|ANOMALIES|"
	NamespaceEvents    = "|MANAGE|EVENTLOGS|NOTIFICATIONS|"
)

// Anomaly is something that the server finds suspicious. What is not given is of a job, of high severity and not reviewed.
type Anomaly struct {
	Severity string // HIGH, MEDIUM, LOW
	Type     string // JOB_BASED; from 10.5 FILE_BASED, …
	Status   string // ANOMALY, NOT_REVIEWED, REPORTED_FALSE_POSITIVE, IGNORED
	At       time.Time
}

// Event is one of the event log. What is not given is an error.
type Event struct {
	Severity string // CRITICAL, ERROR, WARNING, INFO, DEBUG
	At       time.Time
}

// AddAnomalies adds anomalies.
func (s *Server) AddAnomalies(anomalies ...Anomaly) { addTo(s, &s.anomalies, anomalies) }

// AddEvents adds events to the log.
func (s *Server) AddEvents(events ...Event) { addTo(s, &s.events, events) }

func (a Anomaly) row(id, version int) row {
	defaultTo(&a.Severity, "HIGH")
	if defaultTo(&a.Type, "JOB_BASED"); version < version105 {
		a.Type = "JOB_BASED" // 10.3 knows no other
	}
	defaultTo(&a.Status, "NOT_REVIEWED")
	return row{
		kind: "anomaly", id: itoa(id), path: "/security/anomalies/",
		attributes: map[string]any{
			"createdDateTime": stamp(a.At), "backupTime": stamp(a.At), "jobid": itoa(id), "backupId": "client-1_" + itoa(id), "clientName": "client-1",
			"policyName": "linux-01", "policyType": "STANDARD", "scheduleName": "daily", "scheduleType": "FULL_BACKUP", "destinationStorage": "stu-1",
			"anomalyStatus": a.Status, "anomalyType": a.Type, "anomalyCount": 1, "anomalyScore": "7.5", "anomalySeverity": a.Severity,
			"anomalySummary": "The image is much larger than the ones before.", "extendedAttributes": map[string]any{},
		},
	}
}

func (e Event) row(id int) row {
	defaultTo(&e.Severity, "ERROR")
	return row{
		kind: "notifications", id: itoa(id), path: "/eventlog/notifications/",
		attributes: map[string]any{
			"version": "1.0", "priority": "HIGH", "severity": e.Severity, "createdDateTime": stamp(e.At), "notificationType": "Storage",
			"notificationId": itoa(id), "producerName": "primary.example", "producerId": "uuid-primary", "producerType": "Primary Server",
			"producerSubType": "nbwmc", "displayString": "A storage server does not answer.", "namespace": "eventlog.storage", "extendedAttributes": map[string]any{},
		},
	}
}

func (s *Server) anomalyList(x *exchange) reply {
	var rows []row
	for i, a := range shown(s, x, &s.anomalies) {
		rows = append(rows, a.row(i+1, x.version))
	}
	return x.list(rows, columns[row]{dateColumn("createdDateTime", "lt gt le ge"), rowColumn("anomalySeverity", text, "eq ne")}, limits{1, 100})
}

// eventList is documented for 10.3, 10.5 and 11.2 (eventlog.yaml); no document of 11.0 shows it, and it is offered all the same.
func (s *Server) eventList(x *exchange) reply {
	var rows []row
	for i, e := range shown(s, x, &s.events) {
		rows = append(rows, e.row(i+1))
	}
	return x.list(rows, columns[row]{dateColumn("createdDateTime", "eq ne lt gt le ge"), rowColumn("severity", text, "eq ne")}, limits{1, 100})
}
