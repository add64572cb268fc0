package nbusim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// authority is the server's private certificate authority and the certificate of its web service.
type authority struct {
	certificate *x509.Certificate
	pem         []byte
	leaf        tls.Certificate
}

func newAuthority(host string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of the certificate authority: %w", err)
	}
	ca := certificateTemplate(1, "nbatd", now)
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate authority: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority back: %w", err)
	}
	leaf, err := newLeaf(host, now, parsed, key)
	if err != nil {
		return nil, err
	}
	return &authority{
		certificate: parsed,
		pem:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		leaf:        leaf,
	}, nil
}

func newLeaf(host string, now time.Time, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the key of the web service: %w", err)
	}
	t := certificateTemplate(2, host, now)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = []string{host, "localhost"}
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign the certificate of the web service: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// certificateTemplate is valid by the wall clock and by the server's own, which a test may have skewed.
func certificateTemplate(serial int64, name string, now time.Time) *x509.Certificate {
	const years = 10
	from, to := now, now
	if wall := time.Now(); wall.Before(from) {
		from = wall
	} else {
		to = wall
	}
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{"nbusim"}, Organization: []string{"vx"}},
		NotBefore:    from.AddDate(-years, 0, 0),
		NotAfter:     to.AddDate(years, 0, 0),
	}
}

// CA is the certificate authority in PEM.
func (s *Server) CA() []byte { return s.authority.pem }

// Fingerprint is the SHA-256 of the certificate authority, as the documents write it: pairs of
// hexadecimal digits with colons between them.
func (s *Server) Fingerprint() string {
	sum := sha256.Sum256(s.authority.certificate.Raw)
	return colons(sum[:])
}

// ClientTLS is a configuration that trusts the server.
func (s *Server) ClientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.certificate)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func colons(sum []byte) string {
	out := make([]byte, 0, 3*len(sum))
	for i, b := range sum {
		if i > 0 {
			out = append(out, ':')
		}
		out = fmt.Appendf(out, "%02X", b)
	}
	return string(out)
}

func (s *Server) caCert(x *exchange) reply {
	c := s.authority.certificate
	var sha1Sum [sha1.Size]byte
	// The documents show both. Nobody trusts this one, so it may be had where FIPS 140-3 is enforced.
	fips140.WithoutEnforcement(func() { sha1Sum = sha1.Sum(c.Raw) })
	details := map[string]any{
		"subjectCN":          c.Subject.CommonName,
		"serialNumber":       c.SerialNumber.Int64(),
		"notBefore":          stamp(c.NotBefore),
		"notAfter":           stamp(c.NotAfter),
		"subjectOU":          c.Subject.OrganizationalUnit[0],
		"subjectName":        c.Subject.String(),
		"fingerprint":        colons(sha1Sum[:]),
		"sha-256Fingerprint": s.Fingerprint(),
	}
	if s.release.api >= 14 {
		details["keyStrength"], details["issuedBy"] = 256, c.Issuer.String()
	}
	return x.json(http.StatusOK, map[string]any{
		"trustVersion":           "1",
		"webRootCertificateData": []any{map[string]any{"caCertDetails": details, "caCert": string(s.authority.pem)}},
		"caCertificateData": []any{map[string]any{
			"caCertAction": "ADD", "caCertDetails": details, "caCert": string(s.authority.pem),
		}},
	})
}
