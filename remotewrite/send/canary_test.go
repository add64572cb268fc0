package send

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
)

// stranger is an endpoint that has not sent anything yet.
func stranger(t *testing.T, c Config, o receiver.Options, windows ...*window.Window) *rig {
	t.Helper()
	g := newRig(t, c, o, windows...)
	g.endpoint.met = false
	return g
}

// The rows of the table, as the design has them.
func TestConclude(t *testing.T) {
	for _, c := range []struct {
		about question
		taken bool
		want  conclusion
	}{
		{aboutRequest, true, badSamples},
		{aboutRequest, false, wrongReceiver},
		{aboutFailure, true, badForNow},
		{aboutFailure, false, outage},
		{aboutProtocol, true, speaksOlder},
		{aboutProtocol, false, wrongReceiver},
	} {
		if got := conclude(c.about, c.taken); got != c.want {
			t.Errorf("question %d, taken %t: %d, want %d", c.about, c.taken, got, c.want)
		}
	}
}

// canaries are the requests that a receiver was asked with.
func (g *rig) canaries() []receiver.Series { return g.receiver.Select(canaryMetric) }

// Two requests that raise a question at once ask it one after the other: a receiver without an out-of-order window would refuse the
// older canary behind the newer one, and seem to refuse everything.
func TestCanariesDoNotOvertakeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(40, 3)
		var refused, asked atomic.Int32
		g := newRig(t, Config{Concurrency: 4, MaxSamples: 10}, receiver.Options{Ordered: true, V2: receiver.Refuse}, w)
		whole := g.endpoint.client.http.Transport
		g.endpoint.client.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
			switch {
			case r.Header.Get("X-Prometheus-Remote-Write-Version") == string(receiver.V2):
				time.Sleep(time.Duration(refused.Add(1)) * time.Millisecond) // the questions come one after the other
			case asked.Add(1) == 1:
				time.Sleep(time.Second) // the first of them is on its way for longer
			}
			return whole.RoundTrip(r)
		})
		g.run(t, func() { time.Sleep(2 * time.Second) })
		g.stored(t, w)
		if stats := g.endpoint.Stats(); stats.Failures != 0 || stats.Requests["400"] != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

func TestCanaryIsTheFirstThingSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(10, 3)
		g := stranger(t, Config{}, receiver.Options{Ordered: true}, w, testwindow.Later(10, 3, time.Hour))
		g.run(t, func() {})
		g.stored(t, w, testwindow.Later(10, 3, time.Hour))
		r := g.receiver.Requests()
		if len(r) != 3 || r[0].Samples != 1 {
			t.Fatalf("requests %+v", r)
		}
		all := g.canaries()
		if len(all) != 1 || len(all[0].Labels) != 3 || all[0].Label("endpoint") != "test" || all[0].Label("instance") == "" {
			t.Fatalf("canaries %+v", all)
		}
		if p := all[0].Last(); p.V != 1 || p.T != time.Now().UnixMilli() {
			t.Errorf("the canary is %+v at %d", p, time.Now().UnixMilli())
		}
		if s := g.endpoint.Stats(); s.Samples != 60 || s.State != StateSending {
			t.Errorf("stats %+v", s)
		}
	})
}

// What a receiver that is none answers to everything: sources are the answers that were captured from real ones.
func TestWrongReceiverLosesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		answer receiver.Answer
		state  State
	}{
		"nginx without a client certificate": {answer: receiver.Answer{Status: 400, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html><head><title>400 No required SSL certificate was sent</title></head></html>"}, state: StateRefusing},
		"Go's TLS listener over plain http":  {answer: receiver.Answer{Status: 400, Body: "Client sent an HTTP request to an HTTPS server.\n"}, state: StateRefusing},
		"VictoriaMetrics, unknown path":      {answer: receiver.Answer{Status: 400, Body: "unsupported path requested: /api/v1/push"}, state: StateRefusing},
		"Thanos, bad tenant":                 {answer: receiver.Answer{Status: 400, Body: "invalid tenant name"}, state: StateRefusing},
		"conflict with everything, 1.0":      {config: Config{Protocol: "1.0"}, answer: receiver.Answer{Status: 409}, state: StateRefusing},
		"422 to everything":                  {answer: receiver.Answer{Status: 422}, state: StateRefusing},
		"too large, all of it":               {answer: receiver.Answer{Status: 413}, state: StateRefusing},
		"stores nothing and says so":         {config: Config{Protocol: "2.0"}, answer: receiver.Answer{Status: 200, Header: http.Header{"X-Prometheus-Remote-Write-Samples-Written": {"0"}}}, state: StateRefusing},
		"no tenant":                          {answer: receiver.Answer{Status: 401, Body: "no org id"}, state: StatePaused},
		"a login page":                       {answer: receiver.Answer{Status: 200, Header: http.Header{"Content-Type": {"Text/HTML; charset=utf-8"}}}, state: StatePaused},
		"a login page in XHTML, 1.0":         {config: Config{Protocol: "1.0"}, answer: receiver.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/XHTML+xml"}}}, state: StatePaused},
	} {
		for when, met := range map[string]bool{"from the start": false, "later": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, v := testwindow.New(1000, 20), testwindow.Later(1000, 20, time.Hour)
					g := newRig(t, c.config, receiver.Options{}, w, v)
					g.endpoint.met = met
					g.receiver.Always(&c.answer)
					g.run(t, func() {
						time.Sleep(10*time.Minute + time.Second)
						s := g.endpoint.Stats()
						if s.State != c.state || s.Paused == "" || s.LastError == "" {
							t.Errorf("state %s, paused %q, error %q", s.State, s.Paused, s.LastError)
						}
						if len(s.Rejected) != 0 || len(g.sink.all) != 0 || s.Parked != 0 || g.tape.place() != 0 {
							t.Errorf("stats %+v, at window %d", s, g.tape.place())
						}
						// Once a minute, in both versions; a size that is refused is halved first.
						if n := len(g.receiver.Requests()); n < 10 || n > 2*11+16 {
							t.Errorf("%d requests in ten minutes", n)
						}
						g.receiver.Always(nil)
						g.endpoint.Wake()
						synctest.Wait()
					})
					g.stored(t, w, v)
					if s := g.endpoint.Stats(); s.Samples != 40_000 || s.Paused != "" || s.State != StateSending {
						t.Errorf("stats %+v", s)
					}
					if n := strings.Count(g.log.String(), "level=ERROR"); n != 1 {
						t.Errorf("the log says it %d times: %s", n, g.log)
					}
				})
			})
		}
	}
}

// A receiver that does not know 2.0 may say so in many ways; whether it speaks 1.0 tells the canary.
func TestOlderReceiverIsFoundByTheCanary(t *testing.T) {
	for _, status := range []int{400, 406, 415, 422, 500, 501} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testwindow.New(100, 3)
				g := stranger(t, Config{}, receiver.Options{V2: receiver.Refuse, V2Status: status}, w)
				g.run(t, func() { time.Sleep(5 * time.Minute) })
				g.stored(t, w)
				if s := g.endpoint.Stats(); s.Protocol != "1.0" || s.Samples != 300 || len(s.Rejected) != 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// Mimir counts what it received, also on a 400 where nothing was stored: pkg/distributor counts in its metrics middleware
// before validation.
func TestCountOfWhatWasReceivedProvesNothing(t *testing.T) {
	for _, lie := range []receiver.Lie{receiver.CountReceived, receiver.CountGarbage, receiver.CountNegative, receiver.CountHuge, receiver.CountTwice, receiver.CountNone} {
		t.Run(string(lie), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testwindow.Unique(testwindow.New(100, 5))
				bad := testwindow.Points(w, 42)[3]
				g := newRig(t, Config{Protocol: "2.0"}, receiver.Options{Whole: true, Lie: lie, Poison: poisoned(bad.T)}, w)
				g.run(t, func() { time.Sleep(5 * time.Minute) })
				if got := g.sink.points(); lie == receiver.CountReceived || lie == receiver.CountHuge {
					if len(got) != 1 || got[0] != RejectedPoint(bad) || g.endpoint.Stats().Samples != 499 {
						t.Errorf("rejected %v, stats %+v", got, g.endpoint.Stats())
					}
					g.holds(t, w, 499)
				} else if len(got) != 0 || g.tape.place() != 0 { // 2.0 is wanted, and nothing confirms it
					t.Errorf("rejected %v, at window %d", got, g.tape.place())
				}
			})
		})
	}
}

// Less than was sent is not delivered, whatever the status; what is not stored of a 200 is looked for as in a 400.
func TestShortCountIsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.New(100, 5))
		bad := testwindow.Points(w, 42)[3]
		g := newRig(t, Config{}, receiver.Options{Always2xx: true, Poison: poisoned(bad.T)}, w)
		g.run(t, func() {})
		if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) || g.endpoint.Stats().Rejected["204"] != 1 {
			t.Errorf("rejected %v, stats %+v", got, g.endpoint.Stats())
		}
		g.holds(t, w, 499)
	})
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		values    []string
		written   int
		confirmed bool
	}{
		{nil, -1, false},
		{[]string{""}, -1, false},
		{[]string{"0"}, 0, true},
		{[]string{" 7 "}, 7, true},
		{[]string{"7", "7"}, 7, true},
		{[]string{"7", "8"}, -1, true},
		{[]string{"7, 7"}, -1, true},
		{[]string{"-1"}, -1, true},
		{[]string{"1e3"}, -1, true},
		{[]string{"many"}, -1, true},
		{[]string{"99999999999999999999999"}, math.MaxInt, true},
		{[]string{"18446744073709551615"}, math.MaxInt, true},
	} {
		a := answer{written: -1}
		a.count(http.Header{"X-Prometheus-Remote-Write-Samples-Written": c.values})
		if a.written != c.written || a.confirmed != c.confirmed {
			t.Errorf("%q: %d, %t", c.values, a.written, a.confirmed)
		}
	}
}

// Prometheus 2.42, as Debian has it, answers 500 "too old sample" to what is older than its out-of-order window, for
// ever; and rolls the whole request back.
func TestOneSampleThatFailsForEverBlocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.Unique(testwindow.New(100, 5))
		bad := map[int64]bool{testwindow.Points(w, 42)[3].T: true, testwindow.Points(w, 43)[0].T: true}
		o := receiver.Options{Whole: true, Fail: func(_ *receiver.Series, p receiver.Point) error {
			if bad[p.T] {
				return errors.New("too old sample")
			}
			return nil
		}}
		g := newRig(t, Config{Protocol: "1.0"}, o, w, testwindow.Later(100, 5, time.Hour))
		g.run(t, func() {
			time.Sleep(3 * time.Minute)
			s := g.endpoint.Stats()
			if s.Parked != 2 || len(s.Rejected) != 0 || s.Samples != 998 || g.tape.place() != 2 || s.Pending != 0 {
				t.Errorf("stats %+v, at window %d", s, g.tape.place())
			}
			time.Sleep(12 * time.Hour)
			if s := g.endpoint.Stats(); s.Parked != 2 || len(s.Rejected) != 0 {
				t.Errorf("after half a day: %+v", s)
			}
			time.Sleep(14 * time.Hour)
			if s := g.endpoint.Stats(); s.Parked != 0 || s.Rejected["500"] != 2 || s.Samples != 998 {
				t.Errorf("after a day: %+v", s)
			}
		})
		if got := g.sink.points(); len(got) != 2 || !bad[got[0].T] || !bad[got[1].T] {
			t.Errorf("rejected %v", got)
		}
		if n := len(g.receiver.Requests()); n > 300 {
			t.Errorf("%d requests", n)
		}
	})
}

// A receiver that is down in part gets what it did not take once it is whole again, also after a restart of the agent.
func TestParkedSamplesArriveWhenTheReceiverIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(100, 5)
		down := map[string]bool{}
		for i := 0; i < 100; i += 7 {
			down[testkit.ReceivedKey(testwindow.Labels(w, &w.Dict.Series[w.Columns[i].Series], nil))] = true
		}
		c, dir := Config{ParkedDir: t.TempDir() + "/parked"}, 5*15
		g := newRig(t, c, receiver.Options{Fail: func(s *receiver.Series, _ receiver.Point) error {
			if down[s.Key()] {
				return errors.New("at least 1 ingester is down")
			}
			return nil
		}}, w)
		g.run(t, func() {
			time.Sleep(10 * time.Minute)
			if s := g.endpoint.Stats(); s.Parked != dir || g.tape.place() != 1 {
				t.Errorf("stats %+v", s)
			}
		})
		again := newRig(t, c, receiver.Options{})
		if s := again.endpoint.Stats(); s.Parked != dir {
			t.Errorf("%d parked samples after a restart", s.Parked)
		}
		again.run(t, func() { time.Sleep(2 * time.Hour) })
		if s := again.endpoint.Stats(); s.Parked != 0 || s.Samples != uint64(dir) || len(s.Rejected) != 0 {
			t.Errorf("stats %+v", s)
		}
		n := 0
		for _, s := range testkit.Data(again.receiver) {
			n += len(s.Points)
		}
		if n != dir {
			t.Errorf("%d samples arrived", n)
		}
	})
}

// An outage is no reason to set anything aside, however long and whatever the status.
func TestOutageSetsNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testwindow.New(100, 5)
		g := newRig(t, Config{}, receiver.Options{}, w)
		g.receiver.Always(&receiver.Answer{Status: 500})
		g.run(t, func() {
			time.Sleep(48 * time.Hour)
			if s := g.endpoint.Stats(); s.Parked != 0 || len(s.Rejected) != 0 || s.State != StateWaiting {
				t.Errorf("stats %+v", s)
			}
			g.receiver.Always(nil)
			time.Sleep(time.Minute)
		})
		g.stored(t, w)
	})
}
