package send

import (
	"log/slog"
	"math"
	"time"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
)

const (
	// startLateness is how late a receiver is asked to take samples at the start: an outage of a day.
	startLateness = 24 * time.Hour

	// latenessPrecision is how closely the window of a receiver is measured.
	latenessPrecision = 5 * time.Second

	// wideSpan is what a database takes without an out-of-order window: half of a block of two hours.
	wideSpan = 2 * window.MaxSpan

	// clockTolerance is how far samples may be ahead of the clock.
	clockTolerance = 10 * time.Minute

	// latenessAgain is how long a measurement is believed in a backlog, or where something would be given up for it.
	latenessAgain = time.Minute
)

// lateness is how late the receiver takes samples: the ages that it was asked about, with canaries of series that it does not have. A
// database counts from its newest sample of any series, so the canary of now comes first. It is owned by Run.
type lateness struct {
	start   bool          // it is to be measured once in any case
	asked   time.Time     // when last; zero before
	taken   time.Duration // what is so old is taken; 0 is not known
	refused time.Duration // what is so old is refused; 0 is not known
	bound   time.Duration // what is older is not sent, in the window at hand; 0 is no bound
}

// lateAnswer is what an answer to a canary of the past says.
type lateAnswer uint8

const (
	lateUnknown lateAnswer = iota // none came, the receiver is busy, or refuses everything
	lateTaken
	lateRefused
	lateFails // Prometheus up to 2.49 answers 500 to what is too old: it does not take it, but a 5xx gives nothing up
)

// latenessOf measures how late the receiver takes samples where that is not known for a backlog, or something would be given up for it, and
// sets what is not sent of a window.
func (e *Endpoint) latenessOf(l life, w *window.Window) {
	t := &e.lateness
	if now := time.Now(); !e.config.Repeats && t.open(w, now) {
		e.measureLateness(l, max(startLateness, e.config.Backfill, now.Sub(time.UnixMilli(w.Oldest))+latenessAgain))
	}
	t.bound = 0
	if !w.Repeated && !e.config.Repeats { // the receiver may have it
		t.bound = t.refused
	}
}

// open reports whether it has to be measured before a window is sent.
func (t *lateness) open(w *window.Window, now time.Time) bool {
	if w.Oldest == 0 || aheadOfClock(w, now) {
		return false
	}
	if t.asked.IsZero() && t.start {
		return true
	}
	old := now.Sub(time.UnixMilli(w.Oldest))
	behind := w.Records > 2 || now.Sub(time.UnixMilli(w.Newest)) > window.MaxSpan
	return now.Sub(t.asked) >= latenessAgain && (old > window.MaxSpan && behind || t.refused > 0 && old > t.refused)
}

// aheadOfClock reports whether the clock was set back: then it says nothing of ages.
func aheadOfClock(w *window.Window, now time.Time) bool {
	return w.Newest > now.Add(clockTolerance).UnixMilli()
}

// span is how much time of a window goes at once. Where the receiver is known to take what is as old as the window's oldest, its order
// matters less: only as much as a database needs that has nothing new of its own to count from.
func (t *lateness) span(w *window.Window, now time.Time) time.Duration {
	switch {
	case aheadOfClock(w, now):
		return math.MaxInt64
	case now.Sub(time.UnixMilli(w.Oldest)) <= t.taken:
		return wideSpan
	}
	return window.MaxSpan
}

// measureLateness asks how late a sample may be, at most so late. Where an answer leaves it open nothing is known, and nothing is given up.
func (e *Endpoint) measureLateness(l life, most time.Duration) {
	t := &e.lateness
	before := *t
	t.asked, t.refused = time.Now(), 0
	taken, refused, known := e.shards[0].boundary(l, most)
	if !known {
		return
	}
	t.taken, t.refused = taken, refused
	e.recorder.takesLate(taken, refused)
	if t.taken != before.taken || t.refused != before.refused {
		e.log.Info("measured how late the receiver accepts samples", "accepted", taken.Round(time.Second), "refused", refused.Round(time.Second))
	}
}

// boundary finds the age up to which the receiver takes samples: all of most where refused is 0, or where it fails on what is older.
func (s *shard) boundary(l life, most time.Duration) (taken, refused time.Duration, known bool) {
	sure := true // no answer was a failure
	takes := func(age time.Duration) bool {
		a := s.askLate(l, age)
		known = known && a != lateUnknown
		sure = sure && a != lateFails
		return a == lateTaken
	}
	known = true
	if takes(most) {
		return most, 0, true
	}
	// A new series of now is taken, so that it is the age that is refused, and no further series.
	if !takes(0) {
		return 0, 0, false
	}
	refused = most
	for known && refused-taken > latenessPrecision {
		if age := between(taken, refused); takes(age) {
			taken = age
		} else {
			refused = age
		}
	}
	if !takes(0) { // nor is everything refused by now
		return 0, 0, false
	}
	if !sure {
		refused = 0
	}
	return taken, refused, known
}

// between is the age to ask about next: those that receivers have as their window, or the middle.
func between(taken, refused time.Duration) time.Duration {
	// Prometheus and Mimir without an out-of-order window: half of a block of two hours. Grafana Cloud: two hours.
	for _, age := range []time.Duration{time.Hour, time.Hour + latenessPrecision, 2 * time.Hour, 2*time.Hour + latenessPrecision} {
		if taken < age && age < refused {
			return age
		}
	}
	return (taken + (refused-taken)/2).Truncate(time.Second)
}

// askLate asks once whether a sample of that age is taken from a series that the receiver does not have.
func (s *shard) askLate(l life, age time.Duration) lateAnswer {
	e := s.endpoint
	// That a question is refused is an answer, and no failure of the endpoint: it is not counted among the requests.
	_, a := e.canary.askLate(l.hard, e.protocol(), time.Now().Add(-age).UnixMilli())
	switch v := judge(a, false); {
	case v == delivered:
		return lateTaken
	case v == refused:
		return lateRefused
	case a.status >= 500:
		if _, c := s.ask(l, e.protocol()); judge(c, false) == delivered {
			return lateFails
		}
	}
	return lateUnknown
}

// expired gives up what was not sent of a request, because it is older than the receiver takes.
func (e *Endpoint) expired(w *window.Window, r wire.Request) {
	if r.Expired == 0 || e.config.MaxSampleAge > 0 {
		e.recorder.dropped(r.Expired, reasonTooOld)
		return
	}
	e.recorder.dropped(r.Expired, reasonTooOldForReceiver)
	if e.recorder.news(reasonTooOldForReceiver) {
		e.log.Error("samples are older than the receiver accepts: they are not sent, and kept with the rejected ones up to a limit",
			"samples", r.Expired, "oldest_accepted", e.lateness.taken.Round(time.Second), "next", "set out_of_order_time_window at the receiver")
	}
	if e.rejected == nil {
		return
	}
	for _, part := range window.Expired(w, r.Span, r.Since).Parts(e.config.MaxSamples) {
		err := e.rejected.Reject(Rejection{
			Time: time.Now(), Endpoint: e.config.Name, Words: "not sent: older than the receiver accepts",
			Samples: part.Samples, Series: rejectedSeries(part, part.Whole()),
		})
		if err != nil {
			e.recorder.Failed("rejected samples cannot be stored", err.Error(), slog.LevelError)
		}
	}
}
