package send

import (
	"sync"

	"backwire/remotewrite/wire"
)

const (
	// maxRequestBytes bounds a request before compression. Prometheus takes 32 MiB, Mimir 100; a twentieth of the
	// smallest leaves room and keeps the buffers small.
	maxRequestBytes = 3 << 19

	// minSlowSamples is where a slow receiver stops to make requests smaller: below it the
	// time goes into the requests themselves. A receiver that says "too large" may go down to one sample.
	minSlowSamples = 500

	// growAfter is how many requests in a row must go well before a larger one is tried.
	growAfter = 32
)

// sizing adapts the size of requests to what the receiver takes. It is shared by an endpoint's shards.
type sizing struct {
	mu   sync.Mutex
	most int // samples, as configured
	now  int // samples, at present
	well int // requests in a row that went well
}

func newSizing(most int) *sizing { return &sizing{most: most, now: most} }

func (s *sizing) limits() wire.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.Limits{Samples: s.now, Bytes: maxRequestBytes}
}

// tooLarge halves what the receiver refused for its size.
func (s *sizing) tooLarge(samples int) { s.shrink(samples, 1) }

// tooSlow halves what took the receiver too long.
func (s *sizing) tooSlow(samples int) { s.shrink(samples, minSlowSamples) }

func (s *sizing) shrink(samples, floor int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.well = 0
	s.now = min(s.now, max(samples/2, floor))
}

// restore forgets what a receiver said of sizes that calls one sample too large.
func (s *sizing) restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.well, s.now = 0, s.most
}

// fine counts a request that went well.
func (s *sizing) fine() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.well++; s.well < growAfter {
		return
	}
	s.well = 0
	s.now = min(2*s.now, s.most)
}
