package send

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"backwire/remotewrite/wire"
)

func TestComplaintSaysWhatToDo(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		answer answer
		want   string
	}{
		// Captured: Mimir; Go's own server and nginx on a TLS port; VictoriaMetrics, single and cluster.
		{answer{status: 401, words: "no org id"}, "401 Unauthorized: no org id; the receiver needs a tenant: set TENANT"},
		{answer{status: 400, words: "Client sent an HTTP request to an HTTPS server."}, "400 Bad Request: Client sent an HTTP request to an HTTPS server.; the port speaks TLS: begin the URL with https://"},
		{answer{status: 400, words: "<title>400 The plain HTTP request was sent to HTTPS port</title>"}, "400 Bad Request: <title>400 The plain HTTP request was sent to HTTPS port</title>; the port speaks TLS: begin the URL with https://"},
		{answer{status: 400, words: "<title>400 No required SSL certificate was sent</title>"}, "400 Bad Request: <title>400 No required SSL certificate was sent</title>; the receiver wants a client certificate: set CERT_FILE and KEY_FILE"},
		{answer{status: 400, words: `remoteAddr: "127.0.0.1:1"; requestURI: /api/v1/push; unsupported path requested: "/api/v1/push"`}, `400 Bad Request: remoteAddr: "127.0.0.1:1"; requestURI: /api/v1/push; unsupported path requested: "/api/v1/push"; check the path: /api/v1/push for Mimir`},
		{answer{status: 400, words: `auth error: cannot parse accountID from "prometheus"`}, `400 Bad Request: auth error: cannot parse accountID from "prometheus"; check the path: `},
		{answer{err: errors.New("http: server gave HTTP response to HTTPS client")}, "http: server gave HTTP response to HTTPS client; the port does not speak TLS: begin the URL with http://"},
		{answer{err: &url.Error{Op: "Post", URL: "https://x", Err: errors.New("Forbidden")}}, "Forbidden; the proxy in between does not let this host through"},
		{answer{status: 401, words: "invalid\n token"}, "401 Unauthorized: invalid token; check USERNAME and PASSWORD_FILE"},
		{answer{status: 403}, "403 Forbidden; check USERNAME"},
		{answer{status: 404, words: "not found"}, "404 Not Found: not found; check the path"},
		{answer{status: 407}, "407 Proxy Authentication Required; add the user"},
		{answer{status: 415}, "415 Unsupported Media Type; set PROTOCOL to auto"},
		{answer{status: 400}, "400 Bad Request; check whether the receiver needs a tenant"},
		{answer{status: 400, words: "no org id"}, "400 Bad Request: no org id; the receiver needs a tenant"},
		{answer{status: 429}, "429 Too Many Requests; the receiver limits"},
		{answer{status: 503, words: "<p>\nbusy"}, "503 Service Unavailable: <p> busy; the receiver fails"},
		{answer{status: 302, location: "https://sso"}, "302 Found to https://sso: redirects are not followed; set the URL to the address of the receiver"},
		{answer{status: 200, page: true}, "200 with an HTML page; check whether a proxy"},
		{answer{status: 200, protocol: wire.V2}, "200 without the confirmation header: the receiver does not support Remote-Write 2.0; set PROTOCOL to auto"},
		{answer{err: &url.Error{Op: "Post", URL: "https://x", Err: refused}}, "dial tcp: connection refused; nothing listens there"},
		{answer{err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}, "lookup x: no such host; check the spelling of the host name"},
		{answer{err: fmt.Errorf("tls: %w", x509.UnknownAuthorityError{})}, "tls: x509: certificate signed by unknown authority; set CA_FILE"},
		{answer{err: fmt.Errorf("tls: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"})}, "tls: x509: certificate is not valid for any names, but wanted to match x; use a host name"},
		{answer{err: errors.New("timed out")}, "timed out; check that the receiver is running"},
	} {
		got := c.answer.complaint() + "; " + c.answer.advice()
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("complaint is %q, want %q", got, c.want)
		}
	}
}

func TestComplaintCutsLongWords(t *testing.T) {
	t.Parallel()
	a := answer{status: 500, words: strings.Repeat("é", maxWords)}
	if got := a.complaint(); len(got) > 2*maxComplaint {
		t.Errorf("the complaint has %d bytes", len(got))
	}
}
