package netbackup

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"backwire/source"
	"backwire/source/collect"
	"backwire/source/ledger"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/compat"
	"backwire/source/overview"
)

// SiteConfig is what a site is. It is not changed after NewSite. Client.Concurrency is how
// many requests the reading of finished jobs has under way; each other question has one.
type SiteConfig struct {
	Client   api.Config
	Interval time.Duration // at whose multiples samples lie
	Backfill time.Duration // how far back the first start and a gap are filled; 0 is off
	Collect  []string      // names of collectors, "all", and with a - those to leave out; empty is all

	// Once says that there is one cycle only: it waits for lists that others would read on over several.
	Once bool

	Compat string // compat.Name adds nbu_exporter's names; empty is none

	MaxClientSeries int            // 0 is the default, 50,000
	MaxJobSeries    int            // of counters and histograms; 0 is the default, 20,000
	TimeZone        *time.Location // of the server, in which the windows of its policies are; nil is the host's

	ForgetClients  time.Duration // since the client's last backup; 0 is the default, 35 days
	ForgetPolicies time.Duration // since the policy's last job, where the server does not list it; 0 is the default, 35 days

	// Checkpoint is what the log remembers of the site now: after a panic in the counting it goes on from there. Where it is
	// nil the panic is the caller's.
	Checkpoint func() source.Checkpoint
}

const (
	defaultClientSeries   = 50_000
	defaultJobSeries      = 20_000
	defaultForgetClients  = 35 * 24 * time.Hour
	defaultForgetPolicies = 35 * 24 * time.Hour
)

// Site collects from one primary server. Collect is called by one goroutine at a time;
// Status may be called by any.
type Site struct {
	cfg          SiteConfig
	readers      int // of finished jobs
	log          *slog.Logger
	now          func() time.Time
	client       *api.Client
	catalogue    *catalogue
	collectors   []*collect.Active[*workplace]
	ledger       *jobLedger
	clients      *clients // observes what the ledger counts, as do the hours
	copies       *copyAges
	hours        *hours
	meanings     map[int32]string // of the statuses of jobs
	words        *statusWords     // the server's, which become meanings
	trends       trends
	open         *openJobs
	facts        *serverFacts
	units        *storageUnits
	pools        *diskPools
	policies     *policies
	hosts        *hostBook
	paused       *pauses
	background   *collect.Background
	jobLimits    *jobLimits
	gauges       *collect.Gauges // of the site's health
	compatGauges *collect.Gauges // of nbu_exporter's names
	ping         api.Ping        // of this cycle; zero where there was no answer
	reading      *ledger.Reading
	accepted     bool                 // a question was answered in this cycle, by a server that accepts the credential
	broken       error                // the panic that the ledger had while it was read
	behind       bool                 // the agent's clock is behind the samples
	parts        chan *ledger.Reading // of a long history, to be counted by the goroutine of Collect
	counted      chan error           // its answer

	live      []source.Sample // of the newest cycle, without those that the ledger counts
	overviews uint64          // that were made

	mu       sync.Mutex
	status   Status
	overview *overview.Site
	given    bool         // somebody has the overview
	room     overviewRoom // its memory
}

// NewSite returns a site that goes on where the checkpoint ended. It does not talk to the
// server yet.
func NewSite(cfg SiteConfig, cp source.Checkpoint, log *slog.Logger, now func() time.Time) (*Site, error) {
	if cfg.Interval < time.Second {
		return nil, fmt.Errorf("site %q: the interval %v is too short: at least 1s", cfg.Client.Site, cfg.Interval)
	}
	cfg.MaxClientSeries = cmp.Or(cfg.MaxClientSeries, defaultClientSeries)
	cfg.MaxJobSeries = cmp.Or(cfg.MaxJobSeries, defaultJobSeries)
	cfg.ForgetClients = cmp.Or(cfg.ForgetClients, defaultForgetClients)
	cfg.ForgetPolicies = cmp.Or(cfg.ForgetPolicies, defaultForgetPolicies)
	cfg.TimeZone = cmp.Or(cfg.TimeZone, time.Local)
	readers := cmp.Or(cfg.Client.Concurrency, api.DefaultConcurrency)
	cfg.Client.Concurrency = readers + len(Collectors()) // so that no collector waits for another
	client, err := api.NewClient(cfg.Client, log)
	if err != nil {
		return nil, err
	}
	c := newCatalogue()
	s := &Site{
		cfg: cfg, readers: readers, log: log.With("site", cfg.Client.Site), now: now, client: client, catalogue: c,
		gauges:       collect.NewGauges(cfg.Client.Site),
		compatGauges: collect.NewGauges(cfg.Client.Site), background: collect.NewBackground(cfg.Interval, passes), jobLimits: newJobLimits(cfg.MaxJobSeries), meanings: statusMeanings(), paused: newPauses(),
	}
	s.words = &statusWords{site: s, asked: map[int32]bool{}}
	if cfg.Compat == compat.Name {
		c.addCompat()
	}
	if cfg.Once {
		s.background.Last()
	}
	s.ledger = s.newLedger()
	if err := s.choose(cfg.Collect); err != nil {
		return nil, err
	}
	return s, s.restore(cp)
}

func (s *Site) restore(cp source.Checkpoint) error {
	if err := s.restoreLedger(s.ledger, cp); err != nil {
		return err
	}
	for _, x := range cp.Series {
		s.restoreHealth(x)
	}
	if err := s.policies.seen.restore(cp.State); err != nil {
		s.log.Warn("it cannot be read when some policies were first seen: their due dates count from now", "error", err)
	}
	if err := s.paused.restore(cp.State); err != nil {
		s.log.Warn("it cannot be read which clients were paused: all are due until the server says so again", "error", err)
	}
	s.makeOverview(cp.T)
	return nil
}

func (s *Site) restoreLedger(l *jobLedger, cp source.Checkpoint) error {
	if err := l.restore(cp); err != nil {
		return err
	}
	s.clients.restored(cp.T + l.Clock.Skew)
	return nil
}

// sayOverCaps names what finds no room under the caps on series, in the log and in the status.
func (s *Site) sayOverCaps() {
	now := s.now().UnixMilli()
	l := s.ledger
	s.clients.overCap.Say(s.log, now, "the limit on client series is reached: backups of further client and policy pairs are only counted",
		"MAX_CLIENT_SERIES", s.cfg.MaxClientSeries)
	s.copies.overCap.Say(s.log, now, "the limit on client series is reached: the last copies of further clients are not shown",
		"MAX_CLIENT_SERIES", s.cfg.MaxClientSeries)
	l.counters.overCap.Say(s.log, now, "the limit on job series is reached: jobs of further policies are counted together",
		"MAX_JOB_SERIES", s.cfg.MaxJobSeries)
	s.open.overCap.Say(s.log, now, "the limit on job series is reached: active jobs of further policies are shown together",
		"MAX_JOB_SERIES", s.cfg.MaxJobSeries)
	s.policies.overCap.Say(s.log, now, "the limit on client series is reached: the schedules of further clients are not shown",
		"MAX_CLIENT_SERIES", s.cfg.MaxClientSeries)
	s.policies.sayUnreadable(s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.ClientsWithoutSeries, s.status.PoliciesWithoutSeries = s.clients.overCap.Count(), l.counters.overCap.Count()
}

// Close ends what runs in the background, and the login, if there is one.
func (s *Site) Close(ctx context.Context) error {
	s.background.Close()
	return s.client.Close(ctx)
}
