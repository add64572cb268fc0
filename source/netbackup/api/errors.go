package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"backwire/source"
)

// Kind says what stood in the way of a request. Every error of a Client is one of these
// by errors.Is; errors.AsType[*Error] has the particulars.
type Kind string

// The kinds of trouble a caller may want to tell apart.
const (
	ErrAuthentication Kind = "not authenticated"         // 401, a login refused, a second factor wanted
	ErrRole           Kind = "role not sufficient"       // 403
	ErrVersion        Kind = "API version refused"       // 406, 415
	ErrBusy           Kind = "server busy"               // 429, 503, after the retries that time allowed
	ErrNotOffered     Kind = "not offered"               // 404, 501 by NetBackup itself: an older release or a smaller role
	ErrForeign        Kind = "answer not from NetBackup" // 400, 403, 404, 406, 501 and such of something else, which prove nothing
	ErrRequest        Kind = "request refused"           // 400 and the other 4xx: the filter, for example
	ErrServer         Kind = "server failed"             // 500 and the other 5xx
	ErrRedirect       Kind = "redirect not followed"     // 3xx: the credential goes nowhere else
	ErrNetwork        Kind = "no answer"                 // refused, unknown host, timed out, broken off
	ErrTLS            Kind = "server not trusted"        // wrong CA, name, fingerprint; expired
	ErrDecode         Kind = "unreadable answer"         // HTML, truncated, oversized, not JSON
	ErrPages          Kind = "endless list of pages"     // a cursor or an offset that does not advance
	ErrLimit          Kind = "limit exceeded"            // an answer, a list or a text beyond what any server holds
	ErrCredential     Kind = "unreadable credential"     // the key or password could not be had locally
)

func (k Kind) Error() string { return string(k) }

// Error is a request that did not bring what it was sent for.
type Error struct {
	Kind       Kind
	Method     string
	URL        string // without the query
	Query      string // decoded
	Status     int    // 0 without an answer
	Code       int64  // the vendor's errorCode, 0 where there was none
	Message    string // what came back, in the server's words
	RequestID  string // X-Request-ID, to be found in the server's logs
	RetryAfter time.Duration
	Hint       string // what to do
	Err        error
}

// Error is one printable line: what was tried, on what, what came back, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Method, e.URL)
	if e.Kind == ErrRequest && e.Query != "" {
		fmt.Fprintf(&b, "?%s", e.Query)
	}
	fmt.Fprintf(&b, ": %s", e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ", errorCode %d", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", oneLine(e.Message))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %s", strings.TrimPrefix(oneLine(e.Err.Error()), e.Kind.Error()+": "))
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (X-Request-ID %s)", e.RequestID)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return source.Printable(b.String())
}

// Unwrap makes errors.Is see both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// unknownHost says that the name does not exist, which no repetition changes.
func (e *Error) unknownHost() bool {
	d, ok := errors.AsType[*net.DNSError](e.Err)
	return ok && d.IsNotFound
}

// interrupted says that a caller's own time was over, not that the server was at fault.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// WithHint adds what to do to an error that does not say it.
func WithHint(err error, hint string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	hinted := *e
	hinted.Hint = hint
	return &hinted
}
