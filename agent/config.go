package agent

import "slices"

// Config is the whole configuration. Load makes it and nothing changes it afterwards.
//
// A field's variable is BACKWIRE_ and its words (split_words). Beside envconfig's tags:
// min, max and oneof bound the value; "excludes" names variables of the same block that
// cannot be set together with this one; "own" is never inherited by a named block; "empty"
// says that set but empty is a value; "secret" marks a file that holds one.
type Config struct {
	Interval Duration `split_words:"true" default:"60s" min:"1s" max:"1d" desc:"One cycle; ticks fall on multiples of it, so that two agents agree."`

	NetbackupSites Names  `split_words:"true" desc:"Names of several primary servers; each then has its own block, BACKWIRE_NETBACKUP_<NAME>_URL and so on."`
	Sites          []Site `ignored:"true"`

	Collect  Collectors `split_words:"true" default:"all" desc:"Collectors to run, separated by commas: names, or all,-name to leave one out."`
	Backfill Duration   `split_words:"true" default:"24h" max:"365d" desc:"How far back the first start and a gap are filled; 0 is off."`

	RemoteWriteEndpoints Names      `split_words:"true" desc:"Names of several endpoints; each then has its own block, BACKWIRE_REMOTE_WRITE_<NAME>_URL and so on."`
	Endpoints            []Endpoint `ignored:"true"`

	Queue Queue

	ExternalLabels   Labels  `split_words:"true" desc:"key:value,… added to every series."`
	SelfMetrics      Switch  `split_words:"true" default:"true" desc:"Push the agent's own metrics with the rest; false leaves them to a scrape of /metrics."`
	Instance         string  `split_words:"true" desc:"The value of the label instance on the agent's own metrics; without it the host's name."`
	Listen           Address `split_words:"true" default:"127.0.0.1:9469" empty:"true" desc:"Page, /metrics, /-/healthy, /-/ready; empty is none. Beyond loopback it needs LISTEN_CONFIG_FILE."`
	ListenConfigFile File    `split_words:"true" desc:"Web configuration as of Prometheus and its exporters: TLS, users with passwords, client certificates."`
	ListenHosts      Words   `split_words:"true" desc:"Names, beside loopback and that in LISTEN, that the page answers to, separated by commas: those of a proxy in front of it. With users or client certificates in LISTEN_CONFIG_FILE it answers to any."`
	LogLevel         string  `split_words:"true" default:"info" oneof:"debug info warn error" desc:"The least severe level that is logged."`
	LogFormat        string  `split_words:"true" default:"text" oneof:"text json" desc:"How log lines are written."`
	Compat           string  `split_words:"true" desc:"nbu_exporter adds that exporter's metric names and labels, so that its dashboards and rules go on working."`

	// Warnings are settings that work and should not be left so.
	Warnings []string `ignored:"true"`
}

// Site is one primary server.
type Site struct {
	Name string `ignored:"true"` // the block's name, empty for the only one

	URL                URL      `split_words:"true" desc:"The primary server's API, such as https://primary.example:1556/netbackup."`
	Site               string   `split_words:"true" own:"true" desc:"The value of the label site; without it the block's name, or the URL's host."`
	APIKey             Secret   `split_words:"true" excludes:"API_KEY_FILE USERNAME PASSWORD PASSWORD_FILE" desc:"API key."`
	APIKeyFile         File     `split_words:"true" secret:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE" desc:"File with the API key, read again when it changes."`
	Username           string   `split_words:"true" desc:"User for a login instead of an API key."`
	Password           Secret   `split_words:"true" excludes:"PASSWORD_FILE" desc:"The user's password."`
	PasswordFile       File     `split_words:"true" secret:"true" desc:"File with the user's password, read again when it changes."`
	DomainName         string   `split_words:"true" desc:"The user's domain."`
	DomainType         string   `split_words:"true" desc:"The domain's type, such as unixpwd, nt, ldap or vx."`
	CAFile             File     `split_words:"true" desc:"PEM file with the certificate authority of the server."`
	CAFingerprint      string   `split_words:"true" desc:"SHA-256 of the certificate authority, in hex: trusts it without a file."`
	InsecureSkipVerify Switch   `split_words:"true" default:"false" desc:"true trusts any certificate: for tests only."`
	AllowHTTP          Switch   `split_words:"true" default:"false" desc:"true allows http to a host that is not loopback: credentials then travel in the clear."`
	APIVersion         string   `split_words:"true" desc:"API version to ask for, such as 13.0; without it the newest that both sides know."`
	Timeout            Duration `split_words:"true" default:"30s" min:"1s" max:"10m" desc:"Limit of one request."`
	Concurrency        Count    `split_words:"true" default:"4" min:"1" max:"64" desc:"Pages of jobs read at a time; the requests of the other collectors come beside them."`
	MaxClientSeries    Count    `split_words:"true" default:"10000" min:"5" max:"1000000" desc:"Series of clients at most, of which each client and policy has five; the backups of those without room are counted in nbu_client_overflow_total."`
	MaxJobSeries       Count    `split_words:"true" default:"20000" min:"100" max:"1000000" desc:"Series of finished jobs at which a new policy gets none of its own; its jobs are counted under (other policies) and in nbu_job_overflow_total."`
	ForgetClients      Duration `split_words:"true" default:"35d" min:"1d" desc:"How long after its last backup a client and policy keep their series."`
	ForgetPolicies     Duration `split_words:"true" default:"35d" min:"1d" desc:"How long after its last job a policy that the server does not list keeps its counters."`
}

// Endpoint is one receiver of remote write.
type Endpoint struct {
	Name string `ignored:"true"` // names the cursor too: "default" for the only one

	URL                    Target   `split_words:"true" desc:"The receiver's push URL, such as https://mimir.example/api/v1/push; or file:///DIR, an existing directory that bundles for queue import are written to."`
	Username               string   `split_words:"true" excludes:"BEARER_TOKEN_FILE" desc:"User of basic authentication."`
	Password               Secret   `split_words:"true" excludes:"PASSWORD_FILE BEARER_TOKEN_FILE" desc:"The user's password or token."`
	PasswordFile           File     `split_words:"true" secret:"true" excludes:"BEARER_TOKEN_FILE" desc:"File with the user's password or token, read again when it changes."`
	BearerTokenFile        File     `split_words:"true" secret:"true" desc:"File with the bearer token, read again when it changes."`
	Oauth2ClientID         string   `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Client that gets bearer tokens by OAuth2 client credentials."`
	Oauth2ClientSecretFile File     `split_words:"true" secret:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"File with the client's secret, read for each token."`
	Oauth2TokenURL         URL      `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Where tokens are asked for; over the same TLS settings and proxy as the receiver."`
	Oauth2Scopes           Words    `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Scopes to ask for, separated by commas."`
	Oauth2Params           Pairs    `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"key:value,… further parameters of the request for a token, such as audience."`
	Tenant                 string   `split_words:"true" desc:"Tenant, sent as X-Scope-OrgID."`
	Headers                Secret   `split_words:"true" excludes:"HEADERS_FILE" desc:"key:value,… further request headers."`
	HeadersFile            File     `split_words:"true" secret:"true" desc:"File with the further request headers."`
	CAFile                 File     `split_words:"true" desc:"PEM file with the certificate authority of the receiver; without it the system's."`
	CertFile               File     `split_words:"true" desc:"PEM file with the client certificate for mutual TLS."`
	KeyFile                File     `split_words:"true" secret:"true" desc:"PEM file with the client certificate's key."`
	InsecureSkipVerify     Switch   `split_words:"true" default:"false" desc:"true trusts any certificate: for tests only."`
	AllowHTTP              Switch   `split_words:"true" default:"false" desc:"true allows http to a host that is not loopback: credentials then travel in the clear."`
	ProxyURL               Proxy    `split_words:"true" desc:"Proxy for this endpoint."`
	Protocol               string   `split_words:"true" default:"auto" oneof:"auto 2.0 1.0" desc:"Remote-write version; auto is 2.0, then 1.0."`
	Timeout                Duration `split_words:"true" default:"30s" min:"1s" max:"10m" desc:"Limit of one request."`
	MaxSamples             Count    `split_words:"true" default:"20000" min:"1" max:"1000000" desc:"Samples a request at most."`
	MaxSampleAge           Duration `split_words:"true" default:"0" desc:"Samples older than this are counted and not sent; 0 is off."`
	Concurrency            Count    `split_words:"true" default:"1" min:"1" max:"64" desc:"Requests at a time to the endpoint."`
	Keep                   Pattern  `split_words:"true" desc:"Regular expression (RE2): only metrics whose whole name matches are sent. The name of a histogram is without _bucket, _sum and _count."`
	Drop                   Pattern  `split_words:"true" desc:"Regular expression (RE2): metrics whose whole name matches are not sent, KEEP or not."`
	Start                  string   `split_words:"true" default:"newest" oneof:"newest oldest" desc:"Where a new endpoint begins in the queue: newest sends what is collected from then on, oldest also what is queued already."`
	ExportInterval         Duration `split_words:"true" default:"1h" min:"1m" max:"7d" desc:"Time between two bundles of a file:// URL."`
	SigningKeyFile         File     `split_words:"true" secret:"true" desc:"ed25519 private key (PEM, PKCS #8) that signs the bundles of a file:// URL."`
	ExternalLabels         Labels   `split_words:"true" desc:"key:value,… added to every series for this endpoint; wins over BACKWIRE_EXTERNAL_LABELS."`
}

// Queue is the log on disk.
type Queue struct {
	Dir          string   `split_words:"true" default:"/var/lib/backwire" desc:"The log, cursors and rejected store."`
	MaxBytes     Size     `split_words:"true" default:"2GiB" min:"1MiB" desc:"Limit of the log; beyond it the oldest segment is dropped and counted."`
	MaxAge       Duration `split_words:"true" default:"0" desc:"Segments older than this are dropped and counted; 0 is off."`
	SegmentBytes Size     `split_words:"true" default:"8MiB" min:"64KiB" max:"1GiB" desc:"Size at which a new segment begins."`
}

// What the variables begin with: all of them, those of the two kinds of block, the queue's.
const (
	prefix         = "BACKWIRE"
	sitePrefix     = prefix + "_NETBACKUP"
	endpointPrefix = prefix + "_REMOTE_WRITE"
	queuePrefix    = prefix + "_QUEUE"
)

// Load makes the configuration of an environment ("NAME=value", as os.Environ gives it) and
// an env file's assignments, over which the environment wins. The error is Problems.
func Load(environ []string, file []Assignment) (*Config, error) {
	l := newLoader(environ, file)
	c := &Config{}
	l.fill(newBlock(prefix, ""), c)
	c.Sites = loadBlocks(l, sitePrefix, c.NetbackupSites, func(name string) *Site { return &Site{Name: name} })
	l.loadEndpoints(c)
	l.validate(c)
	l.refuseUnknown()
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	l.warnOfExposed(file)
	c.Warnings = l.warnings
	return c, nil
}

func (l *loader) loadEndpoints(c *Config) {
	c.Endpoints = loadBlocks(l, endpointPrefix, c.RemoteWriteEndpoints, func(name string) *Endpoint { return &Endpoint{Name: name} })
	c.Endpoints = slices.DeleteFunc(c.Endpoints, l.absent)
}

// LoadQueue reads the queue's block alone, for commands that look at a queue on a machine
// that has nothing else configured.
func LoadQueue(environ []string, file []Assignment) (Queue, error) {
	l := newLoader(environ, file)
	var q Queue
	l.fill(newBlock(queuePrefix, ""), &q)
	l.validateQueue(q)
	if len(l.problems) > 0 {
		return Queue{}, l.problems
	}
	return q, nil
}
