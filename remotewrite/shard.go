package remotewrite

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	backoffFirst = 30 * time.Millisecond
	backoffMost  = 30 * time.Second
	pauseTime    = time.Minute
)

// errStopped says that life was over before a final verdict. The samples are still in the log.
var errStopped = errors.New("stopped before the receiver took the samples")

// shard delivers some series of a window, one request after the other. It belongs to one goroutine at a time.
type shard struct {
	endpoint *Endpoint
	encoder  *encoder
	backoff  *backoff.ExponentialBackOff
	attempt  int  // of the samples at hand; 0 is the first
	counted  bool // the samples at hand were counted as delivered before
}

func newShard(e *Endpoint) *shard {
	return &shard{
		endpoint: e,
		encoder:  newEncoder(e.config.ExternalLabels),
		backoff: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(backoffFirst),
			backoff.WithMaxInterval(backoffMost),
			backoff.WithMultiplier(2),
			backoff.WithMaxElapsedTime(0), // or it would give up
		),
	}
}

// deliver returns when every sample of a window's span has its final verdict.
func (s *shard) deliver(l life, rest *rest, i int) error {
	w, sp := rest.window, rest.spans[i]
	for !sp.empty() {
		r, a, err := s.send(l, w, sp)
		if err != nil {
			return err
		}
		if r.samples > 0 && judge(a, false) != delivered {
			if err := s.isolate(l, w, r, a); err != nil {
				return err
			}
		}
		s.endpoint.recorder.dropped(r.expired, reasonTooOld)
		s.endpoint.recorder.done(r.samples + r.expired)
		sp.from = r.span.to
		rest.settle(i, sp.from)
	}
	return nil
}

// send takes as much of a span as makes a request and sends it until the receiver has taken or refused it. It encodes
// before each attempt, because an attempt may change what the next one looks like: older samples
// drop out, and the size and the protocol may be others.
func (s *shard) send(l life, w *window, sp span) (request, answer, error) {
	e := s.endpoint
	for s.fresh(); ; {
		r := s.encoder.encode(e.protocol(), w, sp, s.since(), e.sizing.limits())
		if r.samples == 0 {
			return r, answer{}, nil
		}
		a := s.post(l.hard, r)
		switch v := judge(a, e.fallback); v {
		case delivered:
			e.recorder.delivered(r, s.counted)
			return r, a, nil
		case refused:
			return r, a, nil
		case smaller:
			if r.samples == 1 {
				return r, a, nil
			}
			e.sizing.tooLarge(r.samples)
			s.fresh()
		default:
			if err := s.hold(l, r, a, v); err != nil {
				return r, a, err
			}
		}
	}
}

// fresh says that the next request has not been sent before.
func (s *shard) fresh() {
	s.attempt = 0
	s.backoff.Reset()
}

// since is the time before which samples are too old for the receiver.
func (s *shard) since() int64 {
	if age := s.endpoint.config.MaxSampleAge; age > 0 {
		return time.Now().Add(-age).UnixMilli()
	}
	return math.MinInt64
}

func (s *shard) post(ctx context.Context, r request) answer {
	e := s.endpoint
	a, released := e.client.post(ctx, r.protocol, r.body, s.attempt)
	if !released {
		s.encoder.abandon()
	}
	e.recorder.answered(r, a, s.attempt)
	switch slow := a.took > e.client.timeout/2; {
	case slow:
		e.sizing.tooSlow(r.samples)
	case a.status/100 == 2:
		e.sizing.fine()
	}
	return a
}

// hold waits before the same samples are sent again.
func (s *shard) hold(l life, r request, a answer, v verdict) error {
	e := s.endpoint
	s.attempt++
	wait := max(s.backoff.NextBackOff(), a.retryAfter)
	switch v {
	case older:
		if e.protocol() == protocol2 {
			e.log.Info("receiver does not understand Remote-Write 2.0, going on with 1.0", "answer", a.describe())
			e.speak(protocol1)
		}
		s.fresh()
		return nil
	case paused:
		wait = pauseTime
		e.recorder.paused(a.describe())
		e.recorder.failed("paused until the address or the credentials are right", a.describe(), slog.LevelError, "url", withoutQuery(e.config.URL))
	default:
		e.recorder.failed("sending again", a.describe(), slog.LevelWarn, "samples", r.samples)
	}
	if e.bell.sleep(l.soft, wait) != nil {
		return errStopped
	}
	return nil
}
