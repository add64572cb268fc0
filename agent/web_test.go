package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/agent/config"
	"backwire/agent/page"

	"golang.org/x/crypto/bcrypt"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func users(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return "basic_auth_users:\n  ada: " + string(hash) + "\n"
}

// identity is a certificate for loopback that also is its own authority, in files.
func identity(t *testing.T) (certificate, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	if pair, err = tls.LoadX509KeyPair(certificate, key); err != nil {
		t.Fatal(err)
	}
	return certificate, key, pair
}

func mutual(certificate, key string) string {
	return "tls_server_config:\n  cert_file: " + certificate + "\n  key_file: " + key +
		"\n  client_ca_file: " + certificate + "\n  client_auth_type: RequireAndVerifyClientCert\n"
}

func TestPageLeavesLoopbackOnlyGuarded(t *testing.T) {
	t.Parallel()
	certificate, key, _ := identity(t)
	encrypted := "tls_server_config:\n  cert_file: " + certificate + "\n  key_file: " + key + "\n"
	for name, c := range map[string]struct {
		listen, web string
		refused     string // variable, and words of the refusal
		warned      string
	}{
		"loopback, nothing":             {listen: "127.0.0.1:9469"},
		"no page":                       {listen: ""},
		"loopback, a password":          {listen: "[::1]:9469", web: users(t)},
		"every address, nothing":        {listen: ":9469", refused: "BACKWIRE_LISTEN= expected a loopback host"},
		"every address, TLS alone":      {listen: "0.0.0.0:9469", web: encrypted, refused: "BACKWIRE_LISTEN= users with passwords or client certificates"},
		"every address, a password":     {listen: "0.0.0.0:9469", web: users(t), warned: "passwords are sent unencrypted"},
		"every address, both":           {listen: "0.0.0.0:9469", web: encrypted + users(t)},
		"a name, client certificates":   {listen: "backup.example:9469", web: mutual(certificate, key)},
		"loopback, not a configuration": {listen: "127.0.0.1:9469", web: "tls_config: {}\n", refused: "BACKWIRE_LISTEN_CONFIG_FILE= web configuration file in the format of Prometheus"},
		"loopback, no such certificate": {listen: "127.0.0.1:9469", web: "tls_server_config:\n  cert_file: /none\n  key_file: /none\n", refused: "BACKWIRE_LISTEN_CONFIG_FILE= /none"},
	} {
		environ := append(minimal(), "BACKWIRE_LISTEN="+c.listen)
		if c.web != "" {
			environ = append(environ, "BACKWIRE_LISTEN_CONFIG_FILE="+writeFile(t, c.web))
		}
		cfg, err := LoadConfig(environ, nil)
		variable, words, _ := strings.Cut(c.refused, "= ")
		switch {
		case c.refused == "" && err != nil, c.refused != "" && err == nil:
			t.Errorf("%s: Load = %v", name, err)
		case err != nil && (!strings.Contains(err.Error(), variable+"=") || !strings.Contains(err.Error(), words)):
			t.Errorf("%s: Load = %v, want %s", name, err, c.refused)
		case err == nil && !strings.Contains(strings.Join(cfg.Warnings, "\n"), c.warned):
			t.Errorf("%s: warnings %q, want %q", name, cfg.Warnings, c.warned)
		}
	}
}

// guarded serves a page behind a web configuration and returns its address.
func guarded(t *testing.T, configuration string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- page.Serve(ctx, listener, answer, writeFile(t, configuration), slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestPageAsksForItsPassword(t *testing.T) {
	t.Parallel()
	address := guarded(t, users(t))
	for password, want := range map[string]int{"": 401, "open": 401, "sesame": 204} {
		req, err := http.NewRequest(http.MethodGet, "http://"+address+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("ada", password)
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil || r.StatusCode != want {
			t.Errorf("password %q: %d, want %d (%v)", password, r.StatusCode, want, err)
		}
	}
}

func TestPageAsksForAClientCertificate(t *testing.T) {
	t.Parallel()
	certificate, key, pair := identity(t)
	address := guarded(t, mutual(certificate, key))
	for _, c := range []struct {
		shown []tls.Certificate
		well  bool
	}{{nil, false}, {[]tls.Certificate{pair}, true}} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: c.shown}}}
		r, err := client.Get("https://" + address + "/")
		if (err == nil) != c.well {
			t.Errorf("%d certificates: %v", len(c.shown), err)
		}
		if err == nil {
			_ = r.Body.Close()
		}
		client.CloseIdleConnections()
	}
}

// The page answers to the host in BACKWIRE_LISTEN, and an empty one is no name.
func TestPageHostsOfAConfiguration(t *testing.T) {
	t.Parallel()
	known := func(listen config.Address, host string) bool {
		answers := pageHosts(&config.Config{Listen: listen}).Only(http.NotFoundHandler())
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		answers.ServeHTTP(w, r)
		return w.Code == http.StatusNotFound
	}
	for listen, host := range map[config.Address]string{"192.0.2.1:9469": "192.0.2.1:9469", "page.example:80": "page.example"} {
		if !known(listen, host) || known(listen, "evil.example") {
			t.Errorf("%s: %s", listen, host)
		}
	}
	if known(":9469", "evil.example") {
		t.Error("an empty host knows every name")
	}
}
