package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"backwire/source"

	"github.com/google/go-cmp/cmp"
)

const canary = "canary-4711"

// Minimal is the least that is accepted; more settings follow and win.
func minimal(more ...string) []string {
	return append([]string{
		"BACKWIRE_NETBACKUP_URL=https://primary.example:1556/netbackup",
		"BACKWIRE_NETBACKUP_API_KEY=" + canary,
	}, more...)
}

// load knows two collectors.
func load(environ []string, file []Assignment) (*Config, error) {
	return Load(environ, file, Choices{Collectors: []string{"jobs", "storage"}, Compat: []string{"nbu_exporter"}})
}

func mustLoad(t *testing.T, environ ...string) *Config {
	t.Helper()
	c, err := load(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// problemsOf loads what must be refused.
func problemsOf(t *testing.T, environ ...string) Problems {
	t.Helper()
	_, err := load(environ, nil)
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("Load = %v, want Problems", err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("the error shows a secret: %v", err)
	}
	return problems
}

// wantProblem wants exactly one problem, with these words.
func wantProblem(t *testing.T, got Problems, words ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %d problems, want 1: %v", len(got), got)
	}
	for _, word := range words {
		if !strings.Contains(got[0].String(), word) {
			t.Errorf("problem %q lacks %q", got[0], word)
		}
	}
}

func writeSecret(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_REMOTE_WRITE_URL=https://mimir.example/api/v1/push")...)
	site, endpoint := c.Sites[0], c.Endpoints[0]
	type facts struct {
		Interval, Backfill, SiteTimeout, EndpointTimeout, MaxAge, ForgetClients, ForgetPolicies Duration
		SiteConcurrency, EndpointConcurrency, MaxSamples, MaxClientSeries, MaxJobSeries         Count
		MaxBytes, SegmentBytes                                                                  Size
		Dir, Protocol, Level, Format, Site, Endpoint                                            string
		Listen                                                                                  Address
		Collect                                                                                 string
	}
	want := facts{
		Interval: Duration(time.Minute), Backfill: Duration(24 * time.Hour),
		SiteTimeout: Duration(30 * time.Second), EndpointTimeout: Duration(30 * time.Second),
		SiteConcurrency: 4, EndpointConcurrency: 1, MaxSamples: 20000,
		ForgetClients: Duration(35 * 24 * time.Hour), ForgetPolicies: Duration(35 * 24 * time.Hour), MaxClientSeries: 50_000, MaxJobSeries: 20_000,
		MaxBytes: 2 << 30, SegmentBytes: 8 << 20,
		Dir: "/var/lib/backwire", Protocol: "auto", Level: "info", Format: "text",
		Site: "primary.example", Endpoint: "default", Listen: "127.0.0.1:9469", Collect: "all",
	}
	got := facts{
		c.Interval, c.Backfill, site.Timeout, endpoint.Timeout, c.Queue.MaxAge, site.ForgetClients, site.ForgetPolicies,
		site.Concurrency, endpoint.Concurrency, endpoint.MaxSamples, site.MaxClientSeries, site.MaxJobSeries,
		c.Queue.MaxBytes, c.Queue.SegmentBytes,
		c.Queue.Dir, endpoint.Protocol, c.LogLevel, c.LogFormat, site.Site, endpoint.Name,
		c.Listen, strings.Join(c.Collect, ","),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	problems := problemsOf(
		t,
		"BACKWIRE_INTERVAL=5 minutes",
		"BACKWIRE_NETBACKUP_URL=primary.example",
		"BACKWIRE_NETBACKUP_CONCURRENCY=0",
		"BACKWIRE_REMOTE_WRITE_PROTOCOL=3.0",
		"BACKWIRE_QUEUE_MAX_BYTES=2GB",
		"BACKWIRE_LISTN=127.0.0.1:1",
	)
	var variables []string
	for _, p := range problems {
		variables = append(variables, p.Variable)
	}
	slices.Sort(variables)
	want := []string{
		"BACKWIRE_INTERVAL", "BACKWIRE_LISTN", "BACKWIRE_NETBACKUP_API_KEY_FILE", "BACKWIRE_NETBACKUP_CONCURRENCY",
		"BACKWIRE_NETBACKUP_URL", "BACKWIRE_QUEUE_MAX_BYTES", "BACKWIRE_REMOTE_WRITE_PROTOCOL", "BACKWIRE_REMOTE_WRITE_URL",
	}
	if diff := cmp.Diff(want, variables); diff != "" {
		t.Error(diff)
	}
}

func TestProblemSaysVariableValueAndExpectation(t *testing.T) {
	t.Parallel()
	_, err := load(minimal(), []Assignment{{Name: "BACKWIRE_INTERVAL", Value: "2d", Origin: "/etc/backwire/backwire.env:3"}})
	want := `BACKWIRE_INTERVAL="2d" (/etc/backwire/backwire.env:3): expected a value between 1s and 4m: Prometheus forgets a sample after five minutes`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Load = %v, want %s", err, want)
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ setting, expected string }{
		"a unit that is none":           {"BACKWIRE_INTERVAL=5x", "such as 30s, 5m, 24h or 7d, between 1s and 4m"},
		"a negative duration":           {"BACKWIRE_BACKFILL=-1h", "expected a duration"},
		"days beyond an int64":          {"BACKWIRE_QUEUE_MAX_AGE=999999999d", "expected a duration"},
		"a duration below the least":    {"BACKWIRE_INTERVAL=0", "between 1s and 4m"},
		"a decimal unit of size":        {"BACKWIRE_QUEUE_SEGMENT_BYTES=8MB", "512KiB, 8MiB or 2GiB"},
		"a size beyond an int64":        {"BACKWIRE_QUEUE_MAX_BYTES=9000000TiB", "expected a size"},
		"a limit below two segments":    {"BACKWIRE_QUEUE_MAX_BYTES=15MiB", "twice BACKWIRE_QUEUE_SEGMENT_BYTES, 16777216"},
		"a switch in words":             {"BACKWIRE_NETBACKUP_INSECURE_SKIP_VERIFY=yes", "expected true or false"},
		"a count that is none":          {"BACKWIRE_NETBACKUP_CONCURRENCY=four", "expected a whole number, between 1 and 64"},
		"a level that is none":          {"BACKWIRE_LOG_LEVEL=verbose", "debug or info or warn or error"},
		"a page for the network":        {"BACKWIRE_LISTEN=0.0.0.0:9469", "loopback"},
		"a page on every address":       {"BACKWIRE_LISTEN=:9469", "loopback"},
		"a page without a port":         {"BACKWIRE_LISTEN=localhost", "host:port"},
		"http to another host":          {"BACKWIRE_NETBACKUP_URL=http://primary.example/netbackup", "BACKWIRE_NETBACKUP_ALLOW_HTTP=true"},
		"a fingerprint cut short":       {"BACKWIRE_NETBACKUP_CA_FINGERPRINT=ab:cd", "64 digits"},
		"an API version with a v":       {"BACKWIRE_NETBACKUP_API_VERSION=v13", "such as 13.0"},
		"a label twice":                 {"BACKWIRE_EXTERNAL_LABELS=dc:1,dc:2", `"dc" is repeated`},
		"a label without a value":       {"BACKWIRE_EXTERNAL_LABELS=dc", "key:value"},
		"a label of the series' own":    {"BACKWIRE_EXTERNAL_LABELS=site:paris", "the label site is set by backwire"},
		"a reserved label":              {"BACKWIRE_EXTERNAL_LABELS=__name__:x", "label names"},
		"a pattern that is none":        {"BACKWIRE_REMOTE_WRITE_DROP=nbu_(", "regular expression"},
		"a scope that is none":          {"BACKWIRE_REMOTE_WRITE_OAUTH2_SCOPES=a,,b", "words separated by commas"},
		"a collector with blanks":       {"BACKWIRE_COLLECT=jobs storage", "all,-name"},
		"a collector that is none":      {"BACKWIRE_COLLECT=all,-tapes", "jobs, storage, all, not -tapes"},
		"a site's name in capitals":     {"BACKWIRE_NETBACKUP_SITES=Paris", "lower-case"},
		"a CA file that is not there":   {"BACKWIRE_NETBACKUP_CA_FILE=/nowhere/ca.pem", "no such file"},
		"a CA file that is a directory": {"BACKWIRE_NETBACKUP_CA_FILE=/", "is not a file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := minimal(c.setting)
			if strings.Contains(c.setting, "SITES") {
				environ = append(environ, "BACKWIRE_NETBACKUP_PARIS_SITE=x")
			}
			problems := problemsOf(t, environ...)
			variable, _, _ := strings.Cut(c.setting, "=")
			if p := problems[0]; p.Variable != variable || !strings.Contains(p.Expected, c.expected) {
				t.Errorf("got %v, want %s with %q", problems, variable, c.expected)
			}
		})
	}
}

func TestDurationsAndSizes(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_BACKFILL=1d12h", "BACKWIRE_QUEUE_MAX_AGE=7d", "BACKWIRE_QUEUE_MAX_BYTES=3221225472", "BACKWIRE_QUEUE_SEGMENT_BYTES=512KiB")...)
	if c.Backfill != Duration(36*time.Hour) || c.Queue.MaxAge != Duration(7*24*time.Hour) {
		t.Errorf("durations: %v %v", c.Backfill, c.Queue.MaxAge)
	}
	if c.Queue.MaxBytes != 3<<30 || c.Queue.SegmentBytes != 512<<10 {
		t.Errorf("sizes: %v %v", c.Queue.MaxBytes, c.Queue.SegmentBytes)
	}
}

// envconfig's trap: an empty variable breaks durations.
func TestEmptyVariableIsTheDefault(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_INTERVAL=", "BACKWIRE_NETBACKUP_SITE=")...)
	if c.Interval != Duration(time.Minute) || c.Sites[0].Site != "primary.example" {
		t.Errorf("interval %v, site %q", c.Interval, c.Sites[0].Site)
	}
}

func TestEmptyListenIsNoPage(t *testing.T) {
	t.Parallel()
	if c := mustLoad(t, minimal("BACKWIRE_LISTEN=")...); c.Listen != "" {
		t.Errorf("listen %q, want none", c.Listen)
	}
}

// envconfig's trap: required accepts an empty variable.
func TestRequiredRefusesEmpty(t *testing.T) {
	t.Parallel()
	wantProblem(t, problemsOf(t, minimal("BACKWIRE_NETBACKUP_URL=")...), "BACKWIRE_NETBACKUP_URL: expected the URL of the primary server")
	blank := problemsOf(t, minimal("BACKWIRE_NETBACKUP_URL=https://primary.example/netbackup backwire run")...)
	if len(blank) != 1 || !strings.Contains(blank[0].Expected, "without blanks") {
		t.Errorf("a URL with blanks: %v", blank)
	}
	wantProblem(t, problemsOf(t, minimal("BACKWIRE_NETBACKUP_API_KEY=")...), "BACKWIRE_NETBACKUP_API_KEY_FILE", "BACKWIRE_NETBACKUP_USERNAME")
}

// envconfig's trap: a bare tag falls back to a variable without the prefix, such as $USER.
func TestUnprefixedVariableIsNotRead(t *testing.T) {
	t.Parallel()
	bare := []string{"URL=x", "SITE=x", "USERNAME=x", "INTERVAL=x", "LISTEN=x", "QUEUE_DIR=x", "NETBACKUP_SITES=x", "USER=x"}
	if diff := cmp.Diff(mustLoad(t, minimal()...).Queue, mustLoad(t, minimal(bare...)...).Queue); diff != "" {
		t.Error(diff)
	}
	if site := mustLoad(t, minimal(bare...)...).Sites[0]; site.Username != "" || site.Site != "primary.example" {
		t.Errorf("site %+v", site)
	}
}

// envconfig's trap: map values with a colon fail.
func TestPairValueMayHoldColons(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal(
		"BACKWIRE_EXTERNAL_LABELS=runbook:https://wiki.example:8443/x, dc:muc",
		"BACKWIRE_REMOTE_WRITE_URL=https://mimir.example/api/v1/push",
		"BACKWIRE_REMOTE_WRITE_HEADERS=x-origin:https://a.example:1",
	)...)
	want := Labels{source.Label{Name: "dc", Value: "muc"}, source.Label{Name: "runbook", Value: "https://wiki.example:8443/x"}}
	if diff := cmp.Diff(want, c.ExternalLabels); diff != "" {
		t.Error(diff)
	}
	headers, err := c.Endpoints[0].RequestHeaders()
	if err != nil || headers["X-Origin"] != "https://a.example:1" {
		t.Errorf("headers %v, %v", headers, err)
	}
}

func TestHeadersOfTheSenderAreRefused(t *testing.T) {
	t.Parallel()
	for _, header := range ownHeaders {
		problems := problemsOf(t, minimal("BACKWIRE_REMOTE_WRITE_URL=https://m.example", "BACKWIRE_REMOTE_WRITE_HEADERS="+strings.ToLower(header)+":"+canary)...)
		wantProblem(t, problems, "BACKWIRE_REMOTE_WRITE_HEADERS", header)
	}
}

// envconfig's traps: the error prints the raw value, and a typo passes.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"URL with a password":         {"BACKWIRE_NETBACKUP_URL=https://u:" + canary + "@primary.example"},
		"URL that does not parse":     {"BACKWIRE_NETBACKUP_URL=https://u:" + canary + "%zz@primary.example"},
		"URL without a scheme":        {"BACKWIRE_NETBACKUP_URL=u:" + canary + "@primary.example"},
		"http URL with a query":       {"BACKWIRE_NETBACKUP_URL=http://primary.example?token=" + canary},
		"proxy that is none":          {"BACKWIRE_REMOTE_WRITE_URL=https://m.example", "BACKWIRE_REMOTE_WRITE_PROXY_URL=ftp://u:" + canary + "@p"},
		"headers that are none":       {"BACKWIRE_REMOTE_WRITE_URL=https://m.example", "BACKWIRE_REMOTE_WRITE_HEADERS=" + canary},
		"secret in a mistyped name":   {"BACKWIRE_NETBACKUP_API_KEYS=" + canary},
		"secret beside its own file":  {"BACKWIRE_NETBACKUP_API_KEY_FILE=/etc/hostname"},
		"secret in an unlisted block": {"BACKWIRE_NETBACKUP_PARIS_API_KEY=" + canary},
		"user without a password":     {"BACKWIRE_REMOTE_WRITE_URL=https://m.example", "BACKWIRE_REMOTE_WRITE_PASSWORD=" + canary},
	}
	for name, settings := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(problemsOf(t, minimal(settings...)...)) == 0 { // looks for the canary, too
				t.Error("accepted")
			}
		})
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal(
		"BACKWIRE_REMOTE_WRITE_URL=https://m.example/push?token="+canary,
		"BACKWIRE_REMOTE_WRITE_USERNAME=u", "BACKWIRE_REMOTE_WRITE_PASSWORD="+canary,
		"BACKWIRE_REMOTE_WRITE_HEADERS=x-key:"+canary, "BACKWIRE_REMOTE_WRITE_PROXY_URL=http://u:"+canary+"@p.example",
	)...)
	hidden := struct{ inner *Config }{c}
	nested := struct{ inner Site }{c.Sites[0]}
	var prints []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{c, *c, hidden, nested, c.Sites[0], c.Sites[0].APIKey, &c.Sites[0].APIKey, c.Endpoints} {
			prints = append(prints, fmt.Sprintf(verb, value))
		}
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	prints = append(prints, string(encoded))
	var log strings.Builder
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
		logger.Info("x", "config", c, "site", c.Sites[0], "key", c.Sites[0].APIKey, "group", slog.GroupValue(slog.Any("key", c.Sites[0].APIKey)))
	}
	prints = append(prints, log.String())
	for _, text := range prints {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("a print shows a secret: %s", text)
		}
	}
	if !strings.Contains(string(encoded), redacted) || c.Sites[0].APIKey.Reveal() != canary {
		t.Error("the secret is gone, not hidden")
	}
}

// envconfig's trap: a typo passes.
func TestTypoSuggestsTheVariable(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"BACKWIRE_INTERVALL":                 "did you mean BACKWIRE_INTERVAL?",
		"BACKWIRE_NETBACKUP_URI":             "did you mean BACKWIRE_NETBACKUP_URL?",
		"BACKWIRE_NETBACKUP_APIKEY":          "did you mean BACKWIRE_NETBACKUP_API_KEY?",
		"BACKWIRE_NETBACKUP_PARIS_URL":       "did you mean to name paris in BACKWIRE_NETBACKUP_SITES?",
		"BACKWIRE_NETBACKUP_NYC_SITE":        "did you mean to name nyc in BACKWIRE_NETBACKUP_SITES?",
		"BACKWIRE_REMOTE_WRITE_C_URL":        "did you mean BACKWIRE_REMOTE_WRITE_URL?",
		"BACKWIRE_REMOTE_WRITE_LAN_URL":      "did you mean to name lan in BACKWIRE_REMOTE_WRITE_ENDPOINTS?",
		"BACKWIRE_REMOTE_WRITE_BEARER_TOKEN": "did you mean BACKWIRE_REMOTE_WRITE_BEARER_TOKEN_FILE?",
		"BACKWIRE_COFFEE":                    "is not a setting of backwire",
	}
	for name, want := range cases {
		wantProblem(t, problemsOf(t, minimal(name+"="+canary)...), name, want)
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	c := mustLoad(
		t,
		"BACKWIRE_NETBACKUP_SITES=paris, new-york",
		"BACKWIRE_NETBACKUP_TIMEOUT=10s",
		"BACKWIRE_NETBACKUP_API_KEY=shared",
		"BACKWIRE_NETBACKUP_PARIS_URL=https://p.example/netbackup",
		"BACKWIRE_NETBACKUP_PARIS_SITE=Paris (La Défense)",
		"BACKWIRE_NETBACKUP_NEW_YORK_URL=https://n.example/netbackup",
		"BACKWIRE_NETBACKUP_NEW_YORK_TIMEOUT=20s",
		"BACKWIRE_NETBACKUP_NEW_YORK_USERNAME=svc",
		"BACKWIRE_NETBACKUP_NEW_YORK_PASSWORD=own",
		"BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,local",
		"BACKWIRE_REMOTE_WRITE_TENANT=all",
		"BACKWIRE_REMOTE_WRITE_CLOUD_URL=https://c.example/push",
		"BACKWIRE_REMOTE_WRITE_LOCAL_URL=http://127.0.0.1:9090/api/v1/write",
		"BACKWIRE_REMOTE_WRITE_LOCAL_TENANT=",
	)
	paris, york := c.Sites[0], c.Sites[1]
	if paris.Site != "Paris (La Défense)" || york.Site != "new-york" {
		t.Errorf("labels %q, %q", paris.Site, york.Site)
	}
	if paris.Timeout != Duration(10*time.Second) || york.Timeout != Duration(20*time.Second) {
		t.Errorf("timeouts %v, %v: the shared one is the default of all blocks", paris.Timeout, york.Timeout)
	}
	if paris.APIKey.Reveal() != "shared" || york.APIKey.Set() || york.Password.Reveal() != "own" {
		t.Error("a block's own login must replace the shared key")
	}
	if c.Endpoints[0].Tenant != "all" || c.Endpoints[1].Tenant != "" || c.Endpoints[1].Name != "local" {
		t.Errorf("endpoints %+v", c.Endpoints)
	}
}

func TestBlocksRefused(t *testing.T) {
	t.Parallel()
	two := []string{
		"BACKWIRE_NETBACKUP_SITES=paris,lyon", "BACKWIRE_NETBACKUP_API_KEY=" + canary,
		"BACKWIRE_NETBACKUP_PARIS_URL=https://p.example", "BACKWIRE_NETBACKUP_LYON_URL=https://l.example",
	}
	cases := map[string]struct {
		settings []string
		words    []string
	}{
		"a wrong shared value once":  {append(two, "BACKWIRE_NETBACKUP_TIMEOUT=x"), []string{"BACKWIRE_NETBACKUP_TIMEOUT", "expected a duration"}},
		"a wrong own value by name":  {append(two, "BACKWIRE_NETBACKUP_LYON_TIMEOUT=x"), []string{"BACKWIRE_NETBACKUP_LYON_TIMEOUT"}},
		"a block without its URL":    {append(two, "BACKWIRE_NETBACKUP_LYON_URL="), []string{"BACKWIRE_NETBACKUP_LYON_URL", "the URL of the primary server"}},
		"a label for all sites":      {append(two, "BACKWIRE_NETBACKUP_SITE=x"), []string{"BACKWIRE_NETBACKUP_SITE", "each has its own"}},
		"a label that another has":   {append(two, "BACKWIRE_NETBACKUP_LYON_SITE=paris"), []string{"BACKWIRE_NETBACKUP_LYON_SITE", "no other site has"}},
		"two names of one variable":  {append(two, "BACKWIRE_NETBACKUP_SITES=paris,paris"), []string{"expected each name once"}},
		"a key and a key's file":     {append(two, "BACKWIRE_NETBACKUP_API_KEY_FILE=/etc/hostname"), []string{"BACKWIRE_NETBACKUP_API_KEY", "both are set"}},
		"a user beside a key":        {append(two, "BACKWIRE_NETBACKUP_USERNAME=u"), []string{"BACKWIRE_NETBACKUP_API_KEY", "BACKWIRE_NETBACKUP_USERNAME, but both"}},
		"a list and no second block": {append(two, "BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud"), []string{"BACKWIRE_REMOTE_WRITE_CLOUD_URL", "the URL of the receiver"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(t, c.settings...)
			for _, word := range c.words {
				if !strings.Contains(problems[0].String(), word) {
					t.Errorf("problem %q lacks %q", problems[0], word)
				}
			}
			if strings.Contains(name, "once") && len(problems) != 1 {
				t.Errorf("got %v, want one problem", problems)
			}
		})
	}
}

// A block named "proxy" would make BACKWIRE_REMOTE_WRITE_PROXY_URL mean two things.
func TestBlockNameThatCollides(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"proxy", "a-b,a_b"} {
		problems := problemsOf(t, minimal("BACKWIRE_REMOTE_WRITE_URL=https://m.example", "BACKWIRE_REMOTE_WRITE_ENDPOINTS="+names)...)
		if !strings.Contains(problems.Error(), "keep settings apart") {
			t.Errorf("%s: %v", names, problems)
		}
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	t.Parallel()
	file := []Assignment{{Name: "BACKWIRE_INTERVAL", Value: "30s", Origin: "f:1"}, {Name: "BACKWIRE_BACKFILL", Value: "1h", Origin: "f:2"}, {Name: "BACKWIRE_BACKFILL", Value: "2h", Origin: "f:3"}, {Name: "HTTPS_PROXY", Value: canary, Origin: "f:4"}}
	c, err := load(minimal("BACKWIRE_INTERVAL=15s"), file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Interval != Duration(15*time.Second) || c.Backfill != Duration(2*time.Hour) {
		t.Errorf("interval %v, backfill %v", c.Interval, c.Backfill)
	}
	if warnings := strings.Join(c.Warnings, "\n"); !strings.Contains(warnings, "HTTPS_PROXY (f:4) has no effect") || strings.Contains(warnings, canary) {
		t.Errorf("warnings %q", warnings)
	}
}

func TestNoEndpointIsAWarning(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal()...)
	if len(c.Endpoints) != 0 || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "BACKWIRE_REMOTE_WRITE_URL") {
		t.Errorf("endpoints %v, warnings %v", c.Endpoints, c.Warnings)
	}
	wantProblem(t, problemsOf(t, minimal("BACKWIRE_REMOTE_WRITE_TENANT=x")...), "BACKWIRE_REMOTE_WRITE_URL", "the URL of the receiver")
}

func TestHTTPWhereItIsSafeOrAllowed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "http://nbu.localhost"} {
		mustLoad(t, minimal("BACKWIRE_NETBACKUP_URL="+url)...)
	}
	mustLoad(t, minimal("BACKWIRE_NETBACKUP_URL=http://p.example", "BACKWIRE_NETBACKUP_ALLOW_HTTP=true")...)
}

func TestLoadQueueNeedsNothingElse(t *testing.T) {
	t.Parallel()
	q, err := LoadQueue([]string{"BACKWIRE_QUEUE_DIR=/q", "BACKWIRE_INTERVAL=wrong"}, nil)
	if err != nil || q.Dir != "/q" || q.MaxBytes != 2<<30 {
		t.Errorf("queue %+v, %v", q, err)
	}
	if _, err := LoadQueue([]string{"BACKWIRE_QUEUE_MAX_BYTES=x"}, nil); err == nil {
		t.Error("a wrong limit was accepted")
	}
}

// A setting that would do nothing is refused, not ignored.
func TestCompatKnowsOneExporter(t *testing.T) {
	wantProblem(t, problemsOf(t, minimal("BACKWIRE_COMPAT=other")...), "BACKWIRE_COMPAT", "other", "nbu_exporter")
	c := mustLoad(t, minimal("BACKWIRE_COMPAT=nbu_exporter")...)
	if c.Compat != "nbu_exporter" {
		t.Errorf("got %q", c.Compat)
	}
}

// A token needs the client, its secret and where to ask.
func TestOAuth2IsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	const block = "BACKWIRE_REMOTE_WRITE_"
	push := block + "URL=https://mimir.example/api/v1/push"
	id, at := block+"OAUTH2_CLIENT_ID=backwire", block+"OAUTH2_TOKEN_URL=https://login.example/token"
	secret := block + "OAUTH2_CLIENT_SECRET_FILE=" + writeSecret(t, "secret", canary, 0o600)
	for wrong, environ := range map[string][]string{
		"OAUTH2_CLIENT_ID":          {secret, at},
		"OAUTH2_CLIENT_SECRET_FILE": {id, at},
		"OAUTH2_TOKEN_URL":          {id, secret, block + "OAUTH2_TOKEN_URL=http://login.example/token"},
		"BEARER_TOKEN_FILE":         {id, secret, at, block + "BEARER_TOKEN_FILE=" + writeSecret(t, "token", canary, 0o600)},
	} {
		problems := problemsOf(t, minimal(append(environ, push)...)...)
		if problems[0].Variable != block+wrong {
			t.Errorf("got %v, want a problem with %s", problems, wrong)
		}
	}
	mustLoad(t, minimal(push, id, secret, at)...)
}

func TestLoadEndpointsRefuses(t *testing.T) {
	t.Parallel()
	_, err := LoadEndpoints([]string{"BACKWIRE_REMOTE_WRITE_URL=http://mimir.example/push"}, nil)
	if err == nil || !strings.Contains(err.Error(), "BACKWIRE_REMOTE_WRITE_URL") {
		t.Errorf("http without leave = %v", err)
	}
	c, err := LoadEndpoints(nil, nil)
	if err != nil || len(c.Endpoints) != 0 {
		t.Errorf("nothing set = %+v, %v", c, err)
	}
}
