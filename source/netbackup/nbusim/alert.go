package nbusim

import (
	"slices"
	"time"
)

// Alert is one that the server keeps. What is not given is the error of a failed backup.
type Alert struct {
	Severity    string // INFO, WARNING, ERROR
	Category    string // JOB
	Context     string // GENERAL, JOB_STATE_FAILED, JOB_STATE_SUSPEND, JOB_TYPE_BACKUP, CREDENTIAL
	Description string
	Created     time.Time
}

// AddAlerts adds alerts that the server keeps.
func (s *Server) AddAlerts(alerts ...Alert) { addTo(s, &s.alerts, alerts) }

func (a Alert) row(id int) row {
	defaultTo(&a.Severity, "ERROR")
	defaultTo(&a.Category, "JOB")
	defaultTo(&a.Context, "JOB_STATE_FAILED")
	defaultTo(&a.Description, "Job 4 failed with status code 2074 on client")
	return row{
		kind: "alert", id: itoa(id), path: "/manage/alerts/",
		attributes: map[string]any{
			"titleId": 1, "title": "Job details are as follows:", "descriptionId": 1, "description": a.Description,
			"category": a.Category, "subCategory": "STANDARD", "severity": a.Severity, "context": a.Context,
			"createdDateTime": stamp(a.Created), "tags": []any{"JOB", "2074"}, "systemDefined": true,
			"params": map[string]any{"clientName": "client", "status": "2074", "jobId": "4"},
		},
	}
}

// alertList has no limits on page[limit]: no document names any (manage.yaml of all releases). That a negative one is
// refused is an assumption.
func (s *Server) alertList(x *exchange) reply {
	var rows []row
	for i, a := range shown(s, x, &s.alerts) {
		rows = append(rows, a.row(i+1))
	}
	return x.list(rows, alertColumns(), limits{0, unlimited})
}

func alertColumns() columns[row] {
	return columns[row]{
		rowColumn("severity", text, "eq ne"),
		rowColumn("category", text, "eq ne"),
		rowColumn("subCategory", text, "eq ne"),
		rowColumn("createdDateTime", text, "eq ne lt gt le ge"),
	}
}

// shown is a copy of a list, empty to a credential without the role.
func shown[T any](s *Server, x *exchange, list *[]T) []T {
	if !x.allowed {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(*list)
}
