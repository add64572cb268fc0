package send

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/wire"
	"backwire/source/secret"
)

// posts answers every request with 204 and remembers them.
type posts struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	p.seen = append(p.seen, r)
	p.mu.Unlock()
	w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", "1")
	w.WriteHeader(http.StatusNoContent)
}

func (p *posts) last() *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[len(p.seen)-1]
}

func newTestClient(t *testing.T, c Config) *client {
	t.Helper()
	cl, err := newClient(c.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.http.CloseIdleConnections)
	return cl
}

func (c *client) try(t *testing.T) answer {
	t.Helper()
	a, _ := c.post(t.Context(), wire.V2, []byte("body"), 0)
	return a
}

func TestCredentialsAreReadAgain(t *testing.T) {
	p := &posts{}
	id := newIdentity(t, "server")
	srv := secureServer(t, p, &tls.Config{Certificates: []tls.Certificate{id.pair}})
	file := testkit.WriteFile(t, "secret", "first\n")
	for name, c := range map[string]Config{
		"basic":  {URL: srv.URL, CAFile: id.certFile, Username: "me", PasswordFile: file},
		"bearer": {URL: srv.URL, CAFile: id.certFile, BearerTokenFile: file},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.WriteFile(t, file, "first\n")
			cl := newTestClient(t, c)
			connection := ""
			for _, secret := range []string{"first", "second"} {
				testkit.WriteFile(t, file, secret+"\n")
				if a := cl.try(t); a.status != 204 {
					t.Fatal(a.describe())
				}
				_, password, _ := p.last().BasicAuth()
				if name == "bearer" {
					password = strings.TrimPrefix(p.last().Header.Get("Authorization"), "Bearer ")
				}
				if password != secret {
					t.Errorf("sent %q, want %q", password, secret)
				}
				if at := p.last().RemoteAddr; connection != "" && at != connection {
					t.Error("the connection was not kept")
				}
				connection = p.last().RemoteAddr
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if a := cl.try(t); a.status != 0 || judge(a, true) != again || !strings.Contains(a.describe(), file) {
				t.Errorf("without the file: %s", a.describe())
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	p := &posts{}
	id := newIdentity(t, "server")
	c := &tls.Config{Certificates: []tls.Certificate{id.pair}}
	other := secureServer(t, p, c)
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := secureServer(t, http.RedirectHandler(other.URL+"/elsewhere", status), c.Clone())
		a := newTestClient(t, Config{URL: srv.URL, CAFile: id.certFile, Username: "me", Password: "secret"}).try(t)
		if judge(a, true) != paused || !strings.Contains(a.describe(), other.URL+"/elsewhere") {
			t.Errorf("%d: %s", status, a.describe())
		}
		if strings.Contains(a.describe(), "secret") {
			t.Errorf("%d: the password is told: %s", status, a.describe())
		}
	}
	if len(p.seen) != 0 {
		t.Errorf("%d requests went elsewhere", len(p.seen))
	}
}

// identity is a self-signed certificate and its files.
type identity struct {
	cert      *x509.Certificate
	pair      tls.Certificate
	crt, key  string // PEM
	certFile  string
	keyFile   string
	authority *x509.CertPool
}

func newIdentity(t *testing.T, name string) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var id identity
	id.crt = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	id.key = string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
	id.certFile, id.keyFile = testkit.WriteFile(t, name+".crt", id.crt), testkit.WriteFile(t, name+".key", id.key)
	if id.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if id.pair, err = tls.X509KeyPair([]byte(id.crt), []byte(id.key)); err != nil {
		t.Fatal(err)
	}
	id.authority = x509.NewCertPool()
	id.authority.AddCert(id.cert)
	return id
}

func secureServer(t *testing.T, h http.Handler, c *tls.Config) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = c
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestTLS(t *testing.T) {
	p := &posts{}
	server, client, stranger := newIdentity(t, "server"), newIdentity(t, "client"), newIdentity(t, "stranger")
	srv := secureServer(t, p, &tls.Config{
		Certificates: []tls.Certificate{server.pair}, ClientCAs: client.authority, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	old := secureServer(t, p, &tls.Config{Certificates: []tls.Certificate{server.pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})

	good := Config{URL: srv.URL, CAFile: server.certFile, CertFile: client.certFile, KeyFile: client.keyFile}
	if a := newTestClient(t, good).try(t); a.status != 204 || p.last().ProtoMajor != 2 || p.last().TLS.Version < tls.VersionTLS12 {
		t.Errorf("with everything: %s", a.describe())
	} else if a.expires.IsZero() || !a.expires.Equal(server.pair.Leaf.NotAfter) {
		t.Errorf("the certificate ends at %v, want %v", a.expires, server.pair.Leaf.NotAfter)
	}
	unknown := good
	unknown.CAFile = stranger.certFile
	if a := newTestClient(t, unknown).try(t); a.status != 0 || !strings.Contains(a.describe(), "certificate") {
		t.Errorf("with another authority: %s", a.describe())
	}
	unknown.InsecureSkipVerify = true
	if a := newTestClient(t, unknown).try(t); a.status != 204 {
		t.Errorf("unverified: %s", a.describe())
	}
	nobody := good
	nobody.CertFile, nobody.KeyFile = "", ""
	if a := newTestClient(t, nobody).try(t); a.status != 0 {
		t.Errorf("without a certificate: %s", a.describe())
	}
	good.URL = old.URL
	if a := newTestClient(t, good).try(t); a.status != 0 || !strings.Contains(a.describe(), "protocol version") {
		t.Errorf("TLS 1.1: %s", a.describe())
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	p := &posts{}
	first, second, client := newIdentity(t, "first"), newIdentity(t, "second"), newIdentity(t, "client")
	var mu sync.Mutex
	now := first.pair
	srv := secureServer(t, p, &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			mu.Lock()
			defer mu.Unlock()
			return &tls.Config{Certificates: []tls.Certificate{now}, ClientAuth: tls.RequestClientCert}, nil
		},
	})
	c := Config{URL: srv.URL, CAFile: testkit.WriteFile(t, "ca.crt", first.crt), CertFile: testkit.WriteFile(t, "me.crt", client.crt), KeyFile: testkit.WriteFile(t, "me.key", client.key)}
	cl := newTestClient(t, c)
	if a := cl.try(t); a.status != 204 || p.last().TLS.PeerCertificates[0].Subject.CommonName != "client" {
		t.Fatal(a.describe())
	}
	mu.Lock()
	now = second.pair
	mu.Unlock()
	testkit.WriteFile(t, c.CAFile, second.crt)
	testkit.WriteFile(t, c.CertFile, second.crt)
	testkit.WriteFile(t, c.KeyFile, second.key)
	if a := cl.try(t); a.status != 204 || p.last().TLS.PeerCertificates[0].Subject.CommonName != "second" {
		t.Errorf("after the change: %s", a.describe())
	}
}

func TestProxy(t *testing.T) {
	p := &posts{}
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	a := newTestClient(t, Config{URL: "http://receiver.invalid/push", ProxyURL: proxy.URL}).try(t)
	if a.status != 204 || p.last().RequestURI != "http://receiver.invalid/push" {
		t.Errorf("through the proxy: %s", a.describe())
	}
	if _, err := newClient(Config{URL: "http://x", ProxyURL: "://"}); err == nil {
		t.Error("a proxy without a scheme is taken")
	}
}

// tunnel is a proxy for TLS: it joins a client with where it wants to go, and sees nothing of what they say.
type tunnel struct {
	mu     sync.Mutex
	asked  []string // "host, credential of the proxy"
	joined sync.WaitGroup
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host+", "+r.Header.Get("Proxy-Authorization")+r.Header.Get("Authorization"))
	p.mu.Unlock()
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	from, read, err := w.(http.Hijacker).Hijack() // some of what the client says next may be read already
	if err != nil {
		return
	}
	join := func(dst io.Writer, src io.Reader) {
		_, _ = io.Copy(dst, src)
		_, _ = from.Close(), to.Close()
	}
	p.joined.Go(func() { join(from, to) })
	p.joined.Go(func() { join(to, read) })
}

func TestProxyForTLS(t *testing.T) {
	p, through := &posts{}, &tunnel{}
	id := newIdentity(t, "server")
	srv := secureServer(t, p, &tls.Config{Certificates: []tls.Certificate{id.pair}})
	proxy := httptest.NewServer(through)
	defer proxy.Close()
	cl := newTestClient(t, Config{
		URL: srv.URL, CAFile: id.certFile, Username: "me", Password: "secret",
		ProxyURL: strings.Replace(proxy.URL, "http://", "http://who:knows@", 1),
	})
	if a := cl.try(t); a.status != 204 || p.last().ProtoMajor != 2 {
		t.Fatalf("through the proxy: %s", a.describe())
	}
	want := "CONNECT " + strings.TrimPrefix(srv.URL, "https://") + ", Basic d2hvOmtub3dz"
	if got := strings.Join(through.asked, "; "); got != want {
		t.Errorf("the proxy saw %q, want %q", got, want)
	}
	cl.http.CloseIdleConnections()
	srv.CloseClientConnections()
	through.joined.Wait()
}

// A receiver may answer before it has read the request. What is sent after that must not be what the
// next request has put into the same buffer.
func TestBodyIsNotSharedWithTheNextRequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer srv.Close()
	cl := newTestClient(t, Config{URL: srv.URL})
	e := wire.NewEncoder(nil)
	w := testwindow.New(20_000, 1)
	for range 10 {
		r := e.Encode(wire.V2, w, w.Whole(), 0, wire.Limits{Samples: math.MaxInt, Series: math.MaxInt, Bytes: math.MaxInt})
		a, released := cl.post(t.Context(), wire.V2, r.Body, 0)
		if !released {
			e.Abandon()
		}
		if a.status != 413 && a.status != 0 { // the connection may be cut while we write
			t.Fatal(a.describe())
		}
	}
}

func TestAnswerIsBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(bytes.Repeat([]byte("é"), 1<<20))
	}))
	defer srv.Close()
	if a := newTestClient(t, Config{URL: srv.URL}).try(t); len(a.words) != maxWords || a.status != 400 {
		t.Errorf("kept %d bytes", len(a.words))
	}
}

func TestWrittenHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header    http.Header
		confirmed bool
		written   int
	}{
		"none":      {http.Header{}, false, -1},
		"samples":   {http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"7"}}, true, 7},
		"exemplars": {http.Header{"X-Prometheus-Remote-Write-Exemplars-Written": {"0"}}, true, -1},
		"garbage":   {http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"many"}}, true, -1},
		"negative":  {http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"-3"}}, true, -1},
	} {
		a := answer{written: -1}
		a.count(c.header)
		if a.confirmed != c.confirmed || a.written != c.written {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A token in a URL's query is in no error, however deep the URL is.
func TestErrorsAreWithoutQueries(t *testing.T) {
	inner := &url.Error{Op: "Post", URL: "https://t.example/token?key=secret", Err: io.EOF}
	err := withoutQueries(&url.Error{Op: "Post", URL: "https://r.example/push?token=secret", Err: inner})
	if got := err.Error(); got != `Post "https://r.example/push": Post "https://t.example/token": EOF` {
		t.Errorf("got %s", got)
	}
	if err := withoutQueries(io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

// echo is a receiver that repeats in its refusal what it was sent, as servers do that help with debugging.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "https://elsewhere.example/"+r.Header.Get("Authorization"))
	w.WriteHeader(http.StatusUnauthorized)
	_, token, _ := strings.Cut(r.Header.Get("X-Key"), " ")
	fmt.Fprintf(w, "refused: %s %v %s", r.RequestURI, r.Header, token)
}

func TestAnswersAreWithoutSecrets(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	file := testkit.WriteFile(t, "secret", "first secret\n")
	encoded := base64.StdEncoding.EncodeToString([]byte("me:second secret"))
	for name, c := range map[string]Config{
		"password":      {URL: srv.URL, Username: "me", Password: "second secret"},
		"password file": {URL: srv.URL, Username: "me", PasswordFile: file},
		"bearer":        {URL: srv.URL, BearerTokenFile: file},
		"header":        {URL: srv.URL, Headers: map[string]string{"X-Key": "second secret"}},
		"scheme":        {URL: srv.URL, Headers: map[string]string{"X-Key": "Token second-secret"}},
		"query":         {URL: srv.URL + "/push?key=second%20secret"},
		"user":          {URL: strings.Replace(srv.URL, "//", "//me:second%20secret@", 1)},
		"proxy":         {URL: "http://receiver.invalid/", ProxyURL: strings.Replace(srv.URL, "//", "//me:second%20secret@", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.WriteFile(t, file, "first secret\n")
			cl := newTestClient(t, c)
			_ = cl.try(t)
			testkit.WriteFile(t, file, "second secret\n") // what counts is what was sent
			a := cl.try(t)
			for _, text := range []string{a.words, a.location, a.describe(), a.complaint()} {
				if strings.Contains(text, "second") || strings.Contains(text, encoded) || strings.Contains(text, "%20secret") {
					t.Errorf("shows a secret: %s", text)
				}
			}
			if a.status != http.StatusUnauthorized || !strings.Contains(a.words, secret.Mark) || !strings.Contains(a.words, "Content-Encoding:[snappy]") {
				t.Errorf("%d with the words %q", a.status, a.words)
			}
		})
	}
}

// A secret that stands where the words are cut off.
func TestAnswerThatIsCutIsWithoutItsSecret(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, strings.Repeat(".", maxWords-6), r.Header.Get("X-Key"))
	}))
	defer srv.Close()
	cl := newTestClient(t, Config{URL: srv.URL, Headers: map[string]string{"X-Key": "second secret"}})
	if a := cl.try(t); strings.Contains(a.words, "sec") || !strings.HasSuffix(a.words, ".[redacted]") {
		t.Errorf("ends with %q", a.words[len(a.words)-20:])
	}
}

// What a proxy or something that speaks no HTTP says comes as an error, not as an answer.
func TestErrorsAreWithoutSecrets(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 407 no %s\r\n\r\n", r.Header.Get("Proxy-Authorization"))
		_ = conn.Close()
	}))
	defer proxy.Close()
	parrot, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = parrot.Close() }()
	var repeats sync.WaitGroup
	defer repeats.Wait()
	repeats.Go(func() {
		conn, err := parrot.Accept()
		if err != nil {
			return
		}
		// It hears the sender out: one that is still writing would see its own broken pipe instead.
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = fmt.Fprintf(conn, "%s %s\n", req.Method, req.RequestURI)
		_ = conn.Close()
	})
	for name, c := range map[string]Config{
		"proxy":  {URL: "https://receiver.invalid/", ProxyURL: strings.Replace(proxy.URL, "//", "//me:secret@", 1)},
		"parrot": {URL: "http://" + parrot.Addr().String() + "/push?key=secret"},
	} {
		a := newTestClient(t, c).try(t)
		for _, text := range []string{a.describe(), a.complaint()} {
			if strings.Contains(text, "secret") || strings.Contains(text, "bWU6c2VjcmV0") || !strings.Contains(text, secret.Mark) {
				t.Errorf("%s: %s", name, text)
			}
		}
		if _, framed := errors.AsType[*url.Error](a.err); !framed {
			t.Errorf("%s: %T is no URL's error any more", name, a.err)
		}
	}
}
