package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/remotewrite"
	"backwire/remotewrite/bundle"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/rejected"
	"backwire/remotewrite/send"
	"backwire/source"
	"backwire/source/netbackup"
	"backwire/source/netbackup/api"
	"backwire/source/netbackup/compat"
)

// This file builds the other packages from a Config.

// LoadConfig is Load with what this program collects.
func LoadConfig(environ []string, file []config.Assignment) (*config.Config, error) {
	return config.Load(environ, file, config.Choices{Collectors: netbackup.Collectors(), Compat: []string{compat.Name}})
}

// siteConfig is a site in netbackup's own terms.
func siteConfig(c *config.Config, s *config.Site, version string) netbackup.SiteConfig {
	client := api.Config{
		Site: s.Site, URL: s.URL.URL,
		Username: s.Username, DomainName: s.DomainName, DomainType: s.DomainType,
		CAFile: string(s.CAFile), CAFingerprint: s.CAFingerprint, InsecureSkipVerify: bool(s.InsecureSkipVerify),
		APIVersion: s.APIVersion, Timeout: time.Duration(s.Timeout), Concurrency: int(s.Concurrency),
		UserAgent: userAgent(version),
	}
	if s.APIKey.Set() || s.APIKeyFile != "" {
		client.APIKey = config.Credential(s.APIKey, s.APIKeyFile)
	}
	if s.Password.Set() || s.PasswordFile != "" {
		client.Password = config.Credential(s.Password, s.PasswordFile)
	}
	return netbackup.SiteConfig{
		Client: client, Interval: time.Duration(c.Interval), Backfill: time.Duration(c.Backfill), Collect: c.Collect, Compat: c.Compat,
		MaxClientSeries: int(s.MaxClientSeries), MaxJobSeries: int(s.MaxJobSeries), ForgetClients: time.Duration(s.ForgetClients),
		ForgetPolicies: time.Duration(s.ForgetPolicies), TimeZone: s.TimeZone.Location(),
	}
}

func userAgent(version string) string { return "backwire/" + version }

// newPrimary makes a site that continues from its checkpoint, and restarts from what again returns; nil returns nothing.
// It does not connect yet.
func (a *Agent) newPrimary(s *config.Site, from source.Checkpoint, again func() source.Checkpoint) (*netbackup.Site, error) {
	primary := siteConfig(a.config, s, a.version)
	primary.Checkpoint, primary.Client.Bodies, primary.Once = again, a.bodies, a.once
	made, err := netbackup.NewSite(primary, from, a.log, time.Now)
	if err != nil {
		return nil, fmt.Errorf("site %s: %w", s.Site, err)
	}
	return made, nil
}

// newSitePart gives a site its ticks.
func (a *Agent) newSitePart(s *config.Site, queue *queue.Queue) (*sitePart, error) {
	remembered := func() source.Checkpoint { return queue.Checkpoint(s.Site) }
	made, err := a.newPrimary(s, remembered(), remembered)
	if err != nil {
		return nil, err
	}
	part := &sitePart{
		name:      s.Site,
		scheduler: a.newScheduler(made, queue, a.metrics.observer(s.Site), a.log.With("site", s.Site)),
		describe: func(status *page.SiteStatus) {
			status.URL = s.URL.String()
			describeSite(made.Status(), status)
		},
		overview: made.Overview,
		close:    made.Close,
	}
	return part, nil
}

func (a *Agent) newScheduler(s site, queue committer, observe func(time.Duration), log *slog.Logger) *scheduler {
	interval := time.Duration(a.config.Interval)
	return &scheduler{
		cycle: &cycle{
			site: s, queue: queue, limit: cycleLimit(interval), log: log,
			history: &history{observe: observe},
		},
		interval: interval, clock: time.Now, log: log,
	}
}

// newSelf gives the agent's own metrics their ticks. Their cycles are not counted among the sites'.
func (a *Agent) newSelf(from source.Checkpoint, queue committer) (*scheduler, error) {
	if !a.config.SelfMetrics {
		return nil, nil
	}
	instance := a.config.Instance
	if instance == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("read the host name: set BACKWIRE_INSTANCE: %w", err)
		}
		instance = name
	}
	log := a.log.With("part", "own metrics")
	made := newSelfSite(from, a.metrics.registry, instance, time.Duration(a.config.Interval), log)
	return a.newScheduler(made, queue, func(time.Duration) {}, log), nil
}

// endpointConfig is an endpoint in remotewrite's own terms.
func endpointConfig(c *config.Config, e *config.Endpoint, version string) (send.Config, error) {
	headers, err := e.RequestHeaders()
	if err != nil {
		return send.Config{}, err
	}
	proxy := ""
	if e.ProxyURL.URL() != nil {
		proxy = e.ProxyURL.URL().String()
	}
	return send.Config{
		Name: e.Name, URL: e.URL.URL.URL.String(),
		Username: e.Username, Password: e.Password.Reveal(), PasswordFile: string(e.PasswordFile),
		BearerTokenFile: string(e.BearerTokenFile), OAuth2: oauth2Of(e), Tenant: e.Tenant, Headers: headers,
		CAFile: string(e.CAFile), CertFile: string(e.CertFile), KeyFile: string(e.KeyFile),
		InsecureSkipVerify: bool(e.InsecureSkipVerify), ProxyURL: proxy,
		Protocol: e.Protocol, Timeout: time.Duration(e.Timeout), MaxSamples: int(e.MaxSamples),
		MaxSampleAge: time.Duration(e.MaxSampleAge), Backfill: time.Duration(c.Backfill), Behind: behind(c, e), Concurrency: int(e.Concurrency),
		ExternalLabels: e.ExternalLabels.Over(c.ExternalLabels), Keep: e.Keep.Regexp(), Drop: e.Drop.Regexp(),
		UserAgent: userAgent(version), Instance: c.Instance, Natives: bool(c.NativeHistograms),
	}, nil
}

// behind is how old samples are that go after the newest: more than two cycles; 0 where the oldest always goes first.
func behind(c *config.Config, e *config.Endpoint) time.Duration {
	if e.Order != "auto" {
		return 0
	}
	return 2 * time.Duration(c.Interval)
}

func oauth2Of(e *config.Endpoint) send.OAuth2 {
	if e.Oauth2ClientID == "" {
		return send.OAuth2{}
	}
	params := url.Values{}
	for _, p := range e.Oauth2Params {
		params.Set(p.Name, p.Value)
	}
	return send.OAuth2{
		ClientID: e.Oauth2ClientID, ClientSecretFile: string(e.Oauth2ClientSecretFile),
		TokenURL: e.Oauth2TokenURL.URL.String(), Scopes: e.Oauth2Scopes, Params: params,
	}
}

// newEndpoint makes an endpoint that reads from a subscription and keeps what is refused; both
// are nil if nothing is sent. It does not connect yet.
func (a *Agent) newEndpoint(e *config.Endpoint, from *queue.Subscription, rejected send.Rejected) (*send.Endpoint, error) {
	receiver, err := endpointConfig(a.config, e, a.version)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
	}
	if from != nil {
		receiver.ParkedDir = filepath.Join(a.config.Queue.Dir, "parked")
	}
	return send.NewEndpoint(receiver, from, rejected, a.log)
}

// newExporter makes an exporter that reads from a subscription, nil where nothing is written.
func (a *Agent) newExporter(e *config.Endpoint, from *queue.Subscription) (*bundle.Exporter, error) {
	var key ed25519.PrivateKey
	if e.SigningKeyFile != "" {
		var err error
		if key, err = bundle.ReadSigningKey(string(e.SigningKeyFile)); err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
		}
	}
	return bundle.NewExporter(bundle.ExporterConfig{
		Name: e.Name, Queue: a.config.Queue.Dir, Dir: e.URL.Dir(), Key: key, Interval: time.Duration(e.ExportInterval),
	}, from, a.log), nil
}

// sender is an endpoint of either kind.
type sender interface {
	remotewrite.Sender
	Run(ctx context.Context, flush time.Duration) error
}

// newSender makes what takes an endpoint's samples away; place and rejected are nil where nothing is sent.
func (a *Agent) newSender(e *config.Endpoint, place *queue.Subscription, rejected send.Rejected) (sender, error) {
	if e.URL.Dir() != "" {
		return a.newExporter(e, place)
	}
	return a.newEndpoint(e, place, rejected)
}

func (a *Agent) newEndpointPart(e *config.Endpoint, queue *queue.Queue, rejected send.Rejected) (*endpointPart, sender, error) {
	place, err := queue.Subscribe(e.Name, e.Start == "oldest")
	if err != nil {
		return nil, nil, err
	}
	made, err := a.newSender(e, place, rejected)
	if err != nil {
		return nil, nil, errors.Join(err, place.Close())
	}
	part := &endpointPart{
		name:  e.Name,
		run:   made.Run,
		close: place.Close,
		status: func() page.EndpointStatus {
			stats := queue.Stats()
			return describeEndpoint(made.Stats(), stats.Cursor(e.Name), e.URL.String())
		},
	}
	return part, made, nil
}

// openRuntime opens the queue and gives every site and endpoint its place in it.
func (a *Agent) openRuntime(context.Context) (*agentRuntime, error) {
	queue, err := a.openQueue()
	if err != nil {
		return nil, err
	}
	rejected, err := rejected.Open(a.config.Queue.Dir)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	shut := func() error { return errors.Join(rejected.Close(), queue.Close()) }
	p := &agentRuntime{
		queue:       queue,
		queueStatus: func() page.QueueStatus { return describeQueue(queue.Stats(), a.config.Queue.Dir) },
	}
	sending, err := a.fit(p, queue, rejected)
	if err != nil {
		for _, e := range p.endpoints {
			err = errors.Join(err, e.close())
		}
		return nil, errors.Join(err, shut())
	}
	figures := remotewrite.NewCollector(queue, sending...)
	a.metrics.registry.MustRegister(figures)
	p.close = func() error {
		a.metrics.registry.Unregister(figures)
		return shut()
	}
	return p, nil
}

func (a *Agent) openQueue() (*queue.Queue, error) {
	options := queue.Options{
		MaxBytes: int64(a.config.Queue.MaxBytes), MaxAge: time.Duration(a.config.Queue.MaxAge),
		SegmentBytes: int64(a.config.Queue.SegmentBytes), Existing: a.standby, Logger: a.log, Clock: time.Now,
	}
	for _, e := range a.config.Endpoints {
		options.Endpoints = append(options.Endpoints, e.Name)
	}
	queue, err := queue.Open(a.config.Queue.Dir, options)
	if err != nil {
		return nil, err
	}
	if err := renamed(a.config, queue.Sites(), time.Now()); err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	if err := queue.KeepSites(queuedNames(a.config)); err != nil {
		a.log.Error("cannot end the series of a removed site; the next start tries again", "error", err)
	}
	return queue, nil
}

// fit also returns the endpoints themselves, which have figures of their own.
func (a *Agent) fit(p *agentRuntime, queue *queue.Queue, rejected send.Rejected) ([]remotewrite.Sender, error) {
	for i := range a.config.Sites {
		s := &a.config.Sites[i]
		part, err := a.newSitePart(s, queue)
		if err != nil {
			return nil, err
		}
		p.sites = append(p.sites, part)
	}
	var err error
	if p.self, err = a.newSelf(queue.Checkpoint(selfName), queue); err != nil {
		return nil, err
	}
	var sending []remotewrite.Sender
	for i := range a.config.Endpoints {
		part, made, err := a.newEndpointPart(&a.config.Endpoints[i], queue, rejected)
		if err != nil {
			return nil, err
		}
		p.endpoints = append(p.endpoints, part)
		sending = append(sending, made)
	}
	return sending, nil
}

// errNoSites cannot come from Load, which refuses a configuration without a site.
var errNoSites = errors.New("no site is configured")

// New makes an agent and tries what can be tried without a queue and a network, so that a
// wrong configuration is refused while another agent still runs with the old one.
func New(settings *config.Config, version string, log *slog.Logger) (*Agent, error) {
	if len(settings.Sites) == 0 {
		return nil, errNoSites
	}
	a := &Agent{config: settings, version: version, log: log, started: time.Now(), begun: make(chan struct{})}
	a.metrics = newSelfMetrics(version, a.Status)
	a.open, a.bodies = a.openRuntime, api.NewBodies()
	var problems []error
	for i := range settings.Sites {
		_, err := a.newPrimary(&settings.Sites[i], source.Checkpoint{}, nil)
		problems = append(problems, err)
	}
	for i := range settings.Endpoints {
		_, err := a.newSender(&settings.Endpoints[i], nil, nil)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return a, nil
}
