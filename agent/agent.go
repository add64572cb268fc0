// Package agent runs backwire: the scheduler, the cycles, the supervisor, the agent's own metrics, and the wiring of
// all packages.
//
// It decides when things happen: when a cycle starts, one cycle at a time per site, start and stop. It knows sites
// that produce cycles and a queue that commits them, but not what a job is or what a request contains. An Agent has
// no state outside itself, so a new Agent with another configuration can replace it after it has ended.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/source/netbackup/api"
	"backwire/source/overview"
)

// Agent collects, commits and sends from the start of Run to its end. It has no state
// outside itself: after Run another Agent may take over, with another Config.
type Agent struct {
	config    *config.Config
	version   string
	log       *slog.Logger
	metrics   *selfMetrics
	bodies    *api.Bodies // room for the answers of all primary servers
	open      func(ctx context.Context) (*agentRuntime, error)
	started   time.Time                    // when it was made
	standby   bool                         // an agent that waits while another has the queue
	once      bool                         // one cycle is run, and no other
	waiting   atomic.Pointer[error]        // what for
	running   atomic.Pointer[agentRuntime] // nil before the queue is open
	begun     chan struct{}                // closed when the queue is open and every site has its first tick, or by a standby
	beginning sync.Once
	ending    atomic.Bool
}

// agentRuntime is what runs: the queue and what feeds and empties it.
type agentRuntime struct {
	queue       committer
	queueStatus func() page.QueueStatus
	sites       []*sitePart
	self        *scheduler // of the agent's own metrics; nil where they are not pushed
	endpoints   []*endpointPart
	close       func() error // the queue, last
}

// sitePart is a site and its cycles.
type sitePart struct {
	name      string
	scheduler *scheduler
	describe  func(*page.SiteStatus)      // what the site knows beside its cycles
	overview  func() *overview.Site       // what it knows for a person
	close     func(context.Context) error // ends the login
}

// endpointPart is an endpoint.
type endpointPart struct {
	name   string
	run    func(ctx context.Context, flush time.Duration) error
	close  func() error // its place in the queue, once run has returned
	status func() page.EndpointStatus
}

// The end takes at most ten seconds: what is longer than its part of them is left behind.
const (
	cycleGrace = 3 * time.Second // for cycles under way to end by themselves
	flushGrace = 3 * time.Second // for endpoints to send what is queued
	cancelTime = time.Second / 2 // from the end of a context to the end of who heeds it
	closeGrace = time.Second     // for logouts
)

// Run runs until ctx ends, or until something fails that leaves nothing to run for. A
// clean stop is no error.
func (a *Agent) Run(ctx context.Context) error {
	if a.config.RunStandby {
		a.Standby()
	}
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	err = a.serve(ctx, listener)
	a.log.Info("agent stopped")
	return err
}

func (a *Agent) listen(ctx context.Context) (net.Listener, error) {
	if a.config.Listen == "" {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", string(a.config.Listen))
	if err != nil {
		return nil, fmt.Errorf("status page: %w", err)
	}
	a.log.Info("status page is available", "address", listener.Addr().String())
	return listener, nil
}

// serve runs the page beside everything else, so that the start and the end are seen on it too.
func (a *Agent) serve(ctx context.Context, listener net.Listener) error {
	if listener == nil {
		return a.live(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	pageCtx, endPage := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return page.Serve(pageCtx, listener, a.page(), string(a.config.ListenConfigFile), a.log) })
	group.Go(func() error {
		defer endPage()
		return a.live(ctx)
	})
	return group.Wait()
}

// live lasts from the opening of the queue to its closing.
func (a *Agent) live(ctx context.Context) error {
	opened, err := a.open(ctx)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // stopped while it waited for the queue
		}
		return err
	}
	a.running.Store(opened)
	a.log.Info("agent started", "version", a.version, "sites", len(opened.sites), "endpoints", len(opened.endpoints), "interval", a.config.Interval)
	a.work(ctx, opened)
	return a.shut(opened)
}

// work runs sites and endpoints until ctx ends, then ends them in the samples' order:
// first the cycles, then what sends them.
func (a *Agent) work(ctx context.Context, p *agentRuntime) {
	collect, endCollect := context.WithCancel(context.WithoutCancel(ctx))
	defer endCollect()
	send, endSend := context.WithCancel(context.WithoutCancel(ctx))
	defer endSend()
	var cycles, endpoints sync.WaitGroup
	for _, s := range p.sites {
		cycles.Go(func() { s.scheduler.run(ctx, collect) })
	}
	if p.self != nil {
		cycles.Go(func() { p.self.run(ctx, collect) })
	}
	for _, e := range p.endpoints {
		endpoints.Go(func() { a.deliver(send, e) })
	}
	a.begin()
	<-ctx.Done()
	a.ending.Store(true)
	a.log.Info("agent is stopping")
	if !endsWithin(cycleGrace, &cycles) {
		endCollect()
		a.leave("cycle", endsWithin(cancelTime, &cycles))
	}
	endSend()
	a.leave("endpoint", endsWithin(flushGrace+cancelTime, &endpoints))
}

func (a *Agent) deliver(ctx context.Context, e *endpointPart) {
	if err := errors.Join(e.run(ctx, flushGrace), e.close()); err != nil {
		a.log.Error("endpoint ended", "endpoint", e.name, "error", err)
	}
}

// leave says who ignored the end and is left behind, so that the rest ends in time.
func (a *Agent) leave(what string, ended bool) {
	if !ended {
		a.log.Error("a task did not stop in time and is abandoned", "part", what)
	}
}

// endsWithin waits for a group, but not for ever. Who has not ended then still runs.
func endsWithin(d time.Duration, group *sync.WaitGroup) bool {
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// shut ends the logins, all at once, and closes the queue.
func (a *Agent) shut(p *agentRuntime) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	var logouts sync.WaitGroup
	for _, s := range p.sites {
		logouts.Go(func() {
			if err := s.close(ctx); err != nil {
				a.log.Warn("cannot log out of the primary server", "site", s.name, "error", err)
			}
		})
	}
	a.leave("logout", endsWithin(closeGrace, &logouts))
	return p.close()
}

// begin says that the start is over: the agent is active or on standby.
func (a *Agent) begin() { a.beginning.Do(func() { close(a.begun) }) }

// page is what answers at BACKWIRE_LISTEN.
func (a *Agent) page() http.Handler {
	return pageHosts(a.config).Only(page.New(a, time.Local, a.config.Night, a.metrics.registry, a.log))
}

// pageHosts are the names of a configuration's page.
func pageHosts(c *config.Config) page.Hosts {
	host, _, _ := net.SplitHostPort(string(c.Listen)) // it has been validated, or there is no page
	return page.Hosts{All: c.PageGuarded(), Named: append([]string{host}, c.ListenHosts...)}
}

// Status is what the agent does at this moment.
func (a *Agent) Status() page.Status {
	s := page.Status{Version: a.version, Started: a.started, Now: time.Now()}
	if err := a.Healthy(); err != nil {
		s.Unhealthy = err.Error()
	}
	if err := a.Ready(); err != nil {
		s.Unready = err.Error()
	}
	p := a.running.Load()
	if p == nil {
		return s
	}
	s.Queue = p.queueStatus()
	for _, site := range p.sites {
		s.Sites = append(s.Sites, site.status())
	}
	for _, e := range p.endpoints {
		s.Endpoints = append(s.Endpoints, e.status())
	}
	return s
}

// Overviews are what the sites know for a person, after their last cycles.
func (a *Agent) Overviews() []*overview.Site {
	p := a.running.Load()
	if p == nil {
		return nil
	}
	overviews := make([]*overview.Site, 0, len(p.sites))
	for _, s := range p.sites {
		overviews = append(overviews, s.overview())
	}
	return overviews
}

func (s *sitePart) status() page.SiteStatus {
	status := s.scheduler.cycle.history.status()
	status.Name = s.name
	s.describe(&status)
	return status
}

// Healthy says whether every site's loop goes on; this is what feeds a watchdog. It is not
// about servers and receivers: their outage is no reason to start the agent again.
func (a *Agent) Healthy() error {
	p := a.running.Load()
	if p == nil {
		return nil
	}
	for _, s := range p.sites {
		if err := s.scheduler.cycle.history.healthy(s.scheduler.cycle.limit); err != nil {
			return fmt.Errorf("site %s: %w", s.name, err)
		}
	}
	return nil
}

// Ready says whether every site has had its first cycle, whatever came of it, and the
// queue took what the last ones yielded.
func (a *Agent) Ready() error {
	p := a.running.Load()
	switch {
	case p == nil && a.waiting.Load() != nil:
		return fmt.Errorf("standby: waiting for the queue: %w", *a.waiting.Load())
	case p == nil:
		return errors.New("the queue is not open yet")
	case a.ending.Load():
		return errors.New("the agent is stopping")
	}
	for _, s := range p.sites {
		if err := s.scheduler.cycle.history.ready(); err != nil {
			return fmt.Errorf("site %s: %w", s.name, err)
		}
	}
	return nil
}
