package send

import (
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang/snappy"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
	"backwire/source"
)

// Every row of the table of verdicts, from the answer to what has become of the samples.
func TestVerdictsEndToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		answers  []receiver.Answer
		options  receiver.Options
		within   time.Duration
		atLeast  time.Duration
		statuses string
	}{
		"server errors":      {answers: statuses(500, 502, 503, 504), within: 2 * time.Second, statuses: "500 502 503 504 204"},
		"rate limit":         {answers: statuses(429, 408), within: time.Second, statuses: "429 408 204"},
		"connection cut":     {answers: []receiver.Answer{{Drop: receiver.DropMidBody}, {Drop: receiver.DropMidBody}}, within: time.Second, statuses: "0 0 204"},
		"stalled":            {answers: []receiver.Answer{{Delay: time.Hour, Status: 500}}, within: time.Minute, atLeast: 30 * time.Second, statuses: "500 204 204"},
		"retry after":        {answers: []receiver.Answer{{Status: 503, Header: http.Header{"Retry-After": {"120"}}}}, within: 121 * time.Second, atLeast: 2 * time.Minute, statuses: "503 204"},
		"retry after capped": {answers: []receiver.Answer{{Status: 429, Header: http.Header{"Retry-After": {"86400"}}}}, within: 301 * time.Second, atLeast: 5 * time.Minute, statuses: "429 204"},
		"2.0 refused":        {options: receiver.Options{V2: receiver.Refuse}, within: time.Second, statuses: "415 204 204"},
		"2.0 swallowed":      {options: receiver.Options{V2: receiver.Swallow}, within: time.Second, statuses: "204 204 204"},
		"unauthorized":       {answers: statuses(401, 403, 404), within: 181 * time.Second, atLeast: 3 * time.Minute, statuses: "401 403 404 204"},
		"redirect":           {answers: []receiver.Answer{{Status: 302, Header: http.Header{"Location": {"http://other.test/"}}}}, within: 61 * time.Second, atLeast: time.Minute, statuses: "302 204"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testwindow.New(10, 3)
				g := newRig(t, Config{}, c.options, w)
				g.receiver.Script(c.answers...)
				start := time.Now()
				g.run(t, func() { time.Sleep(c.within) })
				g.stored(t, w)
				if got := g.statuses(); got != c.statuses {
					t.Errorf("answered %s, want %s", got, c.statuses)
				}
				reqs := g.receiver.Requests()
				if took := reqs[len(reqs)-1].Time.Sub(start); took < c.atLeast {
					t.Errorf("delivered after %s, want at least %s", took, c.atLeast)
				}
				if len(g.sink.all) != 0 || g.tape.place() != 1 {
					t.Errorf("rejected %v, at window %d", g.sink.all, g.tape.place())
				}
			})
		})
	}
}

func statuses(all ...int) []receiver.Answer {
	var out []receiver.Answer
	for _, s := range all {
		out = append(out, receiver.Answer{Status: s})
	}
	return out
}

func TestRetriesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.receiver.Always(&receiver.Answer{Status: 503, Body: "not ready"})
		var over time.Time
		g.run(t, func() {
			time.Sleep(24 * time.Hour)
			over = time.Now()
			s := g.endpoint.Stats()
			if s.LastError != "503 Service Unavailable: not ready" || s.Pending != 10 || g.tape.place() != 0 {
				t.Errorf("stats %+v", s)
			}
			g.receiver.Always(nil)
			time.Sleep(time.Minute)
		})
		g.stored(t, w)
		reqs := g.receiver.Requests()
		if n := len(reqs); n < 24*60*60/45 || n > 24*60*60/15 {
			t.Errorf("%d requests in a day", n)
		}
		for i := 1; i < len(reqs) && reqs[i].Time.Before(over); i++ { // then the canary may be taken, and the samples follow at once
			if gap := reqs[i].Time.Sub(reqs[i-1].Time); gap < 15*time.Millisecond || gap > 45*time.Second {
				t.Fatalf("request %d came after %s", i, gap)
			}
		}
		if n := strings.Count(g.log.String(), "503"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
		if !strings.Contains(g.log.String(), "accepts samples again") {
			t.Error("the log does not say that it is over")
		}
	})
}

func TestPauseIsToldAndEndsByWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.receiver.Always(&receiver.Answer{Status: 401, Body: "token expired"})
		g.run(t, func() {
			time.Sleep(90 * time.Second)
			if s := g.endpoint.Stats(); s.Paused != "401 Unauthorized: token expired" || s.Requests["401"] != 2 {
				t.Errorf("stats %+v", s)
			}
			g.receiver.Always(nil)
			g.endpoint.Wake()
			synctest.Wait()
			g.stored(t, w)
			if s := g.endpoint.Stats(); s.Paused != "" || s.LastError != "" {
				t.Errorf("stats %+v", s)
			}
		})
		if n := strings.Count(g.log.String(), "token expired"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
	})
}

func TestFallbackIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		windows := []*window.Window{testwindow.New(10, 1), testwindow.Later(10, 1, time.Minute), testwindow.Later(10, 1, time.Hour)}
		g := newRig(t, Config{}, receiver.Options{V2: receiver.Swallow}, windows...)
		g.run(t, func() {})
		g.stored(t, windows...)
		var versions []receiver.Version
		for _, r := range g.receiver.Requests() {
			versions = append(versions, r.Version)
		}
		if !slices.Equal(versions, []receiver.Version{receiver.V2, receiver.V1, receiver.V1, receiver.V1, receiver.V1}) || // the second is the canary
			g.endpoint.Stats().Protocol != "1.0" {
			t.Errorf("spoke %s", versions)
		}
	})
}

func TestNoFallbackWhere20IsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{Protocol: "2.0"}, receiver.Options{V2: receiver.Swallow}, testwindow.New(10, 1))
		g.run(t, func() {
			if s := g.endpoint.Stats(); !strings.Contains(s.Paused, "does not support") {
				t.Errorf("stats %+v", s)
			}
		})
		if g.tape.place() != 0 {
			t.Error("the place moved")
		}
	})
}

func TestTooLargeIsHalvedAndGrowsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{MaxSamples: 1000}, receiver.Options{MaxBody: 4000}, testwindow.New(1000, 1))
		var windows []*window.Window
		g.run(t, func() {
			if n := g.endpoint.sizing.limits().Samples; n >= 1000 || n < 50 {
				t.Errorf("%d samples a request", n)
			}
			g.receiver.Set(receiver.Options{})
			for i := range 200 {
				w := testwindow.Later(100, 1, time.Duration(i+1)*time.Minute)
				windows = append(windows, w)
				g.tape.push(w)
				synctest.Wait()
			}
			if n := g.endpoint.sizing.limits().Samples; n != 1000 {
				t.Errorf("%d samples a request", n)
			}
		})
		g.stored(t, append([]*window.Window{testwindow.New(1000, 1)}, windows...)...)
		if len(g.sink.all) != 0 {
			t.Errorf("rejected %v", g.sink.all)
		}
	})
}

// A receiver, or a proxy before it, that takes less than one of our samples takes the canary all the same.
func TestOneSampleTooLargeIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testwindow.Draft{}
		for i, label := range []string{"short", hex.EncodeToString(testkit.Noise(2000))} {
			m := &source.Metric{Name: "m", Type: source.Gauge}
			d.Add(source.NewSeries(m, "", 0, source.Label{Name: "l", Value: label}), []window.Point{{T: testwindow.Time, V: float64(i)}, {T: testwindow.Time + 1, V: 1}})
		}
		w := d.Window()
		g := newRig(t, Config{}, receiver.Options{MaxBody: 1000}, w)
		g.run(t, func() {})
		if s := g.endpoint.Stats(); s.Rejected["413"] != 2 || len(g.sink.points()) != 2 || s.Samples != 2 || g.tape.place() != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A receiver that needs too long for a large request, and answers the canary in time, gets smaller ones.
func TestSlowReceiverGetsSmallerRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(2000, 1)
		g := newRig(t, Config{Transport: nil}, receiver.Options{}, w)
		g.endpoint.client.http.Transport = &sluggish{to: testkit.Loopback{To: g.receiver}, most: 600}
		g.run(t, func() { time.Sleep(10 * time.Minute) })
		g.stored(t, w)
		if n := g.endpoint.sizing.limits().Samples; n != minSlowSamples {
			t.Errorf("%d samples a request", n)
		}
	})
}

// sluggish does not answer in time what has more than so many samples, by its bytes.
type sluggish struct {
	to   http.RoundTripper
	most int
}

func (s *sluggish) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ContentLength > int64(s.most)*20 {
		return silent{}.RoundTrip(r)
	}
	return s.to.RoundTrip(r)
}

// A receiver that answers nothing at all says nothing of the size of requests.
func TestOutageLeavesTheSizeOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(2000, 10)
		g := newRig(t, Config{}, receiver.Options{}, w)
		whole := g.endpoint.client.http.Transport
		var back atomic.Bool
		g.endpoint.client.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if back.Load() {
				return whole.RoundTrip(r)
			}
			return silent{}.RoundTrip(r)
		})
		g.run(t, func() {
			time.Sleep(time.Hour)
			back.Store(true)
			time.Sleep(10 * time.Minute)
		})
		g.stored(t, w)
		if r := g.receiver.Requests(); r[len(r)-1].Samples != 20_000 || g.endpoint.sizing.limits().Samples != 20_000 {
			t.Errorf("%d samples in the last of %d requests", r[len(r)-1].Samples, len(r))
		}
	})
}

// transport is a function that carries requests.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestReceiverThatIsFastAgainGetsLargerRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		windows := []*window.Window{testwindow.New(2000, 1)}
		g := newRig(t, Config{MaxSamples: 2000}, receiver.Options{}, windows[0])
		g.receiver.Script(receiver.Answer{Delay: 16 * time.Second})
		g.run(t, func() {
			time.Sleep(time.Minute)
			if n := g.endpoint.sizing.limits().Samples; n != 1000 {
				t.Errorf("%d samples a request after a slow one", n)
			}
			for i := range growAfter {
				windows = append(windows, testwindow.Later(2000, 1, time.Duration(i+1)*time.Minute))
				g.tape.push(windows[i+1])
				synctest.Wait()
			}
			if n := g.endpoint.sizing.limits().Samples; n != 2000 {
				t.Errorf("%d samples a request when the receiver is fast again", n)
			}
		})
		g.stored(t, windows...)
	})
}

// A window's series go out side by side, and nothing of the next window before all of them have their verdict.
func TestNextWindowWaitsForAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := testwindow.New(300, 2), testwindow.Later(300, 2, time.Hour)
		g := newRig(t, Config{MaxSamples: 100, Concurrency: 3}, receiver.Options{Ordered: true}, first, second)
		g.receiver.Script(receiver.Answer{Delay: 10 * time.Second}, receiver.Answer{Status: 503, Delay: time.Second})
		g.run(t, func() {
			time.Sleep(5 * time.Second)
			if n := len(g.receiver.Requests()); n < 3 || g.tape.place() != 0 {
				t.Errorf("%d requests at window %d while one of the first is under way", n, g.tape.place())
			}
			for _, s := range testkit.Data(g.receiver) {
				if s.Last().T > first.Newest {
					t.Fatalf("%s has a point of the next window", s.Key())
				}
			}
			time.Sleep(time.Minute)
		})
		g.stored(t, first, second)
		if len(g.sink.all) != 0 {
			t.Errorf("rejected %v", g.sink.all)
		}
	})
}

// What a receiver says beside its status decides nothing.
func TestWordsDecideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{Protocol: "1.0"}, receiver.Options{}, w, testwindow.Later(10, 1, time.Hour))
		g.receiver.Script(
			receiver.Answer{Status: 200, Body: "error: out of order sample, nothing was stored", Store: true},
			receiver.Answer{Status: 500, Body: "out of order sample: do not retry"},
		)
		g.run(t, func() { time.Sleep(time.Second) })
		g.stored(t, w, testwindow.Later(10, 1, time.Hour))
		if got := g.statuses(); got != "200 500 204" || len(g.sink.all) != 0 {
			t.Errorf("answered %s, rejected %v", got, g.sink.all)
		}
	})
}

// An answer that is lost makes the samples travel twice, byte for byte.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 1)
		g := newRig(t, Config{}, receiver.Options{Ordered: true}, w)
		g.receiver.Script(receiver.Answer{Drop: receiver.DropAnswer})
		g.run(t, func() { time.Sleep(time.Second) })
		g.stored(t, w)
		if r := g.receiver.Requests(); len(r) != 2 || r[0].Bytes != r[1].Bytes || r[0].Samples != r[1].Samples || len(g.sink.all) != 0 {
			t.Errorf("requests %+v, rejected %v", r, g.sink.all)
		}
	})
}

// hasty answers the first request before it has read its body, as net/http may do, and reads it after the second.
type hasty struct {
	next  http.RoundTripper
	first *http.Request
	body  []byte
}

func (h *hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.first == nil {
		h.first = r
		return &http.Response{StatusCode: http.StatusRequestEntityTooLarge, Body: http.NoBody}, nil
	}
	if h.body == nil {
		var err error
		if h.body, err = io.ReadAll(h.first.Body); err != nil {
			return nil, err
		}
	}
	return h.next.RoundTrip(r)
}

func TestABodyThatIsStillReadDoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(1000, 1)
		h := &hasty{}
		g := newRig(t, Config{Transport: h}, receiver.Options{}, w)
		h.next = testkit.Loopback{To: g.receiver}
		g.run(t, func() {})
		g.stored(t, w)
		body, err := snappy.Decode(nil, h.body)
		var got writev2.Request
		if err != nil || got.Unmarshal(body) != nil || len(got.Timeseries) != 1000 {
			t.Errorf("%d series in the first request: %v", len(got.Timeseries), err)
		}
	})
}

func TestErrorBodiesAreLoggedVerbatimButNotWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Config{}, receiver.Options{}, testwindow.New(1, 1))
		g.receiver.Script(receiver.Answer{Status: 500, Body: "words" + strings.Repeat("x", 1<<20)})
		g.run(t, func() { time.Sleep(time.Second) })
		if got := g.log.String(); !strings.Contains(got, "wordsxxx") || len(got) > maxWords+1000 {
			t.Errorf("logged %d bytes", len(got))
		}
	})
}
