package api

import (
	"bytes"
	"context"
	"iter"
	"net/url"

	"backwire/source/netbackup/due"
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
	Clients []string // each once; host names as jobs have them
	Query   bool     // the clients are found when it runs: those listed are not what is backed up
	Copies  bool     // its backups are copied to a storage unit: what are snapshots alone is not whole
	Runs    due.Plan // when
}

// mostPolicyClients is what a policy may hold at most. The largest that people speak of have some thousand.
const mostPolicyClients = 20_000

// policiesPage is the documented maximum of page[limit] for /config/policies/.
const policiesPage = 500

// Policies lists all policies.
func (c *Client) Policies(ctx context.Context) iter.Seq2[Policy, error] {
	return listing[Policy]{
		row: policyRow,
		list: list{
			client: c, noun: "policy", path: "/config/policies/",
			size: policiesPage, pager: byOffset,
		},
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
	bySLP, copies := false, false
	for range d.members() {
		for name := range d.members() {
			switch string(name) {
			case "policyAttributes":
				bySLP = policyAttributes(d, &p.Runs)
			case "schedules":
				p.Runs.Schedules, copies = policySchedules(d)
			case "clients":
				p.Clients = policyClients(d)
			case "backupSelections":
				p.Query = queries(d)
			default:
				d.skip()
			}
		}
	}
	p.Copies = copies && !bySLP // a storage lifecycle policy may keep snapshots alone
	return p
}

func policyAttributes(d *decoder, p *due.Plan) (bySLP bool) {
	for name := range d.members() {
		switch string(name) {
		case "active":
			active := d.boolean()
			p.Inactive = active.Given && !active.Value
		case "effectiveDateUTC":
			p.Effective = d.instant()
		case "storageIsSLP":
			bySLP = d.boolean().Value
		default:
			d.skip()
		}
	}
	return bySLP
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
