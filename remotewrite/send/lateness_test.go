package send

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/receiver"
	"backwire/remotewrite/window"
)

// What real receivers take late. Prometheus and Mimir without an out-of-order window take what is within half of a block of two hours
// behind their newest sample, and in order of time within a series (tsdb/head.go, appendableMinValidTime; tsdb/head_append.go, appendable).
var (
	headOnly   = receiver.Options{Ordered: true, Head: time.Hour}
	outOfOrder = func(d time.Duration) receiver.Options {
		return receiver.Options{Ordered: true, Head: time.Hour, OutOfOrder: d}
	}
)

// untilNow is a backlog of a minute's interval whose newest samples are of now, off by so much.
func untilNow(series, points int, off time.Duration) *window.Window {
	last := time.UnixMilli(testwindow.Time + int64(points-1)*60_000)
	w := testwindow.Later(series, points, time.Since(last)+off)
	w.Records = points
	return w
}

// Few series have hours in one window. A receiver that takes nothing an hour behind its newest sample takes all of it where time
// goes forward across series, and a third of it series by series (Prometheus 3.14: 54,000 of 54,000).
func TestTimeGoesForwardAcrossSeries(t *testing.T) {
	for _, c := range []Config{{}, {Concurrency: 3, MaxSamples: 1000}, {Protocol: "1.0"}} {
		synctest.Test(t, func(t *testing.T) {
			w := untilNow(180, 300, 0)
			w.Records = 0 // nothing is asked, as where the answers say nothing
			g := newRig(t, c, headOnly, w)
			g.run(t, func() {})
			g.stored(t, w)
			if s := g.endpoint.Stats(); s.Samples != 54_000 || len(s.Rejected) > 0 || len(s.Dropped) > 0 {
				t.Errorf("stats %+v", s)
			}
			for _, r := range g.receiver.Requests() {
				if r.Samples > 180*31 {
					t.Errorf("a request of %d samples spans more than half an hour", r.Samples)
				}
			}
		})
	}
}

// A run that ends between two requests, or within a slice, sends nothing twice after a restart: its note is of the same slices.
func TestNoteWithinSlices(t *testing.T) {
	for _, shards := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			w := untilNow(180, 300, 0)
			w.Records = 0
			c := Config{Concurrency: shards, MaxSamples: 1000}
			g := newRig(t, c, headOnly, w)
			g.receiver.Script(make([]receiver.Answer, 17)...)
			g.receiver.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
			g.run(t, func() {})
			had := sent(g.receiver)
			if had == 0 || len(g.tape.note) == 0 {
				t.Fatalf("%d samples were sent, the note is %v", had, g.tape.note)
			}
			w.Note, w.Repeated = g.tape.note, true
			c.Transport = testkit.Loopback{To: g.receiver}
			again := newRig(t, c, headOnly, w)
			again.receiver = g.receiver
			again.receiver.Always(nil)
			again.run(t, func() {})
			again.stored(t, w)
			if got := sentOnce(g.receiver); got != 54_000 || again.endpoint.Stats().Samples != uint64(54_000-had) {
				t.Errorf("%d of 54,000 were sent once, %d again after %d", got, again.endpoint.Stats().Samples, had)
			}
		})
	}
}

func TestWindowIsMeasured(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		receiver       receiver.Options
		config         Config
		taken, refused time.Duration // the bounds of what is known; refused 0 is nothing
		requests       int           // at most, to find out
	}{
		"anything":                           {receiver: receiver.Options{}, taken: day, requests: 2},
		"24 h (Prometheus, Mimir)":           {receiver: outOfOrder(day), taken: day, requests: 2},
		"48 h":                               {receiver: outOfOrder(2 * day), taken: day, requests: 2},
		"48 h, for a backfill of 40 h":       {receiver: outOfOrder(2 * day), config: Config{Backfill: 40 * time.Hour}, taken: 40 * time.Hour, requests: 2},
		"none":                               {receiver: headOnly, taken: time.Hour, refused: time.Hour + latenessPrecision, requests: 6},
		"none, in 1.0":                       {receiver: headOnly, config: Config{Protocol: "1.0"}, taken: time.Hour, refused: time.Hour + latenessPrecision, requests: 6},
		"2 h (Grafana Cloud)":                {receiver: outOfOrder(2 * time.Hour), taken: 2 * time.Hour, refused: 2*time.Hour + latenessPrecision, requests: 8},
		"5 h 17 m":                           {receiver: outOfOrder(5*time.Hour + 17*time.Minute), taken: 5*time.Hour + 16*time.Minute, refused: 5*time.Hour + 18*time.Minute, requests: 24},
		"10 m":                               {receiver: receiver.Options{Ordered: true, Head: 10 * time.Minute}, taken: 9 * time.Minute, refused: 11 * time.Minute, requests: 16},
		"2 h, 409 (Thanos Receive)":          {receiver: receiver.Options{Head: 2 * time.Hour, TooOldStatus: 409}, taken: 2 * time.Hour, refused: 2*time.Hour + latenessPrecision, requests: 8},
		"2 h, 500 (Prometheus up to 2.49)":   {receiver: receiver.Options{Whole: true, Head: time.Hour, OutOfOrder: 2 * time.Hour, TooOldStatus: 500}, taken: 2 * time.Hour, requests: 14},
		"no new series (a limit on series)":  {receiver: receiver.Options{Poison: newSeries}},
		"2 h, with room for no more than 10": {receiver: limitedTo(10, outOfOrder(2*time.Hour)), taken: 2 * time.Hour, refused: 2*time.Hour + latenessPrecision, requests: 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := untilNow(10, 2, 0)
				g := stranger(t, c.config, c.receiver, w)
				g.run(t, func() {})
				g.stored(t, w)
				s := g.endpoint.Stats()
				if s.Window < c.taken || c.refused > 0 && s.Window >= c.refused || s.TooLate != 0 && s.TooLate-s.Window > latenessPrecision {
					t.Errorf("takes %s and not %s, want %s and not %s", s.Window, s.TooLate, c.taken, c.refused)
				}
				if (s.TooLate > 0) != (c.refused > 0) || s.TooLate > max(c.refused, 0) {
					t.Errorf("refuses %s, want %s", s.TooLate, c.refused)
				}
				if n := len(g.receiver.Requests()) - 2; c.requests > 0 && n > c.requests {
					t.Errorf("%d requests to find out, at most %d", n, c.requests)
				}
			})
		})
	}
}

// newSeries refuses canaries of series that are not there, as at a limit on series, whatever their time.
func newSeries(s *receiver.Series, _ receiver.Point) error {
	if s.Label("late") != "" {
		return errors.New("per-user series limit exceeded")
	}
	return nil
}

// limitedTo lets so many canaries of new series in.
func limitedTo(n int, o receiver.Options) receiver.Options {
	seen := map[string]bool{}
	o.Poison = func(s *receiver.Series, p receiver.Point) error {
		if s.Label("late") == "" {
			return nil
		}
		seen[s.Key()] = true
		if len(seen) > n {
			return errors.New("per-user series limit exceeded")
		}
		return nil
	}
	return o
}

// A receiver that is busy, fails or cannot be reached tells nothing, and nothing is given up for it; it is asked again once it matters.
func TestWindowIsUnknown(t *testing.T) {
	for name, a := range map[string]receiver.Answer{
		"busy": {Status: 429}, "fails": {Status: 503}, "not allowed": {Status: 401}, "dropped": {Drop: receiver.DropAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := untilNow(3, 151, 0)
				g := stranger(t, Config{}, headOnly, w)
				g.receiver.Script(receiver.Answer{}, a) // the canary of now, and the first of the past
				g.run(t, func() {})
				s := g.endpoint.Stats()
				if s.TooLate != 0 || s.Dropped["too_old_for_receiver"] != 0 || s.Samples != 3*61 || s.Rejected["400"] != 3*90 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// What the receiver does not take any more is counted and kept before it is sent; what it may take is sent.
func TestTooOldForReceiver(t *testing.T) {
	for _, c := range []Config{{}, {Concurrency: 3, MaxSamples: 500}, {Protocol: "1.0"}} {
		synctest.Test(t, func(t *testing.T) {
			w := untilNow(50, 300, -2*time.Second)
			o := headOnly
			o.Whole = c.Protocol == "1.0" // as Prometheus
			g := stranger(t, c, o, w)
			g.run(t, func() {})
			s := g.endpoint.Stats()
			if s.Samples != 50*60 || s.Dropped["too_old_for_receiver"] != 50*239 || s.Rejected["400"] != 50 {
				t.Errorf("stats %+v", s)
			}
			// Between what is taken and what is refused for certain lie seconds: that is sent, and the receiver decides.
			if n := s.Requests["400"]; n > 120 {
				t.Errorf("%d requests were refused", n)
			}
			want := map[RejectedPoint]int{}
			for i := range w.Columns {
				for _, p := range testwindow.Points(w, i)[:239] {
					want[RejectedPoint(p)]++
				}
			}
			got := map[RejectedPoint]int{}
			for _, r := range g.sink.all {
				if r.Status != 0 {
					continue // of the receiver
				}
				for _, series := range r.Series {
					for _, p := range series.Points {
						got[p]++
					}
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d points are kept, want %d", len(got), len(want))
			}
			if s.Pending != 0 || g.tape.place() != 1 {
				t.Errorf("%d pending, at window %d", s.Pending, g.tape.place())
			}
		})
	}
}

// A receiver whose window was made wider is measured again before anything is given up, and one that was made narrower when something is.
func TestWindowIsMeasuredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := stranger(t, Config{}, headOnly, untilNow(10, 2, 0))
		ask := func(w *window.Window) Stats {
			before := g.endpoint.Stats()
			g.tape.push(w)
			synctest.Wait()
			s := g.endpoint.Stats()
			s.Samples -= before.Samples
			return s
		}
		g.run(t, func() {
			if s := g.endpoint.Stats(); s.TooLate == 0 || s.Window < time.Hour {
				t.Fatalf("stats %+v", s)
			}
			time.Sleep(time.Hour)
			g.receiver.Set(outOfOrder(24 * time.Hour))
			if s := ask(untilNow(10, 400, 0)); s.Samples != 4000 || s.Window < 6*time.Hour || s.TooLate != 0 {
				t.Errorf("after it was made wider: %+v", s)
			}
			time.Sleep(24 * time.Hour)
			g.receiver.Set(headOnly)
			ask(untilNow(10, 2, 0)) // from now on it counts from these
			time.Sleep(latenessAgain)
			w := testwindow.Only(untilNow(20, 1440, 0), 10, 20)
			w.Records = 1440
			if s := ask(w); s.Samples != 610 || s.TooLate < time.Hour || s.TooLate > time.Hour+time.Minute {
				t.Errorf("after it was made narrower: %+v", s)
			}
		})
	})
}

// MAX_SAMPLE_AGE is believed in place of what is measured.
func TestMaxSampleAgeOverridesWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := untilNow(10, 301, 0)
		g := stranger(t, Config{MaxSampleAge: 2 * time.Hour}, headOnly, w)
		g.run(t, func() {})
		s := g.endpoint.Stats()
		if s.Dropped["too_old"] != 1800 || s.Dropped["too_old_for_receiver"] != 0 || s.Samples != 610 || s.Rejected["400"] != 600 {
			t.Errorf("stats %+v", s)
		}
	})
}

// What the receiver may have had is not given up for its age.
func TestRepeatedWindowIsNotTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := untilNow(10, 301, 0)
		w.Repeated = true
		g := stranger(t, Config{}, headOnly, w)
		g.run(t, func() {})
		if s := g.endpoint.Stats(); s.Dropped["too_old_for_receiver"] != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A clock that was set back says nothing of ages.
func TestWindowIsNotMeasuredByAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := untilNow(10, 100, time.Hour)
		g := stranger(t, Config{}, headOnly, w)
		g.run(t, func() {})
		g.stored(t, w)
		if s := g.endpoint.Stats(); s.Window != 0 || s.Requests["204"] != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// The ages that are asked about lie strictly between what is taken and what is refused, so that asking ends.
func TestBetween(t *testing.T) {
	for _, most := range []time.Duration{2 * time.Minute, time.Hour, time.Hour + latenessPrecision, 90 * time.Minute, 24 * time.Hour, 1000 * time.Hour} {
		for _, truth := range []time.Duration{0, 30 * time.Minute, time.Hour, 2 * time.Hour, 23 * time.Hour} {
			taken, refused, n := time.Duration(0), most, 0
			for ; refused-taken > latenessPrecision && n < 100; n++ {
				age := between(taken, refused)
				if age <= taken || age >= refused {
					t.Fatalf("%s is not between %s and %s", age, taken, refused)
				}
				if age <= truth {
					taken = age
				} else {
					refused = age
				}
			}
			if n > 25 {
				t.Errorf("%d questions for %s of %s", n, truth, most)
			}
		}
	}
	if !slices.Equal([]time.Duration{between(0, 24*time.Hour), between(time.Hour, 24*time.Hour)}, []time.Duration{time.Hour, time.Hour + latenessPrecision}) {
		t.Error(fmt.Sprint("the hour of a head is not asked about first: ", between(0, 24*time.Hour)))
	}
}
