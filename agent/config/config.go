package config

import "slices"

// Config is the whole configuration. Load makes it and nothing changes it afterwards.
//
// A field's variable is BACKWIRE_ and its words (split_words). Beside envconfig's tags:
// min, max and oneof bound the value, "why" gives the reason for max; "excludes" names variables of the same block that
// cannot be set together with this one; "own" is never inherited by a named block; "empty"
// says that set but empty is a value; "secret" marks a file that holds one.
type Config struct {
	Interval Duration `split_words:"true" default:"60s" min:"1s" max:"4m" why:"Prometheus forgets a sample after five minutes" desc:"Time between collections, at most 4m. Collections start at multiples of this time, so two agents collect at the same moment."`

	NetbackupSites Names  `split_words:"true" desc:"Names of several primary servers, separated by commas. Each one has its own settings: BACKWIRE_NETBACKUP_<NAME>_URL and so on."`
	Sites          []Site `ignored:"true"`

	Collect  Collectors `split_words:"true" default:"all" desc:"Collectors to run, separated by commas: names, or all,-name to leave one out."`
	Backfill Duration   `split_words:"true" default:"24h" max:"365d" desc:"How far back jobs are read at the first start and after a gap; 0 turns this off."`

	RemoteWriteEndpoints Names      `split_words:"true" desc:"Names of several endpoints, separated by commas. Each one has its own settings: BACKWIRE_REMOTE_WRITE_<NAME>_URL and so on."`
	Endpoints            []Endpoint `ignored:"true"`

	Queue Queue

	ExternalLabels   Labels  `split_words:"true" desc:"Labels added to every series: key:value pairs, separated by commas."`
	NativeHistograms Switch  `split_words:"true" default:"false" desc:"true sends, beside each classic histogram, a native one with the same buckets to every endpoint that accepts them over Remote-Write 2.0."`
	SelfMetrics      Switch  `split_words:"true" default:"true" desc:"true pushes the agent's own metrics too; with false they are available at /metrics only."`
	Instance         string  `split_words:"true" desc:"Value of the label instance on the agent's own metrics. Default: the host name."`
	Listen           Address `split_words:"true" default:"127.0.0.1:9469" empty:"true" desc:"Address of the status page, /metrics, /-/healthy and /-/ready; empty turns them off. An address other than loopback needs BACKWIRE_LISTEN_CONFIG_FILE."`
	ListenConfigFile File    `split_words:"true" desc:"Web configuration file in the format of Prometheus and its exporters: TLS, users with passwords, client certificates."`
	ListenHosts      Words   `split_words:"true" desc:"Additional host names that the status page accepts, separated by commas, such as the name of a proxy in front of it. Loopback and the host in BACKWIRE_LISTEN are always accepted. With users or client certificates in BACKWIRE_LISTEN_CONFIG_FILE every name is accepted."`
	Night            Night   `split_words:"true" default:"18:00-08:00" desc:"Hours that the status page calls last night, in the time zone of this host. Both times are multiples of 15 minutes."`
	RunStandby       Switch  `split_words:"true" default:"false" desc:"true starts run as a standby, as its flag --standby does: it waits while another agent uses the queue's directory, or while the directory does not exist."`
	LogLevel         string  `split_words:"true" default:"info" oneof:"debug info warn error" desc:"Lowest level that is logged."`
	LogFormat        string  `split_words:"true" default:"text" oneof:"text json" desc:"Format of the log lines."`
	Compat           string  `split_words:"true" desc:"nbu_exporter also sends the metric names and labels of that exporter, so that its dashboards and rules continue to work."`

	// Warnings are settings that work and should not be left so.
	Warnings []string `ignored:"true"`
}

// Site is one primary server.
type Site struct {
	Name string `ignored:"true"` // the block's name, empty for the only one

	URL                URL      `split_words:"true" desc:"URL of the primary server's API, such as https://primary.example:1556/netbackup."`
	Site               string   `split_words:"true" own:"true" desc:"Value of the label site. Default: the name in BACKWIRE_NETBACKUP_SITES, otherwise the host in the URL."`
	APIKey             Secret   `split_words:"true" excludes:"API_KEY_FILE USERNAME PASSWORD PASSWORD_FILE" desc:"API key."`
	APIKeyFile         File     `split_words:"true" secret:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE" desc:"File with the API key. It is read again when it changes."`
	Username           string   `split_words:"true" desc:"User to log in as, instead of an API key."`
	Password           Secret   `split_words:"true" excludes:"PASSWORD_FILE" desc:"Password of the user."`
	PasswordFile       File     `split_words:"true" secret:"true" desc:"File with the password of the user. It is read again when it changes."`
	DomainName         string   `split_words:"true" desc:"Domain of the user."`
	DomainType         string   `split_words:"true" desc:"Type of the domain, such as unixpwd, nt, ldap or vx."`
	CAFile             File     `split_words:"true" desc:"PEM file with the CA certificate of the primary server."`
	CAFingerprint      string   `split_words:"true" desc:"SHA-256 fingerprint of the CA certificate, in hex. It is trusted without a file."`
	InsecureSkipVerify Switch   `split_words:"true" default:"false" desc:"true accepts any certificate: for tests only."`
	AllowHTTP          Switch   `split_words:"true" default:"false" desc:"true allows http to other hosts. Credentials are then sent unencrypted."`
	APIVersion         string   `split_words:"true" desc:"API version to use, such as 13.0. Default: the newest version that both sides support."`
	Timeout            Duration `split_words:"true" default:"30s" min:"1s" max:"10m" desc:"Time limit of one request."`
	Concurrency        Count    `split_words:"true" default:"4" min:"1" max:"64" desc:"Pages of jobs that are read at the same time. Requests of other collectors come in addition."`
	TimeZone           Zone     `split_words:"true" desc:"Time zone of the primary server, such as Europe/Berlin. The start windows of its policies are in this zone. Default: the zone of this host."`
	MaxClientSeries    Count    `split_words:"true" default:"50000" min:"5" max:"1000000" desc:"Maximum number of client series. Each pair of client and policy uses five, and two more for each schedule type beyond two, so 50,000 is enough for 10,000 pairs of one or two. Backups of further pairs are only counted in nbu_client_overflow_total."`
	MaxJobSeries       Count    `split_words:"true" default:"20000" min:"100" max:"1000000" desc:"Maximum number of series of finished jobs. When it is reached, jobs of new policies are counted under (other policies) and in nbu_job_overflow_total."`
	ForgetClients      Duration `split_words:"true" default:"35d" min:"1d" desc:"How long a pair of client and policy keeps its series after its last backup."`
	ForgetPolicies     Duration `split_words:"true" default:"35d" min:"1d" desc:"How long a policy keeps its counters after its last job, when the server no longer lists the policy."`
}

// Endpoint is one receiver of remote write.
type Endpoint struct {
	Name string `ignored:"true"` // names the cursor too: "default" for the only one

	URL                    Target   `split_words:"true" desc:"URL of the receiver, such as https://mimir.example/api/v1/push. Or file:///DIR, an existing directory for bundles that backwire queue import reads."`
	Username               string   `split_words:"true" excludes:"BEARER_TOKEN_FILE" desc:"User for basic authentication."`
	Password               Secret   `split_words:"true" excludes:"PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Password or token of the user."`
	PasswordFile           File     `split_words:"true" secret:"true" excludes:"BEARER_TOKEN_FILE" desc:"File with the password or token of the user. It is read again when it changes."`
	BearerTokenFile        File     `split_words:"true" secret:"true" desc:"File with the bearer token. It is read again when it changes."`
	Oauth2ClientID         string   `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Client id for OAuth2 client credentials, which give bearer tokens."`
	Oauth2ClientSecretFile File     `split_words:"true" secret:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"File with the client secret. It is read for each token."`
	Oauth2TokenURL         URL      `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"URL of the token endpoint. The TLS settings and the proxy of the receiver apply to it too."`
	Oauth2Scopes           Words    `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Scopes to request, separated by commas."`
	Oauth2Params           Pairs    `split_words:"true" excludes:"USERNAME PASSWORD PASSWORD_FILE BEARER_TOKEN_FILE" desc:"Further parameters of the token request, such as audience: key:value pairs, separated by commas."`
	Tenant                 string   `split_words:"true" desc:"Tenant, sent as X-Scope-OrgID."`
	Headers                Secret   `split_words:"true" excludes:"HEADERS_FILE" desc:"Further request headers: key:value pairs, separated by commas."`
	HeadersFile            File     `split_words:"true" secret:"true" desc:"File with further request headers."`
	CAFile                 File     `split_words:"true" desc:"PEM file with the CA certificate of the receiver. Default: the CA certificates of the system."`
	CertFile               File     `split_words:"true" desc:"PEM file with the client certificate for mutual TLS."`
	KeyFile                File     `split_words:"true" secret:"true" desc:"PEM file with the key of the client certificate."`
	InsecureSkipVerify     Switch   `split_words:"true" default:"false" desc:"true accepts any certificate: for tests only."`
	AllowHTTP              Switch   `split_words:"true" default:"false" desc:"true allows http to other hosts. Credentials are then sent unencrypted."`
	ProxyURL               Proxy    `split_words:"true" desc:"Proxy for this endpoint."`
	Protocol               string   `split_words:"true" default:"auto" oneof:"auto 2.0 1.0" desc:"Version of remote write. auto tries 2.0, then 1.0."`
	Timeout                Duration `split_words:"true" default:"30s" min:"1s" max:"10m" desc:"Time limit of one request."`
	MaxSamples             Count    `split_words:"true" default:"20000" min:"1" max:"1000000" desc:"Maximum number of samples in one request."`
	MaxSampleAge           Duration `split_words:"true" default:"0" desc:"Samples older than this are dropped and counted, not sent; 0 turns this off."`
	Concurrency            Count    `split_words:"true" default:"1" min:"1" max:"64" desc:"Requests to the endpoint at the same time."`
	Keep                   Pattern  `split_words:"true" desc:"Regular expression (RE2). Only metrics whose whole name matches are sent. Histogram names are without _bucket, _sum and _count."`
	Drop                   Pattern  `split_words:"true" desc:"Regular expression (RE2). Metrics whose whole name matches are not sent, even if they match KEEP."`
	Start                  string   `split_words:"true" default:"newest" oneof:"newest oldest" desc:"Where a new endpoint starts in the queue: newest sends only what is collected from now on, oldest also sends what is already queued."`
	Order                  string   `split_words:"true" default:"auto" oneof:"auto oldest" desc:"What is sent first after an outage and at a first start. auto sends the newest samples first and the older ones in the time that is left, if the receiver accepts samples out of order that are as old; otherwise the oldest first. oldest always sends the oldest first."`
	ExportInterval         Duration `split_words:"true" default:"1h" min:"1m" max:"7d" desc:"Time between two bundles, for a file:// URL."`
	SigningKeyFile         File     `split_words:"true" secret:"true" desc:"ed25519 private key (PEM, PKCS #8) that signs the bundles, for a file:// URL."`
	ExternalLabels         Labels   `split_words:"true" desc:"Labels added to every series for this endpoint: key:value pairs, separated by commas. They override BACKWIRE_EXTERNAL_LABELS."`
}

// Queue is the log on disk.
type Queue struct {
	Dir          string   `split_words:"true" default:"/var/lib/backwire" desc:"Directory of the queue: segments, endpoint positions and rejected samples."`
	MaxBytes     Size     `split_words:"true" default:"2GiB" min:"1MiB" desc:"Maximum size of the queue. Beyond it the oldest segment is deleted, and its undelivered samples are counted as dropped."`
	MaxAge       Duration `split_words:"true" default:"0" desc:"Segments older than this are deleted, and their undelivered samples are counted as dropped; 0 turns this off."`
	SegmentBytes Size     `split_words:"true" default:"8MiB" min:"64KiB" max:"1GiB" desc:"Size at which a new segment starts."`
}

// What the variables begin with: all of them, those of the two kinds of block, the queue's.
const (
	prefix         = "BACKWIRE"
	sitePrefix     = prefix + "_NETBACKUP"
	endpointPrefix = prefix + "_REMOTE_WRITE"
	queuePrefix    = prefix + "_QUEUE"
)

// onlyEndpoint is the name of an endpoint without one.
const onlyEndpoint = "default"

// Choices are the values that only those who collect can name.
type Choices struct {
	Collectors []string
	Compat     []string // exporters whose names and labels are known
}

// Load makes the configuration of an environment ("NAME=value", as os.Environ gives it) and
// an env file's assignments, over which the environment wins. The error is Problems.
func Load(environ []string, file []Assignment, choices Choices) (*Config, error) {
	l := newLoader(environ, file)
	c := &Config{}
	l.fill(newBlock(prefix, ""), c)
	c.Sites = loadBlocks(l, sitePrefix, c.NetbackupSites, func(name string) *Site { return &Site{Name: name} })
	l.loadEndpoints(c)
	l.validate(c, choices)
	l.refuseUnknown()
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	l.warnOfExposed(file)
	c.Warnings = l.warnings
	return c, nil
}

// LoadEndpoints is Load without sites, for commands that send on a machine where nothing is collected.
func LoadEndpoints(environ []string, file []Assignment) (*Config, error) {
	l := newLoader(environ, file)
	c := &Config{}
	l.fill(newBlock(prefix, ""), c)
	l.loadEndpoints(c)
	l.validateEndpoints(c)
	if len(l.problems) > 0 {
		return nil, l.problems
	}
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

// Local is what a command needs to find the agent of this machine.
type Local struct {
	Listen           Address `split_words:"true" default:"127.0.0.1:9469" empty:"true"`
	ListenConfigFile string  `split_words:"true"`
	Queue            Queue
}

// LoadLocal reads the few settings of Local alone, so that a mistake elsewhere does not keep anybody from looking.
func LoadLocal(environ []string, file []Assignment) (Local, error) {
	l := newLoader(environ, file)
	var local Local
	l.fill(newBlock(prefix, ""), &local)
	if len(l.problems) > 0 {
		return Local{}, l.problems
	}
	return local, nil
}
