package nbusim

import (
	"net/http"
	"slices"
	"time"
)

// Policy says what is backed up, and when.
type Policy struct {
	Name       string
	Type       string // in the words of the policies: Standard, MS-Windows, VMware
	Inactive   bool
	Effective  time.Time // when it goes into effect; zero is long ago
	Generation int       // of the policy; another one with each change
	Clients    []string
	Schedules  []Schedule
	Selections []string // what of the clients, or the query that finds them
}

// Schedule is when a policy runs.
type Schedule struct {
	Name       string
	BackupType string        // Full Backup, Differential Incremental Backup, User Backup, …
	Every      time.Duration // 0 goes by the calendar
	On, Except Calendar
	Later      bool     // a run day whose window is closed is made good on another (retriesAllowedAfterRunDay)
	Windows    []Window // when it may start; nil is at any time

	SnapshotOnly bool // what it makes is not copied to a storage unit
}

// Window is when a schedule may start on one day of the week. A day without one is closed.
type Window struct {
	Day         time.Weekday
	Start, Open time.Duration
}

// Windows are those that open at the same time on some days.
func Windows(start, open time.Duration, days ...time.Weekday) (all []Window) {
	for _, day := range days {
		all = append(all, Window{day, start, open})
	}
	return all
}

// Calendar is a choice of days. What is not given is none.
type Calendar struct {
	LastOfMonth bool
	OfMonth     []int
	OfWeek      []string // WEEK:DAY; week 5 is the last of a month, day 1 is Sunday
	Dates       []string // YYYY-MM-DD
}

func (c Calendar) render() map[string]any {
	return map[string]any{
		"lastDayOfMonth": c.LastOfMonth, "recurringDaysOfMonth": slices.Concat([]int{}, c.OfMonth),
		"recurringDaysOfWeek": slices.Concat([]string{}, c.OfWeek), "specificDates": slices.Concat([]string{}, c.Dates),
	}
}

// AddPolicy adds a policy, or replaces the one of its name.
func (s *Server) AddPolicy(p Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policies = append(slices.DeleteFunc(s.policies, func(o Policy) bool { return o.Name == p.Name }), p)
}

// adopt adds the policies of a workload that are not there yet; s.mu is held.
func (s *Server) adopt(from *jobMaker) {
	for i := range from.policies {
		p := from.policies[i].plan()
		if !slices.ContainsFunc(s.policies, func(o Policy) bool { return o.Name == p.Name }) {
			s.policies = append(s.policies, p)
		}
	}
}

// plan is the policy behind the jobs of a workload.
func (p *policy) plan() Policy {
	const day = 24 * time.Hour
	return Policy{
		Name: p.name, Type: planType(p.kind), Generation: 1, Clients: p.clients,
		Schedules: []Schedule{
			{Name: "daily-incr", BackupType: "Differential Incremental Backup", Every: day},
			{Name: "weekly-full", BackupType: "Full Backup", Every: 7 * day},
			{Name: "yearly-full", BackupType: "Full Backup", On: Calendar{Dates: []string{"2026-12-31", "2027-12-31"}}},
		},
		Selections: []string{"ALL_LOCAL_DRIVES"},
	}
}

// planType is the word of the policies for a word of the jobs.
func planType(kind string) string {
	switch kind {
	case "STANDARD":
		return "Standard"
	case "WINDOWS":
		return "MS-Windows"
	case "VMWARE":
		return "VMware"
	case "OBACKUP":
		return "Oracle"
	case "SQL_SERVER":
		return "MS-SQL-Server"
	case "CLOUD":
		return "Cloud"
	case "NBU_CATALOG":
		return "NBU-Catalog"
	}
	return kind
}

// variant is the name of the one attribute of a policy that is read in full.
func (p *Policy) variant() string {
	switch p.Type {
	case "Standard":
		return "policyStandard"
	case "MS-Windows":
		return "policyWindows"
	case "VMware":
		return "policyVMware"
	case "Oracle":
		return "policyOracle"
	case "MS-SQL-Server":
		return "policySQLServer"
	case "NDMP":
		return "policyNDMP"
	case "Cloud":
		return "policyCloud"
	case "NBU-Catalog":
		return "policyNBUCatalog"
	}
	return "policyGeneric"
}

func (p *Policy) row() row {
	return row{
		kind: p.Type, id: p.Name, path: policiesPath,
		attributes: map[string]any{
			"active": !p.Inactive, "generationId": p.Generation, "storage": "stu-msdp-1", "storageIsSLP": false,
			"volumePool": "NetBackup", "mediaOwner": "*ANY*", "jobLimit": 0, "priority": 0, "keyword": "",
			"effectiveDateUTC": p.effective(), "dataClassification": "", "autoManagedType": 0,
		},
	}
}

func (p *Policy) effective() string {
	at := p.Effective
	if at.IsZero() {
		at = time.Date(1996, time.June, 1, 0, 0, 0, 0, time.UTC)
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// whole is the policy as it is answered when it is asked for by its name.
func (p *Policy) whole() map[string]any {
	attributes := p.row().attributes
	delete(attributes, "generationId") // some types have none there
	delete(attributes, "autoManagedType")
	a := map[string]any{
		"policyName": p.Name, "policyType": p.Type, "policyAttributes": attributes,
		"backupSelections": map[string]any{"selections": p.Selections},
	}
	schedules, clients := []any{}, []any{}
	for _, s := range p.Schedules {
		schedules = append(schedules, s.render())
	}
	for _, c := range p.Clients {
		clients = append(clients, map[string]any{"hostName": c, "OS": "RedHat", "hardware": "Linux"})
	}
	a["schedules"], a["clients"] = schedules, clients
	return map[string]any{"data": map[string]any{
		"type": "policy", "id": p.Name,
		"links":      map[string]any{"self": link(policiesPath + p.Name)},
		"attributes": map[string]any{p.variant(): a},
	}}
}

func (s Schedule) render() map[string]any {
	a := map[string]any{
		"scheduleName": s.Name, "backupType": s.BackupType, "scheduleType": "Calendar",
		"mediaMultiplexing": 1, "snapshotOnly": s.SnapshotOnly, "storageIsSLP": false, "syntheticBackup": false, "startWindow": s.startWindow(),
	}
	if s.Every > 0 {
		a["scheduleType"], a["frequencySeconds"] = "Frequency", int64(s.Every.Seconds())
	} else {
		a["includeDates"], a["excludeDates"] = s.On.render(), s.Except.render()
		a["retriesAllowedAfterRunDay"] = s.Later
	}
	return a
}

// startWindow has an entry for each day, of which the first is Sunday. A closed one has no duration.
func (s *Schedule) startWindow() (entries []any) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		w := Window{Open: 24 * time.Hour}
		if s.Windows != nil {
			w = Window{}
		}
		for _, open := range s.Windows {
			if open.Day == day {
				w = open
			}
		}
		entries = append(entries, map[string]any{
			"dayOfWeek": int(day) + 1, "startSeconds": int64(w.Start.Seconds()), "durationSeconds": int64(w.Open.Seconds()),
		})
	}
	return entries
}

const (
	policiesPath   = "/config/policies/"
	maxPolicyLimit = 500
)

func (s *Server) policyList(x *exchange) reply {
	var rows []row
	for _, p := range shown(s, x, &s.policies) {
		rows = append(rows, p.row())
	}
	return x.list(rows, policyColumns(), limits{1, maxPolicyLimit})
}

func (s *Server) onePolicy(x *exchange) reply {
	for _, p := range shown(s, x, &s.policies) {
		if p.Name == x.lastSegment() {
			return x.json(http.StatusOK, p.whole())
		}
	}
	return x.fail(http.StatusNotFound, "There is no such policy.", nil)
}

func policyColumns() columns[row] {
	return columns[row]{
		rowColumn("storage", text, "contains"),
		rowColumn("volumePool", text, "contains"),
		rowColumn("keyword", text, "contains"),
		rowColumn("autoManagedType", integer, "eq"),
		rowColumn("active", boolean, ""),
		rowColumn("jobLimit", integer, ""),
		rowColumn("priority", integer, ""),
	}
}
