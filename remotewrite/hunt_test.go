package remotewrite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/receiver"
)

func poisoned(values ...int64) func(*receiver.Series, receiver.Point) error {
	return func(s *receiver.Series, p receiver.Point) error {
		if slices.Contains(values, p.T) {
			return errors.New("poisoned: " + s.Key())
		}
		return nil
	}
}

// unique gives every sample of a window a time of its own, so that a poison hits exactly one.
func unique(w *window) *window {
	return shifted(w, func(column int) int64 { return int64(column) })
}

func TestHuntFindsOnePoisonedSample(t *testing.T) {
	for name, c := range map[string]struct {
		config  EndpointConfig
		options receiver.Options
		extra   int // 2·log2(20,000) where the receiver does not say how many it refused
	}{
		"2.0, valid parts are stored": {EndpointConfig{}, receiver.Options{}, 20},
		"1.0, valid parts are stored": {EndpointConfig{Protocol: "1.0"}, receiver.Options{}, 29},
		"1.0, nothing is stored":      {EndpointConfig{Protocol: "1.0"}, receiver.Options{Whole: true, Ordered: true}, 29},
	} {
		for _, at := range []place{{0, 0}, {333, 7}, {999, 19}} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := unique(testWindow(1000, 20))
					bad := w.at(at.column)[at.point]
					c.options.Poison = poisoned(bad.T)
					g := newRig(t, c.config, c.options, w)
					g.run(t, func() {})
					if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) {
						t.Fatalf("rejected %v, want %v", got, bad)
					}
					r := g.sink.all[0]
					if !strings.Contains(r.Words, "poisoned") || r.Status != 400 || r.Samples != 1 {
						t.Errorf("rejected %+v", r)
					}
					if n := len(g.receiver.Requests()) - 1; n > c.extra {
						t.Errorf("%d extra requests, want at most %d", n, c.extra)
					}
					if s := g.endpoint.Stats(); s.Rejected["400"] != 1 || s.Samples != 19_999 || s.Pending != 0 || g.tape.place() != 1 {
						t.Errorf("stats %+v", s)
					}
					g.holds(t, w, 19_999)
				})
			})
		}
	}
}

// holds counts the different samples that the receiver has.
func (g *rig) holds(t *testing.T, w *window, want int) {
	t.Helper()
	n := 0
	for _, s := range g.receiver.Series() {
		seen := map[int64]bool{}
		for _, p := range s.Points {
			seen[p.T] = true
		}
		n += len(seen)
	}
	if n != want {
		t.Errorf("%d samples stored, want %d", n, want)
	}
}

func TestHuntFindsSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := unique(testWindow(1000, 20))
		bad := []int64{w.at(3)[4].T, w.at(500)[0].T, w.at(501)[1].T}
		g := newRig(t, EndpointConfig{}, receiver.Options{Poison: poisoned(bad...)}, w)
		g.run(t, func() {})
		var got []int64
		for _, p := range g.sink.points() {
			got = append(got, p.T)
		}
		if !slices.Equal(got, bad) {
			t.Errorf("rejected %v, want %v", got, bad)
		}
		g.holds(t, w, 20_000-3)
	})
}

func TestHuntGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWindow(1000, 20)
		g := newRig(t, EndpointConfig{}, receiver.Options{}, w)
		g.receiver.Always(&receiver.Answer{Status: 400, Body: "no"})
		g.run(t, func() {})
		if n := len(g.receiver.Requests()); n > huntRequests+40 {
			t.Errorf("%d requests", n)
		}
		if got := len(g.sink.points()); got != 20_000 || g.endpoint.Stats().Rejected["400"] != 20_000 {
			t.Errorf("%d samples rejected", got)
		}
		if n := strings.Count(g.log.String(), "refuses samples"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
	})
}

func TestHuntSurvivesABusyReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := unique(testWindow(100, 2))
		bad := w.at(42)[1]
		g := newRig(t, EndpointConfig{}, receiver.Options{Poison: poisoned(bad.T)}, w)
		g.receiver.Script(receiver.Answer{}, receiver.Answer{Status: 503}, receiver.Answer{}, receiver.Answer{Status: 413}, receiver.Answer{Status: 401})
		g.run(t, func() { time.Sleep(2 * time.Minute) })
		if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) {
			t.Errorf("rejected %v, want %v", got, bad)
		}
		g.holds(t, w, 199)
	})
}

func TestHalve(t *testing.T) {
	w := testWindow(5, 4)
	w.columns[2] = w.columns[2].cut(0, 0)
	for rest := whole(w); ; {
		first, second := halve(w, rest)
		if first.count(w)+second.count(w) != rest.count(w) || first.from != rest.from || first.to != second.from || second.to != rest.to {
			t.Fatalf("%+v was cut into %+v and %+v", rest, first, second)
		}
		if second.empty() {
			break
		}
		if d := first.count(w) - second.count(w); d < -1 || d > 1 {
			t.Errorf("%+v was cut into %d and %d", rest, first.count(w), second.count(w))
		}
		rest = second
	}
}

func TestDeal(t *testing.T) {
	w := testWindow(10, 4)
	for n := 1; n <= 12; n++ {
		spans := deal(w, n)
		total, at := 0, place{}
		for _, sp := range spans {
			if sp.from != at || sp.empty() {
				t.Errorf("n %d: %+v", n, spans)
			}
			at, total = sp.to, total+sp.count(w)
		}
		if total != 40 || len(spans) != min(n, 10) {
			t.Errorf("n %d: %d spans of %d samples", n, len(spans), total)
		}
	}
}

// What expires is counted as that, and not as refused, while a request is searched through.
func TestHuntBesideExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := unique(later(10, 10, time.Since(time.UnixMilli(testTime+9*60_000))))
		bad := w.at(4)[8]
		for _, o := range []receiver.Options{{}, {Whole: true, Ordered: true}} {
			o.Poison = poisoned(bad.T)
			g := newRig(t, EndpointConfig{MaxSampleAge: 4 * time.Minute}, o, w)
			g.run(t, func() {})
			s := g.endpoint.Stats()
			if got := g.sink.points(); len(got) != 1 || got[0] != RejectedPoint(bad) || s.Rejected["400"] != 1 || s.Dropped[reasonTooOld] != 50 || s.Pending != 0 {
				t.Errorf("rejected %v, stats %+v", got, s)
			}
		}
	})
}
