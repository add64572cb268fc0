package send

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// maxComplaint bounds a receiver's words where a person reads them in one line, in bytes.
const maxComplaint = 300

// complaint is what a check met, in one line.
func (a *answer) complaint() string {
	what := a.describe()
	if e, framed := errors.AsType[*url.Error](a.err); framed && tokenRefusal(a.err) == nil {
		what = e.Err.Error() // without the method and the URL once more
	}
	what = strings.Join(strings.Fields(what), " ")
	if len(what) > maxComplaint {
		what = strings.ToValidUTF8(what[:maxComplaint], "") + "…"
	}
	return what
}

// advice is what to do about an answer that is not a good one. Settings are called by the end of their names.
func (a *answer) advice() string {
	if a.err != nil {
		return adviceOn(a.err)
	}
	switch {
	case a.page:
		return "check whether a proxy or a login page answers instead of the receiver"
	case a.status/100 == 2:
		return "set PROTOCOL to auto, or to 1.0"
	case a.status >= 500:
		return "the receiver fails: see its log"
	}
	if next := a.adviceOnWords(); next != "" {
		return next
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check USERNAME and PASSWORD_FILE, or BEARER_TOKEN_FILE, and that they are allowed to write"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return checkPath
	case http.StatusProxyAuthRequired:
		return "add the user and password of the proxy to PROXY_URL"
	case http.StatusUnsupportedMediaType:
		return "set PROTOCOL to auto; if it is auto, this is not a remote-write receiver"
	case http.StatusBadRequest:
		return "check whether the receiver needs a tenant (TENANT) or another PROTOCOL"
	case http.StatusTooManyRequests:
		return "the receiver limits the rate of this tenant: raise the limit, or try again later"
	case http.StatusRequestEntityTooLarge:
		return "raise the request size limit of the receiver, or of the proxy in front of it"
	case http.StatusConflict, http.StatusUnprocessableEntity:
		return "see the receiver's message; check that it accepts samples of this time and the external labels"
	}
	return "see the receiver's message and its log"
}

// checkPath names the path of each receiver, from its documents.
const checkPath = "check the path: /api/v1/push for Mimir, /api/prom/push for Grafana Cloud, /api/v1/write for Prometheus and VictoriaMetrics " +
	"(/insert/0/prometheus/api/v1/write in a cluster), /api/v1/receive for Thanos, /api/v1/metrics/write for Alloy"

// adviceOnWords is what to do about words whose meaning is known, whatever the status; empty where it is not.
func (a *answer) adviceOnWords() string {
	words := strings.ToLower(a.words)
	for _, known := range []struct{ words, advice string }{
		{"no org id", "the receiver needs a tenant: set TENANT"},                                               // Mimir, Cortex, Loki: 401
		{"http request to an https server", "the port speaks TLS: begin the URL with https://"},                // Go: 400
		{"plain http request was sent to https port", "the port speaks TLS: begin the URL with https://"},      // nginx: 400
		{"no required ssl certificate", "the receiver wants a client certificate: set CERT_FILE and KEY_FILE"}, // nginx: 400
		{"unsupported path", checkPath},       // VictoriaMetrics: 400
		{"cannot parse accountid", checkPath}, // vminsert, where the path lacks a tenant
	} {
		if strings.Contains(words, known.words) {
			return known.advice
		}
	}
	return ""
}

// adviceOn is what to do where no answer came.
func adviceOn(err error) string {
	if tokenRefusal(err) != nil {
		return "check OAUTH2_CLIENT_ID, OAUTH2_CLIENT_SECRET_FILE and OAUTH2_TOKEN_URL"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "set CA_FILE to the CA certificate of the receiver"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use a host name that is in the receiver's certificate"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return "the port does not speak TLS: begin the URL with http://, or set the port that does"
	}
	if strings.HasSuffix(err.Error(), ": "+http.StatusText(http.StatusForbidden)) { // net/http says no more of a proxy's answer to CONNECT
		return "the proxy in between does not let this host through: have it allow the receiver, or set PROXY_URL to another"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "check the spelling of the host name and this host's DNS"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nothing listens there: check the port and that the receiver is running"
	}
	return "check that the receiver is running and reachable from this host, through PROXY_URL if a proxy is needed"
}
