package netbackup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"backwire/source/collect"
	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// policies reads what each client is promised: which policies back it up, and how often. A
// policy is read in full when it is new or has changed. One that cannot be read promises nothing, and costs no other.
type policies struct {
	*workplace
	promises
	cannotRead *collect.Family

	policyBook
	reading  uint64 // of those that came to a book, the number
	under    *collect.Task
	next     policyBook // of the reading under way, once it has ended
	readable bool       // in this cycle
	fresh    bool       // it was not told to the runs yet
	now      int64      // server's clock of this cycle, ms
	said     string     // of the unreadable ones, to the log
	refused  bool       // the server does not offer the list to this credential
	began    int64      // agent's clock, ms: when somebody first asked whether a policy is listed
}

// policyBook is what one reading came to. It is not changed afterwards.
type policyBook struct {
	listedAt int64 // server's clock, ms; 0 before the first time
	plans    map[string]*policyFile
	order    []string        // of the plans, by name
	names    map[string]bool // of all policies of the last list, inactive ones included; nil before the first
}

// policyFile is what is known of an active policy. It is not changed once it is in a book.
type policyFile struct {
	row    api.Policy
	plan   api.PolicyPlan
	readAt int64 // server's clock, ms; 0 where it must be read

	err      error // of the last try; nil where it was read or not tried
	failures int   // in a row
	retryAt  int64 // server's clock, ms
}

const (
	policiesEvery = 900_000    // ms between two readings of the list
	policyDay     = 86_400_000 // ms after which a policy without a generation is read again
	policyRetry   = 60_000     // ms to the next try of one that could not be read; it doubles

	// policiesAtOnce is how many policies are read in full in one go: one after the other,
	// so that a new agent does not keep the server from its work.
	policiesAtOnce = 50

	// silentPolicies is after how many in a row that had no answer it is the server's fault and not theirs.
	silentPolicies = 3

	mostPolicies     = 20_000
	policyNamesLimit = 8 << 20 // bytes of the names of all policies' clients
)

const collectorPolicies = "policies"

func policyCollector() collector {
	return collector{
		Name: collectorPolicies, Noun: "policy", Section: sectionClients, Optional: true, First: firstOf((*api.Client).Policies),
		Role: collect.Role{Namespace: "|PROTECTION|POLICIES|", Screen: "Protection > Policies", Without: "no due dates, no clients that have never run"},
		Start: func(w *workplace) collect.Reader {
			w.Gauges.Allow(w.site.cfg.MaxClientSeries)
			w.site.policies = &policies{
				workplace: w, promises: newPromises(w),
				cannotRead: w.Gauge("nbu_policies_unreadable", "",
					"Active policies that cannot be read. Their schedules are not known, so nbu_client_due_timestamp_seconds, nbu_client_rpo_seconds and nbu_client_never_succeeded are absent for them."),
			}
			return w.site.policies.read
		},
	}
}

func (p *policies) read(ctx context.Context, now int64) (int, error) {
	p.now = now
	if p.under != nil {
		p.under.Grant()
	} else {
		if !p.due(now) {
			p.readable = true
			return len(p.plans), nil
		}
		before := p.policyBook
		p.under = p.site.background.Start(func(ctx context.Context, pages *collect.Pages) (err error) {
			ctx = api.WithBudget(ctx, pages)
			p.next, err = readPolicies(ctx, p.client(), before, now, p.site.background.Grace())
			return err
		})
	}
	ended, err := p.site.background.Wait(ctx, p.under)
	if ended {
		p.under = nil
		if p.next.plans != nil {
			p.policyBook, p.next = p.next, policyBook{}
			p.refused, p.fresh = false, true
			p.reading++
			p.noteSeen(&p.policyBook, now)
		} else if err != nil {
			p.refused = errors.Is(err, api.ErrRole) || errors.Is(err, api.ErrNotOffered)
		}
	}
	switch {
	case err != nil:
		return len(p.plans), err
	case p.listedAt == 0:
		return 0, collect.ErrUnfinished
	}
	p.readable = true
	return len(p.plans), nil
}

// due says whether there is anything to read.
func (p *policies) due(now int64) bool { return p.listDue(now) || len(p.unread(now)) > 0 }

func (b *policyBook) listDue(now int64) bool {
	return b.listedAt == 0 || now-b.listedAt >= policiesEvery || now < b.listedAt
}

// unread are the policies to be read in full, those first that have failed least.
func (b *policyBook) unread(now int64) (names []string) {
	for _, name := range b.order {
		if f := b.plans[name]; f.readAt == 0 && (f.retryAt <= now || f.retryAt-now > policiesEvery) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int { return cmp.Compare(b.plans[x].failures, b.plans[y].failures) })
	return names
}

// readPolicies makes the next book. With an error it is what was read before that.
func readPolicies(ctx context.Context, c *api.Client, before policyBook, now int64, limit time.Duration) (policyBook, error) {
	book := policyBook{before.listedAt, maps.Clone(before.plans), before.order, before.names}
	if book.listDue(now) {
		plans, names, err := listPolicies(ctx, c, before.plans, now)
		if err != nil {
			return policyBook{}, err
		}
		book = policyBook{now, plans, slices.Sorted(maps.Keys(plans)), names}
	}
	err := readPlans(ctx, c, &book, now, time.Now().Add(limit))
	book.order = slices.DeleteFunc(slices.Clone(book.order), func(name string) bool { return book.plans[name] == nil })
	return book, err
}

func listPolicies(ctx context.Context, c *api.Client, before map[string]*policyFile, now int64) (found map[string]*policyFile, names map[string]bool, err error) {
	found, names = map[string]*policyFile{}, map[string]bool{}
	for row, err := range c.Policies(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if names[row.Name] = true; len(names) > mostPolicies {
			return nil, nil, c.Beyond("/config/policies/", guard.Limit{What: "a list", Most: mostPolicies, Unit: "policies"})
		}
		if inactive := row.Active.Given && !row.Active.Value; inactive || !backsUpClients(row.Type) {
			continue
		}
		file := policyFile{}
		if known := before[row.Name]; known != nil {
			file = *known
			if row.Generation != file.row.Generation || !row.Generation.Given && now-file.readAt >= policyDay {
				file.readAt, file.retryAt = 0, 0
			}
		}
		file.row = row
		found[row.Name] = &file
	}
	return found, names, nil
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

// searches says whether a policy looks for its clients by a query, and whether that is known.
func (p *policies) searches(name string) (yes, known bool) {
	switch file := p.plans[name]; {
	case p.refused || p.names != nil && file == nil:
		return false, true // it will not be known
	case file == nil || file.readAt == 0:
		return false, false
	default:
		return file.plan.Query, true
	}
}

// tellBackups lets the runs know which policies copy what they make to a storage unit. It is called when no job is observed.
func (p *policies) tellBackups() {
	if !p.fresh {
		return
	}
	p.fresh = false
	for name, file := range p.plans {
		if file.readAt != 0 && file.plan.Copies {
			p.site.clients.book.TakesBackups(name, p.now)
		}
	}
}

// promisesNothing says that a policy promises no backups at all, as far as this cycle knows. The page must not take what is not
// known for that.
func (p *policies) promisesNothing(policy string) bool {
	return p.told && p.names != nil && p.plans[policy] == nil
}

// backsUpClients leaves out what is no backup of a client: the catalog, and the deployment of
// packages.
func backsUpClients(policyType string) bool {
	return !strings.EqualFold(policyType, "NBU-Catalog") && !strings.EqualFold(policyType, "Deployment")
}

// readPlans reads some policies in full, until a time. It returns an error that is not a policy's own.
func readPlans(ctx context.Context, c *api.Client, book *policyBook, now int64, until time.Time) error {
	silent := 0
	for i, name := range book.unread(now) {
		if i == policiesAtOnce || time.Now().After(until) {
			return nil
		}
		file := *book.plans[name]
		plan, err := c.PolicyPlan(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, api.ErrNotOffered):
			delete(book.plans, name) // it was deleted since it was listed
			silent = 0
			continue
		case errors.Is(err, api.ErrAuthentication), errors.Is(err, api.ErrCredential), errors.Is(err, api.ErrVersion):
			return err
		case errors.Is(err, api.ErrNetwork), errors.Is(err, api.ErrBusy):
			silent++
		default:
			silent = 0
		}
		if err == nil && book.bytes()+bytesOf(&plan) > policyNamesLimit {
			err = c.Beyond("/config/policies/"+name, guard.Limit{What: "the clients of all policies", Most: policyNamesLimit, Unit: "bytes"})
		}
		file.note(plan, err, now)
		book.plans[name] = &file
		if silent == silentPolicies {
			return err
		}
	}
	return nil
}

func (b *policyBook) bytes() (n int) {
	for _, f := range b.plans {
		n += bytesOf(&f.plan)
	}
	return n
}

// bytesOf is what the names of a plan's clients take.
func bytesOf(p *api.PolicyPlan) (n int) {
	for _, client := range p.Clients {
		n += len(client)
	}
	return n
}

// note takes what a reading came to. A plan that cannot be read any more is not what the policy promises now.
func (f *policyFile) note(plan api.PolicyPlan, err error, now int64) {
	f.err = err
	if err == nil {
		f.plan, f.readAt, f.failures = plan, max(now, 1), 0
		return
	}
	f.plan = api.PolicyPlan{}
	f.retryAt = now + int64(min(policyRetry<<min(f.failures, 10), policiesEvery))
	f.failures++
}

// unreadable are the policies whose last reading failed.
func (b *policyBook) unreadable() (names []string) {
	for _, name := range b.order {
		if b.plans[name].err != nil {
			names = append(names, name)
		}
	}
	return names
}

// warning says which policies cannot be read; empty where all can.
func (b *policyBook) warning() string {
	const named = 5
	names := b.unreadable()
	if len(names) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d policies cannot be read, so their schedules are not known: %s", len(names), len(b.order),
		strings.Join(names[:min(len(names), named)], ", "))
	if len(names) > named {
		text += ", …"
	}
	return text + ": " + b.plans[names[0]].err.Error()
}

// sayUnreadable tells the log when other policies cannot be read than before.
func (p *policies) sayUnreadable(log *slog.Logger) {
	names := p.unreadable()
	said := strings.Join(names, "\n")
	if said == p.said {
		return
	}
	p.said = said
	if len(names) == 0 {
		log.Info("all policies can be read again")
		return
	}
	log.Warn("policies that cannot be read are left out", "policies", p.warning())
}
