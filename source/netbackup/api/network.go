package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"backwire/source/probe"
)

// CheckNetwork tries the way to the server: its name, its port, its certificate. It leaves out what a replaced transport does in its own way.
func (c *Client) CheckNetwork(ctx context.Context) []probe.Finding {
	transport, ours := c.http.Transport.(*http.Transport)
	if !ours {
		return nil
	}
	address := probe.Address{URL: c.cfg.URL, TLS: transport.TLSClientConfig, Advise: adviseTrust}
	address.Proxy, _ = http.ProxyFromEnvironment(&http.Request{URL: c.cfg.URL})
	if !c.cfg.InsecureSkipVerify {
		address.Verify = func(state tls.ConnectionState) error {
			err := c.trust.verify(state)
			if errors.Is(err, ErrPinMissing) && c.learnCA(ctx) {
				return c.trust.verify(state)
			}
			return err
		}
	}
	return address.Try(ctx)
}

// adviseTrust is what to do about a primary server's certificate.
func adviseTrust(err error) string {
	const where = "\"backwire trust\" fetches it and shows its fingerprint; compare it with \"nbcertcmd -listCACertDetails\" on the primary server " +
		"(in the web UI: Security > Certificates > Certificate authority); then set CA_FILE"
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the server's certificate was not issued by the trusted CA. Get the CA certificate of the primary server: " + where
	}
	if errors.Is(err, ErrPinMissing) {
		_, hint := networkKind(err)
		return hint
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "renew it on the primary server with \"nbcertcmd -renewCertificate\" (in the web UI: Security > Certificates), and check this host's clock (\"timedatectl\")"
	}
	return ""
}
