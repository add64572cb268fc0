package netbackup

import (
	"cmp"
	"time"

	"backwire/source"
	"backwire/source/netbackup/api"
)

// Status is a site as it was after the last cycle.
type Status struct {
	Site          string
	Server        string // the primary server's name
	ServerVersion string // NetBackup's; empty where unknown
	APIVersion    string // spoken with it; empty before the first answer
	Up            bool
	Skew          time.Duration // server's clock less the agent's
	ReadUntil     time.Time     // server's clock: what changed before it was counted; zero before the first reading
	Limited       uint64        // times that the server gave more than the agent takes, since the start
	Collectors    []CollectorStatus

	// How many found no room under the caps on series in the last day; of clients, with their policy.
	ClientsWithoutSeries, PoliciesWithoutSeries int
}

// CollectorStatus is one collector as it was after the last cycle.
type CollectorStatus struct {
	Name        string
	Took        time.Duration
	Err         error  // nil where it succeeded
	Warning     string // what of it could not be read though it succeeded; empty for nothing
	NotOffered  bool   // the server does not have what it asks for
	Failures    int    // in a row
	LastSuccess time.Time

	RowsUnreadable uint64 // in the life of the installation
}

// Status is a snapshot; it may be asked for at any time.
func (s *Site) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// publish makes the snapshot of this cycle.
func (s *Site) publish() {
	st := Status{
		Site:          s.cfg.Client.Site,
		Server:        source.Printable(cmp.Or(s.facts.info.Name, s.cfg.Client.URL.Hostname())),
		ServerVersion: source.Printable(cmp.Or(s.facts.info.Version, api.Release(s.ping.APIVersion))),
		APIVersion:    s.ping.APIVersion,
		Up:            s.accepted,
		Skew:          time.Duration(s.ledger.Clock.Skew) * time.Millisecond,
		ReadUntil:     instant(s.ledger.Watermark),
		Limited:       s.client.Limited(),
	}
	for _, c := range s.collectors {
		h, warning := &c.Health, ""
		if c.Name == collectorPolicies && h.Outcome.Err == nil {
			warning = cmp.Or(s.policies.warning(), s.policies.hidden.says())
		}
		st.Collectors = append(st.Collectors, CollectorStatus{
			Name: c.Name, Took: h.Outcome.Took, Err: h.Outcome.Err, NotOffered: h.NotOffered, Warning: warning,
			Failures: h.Failures, LastSuccess: instant(h.LastSuccess), RowsUnreadable: s.ledger.counters.rowsUnreadable(c.Name),
		})
	}
	s.mu.Lock()
	st.ClientsWithoutSeries, st.PoliciesWithoutSeries = s.status.ClientsWithoutSeries, s.status.PoliciesWithoutSeries
	s.status = st
	s.mu.Unlock()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
