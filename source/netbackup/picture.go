package netbackup

import (
	"cmp"
	"slices"
	"time"

	"backwire/source"
	"backwire/source/netbackup/api"
)

// Picture is what a site knows for a person who asks how the night was: made after each cycle and never
// changed afterwards. Times are the agent's clock.
type Picture struct {
	Hours   []HourPicture // ascending; a quarter of an hour without a backup is left out
	Clients []ClientPicture
	Storage []StoragePicture // what is full first, first
	Jobs    []JobsPicture    // not done, by type; the most first
}

// HourPicture is the backups that ended within a quarter of an hour, so that they can be laid into the hours of any zone.
type HourPicture struct {
	Begin                     time.Time
	Success, Partial, Failure uint64
}

// ClientPicture is one client under one policy.
type ClientPicture struct {
	Client, Policy   string
	Success, Attempt int64         // end of the last one, ms since the epoch; 0 for never
	Status           int32         // of the last attempt
	Failures         int32         // since the last success
	Every            time.Duration // the longest that its policy leaves between two; 0 where that is not known
}

// StoragePicture is a disk pool, or a storage unit that stands on none.
type StoragePicture struct {
	Name, Category string
	Used, Capacity float64       // bytes
	used           bool          // Used says something
	HighWater      float64       // share of use at which it counts as full; 1 where it has no mark
	Down           bool          // as the server says
	Growth         float64       // bytes a day; 0 where it is not known yet
	FullIn         time.Duration // at that growth, until the high-water mark
	Fills          bool          // FullIn says something
	Known          bool          // Growth says something
}

// JobsPicture is the jobs of one type that are not done.
type JobsPicture struct {
	Type                   string
	Active, Queued, Others int
	Stalled                int
	OldestActive           time.Time       // start of the one that has been running longest
	OldestQueued           time.Time       // since when the one waits that has been waiting longest
	Reasons                []ReasonPicture // why they wait; the most first
}

// ReasonPicture is how many jobs wait for one reason.
type ReasonPicture struct {
	Words string
	Jobs  int
}

// Picture is the newest one; it may be asked for at any time.
func (s *Site) Picture() *Picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.picture
}

// paint makes the picture of this cycle from what the ledger holds and the collectors have read.
func (s *Site) paint(at int64) {
	var live []source.Sample
	for _, c := range s.collectors {
		live = c.appendTo(live)
	}
	p := &Picture{
		Hours: s.ledger.hours.picture(), Clients: s.paintClients(live),
		Storage: s.paintStorage(live, at), Jobs: s.paintJobs(live, s.ledger.skew),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.picture = p
}

func (h *hours) picture() []HourPicture {
	out := make([]HourPicture, 0, len(h.counts))
	for hour, quarters := range h.counts {
		for i, q := range quarters {
			if q != (quarterCounts{}) {
				begin := time.UnixMilli(hour*hourMillis + int64(i)*quarterMillis)
				out = append(out, HourPicture{begin, q.success, q.partial, q.failure})
			}
		}
	}
	slices.SortFunc(out, func(a, b HourPicture) int { return a.Begin.Compare(b.Begin) })
	return out
}

// paintClients also shows those that a policy names and that have never been seen.
func (s *Site) paintClients(live []source.Sample) []ClientPicture {
	every, never := map[clientKey]time.Duration{}, map[clientKey]bool{}
	for _, x := range live {
		switch x.Series.Metric {
		case s.policies.rpo.Metric:
			every[clientOf(x.Series)] = time.Duration(x.Value * float64(time.Second))
		case s.policies.neverSucceeded.Metric:
			never[clientOf(x.Series)] = x.Value == 1
		}
	}
	pairs := s.ledger.clients.pairs
	out := make([]ClientPicture, 0, len(pairs))
	for k, p := range pairs {
		out = append(out, p.picture(k, s.ledger.skew, every[k]))
	}
	for k, is := range never {
		if is && pairs[k] == nil {
			out = append(out, ClientPicture{Client: k.client, Policy: k.policy, Every: every[k]})
		}
	}
	return out
}

func clientOf(s *source.Series) clientKey { return clientKey{s.Label("client"), s.Label("policy")} }

func (p *client) picture(k clientKey, skew int64, every time.Duration) ClientPicture {
	at := func(c *cell) int64 {
		if c == nil {
			return 0
		}
		return int64(c.value*1000) - skew
	}
	x := ClientPicture{Client: k.client, Policy: k.policy, Success: at(p.success), Attempt: at(p.attempt), Every: every}
	if p.status != nil {
		x.Status = int32(p.status.value)
	}
	if p.failures != nil {
		x.Failures = int32(p.failures.value)
	}
	return x
}

// paintJobs sums up what is not done, by type; skew is what the server's clock is ahead of the agent's, in ms.
func (s *Site) paintJobs(live []source.Sample, skew int64) []JobsPicture {
	c := s.catalogue
	byType := map[string]*JobsPicture{}
	for _, x := range live {
		switch x.Series.Metric {
		case c.open.Metric, c.queued.Metric, c.oldestQueued.Metric, c.oldestActive.Metric, c.stalled.Metric:
			name := x.Series.Label("job_type")
			if byType[name] == nil {
				byType[name] = &JobsPicture{Type: name}
			}
			byType[name].add(c, x, skew)
		}
	}
	out := make([]JobsPicture, 0, len(byType))
	for _, j := range byType {
		slices.SortFunc(j.Reasons, func(a, b ReasonPicture) int { return cmp.Or(b.Jobs-a.Jobs, cmp.Compare(a.Words, b.Words)) })
		out = append(out, *j)
	}
	slices.SortFunc(out, func(a, b JobsPicture) int { return cmp.Or(b.all()-a.all(), cmp.Compare(a.Type, b.Type)) })
	return out
}

func (j *JobsPicture) all() int { return j.Active + j.Queued + j.Others }

// add takes one sample; the oldest of the policies' oldest is the type's.
func (j *JobsPicture) add(c *catalogue, x source.Sample, skew int64) {
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
		j.Reasons = append(j.Reasons, ReasonPicture{x.Series.Label("reason"), n})
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
