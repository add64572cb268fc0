package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// loginPause is how long a password that was refused is not tried again: a user that is
// tried every cycle is soon locked, and /login has a rate limit.
const loginPause = 5 * time.Minute

// session is the token of a login. It is empty with an API key, and before the first login.
type session struct {
	mu      sync.Mutex
	token   string
	refused refusal
}

// refusal is the last login that the server refused.
type refusal struct {
	password string
	at       time.Time
	err      error
}

func (s *session) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

func (s *session) set(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// drop forgets a token that was refused, unless another took its place already.
func (s *session) drop(refused string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == refused {
		s.token = ""
	}
}

// refuse notes that the server refused the password.
func (s *session) refuse(password string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = refusal{password: password, at: time.Now(), err: err}
}

// stillRefused is the refusal of this password, while it is too early to try it again.
func (s *session) stillRefused(password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused.password != password || time.Since(s.refused.at) >= loginPause {
		return nil
	}
	return s.refused.err
}

// authorized sends r with the credential, and counts what proves that the server accepts it.
func (c *Client) authorized(ctx context.Context, r request) (*answer, error) {
	if r.anonymous {
		return c.transmit(ctx, r)
	}
	c.asked.Add(1)
	a, err := c.withCredential(ctx, r)
	if err == nil && !isHTML(a) { // a proxy's login page proves nothing
		c.accepted.Add(1)
	}
	return a, err
}

// withCredential sends r with the credential. A token that ran out is renewed once.
func (c *Client) withCredential(ctx context.Context, r request) (*answer, error) {
	var err error
	if r.credential, err = c.credential(ctx, r.version); err != nil {
		return nil, err
	}
	a, err := c.transmit(ctx, r)
	if c.cfg.APIKey != nil || !errors.Is(err, ErrAuthentication) {
		return a, err
	}
	c.session.drop(r.credential)
	if r.credential, err = c.credential(ctx, r.version); err != nil {
		return nil, err
	}
	a, err = c.transmit(ctx, r)
	if errors.Is(err, ErrAuthentication) {
		err = WithHint(err, "a new login is refused too: check that the user is not locked and that no other login ends its session")
	}
	return a, err
}

// credential is what goes into Authorization: the API key, or the token of a login.
func (c *Client) credential(ctx context.Context, version apiVersion) (string, error) {
	if c.cfg.APIKey != nil {
		key, err := c.cfg.APIKey()
		if key = strings.TrimSpace(key); err == nil && !fitsHeader(key) {
			err = errors.New("it is empty, or contains a character that is not allowed in a header")
		}
		if err != nil {
			return "", fmt.Errorf("%w: API key of site %q: %w", ErrCredential, c.cfg.Site, err)
		}
		return key, nil
	}
	if token := c.session.get(); token != "" {
		return token, nil
	}
	err := c.together(ctx, "login", func() error {
		if c.session.get() != "" {
			return nil
		}
		return c.login(ctx, version)
	})
	return c.session.get(), err
}

func fitsHeader(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (c *Client) login(ctx context.Context, version apiVersion) error {
	if c.cfg.Password == nil {
		return fmt.Errorf("%w: site %q has neither an API key nor a password", ErrCredential, c.cfg.Site)
	}
	password, err := c.cfg.Password()
	if err != nil {
		return fmt.Errorf("%w: password of site %q: %w", ErrCredential, c.cfg.Site, err)
	}
	if err := c.session.stillRefused(password); err != nil {
		return err
	}
	c.secrets.Note(password)
	body, err := json.Marshal(loginRequest{c.cfg.DomainType, c.cfg.DomainName, c.cfg.Username, password})
	if err != nil {
		return fmt.Errorf("log in at %s: %w", c.cfg.URL.Redacted(), err)
	}
	a, err := c.transmit(ctx, request{
		method: http.MethodPost, path: "/login", body: body, anonymous: true, version: version,
	})
	if err == nil {
		defer a.release()
		err = c.keepToken(a)
	} else if errors.Is(err, ErrAuthentication) {
		err = WithHint(err, fmt.Sprintf("check the user %q, its password and its domain (next attempt after %s, or at once when the password changes)",
			c.cfg.Username, loginPause))
	}
	if errors.Is(err, ErrAuthentication) {
		c.session.refuse(password, err)
	}
	return err
}

type loginRequest struct {
	DomainType string `json:"domainType,omitempty"`
	DomainName string `json:"domainName,omitempty"`
	UserName   string `json:"userName"`
	Password   string `json:"password"`
}

func (c *Client) keepToken(a *answer) error {
	var v struct{ Token, TokenType string }
	if err := json.Unmarshal(a.body, &v); err != nil {
		return c.unreadable(withoutBody(a), "expected a token", nil)
	}
	if v.TokenType == "MFA" {
		e := c.newError(a.request)
		e.Kind, e.Status = ErrAuthentication, a.status
		e.Message = "a second factor is required"
		e.Hint = "the agent cannot provide one: create an API key for this user and configure it"
		return e
	}
	if v.Token == "" {
		return c.unreadable(withoutBody(a), "the answer contains no token", nil)
	}
	c.session.set(v.Token)
	return nil
}

// withoutBody keeps a token out of the error that the answer becomes.
func withoutBody(a *answer) *answer {
	if isHTML(a) {
		return a
	}
	hidden := *a
	hidden.body = nil
	return &hidden
}

// logout ends the session at the server, if there is one.
func (c *Client) logout(ctx context.Context) error {
	token := c.session.get()
	if token == "" {
		return nil
	}
	c.session.drop(token)
	a, err := c.attempt(ctx, request{
		method: http.MethodPost, path: "/logout", credential: token, version: c.version.get(),
	})
	if err == nil {
		a.release()
	}
	return err
}
