package send

import (
	"net/http"
	"strconv"
	"time"

	"backwire/remotewrite/wire"
)

// verdict is what happens to a request's samples after its answer.
type verdict uint8

const (
	delivered verdict = iota // the receiver has them
	again                    // kept and sent again, for ever
	older                    // the same samples as 1.0, where the canary is taken so
	smaller                  // in two requests
	refused                  // bisected for what the receiver does not take, where it takes the canary
	paused                   // kept until somebody has put something right
)

// answer is what came back for one request.
type answer struct {
	protocol   wire.Protocol
	status     int           // 0 where the connection failed
	sent       int           // samples in the request
	written    int           // samples stored by the receiver's own count; -1 where it gave none that can be read
	histograms int           // native histograms stored by the receiver's own count; 0 where it gave none that can be read
	confirmed  bool          // one of the X-Prometheus-Remote-Write-*-Written headers was there
	retryAfter time.Duration // 0 where none was asked for
	date       time.Time     // the receiver's clock, to the second; zero where it gave none
	location   string        // where a redirect points
	page       bool          // a 2xx with HTML, as a proxy's login page has it
	words      string        // the body of an error, cut to maxWords
	err        error         // why the connection failed
	took       time.Duration
	expires    time.Time // the first certificate of the receiver's chain; zero over plain http
}

// short reports whether a receiver of 2.0 says itself that it stored less than it was sent. A count of as much or more
// says nothing on an error: Mimir counts what it received, also where it stored nothing.
func (a *answer) short() bool {
	return a.protocol == wire.V2 && a.confirmed && a.written >= 0 && a.written < a.sent
}

// partial reports whether some of the samples were stored, by the receiver's own count, and others not.
func (a *answer) partial() bool { return a.short() && a.written > 0 }

// judge decides on an answer. It never looks at the words: they are for people
// (Remote-Write 2.0, "Retries on Errors"). A 1.0 fallback is possible where the protocol is chosen
// automatically.
func judge(a answer, fallback bool) verdict {
	silent := a.protocol == wire.V2 && (!a.confirmed || a.written < 0 && a.sent > 0)
	switch {
	case a.page:
		// No receiver answers a push with a page: it came from something in its place, which
		// has thrown the samples away.
		return paused
	case a.status/100 == 2 && a.short():
		return refused // what is not stored is not delivered, whatever the status
	case a.status/100 == 2 && !silent:
		return delivered
	case a.status/100 == 2 || a.status == http.StatusUnsupportedMediaType:
		// VictoriaMetrics and Thanos answer 2xx to a 2.0 body and store nothing: without
		// a confirming header the samples are not there.
		if a.protocol == wire.V2 && fallback {
			return older
		}
		return paused
	}
	switch a.status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		return refused
	case http.StatusRequestEntityTooLarge:
		return smaller
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return again
	}
	if refusal := tokenRefusal(a.err); refusal != nil && needsSomebody(refusal) {
		return paused
	}
	if a.status == 0 || a.status >= 500 {
		return again
	}
	// 401, 403 and 404, and whatever else says that the address or the credentials are wrong, not
	// the samples: a redirect, 402, 405, 407. An expired token must not cost samples.
	return paused
}

// maxRetryAfter bounds what a receiver may ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	d := time.Duration(0)
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		d = time.Duration(s) * time.Second
	} else if t, err := http.ParseTime(header); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
