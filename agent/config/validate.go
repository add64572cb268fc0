package config

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"backwire/source/fingerprint"
)

// What no single value can tell: fields that need or exclude each other, and names.

// Collectors are those to run: "all", names, and with a - those to leave out.
type Collectors []string

var collectorName = regexp.MustCompile(`^-?[a-z][a-z0-9_]*$`)

// UnmarshalText parses a list separated by commas.
func (c *Collectors) UnmarshalText(text []byte) error {
	for name := range strings.SplitSeq(string(text), ",") {
		name = strings.TrimSpace(name)
		if !collectorName.MatchString(name) {
			return errors.New("expected collectors separated by commas, or all,-name to leave one out")
		}
		*c = append(*c, name)
	}
	return nil
}

// validate checks what was parsed.
func (l *loader) validate(c *Config, choices Choices) {
	labels := map[string]string{}
	for i := range c.Sites {
		site := &c.Sites[i]
		b := newBlock(sitePrefix, site.Name)
		own := b.levels[0]
		l.validateSite(b, site)
		if other, taken := labels[site.Site]; taken && site.Site != "" {
			l.refuseNamed(own+"_SITE", site.Site, fmt.Sprintf("expected a label that no other site has; %s has it", other))
		}
		labels[site.Site] = own
	}
	l.validateEndpoints(c)
	l.validateCollectors(c.Collect, choices.Collectors)
	if len(c.Endpoints) == 0 {
		l.warn("no endpoint is configured: set %s_URL; until then the queue grows to its limit and then drops the oldest samples; queue export copies it", endpointPrefix)
	}
	l.validateQueue(c.Queue)
	l.validatePage(c)
	if c.Compat != "" && !slices.Contains(choices.Compat, c.Compat) {
		l.refuseNamed(prefix+"_COMPAT", c.Compat, "expected "+strings.Join(choices.Compat, ", ")+", or nothing")
	}
}

func (l *loader) validateEndpoints(c *Config) {
	for i := range c.Endpoints {
		l.validateEndpoint(newBlock(endpointPrefix, c.Endpoints[i].Name), &c.Endpoints[i])
		if c.Endpoints[i].Name == "" {
			c.Endpoints[i].Name = onlyEndpoint
		}
	}
}

func (l *loader) validateCollectors(chosen Collectors, known []string) {
	known = append(slices.Clone(known), "all")
	for _, name := range chosen {
		if name == "-all" || !slices.Contains(known, strings.TrimPrefix(name, "-")) {
			l.refuseNamed(prefix+"_COLLECT", strings.Join(chosen, ","),
				fmt.Sprintf("expected collectors of %s, not %s", strings.Join(known, ", "), name))
		}
	}
}

func (l *loader) validateQueue(q Queue) {
	b := newBlock(queuePrefix, "")
	if l.refused(b, "MAX_BYTES") || l.refused(b, "SEGMENT_BYTES") || q.MaxBytes >= 2*q.SegmentBytes {
		return
	}
	l.refuseNamed(queuePrefix+"_MAX_BYTES", q.MaxBytes.String(),
		fmt.Sprintf("expected at least twice %s_SEGMENT_BYTES, %d: room for two segments", queuePrefix, 2*q.SegmentBytes))
}

// refuseNamed notes a problem with a variable that may or may not be set.
func (l *loader) refuseNamed(name, shown, expected string) {
	s, found := l.settings[name]
	if !found {
		s.name = name
	}
	l.refuse(s, shown, expected)
}

func (l *loader) validateSite(b block, site *Site) {
	own := b.levels[0]
	l.requireURL(b, "URL", site.URL, site.AllowHTTP, "the URL of the primary server, such as https://primary.example:1556/netbackup")
	login := site.Username != "" || site.Password.Set() || site.PasswordFile != ""
	key := site.APIKey.Set() || site.APIKeyFile != ""
	switch {
	case l.refused(b, "API_KEY_FILE") || l.refused(b, "PASSWORD_FILE"):
	case !login && !key:
		l.refuseNamed(own+"_API_KEY_FILE", "", "expected a file with an API key, or "+own+"_USERNAME and "+own+"_PASSWORD_FILE")
	case login && site.Username == "":
		l.refuseNamed(own+"_USERNAME", "", "a password is set; expected its user")
	case login && !key && !site.Password.Set() && site.PasswordFile == "":
		l.refuseNamed(own+"_PASSWORD_FILE", "", "expected a file with the password of "+own+"_USERNAME")
	}
	if site.URL.Set() && site.URL.RawQuery != "" {
		l.refuseNamed(own+"_URL", site.URL.String(), "expected a URL without ?")
	}
	if _, err := fingerprint.Parse(site.CAFingerprint); err != nil && site.CAFingerprint != "" {
		l.refuseNamed(own+"_CA_FINGERPRINT", site.CAFingerprint, "expected a SHA-256 in hex: 64 digits, colons allowed")
	}
	if site.APIVersion != "" && !apiVersion.MatchString(site.APIVersion) {
		l.refuseNamed(own+"_API_VERSION", site.APIVersion, "expected a version such as 13.0")
	}
	l.warnUntrusted(own, site.InsecureSkipVerify)
	if site.Site == "" {
		site.Site = defaultLabel(site)
	}
}

// defaultLabel is the value of the label site where none is set.
func defaultLabel(site *Site) string {
	if site.Name != "" || !site.URL.Set() {
		return site.Name
	}
	return site.URL.Hostname()
}

var apiVersion = regexp.MustCompile(`^[0-9]{1,3}\.[0-9]{1,3}$`)

func (l *loader) validateEndpoint(b block, e *Endpoint) {
	own := b.levels[0]
	l.validateExport(b, e)
	l.requireURL(b, "URL", e.URL.URL, e.AllowHTTP, "the URL of the receiver, such as https://mimir.example/api/v1/push")
	password := e.Password.Set() || e.PasswordFile != ""
	if e.Username == "" && password {
		l.refuseNamed(own+"_USERNAME", "", "a password is set; expected its user")
	}
	if e.Username != "" && !password && !l.refused(b, "PASSWORD_FILE") {
		l.refuseNamed(own+"_PASSWORD_FILE", "", "expected a file with the password of "+own+"_USERNAME")
	}
	if e.CertFile != "" && e.KeyFile == "" && !l.refused(b, "KEY_FILE") {
		l.refuseNamed(own+"_KEY_FILE", "", "expected the key of "+own+"_CERT_FILE")
	}
	if e.KeyFile != "" && e.CertFile == "" && !l.refused(b, "CERT_FILE") {
		l.refuseNamed(own+"_CERT_FILE", "", "expected the certificate of "+own+"_KEY_FILE")
	}
	l.validateOauth2(b, e)
	if _, err := e.RequestHeaders(); err != nil {
		l.refuseNamed(own+"_HEADERS", redacted, err.Error())
	}
	l.warnUntrusted(own, e.InsecureSkipVerify)
}

// validateOauth2 wants all that makes a token, or nothing.
func (l *loader) validateOauth2(b block, e *Endpoint) {
	own := b.levels[0] + "_OAUTH2"
	if e.Oauth2ClientID == "" {
		if e.Oauth2ClientSecretFile != "" || e.Oauth2TokenURL.Set() || len(e.Oauth2Scopes)+len(e.Oauth2Params) > 0 {
			l.refuseNamed(own+"_CLIENT_ID", "", "other OAuth2 settings are set; expected the client id")
		}
		return
	}
	if e.Oauth2ClientSecretFile == "" && !l.refused(b, "OAUTH2_CLIENT_SECRET_FILE") {
		l.refuseNamed(own+"_CLIENT_SECRET_FILE", "", "expected a file with the secret of "+own+"_CLIENT_ID")
	}
	l.requireURL(b, "OAUTH2_TOKEN_URL", e.Oauth2TokenURL, e.AllowHTTP, "the URL of the token endpoint, such as https://login.example/oauth2/token")
}

// requireURL wants a URL, and https unless it stays on this host or http was allowed.
func (l *loader) requireURL(b block, suffix string, u URL, allowHTTP Switch, what string) {
	own := b.levels[0]
	name := own + "_" + suffix
	if l.refused(b, suffix) {
		return
	}
	if !u.Set() {
		l.refuseNamed(name, "", "expected "+what)
		return
	}
	if u.Scheme == "http" && !u.loopback() && !bool(allowHTTP) {
		l.refuseNamed(name, u.String(), "expected https: http sends the credential unencrypted; "+own+"_ALLOW_HTTP=true allows it")
	}
}

// refused says whether a block's variable has its problem already.
func (l *loader) refused(b block, suffix string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool {
		level, found := strings.CutSuffix(p.Variable, "_"+suffix)
		return found && slices.Contains(b.levels, level)
	})
}

func (l *loader) warnUntrusted(own string, skip Switch) {
	if skip {
		l.warn("%s_INSECURE_SKIP_VERIFY=true: the certificate is not verified, so the credential can be intercepted; use %s_CA_FILE", own, own)
	}
}

// absent says that nothing is set for the only endpoint: there is none.
func (l *loader) absent(e Endpoint) bool {
	if e.Name != "" || e.URL.Set() {
		return false
	}
	for name := range l.settings {
		if strings.HasPrefix(name, endpointPrefix+"_") && l.known[name] != "" && l.settings[name].value != "" {
			return false
		}
	}
	return true
}

// ownHeaders are set by the sender or by a variable of their own.
var ownHeaders = []string{"Authorization", "Content-Encoding", "Content-Length", "Content-Type", "Host", "User-Agent", "X-Prometheus-Remote-Write-Version"}

// RequestHeaders are an endpoint's further headers.
func (e *Endpoint) RequestHeaders() (map[string]string, error) {
	text, err := Credential(e.Headers, e.HeadersFile)()
	if err != nil || text == "" {
		return nil, err
	}
	pairs, err := parsePairs(text)
	if err != nil {
		return nil, errors.New("expected key:value pairs separated by commas, each key once")
	}
	headers := map[string]string{}
	for _, pair := range pairs {
		name := textproto.CanonicalMIMEHeaderKey(pair.Name)
		if !headerName.MatchString(name) || strings.ContainsFunc(pair.Value, isControl) {
			return nil, errors.New("expected header names of letters, digits and -, and values on one line")
		}
		if slices.Contains(ownHeaders, name) {
			return nil, fmt.Errorf("expected headers other than %s, which backwire sets", name)
		}
		headers[name] = pair.Value
	}
	return headers, nil
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
