package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/config"

	"backwire/remotewrite/wire"
	"backwire/source/probe"
	"backwire/source/secret"
)

const (
	maxWords      = 2 << 10  // of an error's body: what is logged and kept
	maxSecretFile = 64 << 10 // of a file with a key or a secret: a wrong path may be anything

	maxDrain = 64 << 10 // of any body: what is read so that the connection can be used again
)

// client posts requests to one URL.
type client struct {
	http    *http.Client
	url     string
	header  http.Header // of every request, the protocol's own not included
	agent   string
	timeout time.Duration
	grant   *grant         // nil where no OAuth2 is asked for
	secrets *secret.Keeper // which answers may repeat
}

// newClient returns the client of an endpoint. Files with secrets and certificates are read again when
// they change; redirects are not followed, so that neither samples nor credentials go where nobody sent them.
func newClient(c Config) (*client, error) {
	header, err := headerOf(c)
	if err != nil {
		return nil, err
	}
	hc, err := httpConfig(c)
	if err != nil {
		return nil, err
	}
	var options []config.HTTPClientOption
	if c.Dial != nil {
		options = append(options, config.WithDialContextFunc(c.Dial))
	}
	h, err := config.NewClientFromConfig(hc, c.Name, options...)
	if err != nil {
		return nil, err
	}
	if c.Transport != nil {
		h.Transport = c.Transport
	}
	cl := &client{
		http: h, url: c.URL, header: header, agent: c.UserAgent, timeout: c.Timeout,
		secrets: secret.NewKeeper(fixedSecrets(c, hc)...),
	}
	if c.OAuth2.TokenURL != "" {
		cl.authorize(c.OAuth2)
	}
	return cl, nil
}

// authorize has every request carry a token, which is asked for over the same TLS, proxy and rules on redirects.
func (c *client) authorize(o OAuth2) {
	plain := *c.http
	plain.Timeout = c.timeout
	c.grant = newGrant(o, &plain, c.secrets)
	c.http.Transport = c.grant
}

// headerOf checks the user's headers: those that the protocol or the connection sets cannot be replaced.
func headerOf(c Config) (http.Header, error) {
	header := http.Header{}
	for name, value := range c.Headers {
		name = http.CanonicalHeaderKey(name)
		if _, reserved := config.ReservedHeaders[name]; reserved || name == "Retry-Attempt" {
			return nil, fmt.Errorf("header %q is set by backwire and cannot be replaced", name)
		}
		header.Set(name, value)
	}
	if c.Tenant != "" {
		header.Set("X-Scope-OrgID", c.Tenant)
	}
	return header, nil
}

// fixedSecrets are those that are not read from files again and again; these are noted as they are sent.
func fixedSecrets(c Config, hc config.HTTPClientConfig) []string {
	secrets := append(secret.OfURL(c.URL), secret.OfURL(c.OAuth2.TokenURL)...)
	secrets = append(secrets, c.Password)
	for _, value := range c.Headers {
		secrets = append(secrets, secret.OfHeader(value)...)
	}
	for _, values := range c.OAuth2.Params {
		secrets = append(secrets, values...)
	}
	if to, err := url.Parse(c.URL); err == nil {
		if proxy := proxyOf(hc, to); proxy != nil {
			secrets = append(secrets, secret.OfURL(proxy.String())...)
		}
	}
	return secrets
}

func httpConfig(c Config) (config.HTTPClientConfig, error) {
	hc := config.HTTPClientConfig{
		EnableHTTP2: true,
		TLSConfig: config.TLSConfig{
			CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile,
			InsecureSkipVerify: c.InsecureSkipVerify, MinVersion: config.TLSVersions["TLS12"],
		},
	}
	if c.Username != "" {
		hc.BasicAuth = &config.BasicAuth{Username: c.Username, Password: config.Secret(c.Password), PasswordFile: c.PasswordFile}
	}
	if c.BearerTokenFile != "" {
		hc.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: c.BearerTokenFile}
	}
	hc.ProxyFromEnvironment = c.ProxyURL == ""
	if c.ProxyURL != "" {
		u, err := url.Parse(c.ProxyURL)
		if err != nil {
			return hc, fmt.Errorf("proxy: %w", err)
		}
		hc.ProxyURL = config.URL{URL: u}
	}
	return hc, hc.Validate()
}

// post sends one request and waits for its answer. Released says that nobody reads the body any more.
func (c *client) post(ctx context.Context, p wire.Protocol, body []byte, attempt int) (a answer, released bool) {
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, c.secrets.Trace()), c.timeout)
	defer cancel()
	start := time.Now()
	out := &outgoing{}
	a = answer{protocol: p, written: -1}
	req, err := c.request(ctx, p, out, body, attempt)
	if err != nil {
		a.err = err
		return a, true
	}
	resp, err := c.http.Do(req)
	if err != nil {
		a.err, a.took = c.withoutSecrets(err), time.Since(start)
		return a, out.released()
	}
	a.read(resp, c.secrets)
	if a.status == http.StatusUnauthorized && c.grant != nil {
		c.grant.renew() // it may have been revoked
	}
	a.took = time.Since(start)
	return a, out.released()
}

func (c *client) request(ctx context.Context, p wire.Protocol, out *outgoing, body []byte, attempt int) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(body))
	req.Body = out.open(body)
	req.GetBody = func() (io.ReadCloser, error) { return out.open(body), nil }
	maps.Copy(req.Header, c.header)
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", p.ContentType())
	req.Header.Set("X-Prometheus-Remote-Write-Version", p.Version())
	req.Header.Set("User-Agent", c.agent)
	if attempt > 0 {
		req.Header.Set("Retry-Attempt", strconv.Itoa(attempt))
	}
	return req, nil
}

// read takes from a response what a verdict needs, and words without the secrets that they may repeat.
func (a *answer) read(resp *http.Response, secrets *secret.Keeper) {
	defer resp.Body.Close()
	a.status = resp.StatusCode
	a.expires = probe.Expiry(resp.TLS)
	a.location = secrets.Clear(withoutQuery(resp.Header.Get("Location")))
	a.date, _ = http.ParseTime(resp.Header.Get("Date"))
	a.retryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	a.count(resp.Header)
	a.page = a.status/100 == 2 && isPage(resp.Header)
	if a.status/100 != 2 {
		a.words = readWords(resp.Body, secrets)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
}

// readWords takes what came before an error for all there is.
func readWords(body io.Reader, secrets *secret.Keeper) string {
	b, err := io.ReadAll(io.LimitReader(body, maxWords))
	words := secrets.Clear(string(b))
	if err != nil || len(b) == maxWords {
		words = secrets.ClearBeginning(string(b))
	}
	return strings.ToValidUTF8(words, "�")
}

// withoutSecrets is for an error without an answer: its words may be a proxy's, or of something that does not speak HTTP.
func (c *client) withoutSecrets(err error) error {
	err = withoutQueries(err)
	if e, framed := errors.AsType[*url.Error](err); framed {
		e.Err = c.secrets.ClearError(e.Err)
	}
	return c.secrets.ClearError(err)
}

// withoutQueries cuts the queries out of the URLs of an error, because a query may hold a receiver's token.
func withoutQueries(err error) error {
	for cause := err; ; {
		e, framed := errors.AsType[*url.Error](cause)
		if !framed {
			return err
		}
		e.URL, cause = withoutQuery(e.URL), e.Err
	}
}

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// isPage reports whether a body is made for a browser. Media types are compared without regard to case (RFC 9110, 8.3.1).
func isPage(h http.Header) bool {
	for _, value := range h.Values("Content-Type") {
		media, _, _ := strings.Cut(value, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html", "application/xhtml+xml":
			return true
		}
	}
	return false
}

// count reads what the receiver confirms (Remote-Write 2.0, "Required Written Response Headers"). A count that is no
// number, negative, or there more than once with different values is none.
func (a *answer) count(h http.Header) {
	for _, kind := range []string{"Samples", "Histograms", "Exemplars"} {
		if h.Get("X-Prometheus-Remote-Write-"+kind+"-Written") != "" {
			a.confirmed = true
		}
	}
	if n, err := strconv.ParseUint(strings.TrimSpace(h.Get("X-Prometheus-Remote-Write-Histograms-Written")), 10, 31); err == nil {
		a.histograms = int(n)
	}
	for i, value := range h.Values("X-Prometheus-Remote-Write-Samples-Written") {
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			n, err = math.MaxInt, nil // absurd, and in any case not less than what was sent
		}
		count := int(min(n, math.MaxInt))
		if err != nil || i > 0 && count != a.written {
			a.written = -1
			return
		}
		a.written = count
	}
}

// describe says in one line why an answer is not a good one.
func (a *answer) describe() string {
	if refusal := tokenRefusal(a.err); refusal != nil {
		return describeRefusal(refusal)
	}
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.page:
		return fmt.Sprintf("%d with an HTML page", a.status)
	case a.status/100 == 2 && a.short():
		return fmt.Sprintf("%d, but the receiver reports that it stored %d of %d samples", a.status, a.written, a.sent)
	case a.status/100 == 2:
		return fmt.Sprintf("%d without the confirmation header: the receiver does not support Remote-Write %s", a.status, a.protocol)
	case a.location != "":
		return fmt.Sprintf("%d %s to %s: redirects are not followed; set the URL to the address of the receiver", a.status, http.StatusText(a.status), a.location)
	}
	return strings.TrimRight(fmt.Sprintf("%d %s: %s", a.status, http.StatusText(a.status), a.words), ": \n")
}

// outgoing counts the readers of a body. net/http may go on reading after it has returned an
// answer, until it closes the reader; a buffer that is used again must not change under it.
type outgoing struct{ readers atomic.Int32 }

type outgoingReader struct {
	bytes.Reader
	of     *outgoing
	closed atomic.Bool
}

func (o *outgoing) open(body []byte) io.ReadCloser {
	o.readers.Add(1)
	r := &outgoingReader{of: o}
	r.Reset(body)
	return r
}

func (r *outgoingReader) Close() error {
	if !r.closed.Swap(true) {
		r.of.readers.Add(-1)
	}
	return nil
}

func (o *outgoing) released() bool { return o.readers.Load() == 0 }
