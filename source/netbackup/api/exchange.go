package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"backwire/source/probe"
)

// request is one call of the API.
type request struct {
	method    string
	path      string // below the base URL
	query     url.Values
	accept    string // empty means JSON in the negotiated version
	body      []byte
	anonymous bool // no credential is sent

	version    apiVersion // filled in on the way down
	credential string
}

// answer is a 2xx answer, read in full. Who has it releases it.
type answer struct {
	request request
	status  int
	header  http.Header
	body    []byte
	held    *heldBody
	took    time.Duration // of the successful attempt alone
	expires time.Time     // the first certificate of the server's chain; zero over plain http
}

// release returns the memory of the body, which is no longer read.
func (a *answer) release() {
	a.held.release()
	a.body = nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values) (*answer, error) {
	return c.call(ctx, request{method: http.MethodGet, path: path, query: query})
}

// call sends r in the negotiated version. A server that refuses the version has changed
// since it was asked, or never named one: the version is settled again, as often as there
// are versions.
func (c *Client) call(ctx context.Context, r request) (*answer, error) {
	v, err := c.currentVersion(ctx)
	if err != nil {
		return nil, err
	}
	var refusal error
	for range newestVersion - oldestVersion + 1 {
		r.version = v
		a, err := c.authorized(ctx, r)
		if !errors.Is(err, ErrVersion) {
			return a, err
		}
		refusal = err
		if v, err = c.settleVersion(ctx, v, refusal); err != nil {
			return nil, err
		}
	}
	return nil, refusal
}

// attempt sends r once, within a slot and the request's own time limit.
func (c *Client) attempt(ctx context.Context, r request) (*answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, c.unanswered(r, ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	ctx, broken := context.WithCancelCause(ctx)
	defer broken(nil)
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, c.unanswered(r, err)
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			c.http.CloseIdleConnections() // nobody may be behind this one
		}
		return nil, c.unanswered(r, err)
	}
	defer resp.Body.Close()
	a := &answer{request: r, status: resp.StatusCode, header: resp.Header, expires: probe.Expiry(resp.TLS)}
	a.held, err = c.readBody(ctx, resp, broken)
	if a.body = a.held.bytes; err != nil {
		defer a.release()
		return nil, c.unread(a, err)
	}
	a.took = time.Since(began)
	if err := c.verdict(a); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	u := c.cfg.URL.JoinPath(r.path)
	u.RawQuery = encodeQuery(r.query)
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	accept := r.accept
	if accept == "" {
		accept = "application/vnd.netbackup+json;version=" + r.version.String()
	}
	req.Header.Set("Accept", accept)
	if r.body != nil {
		req.Header.Set("Content-Type", accept) // the two must match where both are sent
	}
	req.Header.Set("X-Client-ID", "backwire")
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	if r.credential != "" {
		c.secrets.Note(r.credential)
		req.Header.Set("Authorization", r.credential) // raw: no scheme in front
	}
	return req, nil
}

// encodeQuery percent-encodes once, with spaces as %20: not every server reads a plus
// sign in a filter as a space.
func encodeQuery(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }
