package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backwire/source/fingerprint"
)

// authority is a private CA, as every primary server has one.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string, parent *authority) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	a.cert = sign(t, parent, a.key, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign issues a certificate by the parent, or by itself where there is none.
func sign(t *testing.T, parent *authority, key *ecdsa.PrivateKey, template *x509.Certificate, self *authority) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	issuer, issuerKey := template, key
	if parent != nil {
		issuer, issuerKey = parent.cert, parent.key
	} else if self == nil {
		t.Fatal("a leaf needs a parent")
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) fingerprint() string {
	sum := sha256.Sum256(a.cert.Raw)
	return hex.EncodeToString(sum[:])
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *authority) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, append([]byte("# the primary's CA\n"), a.pem()...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// leaf is a server certificate for 127.0.0.1, unless change makes it another.
func (a *authority) leaf(t *testing.T, change ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "primary"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, f := range change {
		f(template)
	}
	key := newKey(t)
	cert := sign(t, a, key, template, nil)
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key}
}

// serveTLS answers /ping and /security/cacert over TLS.
func serveTLS(t *testing.T, cert tls.Certificate, cacert string) *url.URL {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /netbackup/ping", func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.Version < tls.VersionTLS12 {
			t.Errorf("TLS version %x", r.TLS.Version)
		}
		w.Header().Set("X-NetBackup-API-Version", "14.0")
		_, _ = io.WriteString(w, "1519397648169")
	})
	mux.HandleFunc("GET /netbackup/security/cacert", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a credential was sent to a server that is not trusted yet")
		}
		_, _ = io.WriteString(w, cacert)
	})
	s := httptest.NewUnstartedServer(mux)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/netbackup")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func pingTLS(t *testing.T, cfg Config) error {
	t.Helper()
	c, err := NewClient(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	_, err = c.Ping(t.Context())
	return err
}

func TestTrust(t *testing.T) {
	root, other := newAuthority(t, "primary root", nil), newAuthority(t, "other root", nil)
	between := newAuthority(t, "intermediate", root)
	good := root.leaf(t)
	chained := between.leaf(t)
	chained.Certificate = append(chained.Certificate, root.cert.Raw)
	alone := root.leaf(t)
	alone.Certificate = alone.Certificate[:1]
	colons := strings.ToUpper(fingerprint.Format(fingerprintBytes(t, root)))
	tests := map[string]struct {
		cert tls.Certificate
		cfg  Config
		want string // empty where the server is to be trusted
	}{
		"right CA":                      {good, Config{CAFile: root.file(t)}, ""},
		"right CA, intermediate shown":  {chained, Config{CAFile: root.file(t)}, ""},
		"wrong CA":                      {good, Config{CAFile: other.file(t)}, "was not issued by the trusted CA"},
		"system's CAs":                  {good, Config{}, "was not issued by the trusted CA"},
		"fingerprint":                   {good, Config{CAFingerprint: root.fingerprint()}, ""},
		"fingerprint with colons":       {good, Config{CAFingerprint: colons}, ""},
		"fingerprint of intermediate":   {chained, Config{CAFingerprint: between.fingerprint()}, ""},
		"fingerprint of root, chained":  {chained, Config{CAFingerprint: root.fingerprint()}, ""},
		"wrong fingerprint":             {good, Config{CAFingerprint: other.fingerprint()}, `"primary root" ` + colons},
		"fingerprint of the leaf":       {good, Config{CAFingerprint: leafFingerprint(good)}, "the server's certificates do not include the pinned CA"},
		"fingerprint, CA not shown":     {alone, Config{CAFingerprint: root.fingerprint()}, "the server presents no CA"},
		"fingerprint of a CA on file":   {alone, Config{CAFingerprint: root.fingerprint(), CAFile: root.file(t)}, ""},
		"right CA shown, leaf by other": {withChain(other.leaf(t), root), Config{CAFingerprint: root.fingerprint()}, "was not issued by the trusted CA"},
		"name mismatch":                 {root.leaf(t, named("elsewhere.example")), Config{CAFile: root.file(t)}, "use a host name that is in the certificate"},
		"name mismatch, fingerprint":    {root.leaf(t, named("elsewhere.example")), Config{CAFingerprint: root.fingerprint()}, "use a host name"},
		"expired":                       {root.leaf(t, expired), Config{CAFile: root.file(t)}, "check the dates of the certificate"},
		"expired, fingerprint":          {root.leaf(t, expired), Config{CAFingerprint: root.fingerprint()}, "check the dates of the certificate"},
		"expired, not checked":          {root.leaf(t, expired), Config{InsecureSkipVerify: true}, ""},
		"a client's certificate":        {root.leaf(t, clientOnly), Config{CAFile: root.file(t)}, "server not trusted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.cfg.URL = serveTLS(t, test.cert, "")
			err := pingTLS(t, test.cfg)
			if test.want == "" && err != nil {
				t.Fatalf("error %v, want trust", err)
			}
			if test.want != "" && (!errors.Is(err, ErrTLS) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{name} }
}

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }

func clientOnly(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func withChain(cert tls.Certificate, shown *authority) tls.Certificate {
	cert.Certificate = [][]byte{cert.Certificate[0], shown.cert.Raw}
	return cert
}

func fingerprintBytes(t *testing.T, a *authority) []byte {
	t.Helper()
	sum, err := fingerprint.Parse(a.fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func leafFingerprint(cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Certificate[0])
	return hex.EncodeToString(sum[:])
}

func TestCAFileIsReadAgainWhenItChanges(t *testing.T) {
	root, other := newAuthority(t, "primary root", nil), newAuthority(t, "other root", nil)
	path := other.file(t)
	c, err := NewClient(Config{URL: serveTLS(t, root.leaf(t), ""), CAFile: path}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.http.CloseIdleConnections()
	if _, err := c.Ping(t.Context()); !errors.Is(err, ErrTLS) {
		t.Fatalf("error %v, want no trust yet", err)
	}
	if err := os.Rename(root.file(t), path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ping(t.Context()); err != nil {
		t.Errorf("after the file changed: %v", err)
	}
}

func TestCAThatCannotBeUsedIsRefusedAtTheStart(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "primary.example"}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no file": {URL: u, CAFile: filepath.Join(t.TempDir(), "none")}, "no certificate": {URL: u, CAFile: empty},
		"short fingerprint": {URL: u, CAFingerprint: "AB:CD"}, "no hex": {URL: u, CAFingerprint: "xyz"},
	} {
		if _, err := NewClient(cfg, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFetchCAGivesWhatCanBePinned(t *testing.T) {
	root, old := newAuthority(t, "primary root", nil), newAuthority(t, "old root", nil)
	u := serveTLS(t, root.leaf(t), caCertAnswer(t, root, old))
	cas, err := FetchCA(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if len(cas) != 1 || cas[0].Certificate.Subject.CommonName != "primary root" {
		t.Fatalf("CAs %+v, want the one that is not to be removed, once", cas)
	}
	if err := pingTLS(t, Config{URL: u, CAFingerprint: cas[0].Fingerprint}); err != nil {
		t.Errorf("pinned by what was fetched: %v", err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte(cas[0].PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := pingTLS(t, Config{URL: u, CAFile: path}); err != nil {
		t.Errorf("stored as fetched: %v", err)
	}
}

func caCertAnswer(t *testing.T, kept, removed *authority) string {
	t.Helper()
	type entry map[string]any
	body, err := json.Marshal(entry{
		"trustVersion":           "1",
		"webRootCertificateData": []entry{{"caCert": string(kept.pem())}},
		"caCertificateData": []entry{
			{"caCert": string(kept.pem()), "caCertAction": "ADD"},
			{"caCert": string(removed.pem()), "caCertAction": "REMOVE"},
			{"caCertDetails": entry{"subjectCN": "without its text"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestOnlyThePinnedCAIsLearned(t *testing.T) {
	root, other := newAuthority(t, "primary root", nil), newAuthority(t, "other root", nil)
	trusted := &trust{pin: fingerprintBytes(t, root)}
	if trusted.learn([]CA{newCA(other.cert)}) || trusted.handedOut() != nil {
		t.Error("a CA that is not pinned is learned")
	}
	if !trusted.learn([]CA{newCA(other.cert), newCA(root.cert)}) || !trusted.handedOut()[0].Equal(root.cert) {
		t.Error("the pinned CA is not learned")
	}
}

// A server need not show its CA: it is asked for it, and the fingerprint decides.
func TestPinnedCAIsFetchedWhereTheServerDoesNotShowIt(t *testing.T) {
	root, other := newAuthority(t, "primary root", nil), newAuthority(t, "other root", nil)
	alone := root.leaf(t)
	alone.Certificate = alone.Certificate[:1]
	u := serveTLS(t, alone, caCertAnswer(t, root, other))
	if err := pingTLS(t, Config{URL: u, CAFingerprint: root.fingerprint()}); err != nil {
		t.Errorf("handed out, pinned: %v", err)
	}
	if err := pingTLS(t, Config{URL: u, CAFingerprint: other.fingerprint()}); !errors.Is(err, ErrTLS) {
		t.Errorf("error %v, want no trust in a CA that is to be removed", err)
	}
	forged := serveTLS(t, other.leaf(t), caCertAnswer(t, root, newAuthority(t, "old root", nil)))
	if err := pingTLS(t, Config{URL: forged, CAFingerprint: root.fingerprint()}); !errors.Is(err, ErrTLS) {
		t.Errorf("error %v, want no trust in a certificate that the pinned CA did not sign", err)
	}
}

func TestFetchCAFromSomethingElse(t *testing.T) {
	root := newAuthority(t, "primary root", nil)
	for _, body := range []string{"<html>", "{}", `{"caCertificateData":[{"caCert":"no PEM"}]}`} {
		if _, err := FetchCA(t.Context(), serveTLS(t, root.leaf(t), body)); !errors.Is(err, ErrDecode) {
			t.Errorf("%s: error %v, want an unreadable answer", body, err)
		}
	}
}
