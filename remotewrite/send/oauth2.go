package send

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"backwire/source/regular"
	"backwire/source/secret"
)

// OAuth2 is how an endpoint gets its tokens: by client credentials (RFC 6749, 4.4). The zero value is not
// used.
type OAuth2 struct {
	ClientID         string
	ClientSecretFile string
	TokenURL         string
	Scopes           []string
	Params           url.Values // further parameters of the token request, such as audience
}

// grant is a transport that gets tokens and keeps the newest until it expires or a receiver does not take it. The secret is
// read for each, so that a new one in the file is used. A request that ends while it waits for a token ends at once.
type grant struct {
	config  OAuth2
	client  *http.Client
	base    http.RoundTripper
	secrets *secret.Keeper
	turn    chan struct{} // whoever has put into it may ask for a token
	token   atomic.Pointer[oauth2.Token]
}

func newGrant(c OAuth2, client *http.Client, secrets *secret.Keeper) *grant {
	return &grant{config: c, client: client, base: client.Transport, secrets: secrets, turn: make(chan struct{}, 1)}
}

// renew forgets the token.
func (g *grant) renew() { g.token.Store(nil) }

// RoundTrip implements http.RoundTripper.
func (g *grant) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := g.current(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a transport closes it in any case
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	token.SetAuthHeader(r)
	return g.base.RoundTrip(r)
}

// current is a token that is valid; one request at a time asks for a new one.
func (g *grant) current(ctx context.Context) (*oauth2.Token, error) {
	if t := g.token.Load(); t.Valid() {
		return t, nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for an OAuth2 token: %w", ctx.Err())
	}
	if t := g.token.Load(); t.Valid() {
		return t, nil
	}
	t, err := g.fetch(ctx)
	if err != nil {
		return nil, err
	}
	g.token.Store(t)
	return t, nil
}

func (g *grant) fetch(ctx context.Context) (*oauth2.Token, error) {
	content, err := regular.Read(g.config.ClientSecretFile, maxSecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the OAuth2 client's secret: %w", err)
	}
	c := clientcredentials.Config{
		ClientID: g.config.ClientID, ClientSecret: strings.TrimSpace(string(content)),
		TokenURL: g.config.TokenURL, Scopes: g.config.Scopes, EndpointParams: g.config.Params,
	}
	g.secrets.Note(c.ClientSecret)
	ctx = httptrace.WithClientTrace(ctx, g.secrets.Trace())
	token, err := c.Token(context.WithValue(ctx, oauth2.HTTPClient, g.client))
	return token, g.withoutSecrets(err)
}

// withoutSecrets clears the words that describeRefusal takes from an answer.
func (g *grant) withoutSecrets(err error) error {
	if r := tokenRefusal(err); r != nil {
		r.ErrorCode, r.ErrorDescription = g.secrets.Clear(r.ErrorCode), g.secrets.Clear(r.ErrorDescription)
		r.Response.Status = g.secrets.Clear(r.Response.Status)
	}
	return g.secrets.ClearError(err)
}

// tokenRefusal is a token endpoint's answer where it gave no token, nil where that is not what went wrong.
func tokenRefusal(err error) *oauth2.RetrieveError {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refusal.Response == nil {
		return nil
	}
	return refusal
}

// describeRefusal says in one line what a token endpoint answered. Its body is left out, because it may repeat
// what it was asked with.
func describeRefusal(r *oauth2.RetrieveError) string {
	why := strings.TrimSpace(r.ErrorCode + " " + r.ErrorDescription)
	if location := r.Response.Header.Get("Location"); location != "" {
		why = "redirects are not followed"
	}
	return strings.TrimSuffix(fmt.Sprintf("no OAuth2 token: the token endpoint answered %s: %s", r.Response.Status, why), ": ")
}

// needsSomebody says whether a refusal of a token goes on until somebody puts something right.
func needsSomebody(r *oauth2.RetrieveError) bool {
	status := r.Response.StatusCode
	return status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}
