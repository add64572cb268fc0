package remotewrite

import (
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
		return "does a proxy or a login page answer in the receiver's place?"
	case a.status/100 == 2:
		return "set PROTOCOL to auto, or to 1.0"
	case a.status >= 500:
		return "the receiver is there and fails: its own log says why"
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "are USERNAME and PASSWORD_FILE, or BEARER_TOKEN_FILE, right, and may they write?"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "is the path right? Mimir and Grafana Cloud take /api/v1/push, Prometheus and VictoriaMetrics /api/v1/write"
	case http.StatusProxyAuthRequired:
		return "put the proxy's user and password into PROXY_URL"
	case http.StatusUnsupportedMediaType:
		return "set PROTOCOL to auto; if it is, no remote write is spoken there"
	case http.StatusBadRequest:
		return "does the receiver want a tenant (TENANT), or another PROTOCOL?"
	case http.StatusTooManyRequests:
		return "the receiver limits this tenant's rate: raise the limit, or try again later"
	case http.StatusRequestEntityTooLarge:
		return "raise the receiver's limit on a request's size, or that of the proxy before it"
	case http.StatusConflict, http.StatusUnprocessableEntity:
		return "the receiver's words say what it objects to; does it take samples of this time, and these external labels?"
	}
	return "the receiver's words, and its own log, say why"
}

// adviceOn is what to do where no answer came.
func adviceOn(err error) string {
	if tokenRefusal(err) != nil {
		return "are OAUTH2_CLIENT_ID, OAUTH2_CLIENT_SECRET_FILE and OAUTH2_TOKEN_URL right?"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "name the CA of the receiver's certificate in CA_FILE"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use the name that the receiver's certificate carries"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "is the host name spelled right, and known to this host's DNS?"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nothing listens there: is the port right, and is the receiver up?"
	}
	return "see that the receiver runs, and that it can be reached from this host, through PROXY_URL where one is needed"
}
