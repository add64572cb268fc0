package netbackup

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// policies reads what each client is promised: which policies back it up, and how often. A
// policy is read in full when it is new or has changed.
type policies struct {
	c       *catalogue
	client  *Client
	gauges  *gauges
	ledger  *ledger
	limit   int // of clients and policies
	overCap overCap

	listedAt int64 // server's clock, ms; 0 before the first time
	plans    map[string]*policyFile
	order    []string        // of the plans, by name
	readable bool            // in this cycle
	names    map[string]bool // of all policies of the last list, inactive ones included; nil before the first
	refused  bool            // the server does not offer the list to this credential
	began    int64           // agent's clock, ms: when somebody first asked whether a policy is listed
}

// policyFile is what is known of an active policy.
type policyFile struct {
	row    Policy
	plan   PolicyPlan
	readAt int64 // server's clock, ms; 0 where it must be read
}

const (
	policiesEvery = 900_000    // ms between two readings of the list
	policyDay     = 86_400_000 // ms after which a policy without a generation is read again

	// policiesAtOnce is how many policies are read in full in one cycle: one after the other,
	// so that a new agent does not keep the server from its work.
	policiesAtOnce = 50
)

func (p *policies) read(ctx context.Context, now int64) (int, error) {
	if p.listedAt == 0 || now-p.listedAt >= policiesEvery || now < p.listedAt {
		err := p.list(ctx, now)
		p.refused = errors.Is(err, ErrRole) || errors.Is(err, ErrNotOffered)
		if err != nil {
			return 0, err
		}
	}
	if err := p.readPlans(ctx, now); err != nil {
		return len(p.plans), err
	}
	p.readable = true
	return len(p.plans), nil
}

func (p *policies) list(ctx context.Context, now int64) error {
	found, names := map[string]*policyFile{}, map[string]bool{}
	for row, err := range p.client.Policies(ctx) {
		if err != nil {
			return err
		}
		names[row.Name] = true
		if inactive := row.Active.Given && !row.Active.Value; inactive || !backsUpClients(row.Type) {
			continue
		}
		file := p.plans[row.Name]
		switch {
		case file == nil:
			file = &policyFile{}
		case row.Generation != file.row.Generation, !row.Generation.Given && now-file.readAt >= policyDay:
			file.readAt = 0
		}
		file.row = row
		found[row.Name] = file
	}
	p.plans, p.names, p.listedAt = found, names, now
	p.order = slices.Sorted(maps.Keys(found))
	return nil
}

// lists says whether the server has a policy. Where the list was never read it may have it: an answer is waited for, a day,
// unless the server refuses it. The point is ms of the agent's clock.
func (p *policies) lists(name string, point int64) bool {
	if p.names != nil {
		return p.names[name]
	}
	if p.began == 0 || p.began > point {
		p.began = point
	}
	return !p.refused && point-p.began < policyDay
}

// backsUpClients leaves out what is no backup of a client: the catalog, and the deployment of
// packages.
func backsUpClients(policyType string) bool {
	return !strings.EqualFold(policyType, "NBU-Catalog") && !strings.EqualFold(policyType, "Deployment")
}

func (p *policies) readPlans(ctx context.Context, now int64) error {
	left := policiesAtOnce
	for _, name := range p.order {
		file := p.plans[name]
		if file == nil || file.readAt != 0 {
			continue
		}
		if left--; left < 0 {
			return nil
		}
		plan, err := p.client.PolicyPlan(ctx, name)
		if errors.Is(err, ErrNotOffered) {
			delete(p.plans, name) // it was deleted since it was listed
			continue
		}
		if err != nil {
			return err
		}
		file.plan, file.readAt = plan, max(now, 1)
	}
	return nil
}

// emit sets the gauges once the jobs of the cycle are counted.
func (p *policies) emit() {
	if !p.readable {
		return
	}
	p.readable = false
	left := p.limit
	for _, name := range p.order {
		file := p.plans[name]
		if file == nil || file.readAt == 0 || file.plan.Query {
			continue
		}
		for _, client := range file.plan.Clients {
			k := clientKey{client, name}
			if left--; left < 0 {
				p.overCap.turn(client + "/" + name)
				continue
			}
			p.promise(k, &file.plan)
			p.noteSuccess(k)
		}
	}
	p.promiseFound()
}

// promiseFound is for policies that look for their clients: these are known from their jobs.
func (p *policies) promiseFound() {
	for k := range p.ledger.clients.pairs {
		if file := p.plans[k.policy]; file != nil && file.plan.Query {
			p.promise(k, &file.plan)
		}
	}
}

func (p *policies) promise(k clientKey, plan *PolicyPlan) {
	if plan.Every > 0 {
		p.gauges.set(p.c.rpo, plan.Every.Seconds(), k.client, k.policy)
	}
}

// noteSuccess says whether the client ever succeeded, where that can be known: the jobs have
// been read, and a success would not have been turned away by the cap.
func (p *policies) noteSuccess(k clientKey) {
	if p.ledger.idle || p.ledger.readAt == 0 {
		return
	}
	if succeeded, known := p.ledger.clients.succeeded(k); known {
		p.gauges.set(p.c.neverSucceeded, truth(!succeeded), k.client, k.policy)
	}
}
