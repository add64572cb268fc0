package api

import (
	"bytes"
	"context"
	"iter"
	"net/url"
	"time"
)

// Policy is one row of /config/policies/: enough to know whether it must be read in full.
type Policy struct {
	Name       string
	Type       string          // in the words of the policies, which are not those of jobs: Standard, MS-Windows
	Active     Optional[bool]  // absent means yes
	Generation Optional[int64] // another one with each change
}

// PolicyPlan is what a policy promises to its clients.
type PolicyPlan struct {
	Clients []string      // each once; host names as jobs have them
	Every   time.Duration // the longest time from one backup to the next; 0 where no schedule tells
	Query   bool          // the clients are found when it runs: those listed are not what is backed up
}

// What a policy may hold at most. The largest that people speak of have some thousand clients and a dozen schedules.
const (
	mostPolicyClients = 20_000
	mostSchedules     = 500 // the days of four years are gone through for each
)

// policiesPage is the documented maximum of page[limit] for /config/policies/.
const policiesPage = 500

// Policies lists all policies.
func (c *Client) Policies(ctx context.Context) iter.Seq2[Policy, error] {
	return listing[Policy]{
		client: c, noun: "policy", path: "/config/policies/", row: policyRow,
		size: policiesPage, pager: byOffset,
	}.rows(ctx)
}

func policyRow(d *decoder) (p Policy, ok bool) {
	for name := range d.members() {
		switch string(name) {
		case "id":
			p.Name = d.identify()
		case "type":
			p.Type = d.text()
		case "attributes":
			policyRowAttributes(d, &p)
		default:
			d.skip()
		}
	}
	return p, p.Name != ""
}

func policyRowAttributes(d *decoder, p *Policy) {
	for name := range d.members() {
		switch string(name) {
		case "active":
			p.Active = d.boolean()
		case "generationId":
			p.Generation = d.integer()
		default:
			d.skip()
		}
	}
}

// PolicyPlan reads one policy in full.
func (c *Client) PolicyPlan(ctx context.Context, name string) (PolicyPlan, error) {
	a, err := c.get(ctx, "/config/policies/"+url.PathEscape(name), nil)
	if err != nil {
		return PolicyPlan{}, err
	}
	defer a.release()
	d := c.borrowDecoder("policy")
	defer c.returnDecoder(d)
	var p PolicyPlan
	if err := d.document(a.body, func() { p = policyPlan(d) }); err != nil {
		return PolicyPlan{}, c.unreadable(a, "expected a policy", err)
	}
	return p, nil
}

// policyPlan reads the attributes, whose one member has a name for each type of policy:
// policyStandard, policyVMware and so on.
func policyPlan(d *decoder) (p PolicyPlan) {
	for range d.members() {
		for name := range d.members() {
			switch string(name) {
			case "schedules":
				p.Every = longestWait(d)
			case "clients":
				p.Clients = policyClients(d)
			case "backupSelections":
				p.Query = queries(d)
			default:
				d.skip()
			}
		}
	}
	return p
}

// longestWait is how long a client waits for its next backup at most, by the schedules that NetBackup
// starts: the least frequency, or the longest gap in the calendar of all that go by it.
func longestWait(d *decoder) time.Duration {
	var least time.Duration
	var days []runDays
	read := 0
	for range d.elements() {
		if read++; read > mostSchedules {
			d.refuse("a policy", mostSchedules, "schedules")
			return 0
		}
		switch s := readSchedule(d); {
		case !s.startsByItself():
		case s.when == "Calendar":
			days = append(days, s.days)
		case s.every > 0 && (least == 0 || s.every < least):
			least = s.every
		}
	}
	if gap := longestGap(days); gap > 0 && (least == 0 || gap < least) {
		return gap
	}
	return least
}

// schedule is one of a policy.
type schedule struct {
	kind  string        // Full Backup, User Backup, …
	when  string        // Frequency or Calendar
	every time.Duration // by frequency; 0 where it makes no sense
	days  runDays       // by the calendar
}

func readSchedule(d *decoder) (s schedule) {
	for name := range d.members() {
		switch string(name) {
		case "backupType":
			s.kind = d.text()
		case "scheduleType":
			s.when = d.text()
		case "frequencySeconds":
			const century = 100 * 365 * 86400
			if n := d.integer().Value; n > 0 && n <= century {
				s.every = time.Duration(n) * time.Second
			}
		case "includeDates":
			s.days.include = readCalendar(d)
		case "excludeDates":
			s.days.exclude = readCalendar(d)
		default:
			d.skip()
		}
	}
	return s
}

// startsByItself says that NetBackup begins such a backup, and not a user or an application.
func (s *schedule) startsByItself() bool {
	switch s.kind {
	case "User Backup", "User Archive", "Application Backup":
		return false
	}
	return true
}

// policyClients reads the host names; several databases of a host are one client.
func policyClients(d *decoder) (clients []string) {
	seen := map[string]bool{}
	for range d.elements() {
		for name := range d.members() {
			if string(name) != "hostName" {
				d.skip()
				continue
			}
			if host := d.text(); host != "" && !seen[host] {
				if len(clients) == mostPolicyClients {
					d.refuse("a policy", mostPolicyClients, "clients")
					return nil
				}
				seen[host] = true
				clients = append(clients, host)
			}
		}
	}
	return clients
}

// queries says that a selection is a query (vmware:/?filter=…), so that the clients are the
// machines that it finds.
func queries(d *decoder) (query bool) {
	for name := range d.members() {
		if string(name) != "selections" {
			d.skip()
			continue
		}
		for range d.elements() {
			query = bytes.Contains(d.scalar(), []byte(":/?filter=")) || query // it may be long
		}
	}
	return query
}
