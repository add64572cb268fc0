package send

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"time"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"

	"github.com/cenkalti/backoff/v4"
)

const (
	backoffFirst = 30 * time.Millisecond
	backoffMost  = 30 * time.Second
	pauseTime    = time.Minute
)

// errStopped says that life was over before a final verdict. The samples are still in the log.
var errStopped = errors.New("stopped before the receiver accepted the samples")

// shard delivers some series of a window, one request after the other. It belongs to one goroutine at a time.
type shard struct {
	endpoint *Endpoint
	encoder  *wire.Encoder
	backoff  *backoff.ExponentialBackOff
	attempt  int  // of the samples at hand; 0 is the first
	counted  bool // the samples at hand were counted as delivered before
	past     bool // newer ones of their series were sent before
	mode     mode
	failure  failure // of the samples at hand
}

// mode is what is sent, and so what comes back without a final verdict.
type mode uint8

const (
	requests    mode = iota
	pieces           // of a request that is bisected: what is refused
	piecesAside      // of one that fails: what fails too
)

// failure is how often the samples at hand failed in the same way.
type failure struct {
	status   int // 0 where there was no answer in time
	times    int
	since    time.Time
	answered bool // the receiver took the canary after the last timeout
}

// A failure that repeats itself so often over so long may be about the samples.
const (
	failureTimes = 3
	failureTime  = time.Minute
)

// add counts one more, and reports whether the canary should be asked.
func (f *failure) add(a *answer) bool {
	if f.times == 0 || f.status != a.status {
		*f = failure{status: a.status, since: time.Now(), answered: f.answered}
	}
	f.times++
	return f.times >= failureTimes && time.Since(f.since) >= failureTime
}

// busyFor is for how long a request was answered 429.
func (f *failure) busyFor() time.Duration {
	if f.times == 0 || f.status != http.StatusTooManyRequests {
		return 0
	}
	return time.Since(f.since)
}

func newShard(e *Endpoint) *shard {
	return &shard{
		endpoint: e,
		encoder:  wire.NewEncoder(e.config.ExternalLabels),
		backoff: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(backoffFirst),
			backoff.WithMaxInterval(backoffMost),
			backoff.WithMultiplier(2),
			backoff.WithMaxElapsedTime(0), // or it would give up
		),
	}
}

// deliver returns when every sample of a window's span has its final verdict.
func (s *shard) deliver(l life, rest *progress, i int) error {
	w, sp := rest.window, rest.spans[i]
	s.past = w.Past
	for !sp.Empty() {
		if s.endpoint.yields(w) {
			return errYield
		}
		r, a, err := s.send(l, w, sp)
		if err != nil {
			return err
		}
		if r.Samples > 0 && judge(a, false) != delivered {
			if err := s.isolate(l, w, r, a); err != nil {
				return err
			}
		}
		s.natives(l, w, r)
		s.endpoint.expired(w, r)
		s.endpoint.recorder.done(r.Samples + r.Expired)
		sp.From = r.Span.To
		rest.settle(i, sp.From)
	}
	return nil
}

// send takes as much of a span as makes a request and sends it until the receiver has taken or refused it. It encodes
// before each attempt, because an attempt may change what the next one looks like: older samples
// drop out, and the size and the protocol may be others.
func (s *shard) send(l life, w *window.Window, sp window.Span) (wire.Request, answer, error) {
	e := s.endpoint
	for s.fresh(); ; {
		r := s.encoder.Encode(e.protocol(), w, sp, s.since(), e.sizing.limits())
		if r.Samples == 0 {
			return r, answer{}, nil
		}
		a := s.post(l.hard, r)
		if settled, err := s.react(l, r, &a); settled || err != nil {
			return r, a, err
		}
	}
}

// react does what an answer asks for, and reports whether the samples have been taken or refused.
func (s *shard) react(l life, r wire.Request, a *answer) (settled bool, err error) {
	e := s.endpoint
	switch v := judge(*a, e.fallback); {
	case v == delivered:
		e.recorder.delivered(r, s.counted)
		return true, nil
	case v == smaller && r.Samples > 1:
		e.sizing.tooLarge(r.Samples)
		s.fresh()
		return false, nil
	case v == refused || v == smaller:
		if s.mode != requests || a.partial() {
			return true, nil
		}
		attempt := s.attempt
		v, err := s.meet(l)
		s.attempt = attempt
		return conclude(aboutRequest, v <= again) == badSamples, err
	case v == older:
		return false, s.older(l, r)
	case v == again:
		return s.failed(l, r, a)
	default:
		return false, s.pause(l, a, v)
	}
}

// fresh says that the next request has not been sent before.
func (s *shard) fresh() {
	s.attempt, s.failure = 0, failure{}
	s.backoff.Reset()
}

// since is the time before which samples are too old for the receiver: as configured, or as measured.
func (s *shard) since() int64 {
	if age := cmp.Or(s.endpoint.config.MaxSampleAge, s.endpoint.lateness.bound); age > 0 {
		return time.Now().Add(-age).UnixMilli()
	}
	return math.MinInt64
}

func (s *shard) post(ctx context.Context, r wire.Request) answer {
	e := s.endpoint
	a, released := e.client.post(ctx, r.Protocol, r.Body, s.attempt)
	a.sent = r.Samples
	if !released {
		s.encoder.Abandon()
	}
	e.recorder.answered(r, a, s.attempt)
	switch {
	case a.status/100 != 2: // how long a failure takes says nothing of the size
	case a.took > e.client.timeout/2:
		e.sizing.tooSlow(r.Samples)
	default:
		e.sizing.fine(r.Samples, s.failure.busyFor())
	}
	return a
}

// fails reports whether an answer is a failure that may be about the samples: 5xx, or none in time.
func (s *shard) fails(a *answer) bool { return a.status >= 500 || s.timedOut(a) }

func (s *shard) timedOut(a *answer) bool {
	return a.status == 0 && a.took >= s.endpoint.client.timeout
}

// failed waits before samples that failed are sent again. Where they fail again and again in the same way, the canary takes the
// place of an attempt: if it is taken, it is the samples that fail.
func (s *shard) failed(l life, r wire.Request, a *answer) (settled bool, err error) {
	e := s.endpoint
	if s.mode == piecesAside && s.fails(a) {
		return true, nil
	}
	stuck := s.failure.add(a) && s.fails(a)
	if a.status == http.StatusTooManyRequests && e.sizing.busy(r.Samples, s.failure.times, s.failure.busyFor()) {
		s.failure = failure{}
	}
	slow := s.timedOut(a)
	if slow && s.failure.answered { // it answers in time what is small
		e.sizing.tooSlow(r.Samples)
	}
	if err := s.hold(l, r, a); err != nil || !stuck && !slow {
		return false, err
	}
	_, c := s.ask(l, e.protocol())
	taken := judge(c, false) == delivered
	s.failure.answered = taken
	if !taken {
		s.failure.times = 0
		return false, s.hold(l, r, &c)
	}
	if !stuck || slow && r.Samples > minSlowSamples || !e.parking.open {
		return false, nil
	}
	s.failure.times = 0
	if s.mode == pieces {
		s.mode = piecesAside
	}
	return conclude(aboutFailure, taken) == badForNow, nil
}

// hold waits before the same samples are sent again.
func (s *shard) hold(l life, r wire.Request, a *answer) error {
	s.attempt++
	wait := max(s.backoff.NextBackOff(), a.retryAfter)
	s.endpoint.recorder.Failed("retrying", a.describe(), slog.LevelWarn, "samples", r.Samples)
	if s.endpoint.wakeup.sleep(l.soft, wait) != nil {
		return errStopped
	}
	return nil
}

// pause waits until somebody has put something right. Nothing is given up meanwhile.
func (s *shard) pause(l life, a *answer, v verdict) error {
	e := s.endpoint
	state, kind := StatePaused, "paused until the address or the credentials are corrected"
	if v != paused {
		state, kind = StateRefusing, "the receiver refuses everything, even a test sample: paused, all samples are kept"
	}
	s.attempt++
	e.recorder.paused(state, a.describe())
	e.recorder.Failed(kind, a.describe(), slog.LevelError, "url", withoutQuery(e.config.URL))
	if e.wakeup.sleep(l.soft, pauseTime) != nil {
		return errStopped
	}
	return nil
}

// ask sends the canary once.
func (s *shard) ask(l life, p wire.Protocol) (wire.Request, answer) {
	r, a := s.endpoint.canary.ask(l.hard, p)
	s.endpoint.recorder.answered(r, a, 0)
	return r, a
}

// older goes on with 1.0 where the receiver takes the canary so.
func (s *shard) older(l life, r wire.Request) error {
	_, a := s.ask(l, wire.V1)
	taken := judge(a, false) == delivered
	switch {
	case conclude(aboutProtocol, taken) == speaksOlder:
		s.endpoint.log.Info("the receiver does not support Remote-Write 2.0; using 1.0")
		s.endpoint.speak(wire.V1)
		s.fresh()
		return nil
	case a.open():
		return s.hold(l, r, &a)
	}
	return s.pause(l, &a, judge(a, false))
}

// meet sends the canary until the receiver takes it, and returns the worst verdict before that: delivered where it took it at once,
// again where it was only busy or failed, as a receiver with a limit on requests does every time. Where 2.0 is not understood, or
// fails again and again, it asks in 1.0; where the receiver fails it waits, and where it refuses it pauses.
func (s *shard) meet(l life) (worst verdict, err error) {
	e := s.endpoint
	s.fresh()
	for {
		r, a := s.ask(l, e.protocol())
		v := judge(a, e.fallback)
		switch {
		case v == delivered:
			e.recorder.taken()
			return worst, nil
		case a.protocol == wire.V2 && e.fallback && (notUnderstood(&a) || a.status >= 500 && s.failure.add(&a)):
			err = s.older(l, r)
		case v == again:
			err = s.hold(l, r, &a)
		default:
			if v == smaller {
				e.sizing.restore()
			}
			err = s.pause(l, &a, v)
		}
		if err != nil {
			return worst, err
		}
		if a.protocol == wire.V2 && e.protocol() == wire.V1 {
			e.recorder.taken()
			return worst, nil
		}
		worst = max(worst, v)
	}
}

// takesLate asks whether the receiver takes a sample of a time from a series that it does not have.
func (s *shard) takesLate(l life, at int64) (bool, error) {
	if s.past { // or a database that takes nothing out of order would seem to
		return s.takesBehind(l, at)
	}
	for s.fresh(); ; {
		r, a := s.endpoint.canary.askLate(l.hard, s.endpoint.protocol(), at)
		s.endpoint.recorder.answered(r, a, 0)
		if !a.open() {
			return judge(a, false) == delivered, nil
		}
		if err := s.hold(l, r, &a); err != nil {
			return false, err
		}
	}
}
