package netbackup

import (
	"cmp"
	"slices"
	"time"

	"backwire/source"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/runs"
	"backwire/source/overview"
)

// Overview is what the site knows for a person after its newest cycle. Any goroutine may ask for it at any time.
func (s *Site) Overview() *overview.Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = true
	return s.overview
}

// makeOverview sums up this cycle from what the ledger holds and the collectors have read. Where nobody was given the overview before,
// its memory is used again: at tens of thousands of clients it would be most of a cycle's garbage. Who asks meanwhile waits.
func (s *Site) makeOverview(at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.given {
		s.room = overviewRoom{}
	}
	s.overview, s.given = &overview.Site{Name: s.cfg.Client.Site}, false // all that is known after a panic in here
	var live []source.Sample
	for _, c := range s.collectors {
		if c.Name != collectorPolicies { // what they promise is not asked of samples
			live = c.AppendTo(live)
		}
	}
	now := at + s.ledger.Clock.Skew
	s.room.failed = s.room.failed[:0]
	made := &overview.Site{
		Name: s.cfg.Client.Site, Schedules: cmp.Or(s.unknownSchedules(), s.policies.hidden.says()), Unwatched: s.clients.overCap.Count(),
		Hours: s.hours.overview(), Clients: s.clientOverview(now), Paused: s.paused.overview(now, s.ledger.Clock.Skew), WithoutPolicy: s.hosts.inNoneOf,
		Storage: s.storageOverview(live, at), Jobs: s.jobsOverview(live, s.ledger.Clock.Skew),
	}
	if s.ledger.ReadAt > 0 {
		made.JobsRead = time.UnixMilli(s.ledger.ReadAt)
	}
	s.overview = made
}

// overviewRoom is the memory of what an overview says of clients.
type overviewRoom struct {
	clients []overview.ClientPolicy
	failed  []overview.Failed
}

// unknownSchedules says why it is not known, or not of each policy, when backups are due; empty where it is.
func (s *Site) unknownSchedules() string {
	p := s.policies
	switch {
	case s.ledger.listed == nil:
		return "policies are not collected"
	case p.refused:
		return "the role does not allow policies to be read"
	case p.listedAt == 0:
		return "policies have not been read yet"
	}
	for _, file := range p.plans {
		if file.readAt == 0 && file.err == nil {
			return "some policies have not been read yet"
		}
	}
	return p.warning()
}

func (h *hours) overview() []overview.Quarter {
	out := make([]overview.Quarter, 0, len(h.counts))
	for hour, quarters := range h.counts {
		for i, q := range quarters {
			if q != (quarterCounts{}) {
				begin := time.UnixMilli(hour*hourMillis + int64(i)*quarterMillis)
				out = append(out, overview.Quarter{Begin: begin, Success: q.success, Partial: q.partial, Failure: q.failure})
			}
		}
	}
	slices.SortFunc(out, func(a, b overview.Quarter) int { return a.Begin.Compare(b.Begin) })
	return out
}

// clientOverview also shows those that a policy names and that have never been seen. now is ms of the server's clock.
func (s *Site) clientOverview(now int64) []overview.ClientPolicy {
	pairs := s.clients.pairs
	out := slices.Grow(s.room.clients[:0], max(len(pairs), len(s.policies.clients)))
	s.overviews++
	shown := 0
	for i := range s.policies.clients {
		told := &s.policies.clients[i]
		due := told.due
		if due != 0 {
			due -= s.ledger.Clock.Skew
		}
		switch c := told.seen; {
		case c != nil:
			c.shown = s.overviews
			shown++
			out = append(out, s.clientOf(c, told.key, due, told.nothing, now))
		case told.hidden:
			out = append(out, overview.ClientPolicy{Client: told.key.client, Policy: told.key.policy})
		case told.named:
			out = append(out, overview.ClientPolicy{Client: told.key.client, Policy: told.key.policy, Paused: told.paused, Due: cmp.Or(due, overview.NothingDue)})
		}
	}
	for k, c := range pairs {
		if shown == len(pairs) {
			break
		}
		if c.shown != s.overviews {
			out = append(out, s.clientOf(c, k, 0, false, now))
		}
	}
	s.room.clients = out
	return out
}

// clientOf is a client that was seen; due is 0 where no date is known, nothing says that none is promised.
func (s *Site) clientOf(c *client, k clientKey, due int64, nothing bool, now int64) overview.ClientPolicy {
	x := c.overview(k, s.ledger.Clock.Skew, s.meanings)
	if f := c.told.Failure; f != nil {
		s.room.failed = append(s.room.failed, s.failedOf(f))
		x.Failed = &s.room.failed[len(s.room.failed)-1]
	}
	x.Paused = s.paused.holds(k.client, now)
	if x.Due = due; due == 0 && (x.Paused || nothing || s.policies.promisesNothing(k.policy)) {
		x.Due = overview.NothingDue
	}
	return x
}

// failedOf is the last failed run of a client that no success has made good.
func (s *Site) failedOf(f *runs.Failure) overview.Failed {
	skew := s.ledger.Clock.Skew
	x := overview.Failed{ScheduleType: f.ScheduleType, Status: f.Status, Meaning: s.meanings[f.Status], Start: f.Start, End: f.End - skew, Tries: f.Tries}
	if f.Start != 0 {
		x.Start -= skew
	}
	return x
}

func (p *client) overview(k clientKey, skew int64, meanings map[int32]string) overview.ClientPolicy {
	t := &p.told
	x := overview.ClientPolicy{Client: k.client, Policy: k.policy, Attempt: t.Attempt - skew, Failures: int32(t.Failures)}
	for _, success := range t.Successes {
		x.Success = max(x.Success, success.End-skew)
	}
	if t.Status >= 0 {
		x.Status = t.Status
		x.Meaning = meanings[x.Status]
	}
	return x
}

// jobsOverview sums up what is not done, by type; skew is what the server's clock is ahead of the agent's, in ms.
func (s *Site) jobsOverview(live []source.Sample, skew int64) []overview.Jobs {
	c := s.catalogue
	byType := map[string]*overview.Jobs{}
	for _, x := range live {
		switch x.Series.Metric {
		case c.open.Metric, c.queued.Metric, c.oldestQueued.Metric, c.oldestActive.Metric, c.stalled.Metric:
			name := x.Series.Label("job_type")
			if byType[name] == nil {
				byType[name] = &overview.Jobs{Type: name}
			}
			addOpen(byType[name], c, x, skew)
		}
	}
	out := make([]overview.Jobs, 0, len(byType))
	for _, j := range byType {
		slices.SortFunc(j.Reasons, func(a, b overview.Reason) int { return cmp.Or(b.Jobs-a.Jobs, cmp.Compare(a.Words, b.Words)) })
		out = append(out, *j)
	}
	slices.SortFunc(out, func(a, b overview.Jobs) int { return cmp.Or(notDone(&b)-notDone(&a), cmp.Compare(a.Type, b.Type)) })
	return out
}

func notDone(j *overview.Jobs) int { return j.Active + j.Queued + j.Others }

// addOpen takes one sample; the oldest of the policies' oldest is the type's.
func addOpen(j *overview.Jobs, c *catalogue, x source.Sample, skew int64) {
	n, at := int(x.Value), time.UnixMilli(int64(x.Value*1000)-skew)
	switch x.Series.Metric {
	case c.open.Metric:
		switch x.Series.Label("state") {
		case api.StateActive:
			j.Active += n
		case api.StateQueued, api.StateRequeued:
			j.Queued += n
		default:
			j.Others += n
		}
	case c.queued.Metric:
		j.Reasons = append(j.Reasons, overview.Reason{Words: x.Series.Label("reason"), Jobs: n})
	case c.stalled.Metric:
		j.Stalled += n
	case c.oldestQueued.Metric:
		j.OldestQueued = at
	case c.oldestActive.Metric:
		if j.OldestActive.IsZero() || at.Before(j.OldestActive) {
			j.OldestActive = at
		}
	}
}
