package netbackup

import (
	"context"
	"errors"
	"sync"
	"time"

	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// errUnfinished is a first reading that takes longer than a cycle waits for it: nothing is known yet.
var errUnfinished = errors.New("the list is being read for the first time; reading continues in the next cycles")

// background runs what may take longer than a cycle: lists that change rarely and come in many pages. No cycle waits for
// them longer than a part of its interval.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	grace  time.Duration
	last   bool // no other cycle comes: this one waits as long as it can, whatever it costs
}

func newBackground(interval time.Duration) *background {
	b := &background{grace: interval / 2}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// close ends what runs and waits for it.
func (b *background) close() {
	b.cancel()
	b.work.Wait()
}

// task is one piece of such work.
type task struct {
	turns *turns
	done  chan struct{}
	err   error // once done is closed
}

// start runs f, which asks its turns before each request.
func (b *background) start(f func(context.Context) error) *task {
	t := &task{turns: newTurns(), done: make(chan struct{})}
	b.work.Go(func() {
		defer close(t.done)
		t.err = guard.Run(func() error { return f(api.WithBudget(b.ctx, t.turns)) })
	})
	return t
}

// wait says whether the task has ended within this cycle's part; err is what it met on the way.
func (b *background) wait(ctx context.Context, t *task) (ended bool, err error) {
	grace := b.grace
	switch end, limited := ctx.Deadline(); {
	case limited && b.last:
		grace = time.Until(end) * 3 / 4
	case limited:
		grace = min(grace, time.Until(end)/2)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		select {
		case <-t.done:
			return true, t.err
		case err := <-t.turns.over:
			if err == nil && b.last {
				t.turns.grant()
				continue
			}
			return false, err
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// turns is the budget of a reading that goes on over cycles: so many requests in each. A page that could not be had is asked
// for again in the next, so that the reading goes on where it was.
type turns struct {
	next     chan struct{} // a cycle has begun
	over     chan error    // the turn's requests are used up, or one failed
	left     int
	failures int // of the page that is asked for, in a row
}

const (
	requestsATurn = 50
	triesOfAPage  = 5
)

func newTurns() *turns {
	return &turns{next: make(chan struct{}, 1), over: make(chan error, 1), left: requestsATurn}
}

// grant begins a turn.
func (t *turns) grant() {
	select {
	case err := <-t.over: // of a turn that nobody waited for
		_ = err
	default:
	}
	select {
	case t.next <- struct{}{}:
	default:
	}
}

// Take waits until a request may be sent.
func (t *turns) Take(ctx context.Context) error {
	if t.left == 0 {
		if err := t.pause(ctx, nil); err != nil {
			return err
		}
	}
	t.left--
	return nil
}

// Again says whether a page that failed is asked for once more, and waits for the next turn.
func (t *turns) Again(ctx context.Context, err error) bool {
	if err == nil {
		t.failures = 0
		return false
	}
	passing := errors.Is(err, api.ErrNetwork) || errors.Is(err, api.ErrBusy) || errors.Is(err, api.ErrServer)
	if !passing || t.failures == triesOfAPage-1 {
		return false
	}
	t.failures++
	return t.pause(ctx, err) == nil
}

func (t *turns) pause(ctx context.Context, err error) error {
	select {
	case t.over <- err:
	default:
	}
	select {
	case <-t.next:
		t.left = requestsATurn
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
