package api

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// transmit sends r, and again after 429, 503 and network trouble, for as long as the
// context's deadline allows (without one: as long as one request may take). Nothing else
// is sent twice, and nothing at all by an impatient client.
func (c *Client) transmit(ctx context.Context, r request) (*answer, error) {
	pace := newPace(ctx, c.cfg.Timeout)
	var before error // what the attempt before this one met
	a, err := backoff.RetryNotifyWithData(func() (*answer, error) {
		a, err := c.attempt(ctx, r)
		if errors.Is(err, ErrPinMissing) && c.learnCA(ctx) {
			a, err = c.attempt(ctx, r)
		}
		switch {
		case err == nil:
			return a, nil
		case before != nil && ctx.Err() != nil:
			return nil, backoff.Permanent(before) // says more than "deadline exceeded"
		case ctx.Err() != nil || c.cfg.Impatient || !transient(err):
			return nil, backoff.Permanent(err)
		}
		before, pace.atLeast = err, 0
		if e, ok := errors.AsType[*Error](err); ok {
			pace.atLeast = e.RetryAfter
		}
		return nil, err
	}, pace, func(err error, wait time.Duration) {
		c.log.DebugContext(ctx, "request is retried", "wait", wait, "error", err)
	})
	if err != nil && before != nil && !errors.As(err, new(*Error)) {
		err = before // the context ended during a wait
	}
	return a, err
}

// transient says which errors may pass by themselves.
func transient(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return e.Kind == ErrBusy || (e.Kind == ErrNetwork && !e.unknownHost())
}

// pace is an exponential backoff that honours Retry-After and gives up at once when the
// wait would outlast the time there is.
type pace struct {
	*backoff.ExponentialBackOff
	ctx     context.Context // backoff asks for it by BackOffContext
	end     time.Time
	atLeast time.Duration
}

func newPace(ctx context.Context, without time.Duration) *pace {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(without)
	}
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(500*time.Millisecond),
		backoff.WithMaxInterval(10*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	return &pace{ExponentialBackOff: b, ctx: ctx, end: end}
}

// Context makes a pace a backoff.BackOffContext.
func (p *pace) Context() context.Context { return p.ctx }

// NextBackOff is the wait before the next attempt, or backoff.Stop.
func (p *pace) NextBackOff() time.Duration {
	wait := max(p.atLeast, p.ExponentialBackOff.NextBackOff())
	if !time.Now().Add(wait).Before(p.end) {
		return backoff.Stop
	}
	return wait
}
