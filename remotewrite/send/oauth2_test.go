package send

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/wire"
	"backwire/source/secret"
)

// issuer is a token endpoint: what it is asked, and what it answers where that is not a token.
type issuer struct {
	mu      sync.Mutex
	asked   []string // "client secret scope audience"
	refusal int
	to      string // a redirect's
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	client, secret, _ := r.BasicAuth()
	if err := r.ParseForm(); err != nil || r.Form.Get("grant_type") != "client_credentials" {
		http.Error(w, "what?", http.StatusTeapot)
		return
	}
	i.asked = append(i.asked, strings.Join([]string{client, secret, r.Form.Get("scope"), r.Form.Get("audience")}, " "))
	if i.to != "" {
		http.Redirect(w, r, i.to, http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if i.refusal != 0 {
		w.WriteHeader(i.refusal)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"no such client"}`)
		return
	}
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, len(i.asked))
}

func (i *issuer) set(refusal int, to string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refusal, i.to = refusal, to
}

// authorized takes a request where it carries the one good token.
type authorized struct {
	posts
	good string
}

func (a *authorized) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+a.good {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.posts.ServeHTTP(w, r)
}

// tokenClient is a client of a receiver and an issuer, both over TLS with one authority.
func tokenClient(t *testing.T, receiver, issuer http.Handler) (cl *client, secretFile string) {
	t.Helper()
	id := newIdentity(t, "server")
	c := &tls.Config{Certificates: []tls.Certificate{id.pair}}
	secretFile = testkit.WriteFile(t, "client-secret", "first\n")
	return newTestClient(t, Config{
		URL: secureServer(t, receiver, c).URL, CAFile: id.certFile,
		OAuth2: OAuth2{
			ClientID: "backwire", ClientSecretFile: secretFile, TokenURL: secureServer(t, issuer, c.Clone()).URL,
			Scopes: []string{"write", "read"}, Params: map[string][]string{"audience": {"mimir"}},
		},
	}), secretFile
}

// A token is asked for once, used until the receiver does not take it, and asked for again with the
// secret as it is then.
func TestTokens(t *testing.T) {
	from, to := &issuer{}, &authorized{good: "token-1"}
	cl, secretFile := tokenClient(t, to, from)
	for range 3 {
		if a := cl.try(t); a.status != 204 {
			t.Fatal(a.describe())
		}
	}
	to.good = "token-2"
	testkit.WriteFile(t, secretFile, "second\n")
	if a := cl.try(t); a.status != 401 || judge(a, true) != paused {
		t.Errorf("with a revoked token: %s", a.describe())
	}
	if a := cl.try(t); a.status != 204 {
		t.Errorf("with the next token: %s", a.describe())
	}
	if got, want := strings.Join(from.asked, "; "), "backwire first write read mimir; backwire second write read mimir"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// What the token endpoint refuses is a pause until somebody acts; what will pass is tried again. Nothing is lost in
// either case, and no secret is told.
func TestNoToken(t *testing.T) {
	elsewhere := &posts{}
	other := httptest.NewServer(elsewhere)
	defer other.Close()
	for name, c := range map[string]struct {
		refusal int
		to      string
		want    verdict
		words   string
	}{
		"refused":     {400, "", paused, "no OAuth2 token: the token endpoint answered 400 Bad Request: invalid_client no such client"},
		"forbidden":   {403, "", paused, "403 Forbidden"},
		"busy":        {429, "", again, "429 Too Many Requests"},
		"broken":      {503, "", again, "503 Service Unavailable"},
		"an error, 2": {200, "", paused, "200 OK: invalid_client"},
		"redirect":    {0, other.URL, paused, "redirects are not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := &issuer{}, &authorized{}
			from.set(c.refusal, c.to)
			cl, secretFile := tokenClient(t, to, from)
			a, released := cl.post(t.Context(), wire.V2, []byte("body"), 0)
			if got := judge(a, true); got != c.want || !strings.Contains(a.describe(), c.words) || !released {
				t.Errorf("verdict %d, %s, released %v", got, a.describe(), released)
			}
			if said := a.complaint() + "; " + a.advice(); !strings.Contains(said, "OAUTH2_CLIENT_ID") || strings.Contains(said, "first") {
				t.Errorf("a check says %s", said)
			}
			testkit.WriteFile(t, secretFile, " \n")
			from.set(0, "")
			to.good = fmt.Sprint("token-", len(from.asked)+1)
			if a := cl.try(t); a.status != 204 {
				t.Errorf("when it is put right: %s", a.describe())
			}
		})
	}
	if len(elsewhere.seen) != 0 {
		t.Error("the secret went elsewhere")
	}
}

// A token endpoint may repeat what it was sent, and a receiver the token.
func TestRefusedTokensAreWithoutSecrets(t *testing.T) {
	asked := "" // first by a header, and then by the form
	from := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked += r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"not %s","error_description":"%s and %s"}`, r.FormValue("client_secret"), asked, r.FormValue("audience"))
	})
	cl, _ := tokenClient(t, &authorized{}, from)
	a := cl.try(t)
	for _, text := range []string{a.describe(), a.complaint(), a.err.Error()} {
		if strings.Contains(text, "first") || strings.Contains(text, "mimir") || strings.Contains(text, strings.TrimPrefix(asked, "Basic ")) || !strings.Contains(text, secret.Mark) {
			t.Errorf("after %s: %s", asked, text)
		}
	}
	cl, _ = tokenClient(t, http.HandlerFunc(echo), &issuer{})
	if a := cl.try(t); a.status != http.StatusUnauthorized || strings.Contains(a.words+a.location, "token-1") {
		t.Errorf("a refused token: %s", a.describe())
	}
}

func TestNoSecretFile(t *testing.T) {
	cl, secretFile := tokenClient(t, &authorized{}, &issuer{})
	cl.grant.config.ClientSecretFile += ".gone"
	if a := cl.try(t); judge(a, true) != again || !strings.Contains(a.describe(), secretFile+".gone") {
		t.Errorf("without the file: %s", a.describe())
	}
}

// A token endpoint that hangs holds up neither the end nor those who wait for the same token.
func TestStopDoesNotWaitForAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{
			Concurrency: 3, MaxSamples: 10, Timeout: time.Minute, Transport: silent{},
			OAuth2: OAuth2{ClientID: "b", ClientSecretFile: testkit.WriteFile(t, "client-secret", "first\n"), TokenURL: "http://issuer.test/token"},
		}
		g := newRig(t, c, receiver.Options{}, testwindow.New(100, 3))
		var began time.Time
		g.run(t, func() {
			time.Sleep(10 * time.Second)
			began = time.Now()
		})
		if took := time.Since(began); took > time.Second { // which is what the run may flush for
			t.Errorf("stopped after %s", took)
		}
	})
}

// silent is a network that takes requests and never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	_ = r.Body.Close()
	return nil, r.Context().Err()
}
