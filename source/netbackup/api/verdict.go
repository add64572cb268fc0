package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"backwire/source/guard"
	"backwire/source/secret"
)

// Fault is a cause that this package itself finds.
type Fault string

func (f Fault) Error() string { return string(f) }

// maxSearched is how much of an unreadable body is searched for secrets, in bytes.
const maxSearched = 4 << 10

const errOversized Fault = "the body is larger than 8 MiB"

// verdict is nil for a 2xx answer and says of every other what it means.
func (c *Client) verdict(a *answer) error {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	e := c.answered(a)
	e.Kind, e.Hint = kindOf(a.status)
	e.RetryAfter = retryAfter(a.header)
	switch code, message, ok := vendorError(a.body); {
	case ok:
		e.Code, e.Message = code, cut(c.secrets.Clear(message), messageLimit)
	case e.Kind == ErrNotOffered || e.Kind == ErrRole || e.Kind == ErrVersion || e.Kind == ErrRequest:
		e.Kind, e.Message = ErrForeign, glimpse(a.body, c.secrets)
		e.Hint = "check the URL, which ends with /netbackup, and that the NetBackup services are running"
	default:
		e.Message = glimpse(a.body, c.secrets)
	}
	if e.Kind == ErrRedirect {
		e.Message = "Location " + cut(c.secrets.Clear(a.header.Get("Location")), messageLimit)
	}
	return e
}

// kindOf is what a status means and what to do about it.
func kindOf(status int) (Kind, string) {
	switch status {
	case http.StatusUnauthorized:
		return ErrAuthentication, "check the API key and its expiry"
	case http.StatusForbidden:
		return ErrRole, "give the role of this key the View permission on this resource"
	case http.StatusNotFound, http.StatusNotImplemented:
		return ErrNotOffered, ""
	case http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return ErrVersion, ""
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return ErrBusy, ""
	}
	switch {
	case status >= 500:
		return ErrServer, ""
	case status >= 400:
		return ErrRequest, ""
	}
	return ErrRedirect, "configure the address it points to, if it is the right one"
}

// vendorError reads both shapes of the vendor's error body: the one with attributeErrors
// and errorDetails, and the older one with details. What is not there, or empty, is left out.
func vendorError(body []byte) (code int64, message string, ok bool) {
	var v struct {
		ErrorCode       json.RawMessage
		ErrorMessage    string
		ErrorDetails    json.RawMessage
		AttributeErrors json.RawMessage
		Details         json.RawMessage
	}
	if json.Unmarshal(body, &v) != nil || (v.ErrorCode == nil && v.ErrorMessage == "") {
		return 0, "", false
	}
	code, _ = strconv.ParseInt(strings.Trim(string(v.ErrorCode), `"`), 10, 64) // 0 is "none"
	parts := []string{v.ErrorMessage}
	for _, more := range []json.RawMessage{v.ErrorDetails, v.AttributeErrors, v.Details} {
		if s := string(more); s != "" && s != "null" && s != "[]" && s != "{}" {
			parts = append(parts, s)
		}
	}
	return code, strings.Join(parts, " "), true
}

// glimpse is the beginning of an unreadable body, without the secrets that it may repeat.
func glimpse(body []byte, secrets *secret.Keeper) string {
	const most = 120
	if body = bytes.TrimSpace(body); len(body) > maxSearched {
		body = []byte(secrets.ClearBeginning(string(body[:maxSearched])))
	} else {
		body = []byte(secrets.Clear(string(body)))
	}
	if len(body) == 0 {
		return "empty body"
	}
	if len(body) > most {
		return fmt.Sprintf("body begins %q", body[:most])
	}
	return fmt.Sprintf("body %q", body)
}

// retryAfter reads Retry-After: seconds, an HTTP date or an ISO 8601 date. A date is
// taken against the answer's own Date, because the server's clock wrote both.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		if at, err = time.Parse(time.RFC3339, v); err != nil {
			return 0
		}
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

func (c *Client) newError(r request) *Error {
	e := &Error{Method: r.method, URL: c.cfg.URL.JoinPath(r.path).Redacted()}
	for _, name := range []string{"filter", "sort"} {
		if v := r.query.Get(name); v != "" {
			e.Query = strings.TrimSpace(e.Query + " " + name + "=" + v)
		}
	}
	return e
}

// answered is an error about an answer.
func (c *Client) answered(a *answer) *Error {
	e := c.newError(a.request)
	e.Status, e.RequestID = a.status, cut(c.secrets.Clear(a.header.Get("X-Request-ID")), textLimit)
	return e
}

// unread is an answer whose body could not be read to its end.
func (c *Client) unread(a *answer, cause error) error {
	e := c.answered(a)
	e.Kind, e.Err = ErrNetwork, c.secrets.ClearError(cause)
	if errors.Is(cause, errOversized) || errors.Is(cause, errSlowBody) {
		e.Kind, e.Message = ErrLimit, glimpse(a.body, c.secrets)
		c.limited.Add(1)
		return e
	}
	e.Message = fmt.Sprintf("the answer ended after %d bytes", len(a.body))
	return e
}

// unanswered is a request that got no answer at all.
func (c *Client) unanswered(r request, cause error) error {
	e := c.newError(r)
	e.Kind, e.Hint = networkKind(cause)
	if errors.Is(cause, context.DeadlineExceeded) {
		e.Hint = fmt.Sprintf("the time limit is %s, or the rest of the cycle", c.cfg.Timeout)
	}
	e.Err = c.secrets.ClearError(withoutURL(cause))
	return e
}

// withoutURL leaves out net/http's frame, whose words would repeat the method and the URL.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// networkKind tells a server that is not trusted from one that does not answer.
func networkKind(err error) (Kind, string) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return ErrTLS, "the server's certificate was not issued by the trusted CA: set CA_FILE to the CA certificate of the primary server (backwire trust fetches it)"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return ErrTLS, "use a host name that is in the certificate"
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return ErrTLS, "check the dates of the certificate and this host's clock"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return ErrTLS, "this port does not speak TLS"
	}
	if errors.Is(err, ErrPinMissing) {
		return ErrTLS, "compare CA_FINGERPRINT with the output of \"nbcertcmd -listCACertDetails\" on the primary server"
	}
	if errors.Is(err, ErrTLS) {
		return ErrTLS, "check that CA_FILE contains the CA certificate of the primary server in PEM, and that this user can read it"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return ErrNetwork, "the host name is unknown: check its spelling and this host's DNS"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNetwork, "nothing listens there: check the port (1556) and that the NetBackup services are running"
	}
	return ErrNetwork, ""
}

// unreadable is a 2xx answer that is not what it should be.
func (c *Client) unreadable(a *answer, what string, cause error) error {
	e := c.answered(a)
	e.Kind, e.Err = ErrDecode, c.secrets.ClearError(cause)
	if guard.Beyond(cause) {
		e.Kind = ErrLimit
		c.limited.Add(1)
		return e
	}
	e.Message = what + ", " + glimpse(a.body, c.secrets)
	if isHTML(a) {
		e.Hint = "the answer is HTML: check whether a proxy or a login page answers instead of the server"
	}
	return e
}

func isHTML(a *answer) bool {
	return strings.Contains(a.header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}
