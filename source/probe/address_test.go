package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// serve answers TLS with a certificate of this life, and returns how it is reached and trusted.
func serve(t *testing.T, from, until time.Time) Address {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "primary"}, NotBefore: from, NotAfter: until,
		DNSNames: []string{"primary.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return Address{URL: u, Verify: func(state tls.ConnectionState) error {
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: "127.0.0.1"})
		return err
	}}
}

// last is the last step of a try; all before it must be well.
func last(t *testing.T, a Address) Finding {
	t.Helper()
	findings := a.Try(t.Context())
	for _, f := range findings[:len(findings)-1] {
		if f.Result != OK {
			t.Errorf("%+v", f)
		}
	}
	return findings[len(findings)-1]
}

func want(t *testing.T, f Finding, step string, result Result, found, next string) {
	t.Helper()
	if f.Step != step || f.Result != result || !strings.Contains(f.Found, found) || !strings.Contains(f.Next, next) || (next == "") != (f.Next == "") {
		t.Errorf("want %s %s %q %q: %+v", step, result, found, next, f)
	}
}

func TestCertificateIsDescribedAndJudged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	const day = 24 * time.Hour
	well := serve(t, now.Add(-day), now.Add(400*day))
	want(t, last(t, well), "certificate", OK, `TLS 1.3, a certificate for primary.example, 127.0.0.1, issued by "primary", valid until`, "")
	want(t, last(t, serve(t, now.Add(-day), now.Add(5*day))), "certificate", Warning, "4 days", `renew "primary" before`)
	want(t, last(t, serve(t, now.Add(-9*day), now.Add(-day))), "certificate", Failed, "expired", "have the certificate renewed")
	want(t, last(t, serve(t, now.Add(day), now.Add(9*day))), "certificate", Failed, "not yet valid", "check this host's clock")

	unverified := well
	unverified.Verify = nil
	want(t, last(t, unverified), "certificate", Warning, "TLS 1.3", "remove INSECURE_SKIP_VERIFY")
	named := well
	named.Advise = func(error) string { return "ask Ada" }
	named.Verify = func(tls.ConnectionState) error { return x509.UnknownAuthorityError{} }
	want(t, last(t, named), "certificate", Failed, "unknown authority", "ask Ada")
	if f := last(t, named); f.Command != "openssl s_client -connect "+well.URL.Host+" -showcerts </dev/null" {
		t.Errorf("%+v", f)
	}
}

func TestTryEndsWhereItFails(t *testing.T) {
	t.Parallel()
	for text, step := range map[string]string{"https://nobody.invalid/": "name", "https://127.0.0.1:1": "route"} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		f := last(t, Address{URL: u})
		if f.Step != step || f.Result != Failed || f.Next == "" || f.Tried == "" {
			t.Errorf("%s: %+v", text, f)
		}
	}
}

// What is behind a proxy is not reached from here: only the way to the proxy is tried.
func TestTryGoesToTheProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(proxy.Close)
	via, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := last(t, Address{URL: &url.URL{Scheme: "https", Host: "primary.invalid"}, Proxy: via})
	want(t, f, "route", OK, via.Host, "")
}

func TestTryHeedsItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	findings := Address{URL: &url.URL{Scheme: "https", Host: "127.0.0.1:9"}}.Try(ctx)
	if Reached(findings) {
		t.Errorf("%+v", findings)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for ahead, c := range map[time.Duration]struct {
		result Result
		found  string
	}{
		300 * time.Millisecond: {OK, "within 1s of this host's clock"},
		-20 * time.Second:      {OK, "20s behind"},
		2 * time.Minute:        {Warning, "2m0s ahead"},
		-2 * time.Hour:         {Warning, "2h0m0s behind"},
	} {
		f := Clock("GET /ping", ahead, time.Second, "samples are late")
		if f.Result != c.result || !strings.Contains(f.Found, c.found) || (f.Next == "") != (c.result == OK) {
			t.Errorf("%v: %+v", ahead, f)
		}
	}
}
