package netbackup

import (
	"math"
	"slices"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/netbackup/due"
	"backwire/source/netbackup/runs"
)

// promises tells by when each client's next backup has to have started, from the policies and from the runs that there were.
type promises struct {
	zone    *time.Location // of the server's windows
	limit   int            // of series
	overCap collect.OverCap
	runs    clientRuns
	seen    firstSeen
	hidden  notShown
	dates   map[string]*policyDates // by policy
	told    bool                    // in this cycle
	clients []toldClient            // of this cycle, in the order of the policies

	dueAt, rpo, neverSucceeded *collect.Family
}

// toldClient is what a client is told in a cycle.
type toldClient struct {
	key     clientKey
	seen    *client // nil where no run is known
	due     int64   // of its types the first, ms of the server's clock; 0 where there is none
	named   bool    // by the policy
	paused  bool
	nothing bool // is promised
	hidden  bool // its jobs are not known
}

// policyDates are the dates of a policy's clients, as far as they do not change.
type policyDates struct {
	readAt, madeAt int64                      // server's clock, ms: of the plan, and of these
	types          []string                   // that are promised
	gaps           []time.Duration            // the longest of each type
	clients        map[string]*promisedClient // by the client
	order          []*promisedClient          // as they came in the last cycle, so that the index is seldom asked
}

// promisedClient is what one client of a policy is promised, and the series that tell of it.
type promisedClient struct {
	name           string
	seen           *client       // as of the last cycle
	types          []typePromise // as the policy has them
	neverSucceeded source.Series
}

type typePromise struct {
	dueDate
	dueAt, rpo source.Series
}

// dueDate is what a start leads to. Times are ms of the server's clock, 0 where there is none.
type dueDate struct {
	start, due int64
	promised   int64 // since when, where that is later than the start: a pause ended then
	runsFrom   int64 // what runs later belongs to this date and not to the one before
}

// What comes to nothing must not take the time of a cycle, and what was forgotten not the room.
const (
	dateLimit = time.Second // for dates that are worked out anew; the others come with the next cycle
	datesKept = dayMillis   // before they are made anew

	// notBefore is how long from now a backup that is queued or active is not missed: as long as a sample is seen.
	notBefore = 300_000 // ms

	// endsAfter is how long a client that a query found is waited for after its date: its job may be shown late.
	endsAfter = 3_600_000 // ms
)

func newPromises(w *workplace) promises {
	return promises{
		zone: w.site.cfg.TimeZone, limit: w.site.cfg.MaxClientSeries,
		hidden: notShown{clients: w.Gauge("nbu_clients_not_shown", "",
			"Clients of policies of this type whose backup was due, where no job of any policy of the type is known though those of other types are: the role may show the jobs of other workloads alone. Their nbu_client_due_timestamp_seconds and nbu_client_never_succeeded are absent.", "policy_type")},
		runs: clientRuns{w.site}, seen: newFirstSeen(), dates: map[string]*policyDates{},
		dueAt: w.Gauge("nbu_client_due_timestamp_seconds", "seconds",
			"Time by which the client's next backup of this type has to have started: the end of the first start window after the last success and the frequency. A time in the past is a missed backup. It is not in the past while a backup is queued or active. Absent if nothing is promised.", "client", "policy", "schedule_type"),
		rpo: w.Gauge("nbu_client_rpo_seconds", "seconds",
			"Longest time from one backup of this type to the next that the policy's schedules allow: the frequency, or the longest gap that the calendar and the start windows leave. Absent if it is not known, as for a single date.", "client", "policy", "schedule_type"),
		neverSucceeded: w.Gauge("nbu_client_never_succeeded", "",
			"1 if no successful backup of this client of an active policy is known and the first one was due, 0 otherwise. Absent for policies that select clients by a query.", "client", "policy"),
	}
}

// noteSeen takes what the policies of a book name.
func (p *promises) noteSeen(book *policyBook, now int64) {
	p.seen.keep(book.names)
	for name, file := range book.plans {
		if file.readAt == 0 {
			continue
		}
		names := file.plan.Runs.Types(time.UnixMilli(now))
		if !file.plan.Query {
			names = append(names, file.plan.Clients...)
		}
		p.seen.note(name, names, now)
	}
}

// emit sets the gauges once the jobs of the cycle are counted.
func (p *policies) emit() {
	p.told, p.clients = p.readable, p.clients[:0]
	if !p.readable {
		return
	}
	p.readable = false
	until := time.Now().Add(dateLimit)
	found := p.foundClients()
	p.hidden.begin(p)
	left := p.limit
	for _, name := range p.order {
		file := p.plans[name]
		if file.readAt == 0 {
			continue
		}
		s := p.promiserOf(name, file, until)
		clients := file.plan.Clients
		if s.query {
			clients = found[name]
			s.others = clients
		}
		for i, client := range clients {
			if left -= s.cost(); left < 0 {
				p.overCap.TurnAway(client + "/" + name)
				continue
			}
			p.promise(clientKey{client, name}, p.clientOf(s, i, client), s)
		}
	}
	for policyType, n := range p.hidden.late {
		p.Gauges.Set(p.hidden.clients, float64(n), policyType)
	}
	p.Gauges.Set(p.cannotRead, float64(len(p.unreadable())))
}

// foundClients are those of policies that look for their clients, in their order: they are known from their runs.
func (p *policies) foundClients() map[string][]string {
	found := map[string][]string{}
	if !p.anyQuery() {
		return found
	}
	for k := range p.site.clients.pairs {
		if file := p.plans[k.policy]; file != nil && file.plan.Query {
			found[k.policy] = append(found[k.policy], k.client)
		}
	}
	for _, clients := range found {
		slices.Sort(clients)
	}
	return found
}

func (p *policies) anyQuery() bool {
	for _, file := range p.plans {
		if file.plan.Query {
			return true
		}
	}
	return false
}

// promiser is a policy while its clients are gone through.
type promiser struct {
	*policyDates
	name     string
	kind     string // its type
	plan     *due.Plan
	query    bool
	now      int64     // server's clock, ms
	until    time.Time // dates are worked out
	others   []string  // all that the query has found
	attempts []int64   // their last ones, in order; nil before somebody asks
	scratch  []dueDate
}

func (p *policies) promiserOf(name string, file *policyFile, until time.Time) *promiser {
	plan := &file.plan.Runs
	types := plan.Types(time.UnixMilli(p.now))
	d := p.dates[name]
	if d == nil || d.readAt != file.readAt || p.now-d.madeAt >= datesKept || p.now < d.madeAt || !slices.Equal(d.types, types) {
		d = &policyDates{readAt: file.readAt, madeAt: p.now, types: types, clients: map[string]*promisedClient{}}
		for _, t := range types {
			d.gaps = append(d.gaps, plan.LongestGap(t))
		}
		p.dates[name] = d
	}
	return &promiser{policyDates: d, name: name, kind: file.row.Type, plan: plan, query: file.plan.Query, now: p.now, until: until}
}

// cost is how many series a client of this policy takes the room of: those of its runs, or two for each type of its promises and one.
func (s *promiser) cost() int { return max(seriesPerClient, 2*len(s.types)+1) }

// clientOf is what one of the policy's is promised. It is the one that came at this place in the last cycle, most of the time.
func (p *policies) clientOf(s *promiser, at int, name string) *promisedClient {
	if at < len(s.order) && s.order[at].name == name {
		return p.look(s, s.order[at])
	}
	c := s.clients[name]
	if c == nil {
		c = &promisedClient{name: name, types: make([]typePromise, len(s.types))}
		p.look(s, c)
		c.neverSucceeded = p.series(p.neverSucceeded, c.seen.any(), name, s.name)
		for i, t := range s.types {
			x := &c.types[i]
			x.dueAt = p.series(p.dueAt, c.seen.success(t), name, s.name, t)
			x.rpo = *x.dueAt.Of(p.rpo.Metric)
		}
		s.clients[name] = c
	}
	s.order = append(s.order[:min(at, len(s.order))], c)
	return p.look(s, c)
}

// look finds what is known of the runs of a client.
func (p *policies) look(s *promiser, c *promisedClient) *promisedClient {
	if c.seen == nil || c.seen.forgotten {
		c.seen = p.site.clients.pairs[clientKey{c.name, s.name}]
	}
	return c
}

// series makes one of a promise. It shares the labels of a cell that has the same ones, if there is any.
func (p *policies) series(f *collect.Family, alike *cell, labels ...string) source.Series {
	if alike != nil {
		return *alike.series.Of(f.Metric)
	}
	return *collect.NewSeries(f, p.site.cfg.Client.Site, "", 0, labels...)
}

// promise tells what one client of a policy is promised.
func (p *policies) promise(k clientKey, c *promisedClient, s *promiser) {
	paused := p.site.paused.holds(k.client, s.now)
	dates, succeeded, known := p.datesOf(k, c, s, paused)
	first, nothing := dueDate{due: math.MaxInt64}, known
	for _, d := range dates {
		nothing = nothing && (d.start != 0 || paused) && d.due == 0
		if d.due != 0 && d.due < first.due {
			first = d
		}
	}
	late := first.due < s.now
	if known && s.query && first.due < s.now-endsAfter && p.lost(k, s, first.runsFrom) {
		p.site.clients.end(k, s.now)
		delete(s.clients, k.client)
		return
	}
	if known && p.hidden.hides(s.kind, late) {
		p.clients = append(p.clients, toldClient{key: k, seen: c.seen, named: !s.query, hidden: true})
		known = false
	}
	for i := range c.types {
		x := &c.types[i]
		if gap := s.gaps[i]; gap > 0 {
			p.Gauges.Put(&x.rpo, gap.Seconds())
		}
		if known && dates[i].due != 0 {
			p.Gauges.Put(&x.dueAt, float64(dates[i].due)/1000)
		}
	}
	if known && !s.query {
		p.Gauges.Put(&c.neverSucceeded, truth(late && !succeeded))
	}
	if known {
		if first.due == math.MaxInt64 {
			first.due = 0
		}
		p.clients = append(p.clients, toldClient{k, c.seen, first.due, !s.query, paused, nothing, false})
	}
}

// datesOf are the dates of a client, one of each type, and whether any run of it has succeeded. They are not known where the
// runs are not. One that is paused has none, and once it is not any more they count from then.
func (p *policies) datesOf(k clientKey, c *promisedClient, s *promiser, paused bool) (dates []dueDate, succeeded, known bool) {
	if !p.runs.ready() {
		return nil, false, false
	}
	var successes []runs.Success
	if c.seen != nil {
		successes = c.seen.told.Successes
	} else if !p.runs.room(k) {
		return nil, false, false
	}
	succeeded = started(successes, "") != 0
	dates = s.scratch[:0]
	promised := p.site.paused.endedAt(k.client, s.now)
	for i, t := range s.types {
		if paused {
			dates = append(dates, dueDate{})
			continue
		}
		start := started(successes, t)
		if start == 0 {
			start = p.seen.since(k, t, s.now)
		}
		d := s.date(&c.types[i].dueDate, t, start, promised, p.zone)
		if d.due != 0 && d.due <= s.now+notBefore && (p.runs.underWay(k, t, s.now) || s.query && p.runs.searching(k.policy, t, s.now)) {
			d.due = s.now + notBefore
		}
		dates = append(dates, d)
	}
	s.scratch = dates
	return dates, succeeded, true
}

// date is what a start leads to. It is only worked out where the start is another one than before.
func (s *promiser) date(kept *dueDate, scheduleType string, start, promised int64, zone *time.Location) dueDate {
	if kept.start == start && kept.promised == promised {
		return *kept
	}
	if time.Now().After(s.until) {
		return dueDate{}
	}
	*kept = dueDate{start: start, promised: promised}
	if next, ok := nextOf(s.plan, scheduleType, start, promised, zone); ok {
		kept.due = next.Due.UnixMilli()
		kept.runsFrom = max(next.Opens.UnixMilli(), start+(kept.due-start)/2)
	}
	return *kept
}

// nextOf is the next date of a type after a start, not before a time from which on it is promised again; both are ms, 0 for none.
func nextOf(plan *due.Plan, scheduleType string, start, promised int64, zone *time.Location) (due.Date, bool) {
	if promised > start {
		later := *plan
		if again := time.UnixMilli(promised); again.After(later.Effective) {
			later.Effective = again
		}
		plan = &later
	}
	return plan.Next(scheduleType, time.UnixMilli(start), zone)
}

// lost says that a query does not find a client any more: since a run of it was due the policy has ended runs of at least half
// of the others, and neither it nor the policy is at work. from is since when.
func (p *policies) lost(k clientKey, s *promiser, from int64) bool {
	for _, t := range append([]string{""}, s.types...) {
		if p.runs.underWay(k, t, s.now) || p.runs.searching(k.policy, t, s.now) {
			return false
		}
	}
	if p.runs.lastSeen(k) > from {
		return false
	}
	if s.attempts == nil {
		for _, client := range s.others {
			s.attempts = append(s.attempts, p.runs.lastSeen(clientKey{client, k.policy}))
		}
		slices.Sort(s.attempts)
	}
	earlier, _ := slices.BinarySearch(s.attempts, from+1)
	ran, others := len(s.attempts)-earlier, len(s.attempts)-1
	return ran > 0 && 2*ran >= others
}

// needs says that the runs of a type of a client must not be forgotten yet: an active policy promises it a run which one of them
// would keep, and less than keep has gone by since that was due. Both are ms, now of the server's clock.
func (p *policies) needs(k clientKey, scheduleType string, now, keep int64) bool {
	file := p.plans[k.policy]
	switch {
	case p.names == nil:
		return p.lists(k.policy, now)
	case file == nil:
		return false
	case file.readAt == 0:
		return true // it is not known what it promises
	}
	if !file.plan.Query && !slices.Contains(file.plan.Clients, k.client) {
		return false
	}
	promised := p.site.paused.endedAt(k.client, now) // now, while it is paused: it is needed as long
	for _, t := range file.plan.Runs.Types(time.UnixMilli(now)) {
		if !due.Keeps(scheduleType, t) && scheduleType != "" {
			continue
		}
		start, _ := p.runs.lastSuccess(k, t)
		if start == 0 {
			start = p.seen.since(k, t, now)
		}
		if next, ok := nextOf(&file.plan.Runs, t, start, promised, p.zone); ok && now < next.Due.UnixMilli()+keep {
			return true
		}
	}
	return false
}

// changes are those of the state that belong to a cycle.
func (p *promises) changes() []source.Change { return p.seen.changes() }
