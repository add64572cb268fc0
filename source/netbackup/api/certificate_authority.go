package api

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"backwire/source/fingerprint"
)

// CA is a certificate authority that a primary server says is its own. Nobody has
// vouched for it: it is to be believed only by its fingerprint.
type CA struct {
	PEM         string
	Fingerprint string // SHA-256, upper case with colons
	Certificate *x509.Certificate
}

// Has says whether a fingerprint, in any common notation, is this CA's.
func (c CA) Has(text string) (bool, error) {
	sum, err := fingerprint.Parse(text)
	if err != nil {
		return false, err
	}
	return fingerprint.Format(sum) == c.Fingerprint, nil
}

// FetchCA asks the server at u for its CAs once, without trust and without a credential.
func FetchCA(ctx context.Context, u *url.URL) ([]CA, error) {
	c, err := NewClient(Config{URL: u, InsecureSkipVerify: true, Impatient: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return c.fetchCA(ctx)
}

func (c *Client) fetchCA(ctx context.Context) ([]CA, error) {
	defer c.http.CloseIdleConnections()
	a, err := c.call(ctx, request{method: http.MethodGet, path: "/security/cacert", anonymous: true})
	if err != nil {
		return nil, err
	}
	defer a.release()
	cas, err := parseCACert(a.body)
	if err != nil {
		return nil, c.unreadable(a, "expected the CA's certificates", err)
	}
	return cas, nil
}

// learnCA asks the server for the CA that is pinned, on a connection without trust and
// without a credential.
func (c *Client) learnCA(ctx context.Context) bool {
	open, err := NewClient(Config{
		Site: c.cfg.Site, URL: c.cfg.URL, InsecureSkipVerify: true, Timeout: c.cfg.Timeout,
	}, c.log)
	if err != nil {
		return false
	}
	cas, err := open.fetchCA(ctx)
	if err != nil {
		c.log.DebugContext(ctx, "the server does not provide its CA certificate", "error", err)
		return false
	}
	return c.trust.learn(cas)
}

// parseCACert reads the answer of /security/cacert: the CA of the web service and those of
// NetBackup itself. Certificates to be removed are left out.
func parseCACert(body []byte) ([]CA, error) {
	type entry struct {
		CACert       string `json:"caCert"`
		CACertAction string `json:"caCertAction"`
	}
	var v struct {
		Web []entry `json:"webRootCertificateData"`
		All []entry `json:"caCertificateData"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	var cas []CA
	seen := map[string]bool{}
	for _, e := range append(v.Web, v.All...) {
		if e.CACert == "" || e.CACertAction == "REMOVE" {
			continue
		}
		certs, err := parsePEM([]byte(e.CACert))
		if err != nil {
			return nil, err
		}
		for _, cert := range certs {
			if ca := newCA(cert); !seen[ca.Fingerprint] {
				seen[ca.Fingerprint] = true
				cas = append(cas, ca)
			}
		}
	}
	if cas == nil {
		return nil, errors.New("it contains no certificate")
	}
	return cas, nil
}

func newCA(cert *x509.Certificate) CA {
	return CA{
		PEM:         string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
		Fingerprint: fingerprintOf(cert),
		Certificate: cert,
	}
}

// parsePEM reads every certificate of a PEM text; there must be one.
func parsePEM(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate %d: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if certs == nil {
		return nil, errors.New("it contains no PEM certificate")
	}
	return certs, nil
}
