package api

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"backwire/source/fingerprint"
	"backwire/source/guard"
	"backwire/source/regular"
)

const (
	silentFor      = 5 * time.Second // that nothing came before an HTTP/2 connection is asked whether it lives
	pingAnswer     = 5 * time.Second // that its answer may take
	maxHeaderBytes = 64 << 10        // of an answer's header
)

// NewTransport is the network as a client uses it, for one who puts something of his own in between.
func NewTransport(cfg Config) (*http.Transport, error) {
	t, err := newTrust(cfg)
	if err != nil {
		return nil, err
	}
	return newTransport(cfg, t), nil
}

// newTransport is the network, trusting whom t trusts.
func newTransport(cfg Config, t *trust) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     t.tlsConfig(),
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: cfg.Concurrency,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,

		// A request that times out leaves an HTTP/2 connection in use: where nobody is behind it any more, every request that follows
		// would wait on it in vain, until the kernel gives it up.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: silentFor, PingTimeout: pingAnswer},
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// ErrPinMissing says that the pinned CA was neither shown nor on file. The server may
// still hand it out, see learn.
const ErrPinMissing Fault = "the server's certificates do not include the pinned CA"

// trust decides whether the server is the one it should be.
type trust struct {
	host     string // the name or address that the certificate must carry
	file     string // PEM, empty for the system's CAs
	pin      []byte // SHA-256 of the CA to trust alone, nil for none
	insecure bool

	mu      sync.Mutex
	read    fs.FileInfo // of the file when certs was read
	certs   []*x509.Certificate
	learned *x509.Certificate // the pinned CA, as the server handed it out
}

func newTrust(cfg Config) (*trust, error) {
	t := &trust{host: cfg.URL.Hostname(), file: cfg.CAFile, insecure: cfg.InsecureSkipVerify}
	if cfg.CAFingerprint != "" {
		pin, err := fingerprint.Parse(cfg.CAFingerprint)
		if err != nil {
			return nil, err
		}
		t.pin = pin
	}
	if t.file == "" {
		return t, nil
	}
	_, err := t.fileCerts()
	return t, err
}

// tlsConfig leaves the decision to verify, because the file may change and a pinned CA is
// known only when the server has shown it.
func (t *trust) tlsConfig() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} // verify takes its place
	if !t.insecure {
		cfg.VerifyConnection = t.verify
	}
	return cfg
}

// verify runs in a goroutine of net/http, where nobody recovers a panic.
func (t *trust) verify(state tls.ConnectionState) error {
	return guard.Run(func() error { return t.verifyChain(state) })
}

func (t *trust) verifyChain(state tls.ConnectionState) error {
	shown := state.PeerCertificates
	roots, err := t.roots(shown)
	if err != nil {
		return err
	}
	intermediates := x509.NewCertPool()
	for _, cert := range shown[1:] {
		intermediates.AddCert(cert)
	}
	_, err = shown[0].Verify(x509.VerifyOptions{DNSName: t.host, Roots: roots, Intermediates: intermediates})
	return err
}

// roots are the CAs to believe; nil means the system's.
func (t *trust) roots(shown []*x509.Certificate) (*x509.CertPool, error) {
	var certs []*x509.Certificate
	if t.file != "" {
		var err error
		if certs, err = t.fileCerts(); err != nil {
			return nil, err
		}
	}
	if t.pin != nil {
		pinned, err := t.pinned(slices.Concat(certs, shown, t.handedOut()))
		if err != nil {
			return nil, err
		}
		certs = []*x509.Certificate{pinned}
	}
	if certs == nil {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// pinned is the CA whose fingerprint is configured.
func (t *trust) pinned(certs []*x509.Certificate) (*x509.Certificate, error) {
	var seen []string
	for _, cert := range certs {
		if !cert.IsCA {
			continue
		}
		if t.isPinned(cert) {
			return cert, nil
		}
		seen = append(seen, fmt.Sprintf("%q %s", cert.Subject.CommonName, fingerprintOf(cert)))
	}
	if seen == nil {
		seen = []string{"no CA"}
	}
	return nil, fmt.Errorf("%w: %w: %s is pinned, the server presents %s",
		ErrTLS, ErrPinMissing, fingerprint.Format(t.pin), strings.Join(seen, ", "))
}

func (t *trust) isPinned(cert *x509.Certificate) bool {
	sum := sha256.Sum256(cert.Raw)
	return slices.Equal(sum[:], t.pin)
}

func (t *trust) handedOut() []*x509.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.learned == nil {
		return nil
	}
	return []*x509.Certificate{t.learned}
}

// learn takes the pinned CA from those that the server hands out. A server need not show
// its CA with its certificate; the fingerprint vouches for it either way.
func (t *trust) learn(handedOut []CA) bool {
	for _, ca := range handedOut {
		if ca.Certificate.IsCA && t.isPinned(ca.Certificate) {
			t.mu.Lock()
			t.learned = ca.Certificate
			t.mu.Unlock()
			return true
		}
	}
	return false
}

// maxCAFile bounds what is read of a CA file, in bytes: the system's own bundle has 220 kB.
const maxCAFile = 4 << 20

// fileCerts reads the CA file, and again when it has changed.
func (t *trust) fileCerts() ([]*x509.Certificate, error) {
	info, err := os.Stat(t.file)
	if err != nil {
		return nil, fmt.Errorf("%w: read CA file: %w", ErrTLS, err)
	}
	t.mu.Lock()
	read, certs := t.read, t.certs
	t.mu.Unlock()
	if read != nil && os.SameFile(read, info) && read.ModTime().Equal(info.ModTime()) && read.Size() == info.Size() {
		return certs, nil
	}
	text, err := regular.Read(t.file, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: read CA file: %w", ErrTLS, err)
	}
	if certs, err = parsePEM(text); err != nil {
		return nil, fmt.Errorf("%w: CA file %q: %w", ErrTLS, t.file, err)
	}
	t.mu.Lock()
	t.read, t.certs = info, certs
	t.mu.Unlock()
	return certs, nil
}

func fingerprintOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return fingerprint.Format(sum[:])
}
