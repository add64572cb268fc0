package netbackup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/source"
	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// The collectors, by the names that select them.
const (
	collectorServer         = "server"
	collectorStorage        = "storage"
	collectorDiskPools      = "disk_pools"
	collectorStorageServers = "storage_servers"
	collectorJobs           = "jobs"
	collectorTapeDrives     = "tape_drives"
	collectorPolicies       = "policies"
	collectorAlerts         = "alerts"
	collectorMalware        = "malware"
	collectorImages         = "images"
	collectorSLOs           = "slos"
	collectorTapeMedia      = "tape_media"
	collectorVolumePools    = "volume_pools"
	collectorRobots         = "robots"
)

// Collectors are the names that SiteConfig.Collect may hold.
func Collectors() []string {
	return []string{
		collectorServer, collectorStorage, collectorDiskPools, collectorStorageServers, collectorTapeDrives, collectorJobs, collectorPolicies,
		collectorAlerts, collectorMalware, collectorImages, collectorSLOs, collectorTapeMedia, collectorVolumePools, collectorRobots,
	}
}

// SiteConfig is what a site is. It is not changed after NewSite. Client.Concurrency is how
// many requests the reading of finished jobs has under way; each other question has one.
type SiteConfig struct {
	Client   api.Config
	Interval time.Duration // of the grid that samples lie on
	Backfill time.Duration // how far back the first start and a gap are filled; 0 is off
	Collect  []string      // names of collectors, "all", and with a - those to leave out; empty is all

	Compat string // CompatExporter adds that exporter's names; empty is none

	MaxClientSeries int           // 0 is the default, 10,000
	MaxJobSeries    int           // of counters and histograms; 0 is the default, 20,000
	ForgetClients   time.Duration // since the client's last backup; 0 is the default, 35 days
	ForgetPolicies  time.Duration // since the policy's last job, where the server does not list it; 0 is the default, 35 days

	// Checkpoint is what the log remembers of the site now: after a panic in the counting it goes on from there. Where it is
	// nil the panic is the caller's.
	Checkpoint func() source.Checkpoint
}

const (
	defaultClientSeries   = 10_000
	defaultJobSeries      = 20_000
	defaultForgetClients  = 35 * 24 * time.Hour
	defaultForgetPolicies = 35 * 24 * time.Hour
)

// Site collects from one primary server. Collect is called by one goroutine at a time;
// Status may be called by any.
type Site struct {
	cfg        SiteConfig
	readers    int // of finished jobs
	log        *slog.Logger
	now        func() time.Time
	client     *api.Client
	catalogue  *catalogue
	collectors []*collector
	ledger     *ledger
	open       *openJobs
	facts      *serverFacts
	policies   *policies
	background *background
	jobLimits  *jobLimits
	gauges     *gauges  // of the site's health
	exporter   *gauges  // of nbu_exporter's names
	ping       api.Ping // of this cycle; zero where there was no answer
	reading    *reading
	accepted   bool          // a question was answered in this cycle, by a server that accepts the credential
	broken     error         // the panic that the ledger had while it was read
	behind     bool          // the agent's clock is behind the samples
	parts      chan *reading // of a long history, to be counted by the goroutine of Collect
	counted    chan error    // its answer

	mu      sync.Mutex
	status  Status
	picture *Picture
}

// collector is one part of a cycle. It fails alone.
type collector struct {
	name     string
	noun     string // of its rows, by which those are counted that cannot be read
	standing bool   // its gauges stand between two readings: it resets them itself
	gauges   *gauges
	read     func(ctx context.Context, now int64) (rows int, err error) // now: server's clock, ms
	health   collectorHealth
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
	readers := cmp.Or(cfg.Client.Concurrency, api.DefaultConcurrency)
	cfg.Client.Concurrency = readers + len(Collectors()) // so that no collector waits for another
	client, err := api.NewClient(cfg.Client, log)
	if err != nil {
		return nil, err
	}
	c := newCatalogue()
	s := &Site{
		cfg: cfg, readers: readers, log: log.With("site", cfg.Client.Site), now: now, client: client, catalogue: c,
		open: newOpenJobs(c, cfg.Client.Site, cfg.MaxJobSeries, client.Problems()), gauges: newGauges(cfg.Client.Site),
		exporter: newGauges(cfg.Client.Site), background: newBackground(cfg.Interval), jobLimits: newJobLimits(cfg.MaxJobSeries),
	}
	if cfg.Compat == CompatExporter {
		c.addExporter()
	}
	s.ledger = s.newLedger()
	if err := s.choose(cfg.Collect); err != nil {
		return nil, err
	}
	return s, s.restore(cp)
}

func (s *Site) restore(cp source.Checkpoint) error {
	if err := s.ledger.restore(cp); err != nil {
		return err
	}
	for _, x := range cp.Series {
		s.restoreHealth(x)
	}
	s.paint(cp.T)
	return nil
}

// choose sets up the collectors that are wanted.
func (s *Site) choose(names []string) error {
	for _, n := range names {
		if bare := strings.TrimPrefix(n, "-"); bare != "all" && !slices.Contains(Collectors(), bare) {
			return fmt.Errorf("site %q: unknown collector %q; collectors: %s",
				s.cfg.Client.Site, bare, strings.Join(Collectors(), ", "))
		}
	}
	wanted := func(name string) bool {
		if slices.Contains(names, "-"+name) {
			return false
		}
		positive := slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, "-") })
		return !positive || slices.Contains(names, "all") || slices.Contains(names, name)
	}
	for _, c := range s.everyCollector() {
		if wanted(c.name) {
			c.health.name = c.name
			s.collectors = append(s.collectors, c)
		}
	}
	s.ledger.idle = !wanted(collectorJobs)
	s.ledger.listed = nil
	if wanted(collectorPolicies) {
		s.ledger.listed = s.policies.lists
	}
	return nil
}

func (s *Site) everyCollector() []*collector {
	board := func() *gauges { return newGauges(s.cfg.Client.Site) }
	s.facts = &serverFacts{c: s.catalogue, client: s.client, gauges: board()}
	units := &storageUnits{c: s.catalogue, client: s.client, gauges: board()}
	pools := &diskPools{c: s.catalogue, client: s.client, gauges: board()}
	servers := &storageServers{s.catalogue, s.client, board()}
	drives := &tapeDrives{c: s.catalogue, client: s.client, gauges: board()}
	s.policies = &policies{
		c: s.catalogue, client: s.client, background: s.background, gauges: board(), ledger: s.ledger, limit: s.cfg.MaxClientSeries / seriesPerClient,
	}
	s.policies.gauges.most = seriesLimit + s.cfg.MaxClientSeries
	return []*collector{
		{name: collectorServer, noun: "api_key", gauges: s.facts.gauges, read: s.facts.read},
		{name: collectorStorage, noun: "storage_unit", gauges: units.gauges, read: units.read},
		{name: collectorDiskPools, noun: "disk_pool", gauges: pools.gauges, read: pools.read},
		{name: collectorStorageServers, noun: "storage_server", gauges: servers.gauges, read: servers.read},
		{name: collectorTapeDrives, noun: "tape_drive", gauges: drives.gauges, read: drives.read},
		{name: collectorJobs, noun: jobNoun, gauges: s.open.gauges, read: s.readJobs},
		{name: collectorPolicies, noun: "policy", gauges: s.policies.gauges, read: s.policies.read},
		s.alerts().collector(collectorAlerts, "alert"),
		s.malware().collector(collectorMalware, "malware_scan"),
		s.images().collector(collectorImages, "image"),
		s.slos().collector(collectorSLOs, "slo"),
		s.tapeMedia().collector(collectorTapeMedia, "tape_medium"),
		s.volumePools().collector(collectorVolumePools, "volume_pool"),
		s.robots().collector(collectorRobots, "robot_host"),
	}
}

// Collect reads everything at once and yields the cycles up to the tick: one, or several
// where a gap is filled. A cycle that was yielded counts as accepted: it is the caller's
// to commit it, now or later. A panic costs the part that it happened in, where it was not the caller's.
func (s *Site) Collect(ctx context.Context, tick time.Time) iter.Seq[source.Cycle] {
	return func(yield func(source.Cycle) bool) {
		t, ok := s.follow(tick.UnixMilli())
		if !ok {
			return
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		g := &giving{yield: yield, stop: stop}
		s.collect(ctx, func(r *reading) error { return g.give(s.ledger.cycles(r, nil, t)) })
		if !g.stopped {
			s.finish(g, t)
		}
		if g.cause != nil {
			panic(g.cause)
		}
	}
}

// finish counts what was read, and gives the samples of the tick.
func (s *Site) finish(g *giving, t int64) {
	err := s.broken
	if err == nil {
		err = g.give(s.ledger.cycles(s.reading, s.samples, t))
	}
	if guard.Panicked(err) {
		s.failed(collectorJobs, err)
		if err = s.startAgain(err); err == nil {
			err = g.give(s.ledger.cycles(nil, s.samples, t))
		}
		if guard.Panicked(err) {
			g.cause = err
		}
	}
	if err == nil {
		s.protect("picture", func() { s.paint(t) })
		s.sayOverCaps()
	}
}

// creep is how far time goes on in a cycle, in ms, while the agent's clock is behind what was
// emitted: no receiver takes a sample that is older than its series.
const creep = 1000

// follow is the time of this cycle's samples: the tick, or just after the last one where the
// agent's clock was set back, until it has caught up. It answers false for a tick that is
// emitted already, as after a restart within an interval.
func (s *Site) follow(tick int64) (t int64, ok bool) {
	last := s.ledger.newest
	switch {
	case tick > last:
		if s.behind {
			s.log.Info("the agent's clock has caught up")
		}
		s.behind = false
		return tick, true
	case !s.behind && last-tick < s.ledger.interval:
		return 0, false
	case !s.behind:
		s.log.Warn("the agent's clock was set back: sample times advance in small steps until the clock has caught up. "+
			"If it was wrong before, and receivers refuse samples with future times, start with an empty BACKWIRE_QUEUE_DIR",
			"clock", instant(tick), "last_sample", instant(last))
	}
	s.behind = true
	return last + creep, true
}

// collect runs the collectors. What is read of a long history is given to part on the way, by
// this goroutine.
func (s *Site) collect(ctx context.Context, part func(*reading) error) {
	s.reading, s.broken = nil, nil
	s.jobLimits.begin(s.now())
	s.parts, s.counted = make(chan *reading), make(chan error)
	askedBefore, acceptedBefore := s.client.Questions()
	now, err := s.askTime(ctx)
	outcomes := make([]outcome, len(s.collectors))
	var group errgroup.Group
	for i, c := range s.collectors {
		if !c.standing {
			c.gauges.reset()
		}
		if err != nil {
			outcomes[i] = outcome{err: err}
			continue
		}
		group.Go(func() error {
			outcomes[i] = c.run(ctx, now, s.now)
			return nil // its error is its own: the others go on
		})
	}
	ended := make(chan struct{})
	go func() {
		_ = group.Wait()
		close(ended)
	}()
	s.serveParts(part, ended)
	if asked, _ := s.client.Questions(); err == nil && asked == askedBefore {
		s.proveCredential(ctx)
	}
	_, accepted := s.client.Questions()
	s.accepted = accepted != acceptedBefore
	s.noteOutcomes(outcomes)
}

// run reads. What was set before a panic is not to be relied on.
func (c *collector) run(ctx context.Context, now int64, clock func() time.Time) (o outcome) {
	began := clock()
	o.err = guard.Run(func() (err error) {
		if o.rows, err = c.read(ctx, now); err == nil {
			err = c.gauges.beyond()
		}
		return err
	})
	if guard.Panicked(o.err) || c.gauges.beyond() != nil {
		c.gauges.reset()
	}
	o.took = clock().Sub(began)
	return o
}

func (s *Site) noteOutcomes(outcomes []outcome) {
	at, report := s.now().UnixMilli(), newReport()
	for i, c := range s.collectors {
		if outcomes[i].err != nil {
			c.gauges.dropSums() // over a part of the rows they would be wrong
		}
		s.countUnreadable(c)
		c.health.note(outcomes[i], at, report)
	}
	report.say(s.log)
	s.tellHealth()
}

func (s *Site) tellHealth() {
	s.gauges.reset()
	s.emitHealth()
	s.publish()
}

// failed notes what befell a collector after its reading.
func (s *Site) failed(name string, err error) {
	report := newReport()
	for _, c := range s.collectors {
		if c.name == name && c.health.outcome.err == nil {
			c.gauges.reset()
			c.health.note(outcome{err: err, took: c.health.outcome.took}, s.now().UnixMilli(), report)
		}
	}
	report.say(s.log)
	s.tellHealth()
}

// serveParts answers the collector of jobs until all collectors have ended.
func (s *Site) serveParts(part func(*reading) error, ended <-chan struct{}) {
	for {
		select {
		case r := <-s.parts:
			s.counted <- part(r)
		case <-ended:
			return
		}
	}
}

// samples are those of the tick alone. It is asked once the jobs are counted.
func (s *Site) samples() []source.Sample {
	if err := guard.Run(func() error { s.policies.emit(); return nil }); err != nil {
		s.failed(collectorPolicies, err)
	}
	if n, ok := s.ledger.unaccounted(); ok {
		s.open.gauges.set(s.catalogue.unaccounted, float64(n))
	}
	samples := s.gauges.appendTo(nil)
	for _, c := range s.collectors {
		samples = c.appendTo(samples)
	}
	s.protect("compatibility names", s.emitExporter)
	return s.exporter.appendTo(samples)
}

// appendTo gives the samples of this cycle: what stands from an earlier one ends where the server
// does not answer.
func (c *collector) appendTo(samples []source.Sample) []source.Sample {
	if c.standing && c.health.outcome.err != nil {
		return samples
	}
	return c.gauges.appendTo(samples)
}

// pingLimit is how long a server may take to say its time before it counts as down in this
// cycle: retries included, so that nbu_up 0 is not late.
const pingLimit = 10 * time.Second

// askTime pings the server: its clock, in ms, is the cycle's time for all that it stamps.
func (s *Site) askTime(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	ping, err := s.client.Ping(ctx)
	s.ping = ping
	if err != nil {
		return 0, err
	}
	s.ledger.version = ping.APIVersion
	s.ledger.skew = ping.ServerTime.Add(ping.RoundTrip/2).UnixMilli() - s.now().UnixMilli()
	return ping.ServerTime.UnixMilli(), nil
}

// readJobs asks two questions at once: which jobs are open, and which have finished.
func (s *Site) readJobs(ctx context.Context, now int64) (int, error) {
	var both errgroup.Group
	var opened int
	var openErr, doneErr error
	both.Go(func() error {
		openErr = guard.Run(func() (err error) {
			opened, err = s.open.read(ctx, s.notDone, now)
			return err
		})
		return nil
	})
	both.Go(func() error {
		doneErr = guard.Run(func() error { return s.readEnded(ctx, now) })
		return nil
	})
	_ = both.Wait() // each has left its error
	if openErr != nil {
		s.open.gauges.reset() // sums over half of the pages would be wrong
	} else {
		s.ledger.noteOpen(s.open.listed, s.ledger.at)
	}
	if doneErr == nil {
		doneErr = guard.Run(func() error { return s.ledger.check(ctx, s.reading) })
	}
	if guard.Panicked(doneErr) {
		s.broken = doneErr
	}
	if errors.Is(doneErr, errTooManyHeld) {
		doneErr = s.client.Beyond("/admin/jobs", errTooManyHeld)
	}
	s.ledger.audit.current = openErr == nil && doneErr == nil
	rows := opened
	if s.reading != nil {
		rows += s.reading.gained
	}
	if err := errors.Join(openErr, doneErr); err != nil || rows > 0 {
		return rows, err
	}
	return 0, s.seeAnyJob(ctx)
}

// readEnded reads what finished. Its panic may have left the ledger in the middle of something, that of the open jobs
// has not.
func (s *Site) readEnded(ctx context.Context, now int64) (err error) {
	s.reading, err = s.ledger.read(ctx, func() *reading {
		return s.ledger.begin(now, s.readers, s.ended)
	}, func(r *reading) error {
		s.parts <- r
		return <-s.counted
	})
	return err
}

// seeAnyJob is asked where neither an open nor a finished job was seen: a server that had
// jobs and shows none at all has taken the right to see them away.
func (s *Site) seeAnyJob(ctx context.Context) error {
	if s.ledger.counted.top == 0 {
		return nil // there may be none yet
	}
	for _, err := range s.client.Jobs(ctx, api.JobQuery{Limit: 1}) {
		return err
	}
	return errEmpty
}

// sayOverCaps names what finds no room under the caps on series, in the log and in the status.
func (s *Site) sayOverCaps() {
	now := s.now().UnixMilli()
	l := s.ledger
	l.clients.overCap.say(s.log, now, "the limit on client series is reached: backups of further client and policy pairs are only counted",
		"MAX_CLIENT_SERIES", s.cfg.MaxClientSeries)
	l.tally.overCap.say(s.log, now, "the limit on job series is reached: jobs of further policies are counted together",
		"MAX_JOB_SERIES", s.cfg.MaxJobSeries)
	s.open.overCap.say(s.log, now, "the limit on job series is reached: active jobs of further policies are shown together",
		"MAX_JOB_SERIES", s.cfg.MaxJobSeries)
	s.policies.overCap.say(s.log, now, "the limit on client series is reached: the schedules of further clients are not shown",
		"MAX_CLIENT_SERIES", s.cfg.MaxClientSeries)
	s.policies.sayUnreadable(s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.ClientsWithoutSeries, s.status.PoliciesWithoutSeries = l.clients.overCap.count(), l.tally.overCap.count()
}

// Close ends what runs in the background, and the login, if there is one.
func (s *Site) Close(ctx context.Context) error {
	s.background.close()
	return s.client.Close(ctx)
}
