package send

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
)

// pushed delivers windows of 1000 series and 20 points one after the other.
func (g *rig) pushed(t *testing.T, n int) (windows []*window.Window) {
	t.Helper()
	g.run(t, func() {
		for i := range n {
			w := testwindow.Later(1000, 20, time.Duration(i+1)*time.Hour)
			windows = append(windows, w)
			g.tape.push(w)
			time.Sleep(2 * time.Hour)
		}
	})
	return windows
}

// A receiver whose burst is smaller than a request answers 429 to it for ever (Mimir: burst 5000, request 20,089; captured: 7 answers in
// 240 s, 64 samples sent). What is smaller is taken, and the size is kept.
func TestBurstSmallerThanARequest(t *testing.T) {
	for _, burst := range []int{5000, 300, 1} { // samples
		t.Run(strconv.Itoa(burst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, receiver.Options{Burst: burst})
				windows := 12
				if burst == 1 {
					windows = 1
				}
				g.stored(t, g.pushed(t, windows)...)
				s := g.endpoint.Stats()
				if s.Samples != uint64(20_000*windows) || len(s.Rejected) > 0 {
					t.Errorf("stats %+v", s)
				}
				if n := s.Requests["429"]; n > 60 {
					t.Errorf("%d of %d requests were answered 429", n, len(g.receiver.Requests()))
				}
				if n := g.endpoint.sizing.limits().Samples; n > 2*burst {
					t.Errorf("%d samples a request, the burst is %d", n, burst)
				}
			})
		})
	}
}

// A limit on requests a second is met by fewer of them: they stay as large as they were, and become as large where they were small.
func TestRateOfRequests(t *testing.T) {
	for _, first := range []int{20_000, 100} {
		t.Run(strconv.Itoa(first), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, receiver.Options{})
				g.endpoint.client.http.Transport = &limitedRate{to: testkit.Loopback{To: g.receiver}, every: time.Second}
				g.endpoint.sizing.now = first
				g.stored(t, g.pushed(t, 5)...)
				if n := g.endpoint.sizing.limits().Samples; n != 20_000 {
					t.Errorf("%d samples a request", n)
				}
				if n := len(g.receiver.Requests()); n > 25 {
					t.Errorf("%d requests for 100,000 samples", n)
				}
			})
		})
	}
}

// A request has as many series as other senders' have at most (Prometheus: max_samples_per_send, 2,000), and more where a receiver limits
// requests a second.
func TestSeriesOfARequest(t *testing.T) {
	for _, limited := range []bool{false, true} {
		t.Run(fmt.Sprintf("limited=%v", limited), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{}, receiver.Options{})
				if limited {
					g.endpoint.client.http.Transport = &limitedRate{to: testkit.Loopback{To: g.receiver}, every: time.Second}
				}
				var windows []*window.Window
				g.run(t, func() {
					for i := range 6 {
						w := testwindow.Later(10_000, 1, time.Duration(i+1)*time.Minute)
						windows = append(windows, w)
						g.tape.push(w)
						time.Sleep(time.Minute)
					}
				})
				g.stored(t, windows...)
				first, last := 0, 0
				for _, r := range g.receiver.Requests() {
					if r.Series > 1 { // no canary
						first, last = cmp.Or(first, r.Series), r.Series
					}
				}
				want := 2000
				if limited {
					want = 10_000
				}
				if first != 2000 || last != want {
					t.Errorf("the first request has %d series, the last %d", first, last)
				}
			})
		})
	}
}

// limitedRate answers 429 to a request that comes too soon after the last that was let through.
type limitedRate struct {
	to    http.RoundTripper
	every time.Duration
	last  time.Time
}

func (l *limitedRate) RoundTrip(r *http.Request) (*http.Response, error) {
	if time.Since(l.last) < l.every {
		_ = r.Body.Close()
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	l.last = time.Now()
	return l.to.RoundTrip(r)
}

// A size that was refused is remembered: with 413, and with the 400 that Mimir answers in its place (captured), which is told from bad samples
// because all parts of the request are taken.
func TestSizeIsLearnedForLong(t *testing.T) {
	for _, status := range []int{413, 400} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Config{MaxSamples: 4000}, receiver.Options{MaxBody: 9000, TooLargeStatus: status})
				g.pushed(t, 50)
				s := g.endpoint.Stats()
				if n := sentOnce(g.receiver); n != 1_000_000 { // what is searched for is sent again
					t.Errorf("%d samples are there", n)
				}
				if s.Samples != 1_000_000 || len(s.Rejected) > 0 || len(g.sink.all) > 0 {
					t.Errorf("stats %+v", s)
				}
				// Tried again after 32, 64, 128, 256, 512 … requests; each 400 costs a bisect of a few.
				if n, all := s.Requests[strconv.Itoa(status)], len(g.receiver.Requests()); n > 40 || all < 500 {
					t.Errorf("%d of %d requests were too large", n, all)
				}
			})
		})
	}
}

// What is answered 429 once, or a few times where as much was taken before, is a rate: it is sent again as it is.
func TestBusyIsNotTooLarge(t *testing.T) {
	s := newSizing(20_000)
	for _, c := range []struct {
		samples, times int
		smaller        bool
		now            int
	}{
		{20_000, 1, false, 20_000}, {20_000, 2, true, 10_000}, {10_000, 1, false, 10_000}, {10_000, 2, true, 5000},
	} {
		if got := s.busy(c.samples, c.times, time.Millisecond); got != c.smaller || s.now != c.now {
			t.Errorf("%d times 429 to %d: smaller is %v, %d samples", c.times, c.samples, got, s.now)
		}
	}
	s.fine(5000, 0)
	if s.busy(5000, 10, busyProven-1) || s.now != 5000 {
		t.Errorf("429 to what was taken before: %d samples", s.now)
	}
	s.fine(5000, time.Second) // a rate: larger ones wait for it too
	if s.busy(10_000, 5, 2*time.Second-1) || !s.busy(10_000, 5, 2*time.Second) {
		t.Error("429 to a larger one, where as much was taken after a second")
	}
	if !s.busy(5000, 10, busyProven) || s.now != 2500 || s.busy(1, 100, time.Hour) {
		t.Errorf("429 for ever: %d samples", s.now)
	}
}
