package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// patience bounds each step: a firewall that drops packets answers nothing at all.
const patience = 10 * time.Second

// Address is a server to be tried.
type Address struct {
	URL   *url.URL
	Proxy *url.URL // that stands before it; nil for none

	// TLS is used for the handshake, its verification excepted, which is Verify's; nil for an insecure one.
	TLS    *tls.Config
	Verify func(tls.ConnectionState) error

	// Advise is what to do about a certificate that Verify refuses, in the words of the owner of the
	// server; empty leaves it to this package.
	Advise func(error) string
}

// Try resolves the name, opens a connection and shakes hands. It ends at the first step that fails; with a
// proxy it ends there, because the rest is behind it.
func (a Address) Try(ctx context.Context) []Finding {
	via := a.URL
	if a.Proxy != nil {
		via = a.Proxy
	}
	findings := []Finding{resolve(ctx, via.Hostname())}
	if findings[0].Result == Failed {
		return findings
	}
	connection, route := dial(ctx, net.JoinHostPort(via.Hostname(), port(via)))
	findings = append(findings, route)
	if connection == nil {
		return findings
	}
	defer func() { _ = connection.Close() }() // nothing was written
	if a.Proxy != nil || a.URL.Scheme != "https" {
		return findings
	}
	return append(findings, a.shake(ctx, connection))
}

// Reached says that nothing failed.
func Reached(findings []Finding) bool {
	for _, f := range findings {
		if f.Result == Failed {
			return false
		}
	}
	return true
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

func resolve(ctx context.Context, host string) Finding {
	f := Finding{Step: "name", Result: OK, Tried: "look up " + host}
	if _, err := netip.ParseAddr(host); err == nil {
		f.Found = host + " is an address"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		f.Result, f.Found, f.Command = Failed, err.Error(), "getent hosts "+host
		f.Next = "check the spelling of the host name and this host's DNS (/etc/resolv.conf, /etc/hosts)"
		if e, ok := errors.AsType[*net.DNSError](err); ok && !e.IsNotFound {
			f.Next = "the name server does not answer: check /etc/resolv.conf"
		}
		return f.Timed(time.Since(began))
	}
	f.Found = host + " is " + strings.Join(addresses, ", ")
	return f.Timed(time.Since(began))
}

func dial(ctx context.Context, address string) (net.Conn, Finding) {
	f := Finding{Step: "route", Result: OK, Tried: "connect to " + address}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	f = f.Timed(time.Since(began))
	if err != nil {
		f.Result, f.Found, f.Next = Failed, err.Error(), adviseRoute(err, address)
		return nil, f
	}
	f.Found = fmt.Sprintf("connected to %s in %s", connection.RemoteAddr(), readable(time.Since(began)))
	return connection, f
}

func adviseRoute(err error, address string) string {
	host, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check the port and that the server is running. On the server, \"ss -ltn 'sport = :" + port + "'\" shows a listener"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "this host has no route to it: \"ip route get " + host + "\" shows the route"
	}
	return "no answer: have TCP port " + port + " opened from this host to " + host + ", or to the proxy"
}

// shake makes the handshake without trust, so that the certificate is seen also where it is refused.
func (a Address) shake(ctx context.Context, connection net.Conn) Finding {
	address := net.JoinHostPort(a.URL.Hostname(), port(a.URL))
	f := Finding{Step: "certificate", Result: OK, Tried: "TLS handshake with " + address}
	config := &tls.Config{}
	if a.TLS != nil {
		config = a.TLS.Clone()
	}
	config.InsecureSkipVerify, config.VerifyConnection, config.VerifyPeerCertificate = true, nil, nil // Verify looks at it below
	if config.ServerName == "" {
		config.ServerName = a.URL.Hostname()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	secure := tls.Client(connection, config)
	err := secure.HandshakeContext(ctx)
	f = f.Timed(time.Since(began))
	if err != nil {
		f.Result, f.Found, f.Next, f.Command = Failed, err.Error(), adviseHandshake(err), showChain(address)
		return f
	}
	state := secure.ConnectionState()
	f.Found = describe(state)
	if a.Verify == nil {
		f.Result, f.Next = Warning, "the certificate is not verified, so the credential can be intercepted: set CA_FILE and remove INSECURE_SKIP_VERIFY"
		return f
	}
	return a.judge(f, state, address)
}

// judge says what the certificate is worth.
func (a Address) judge(f Finding, state tls.ConnectionState, address string) Finding {
	if err := a.Verify(state); err != nil {
		f.Result, f.Found = Failed, oneLine(err.Error())+"; it is "+f.Found
		f.Next = adviseCertificate(err, state.PeerCertificates[0])
		if a.Advise != nil {
			if words := a.Advise(err); words != "" {
				f.Next = words
			}
		}
		f.Command = showChain(address)
		return f
	}
	if first := soonest(state.PeerCertificates); time.Until(first.NotAfter) < ExpiresSoon {
		f.Result = Warning
		f.Next = fmt.Sprintf("renew %q before %s; after that connections fail", first.Subject.CommonName, first.NotAfter.UTC().Format(time.DateOnly))
	}
	return f
}

// ExpiresSoon is how long before its end somebody should know of a certificate's.
const ExpiresSoon = 21 * 24 * time.Hour

// Expiry is when the first certificate of a connection's chain ends; zero where there is none.
func Expiry(state *tls.ConnectionState) time.Time {
	if state == nil || len(state.PeerCertificates) == 0 {
		return time.Time{}
	}
	return soonest(state.PeerCertificates).NotAfter
}

func soonest(chain []*x509.Certificate) *x509.Certificate {
	first := chain[0]
	for _, c := range chain {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first
}

func adviseHandshake(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "this port does not speak TLS: check the port, and whether it is an http port"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "the server ended the handshake: it may require a client certificate (CERT_FILE, KEY_FILE) or another TLS version"
	}
	return "the connection was closed during the handshake: look for a proxy or firewall that inspects TLS"
}

func adviseCertificate(err error, shown *x509.Certificate) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "set CA_FILE to the certificate of the CA that issued it"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use a host name in the URL that is in the certificate: " + names(shown)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		if time.Now().Before(shown.NotBefore) {
			return "it is not valid yet: check this host's clock (\"timedatectl\")"
		}
		return "have the certificate renewed on the server, and check this host's clock (\"timedatectl\")"
	}
	return "have the certificate corrected on the server"
}

// showChain is the command that shows what was refused.
func showChain(address string) string {
	host, _, _ := net.SplitHostPort(address)
	server := ""
	if _, err := netip.ParseAddr(host); err != nil {
		server = " -servername " + host
	}
	return "openssl s_client -connect " + address + server + " -showcerts </dev/null"
}

// describe is a certificate in one line: what for, by whom, until when.
func describe(state tls.ConnectionState) string {
	c := state.PeerCertificates[0]
	left := int(time.Until(c.NotAfter).Hours() / 24)
	return fmt.Sprintf("%s, a certificate for %s, issued by %q, valid until %s (%d days)",
		tls.VersionName(state.Version), names(c), c.Issuer.CommonName, c.NotAfter.UTC().Format(time.DateOnly), left)
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	const shown = 6
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return fmt.Sprintf("no name (subject %q)", c.Subject.CommonName)
	case len(all) > shown:
		return strings.Join(all[:shown], ", ") + fmt.Sprintf(" and %d more", len(all)-shown)
	}
	return strings.Join(all, ", ")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// readable is a duration as a person says it.
func readable(d time.Duration) string {
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
