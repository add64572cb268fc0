package send

import (
	"sync"
	"time"

	"backwire/remotewrite/wire"
)

const (
	// maxRequestBytes bounds a request before compression. Prometheus takes 32 MiB, Mimir 100; a thirtieth of the
	// smallest leaves room and keeps the buffers small.
	maxRequestBytes = 1 << 20

	// maxRequestSeries is what other senders put into a request at most (Prometheus: max_samples_per_send, 2,000), and what limits of
	// receivers are made for. Larger ones cost as much CPU and save 3 % of the bytes; they are tried where requests are limited.
	maxRequestSeries = 2000

	// minSlowSamples is where a slow receiver stops to make requests smaller: below it the
	// time goes into the requests themselves. A receiver that says "too large" may go down to one sample.
	minSlowSamples = 500

	// growAfter is how many requests in a row must go well before a larger one is tried, at first; mostAfter, where larger ones were
	// refused again and again.
	growAfter = 32
	mostAfter = 1 << 14

	// busyTimes is after how many answers 429 to one request a smaller one is tried, and busyProven after how long, where one as large was
	// taken: then it is more likely a rate, which passes.
	busyTimes  = 2
	busyProven = time.Minute
)

// sizing adapts the size of requests to what the receiver takes. It is shared by an endpoint's shards.
type sizing struct {
	mu     sync.Mutex
	most   int           // samples, as configured
	now    int           // samples, at present
	series int           // at most, at present
	well   int           // requests in a row that went well
	after  int           // how many must, before a larger one is tried
	grown  bool          // the present size is larger than one that went well
	proven int           // samples: the largest request that was taken since one as large was not
	beyond int           // samples: the smallest that was refused for its size; 0 is none
	rate   time.Duration // the longest for which a request was answered 429 before it was taken as it was
}

func newSizing(most int) *sizing {
	return &sizing{most: most, now: most, series: maxRequestSeries, after: growAfter}
}

func (s *sizing) limits() wire.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.Limits{Samples: s.now, Series: s.series, Bytes: maxRequestBytes}
}

// tooLarge halves what the receiver refused for its size.
func (s *sizing) tooLarge(samples int) { s.shrink(samples, 1, true) }

// tooSlow halves what took the receiver too long.
func (s *sizing) tooSlow(samples int) { s.shrink(samples, minSlowSamples, false) }

// busy counts that the same request was answered 429 so many times for so long, and reports whether a smaller one is tried: a receiver
// whose burst is smaller than a request never takes it (Mimir: burst 5000, request 20,089).
func (s *sizing) busy(samples, times int, lasted time.Duration) (smaller bool) {
	if samples <= 1 || times < busyTimes || lasted < s.patience(samples) {
		return false
	}
	s.shrink(samples, 1, true)
	return true
}

// patience is how long a rate may be what a request of so many samples waits for.
func (s *sizing) patience(samples int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if samples <= s.proven {
		return busyProven
	}
	return min(2*s.rate, busyProven)
}

// shrink halves the size. What was refused for it right after a larger one was tried is tried more seldom.
func (s *sizing) shrink(samples, floor int, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused {
		if s.grown {
			s.after = min(2*s.after, mostAfter)
		}
		s.beyond, s.proven = samples, min(s.proven, samples-1)
	}
	s.well, s.grown = 0, false
	s.now = min(s.now, max(samples/2, floor))
}

// restore forgets what a receiver said of sizes that calls one sample too large.
func (s *sizing) restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.well, s.after, s.grown, s.proven, s.beyond = s.most, 0, growAfter, false, 0, 0
}

// fine counts a request that went well. One that was answered 429 for a while, and was taken as it is, met a limit on requests or on a rate:
// larger ones are tried at once, up to what was refused for its size.
func (s *sizing) fine(samples int, busyFor time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = max(s.rate, busyFor)
	s.proven = max(s.proven, samples)
	if s.beyond > 0 && samples >= s.beyond {
		s.beyond, s.after = 0, growAfter
	}
	if s.grown && samples > s.now/2 {
		s.grown = false
	}
	s.well++
	if busyFor > 0 {
		s.series = min(2*s.series, max(s.most, maxRequestSeries))
	}
	eager := busyFor > 0 && (s.beyond == 0 || 2*s.now < s.beyond)
	if s.well < s.after && !eager {
		return
	}
	s.well = 0
	if s.now < s.most {
		s.now, s.grown = min(2*s.now, s.most), true
	}
}
