package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"backwire/source/secret"
)

// Config is how to reach one primary server. It is not changed after NewClient.
type Config struct {
	Site string   // the site's name, for the log
	URL  *url.URL // the base, as https://PRIMARY:1556/netbackup

	APIKey     func() (string, error) // asked at each use; nil where there is none
	Username   string
	Password   func() (string, error) // asked at each login; nil where there is none
	DomainName string
	DomainType string

	CAFile             string // PEM; empty means the system's
	CAFingerprint      string // SHA-256 of a CA in the server's chain, hex with or without colons
	InsecureSkipVerify bool

	APIVersion  string        // as "13.0"; empty means the newest that both sides know
	Timeout     time.Duration // of one request, its body included
	Concurrency int           // requests under way at the same time
	Impatient   bool          // no request is retried: somebody waits to read what is wrong
	UserAgent   string
	Bodies      *Bodies           // shared by all sites; nil is room of its own
	Transport   http.RoundTripper // stands in for the network in tests; nil means the network
}

const (
	defaultTimeout = 30 * time.Second

	// DefaultConcurrency is Config.Concurrency where that is 0.
	DefaultConcurrency = 4
)

// Client talks to one primary server. It may be used by many goroutines.
type Client struct {
	cfg      Config
	log      *slog.Logger
	http     *http.Client
	trust    *trust
	slots    chan struct{} // one element for each request under way
	flights  singleflight.Group
	version  negotiated
	session  session
	problems *Problems
	secrets  *secret.Keeper // which answers may repeat
	decoders sync.Pool      // of *decoder

	pageSizes pageSizes

	asked, accepted atomic.Uint64 // questions with a credential, and those of them that were answered

	inPool    atomic.Int64        // bytes of the pool that this client's answers have
	largeTurn *semaphore.Weighted // of its large answers: one at a time
	apart     atomic.Int64        // rows that are told apart at this time, of all lists that are being read
	limited   atomic.Uint64       // how often the server gave more than the agent takes
}

// NewClient returns a client for the server that cfg names. It does not talk to it yet.
func NewClient(cfg Config, log *slog.Logger) (*Client, error) {
	if cfg.URL == nil || cfg.URL.Host == "" {
		return nil, errors.New("netbackup client: expected a URL with a host, such as https://primary.example:1556/netbackup")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Bodies == nil {
		cfg.Bodies = NewBodies()
	}
	trust, err := newTrust(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg, trust)
	}
	secrets := secret.NewKeeper(proxySecrets(cfg.URL)...)
	c := &Client{
		cfg:      cfg,
		log:      log.With("site", cfg.Site),
		http:     &http.Client{Transport: cfg.Transport, CheckRedirect: refuseRedirect},
		trust:    trust,
		slots:    make(chan struct{}, cfg.Concurrency),
		problems: newProblems(log.With("site", cfg.Site), secrets),
		secrets:  secrets,

		largeTurn: semaphore.NewWeighted(1),
	}
	if c.version.fixed, err = parseFixedVersion(cfg.APIVersion); err != nil {
		return nil, err
	}
	return c, nil
}

// proxySecrets are those of the proxy on the way to a URL. A request's own are noted when it is made.
func proxySecrets(to *url.URL) []string {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: to})
	if err != nil || proxy == nil {
		return nil
	}
	return secret.OfURL(proxy.String())
}

// refuseRedirect keeps the redirect as the answer: following one could carry the
// credential to another host.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Problems is what could not be read since the client was made.
func (c *Client) Problems() *Problems { return c.problems }

// Questions is how many were asked with a credential since the client was made, and how many of them were answered by a
// server that accepts it.
func (c *Client) Questions() (asked, accepted uint64) { return c.asked.Load(), c.accepted.Load() }

// Limited is how often the server gave more than the agent takes, since the client was made.
func (c *Client) Limited() uint64 { return c.limited.Load() }

// NoteLimited counts something that was more than the agent takes, for one who asks by this client.
func (c *Client) NoteLimited() { c.limited.Add(1) }

// Close ends the login, if there is one.
func (c *Client) Close(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	return c.logout(ctx)
}
