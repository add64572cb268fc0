package collect

import (
	"context"
	"errors"
	"sync"
	"time"

	"backwire/source/guard"
)

// ErrUnfinished is a first reading that takes longer than a cycle waits for it: nothing is known yet.
var ErrUnfinished = errors.New("the list is being read for the first time; reading continues in the next cycles")

// Background runs what may take longer than a cycle: lists that change rarely and come in many pages. No cycle waits for
// them longer than a part of its interval.
type Background struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	limit  time.Duration    // of a cycle's wait
	last   bool             // no other cycle comes: this one waits as long as it can, whatever it costs
	passes func(error) bool // says that an error may have passed in the next cycle
}

// NewBackground is for cycles of an interval; passes says of an error whether it may have passed in the next one.
func NewBackground(interval time.Duration, passes func(error) bool) *Background {
	b := &Background{limit: interval / 2, passes: passes}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Last says that no other cycle follows: this one waits for its tasks as long as it can.
func (b *Background) Last() { b.last = true }

// Grace is how long a cycle waits for a task.
func (b *Background) Grace() time.Duration { return b.limit }

// Close ends what runs and waits for it.
func (b *Background) Close() {
	b.cancel()
	b.work.Wait()
}

// Task is one piece of such work.
type Task struct {
	pages *Pages
	done  chan struct{}
	err   error // once done is closed
}

// Start runs f, which asks its pages before each request.
func (b *Background) Start(f func(context.Context, *Pages) error) *Task {
	t := &Task{pages: newPages(b.passes), done: make(chan struct{})}
	b.work.Go(func() {
		defer close(t.done)
		t.err = guard.Run(func() error { return f(b.ctx, t.pages) })
	})
	return t
}

// Wait says whether the task has ended within this cycle's part; err is what it met on the way.
func (b *Background) Wait(ctx context.Context, t *Task) (ended bool, err error) {
	grace := b.limit
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
		case err := <-t.pages.over:
			if err == nil && b.last {
				t.pages.grant()
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

// Pages is the budget of a reading that goes on over cycles: so many requests in each. A page that could not be had is asked
// for again in the next, so that the reading goes on where it was.
type Pages struct {
	next     chan struct{} // a cycle has begun
	over     chan error    // the cycle's requests are used up, or one failed
	left     int
	taken    int // in all
	passes   func(error) bool
	failures int // of the page that is asked for, in a row
}

const (
	pagesACycle  = 50
	triesOfAPage = 5
)

func newPages(passes func(error) bool) *Pages {
	return &Pages{passes: passes, next: make(chan struct{}, 1), over: make(chan error, 1), left: pagesACycle}
}

// Grant lets the task go on in this cycle.
func (t *Task) Grant() {
	t.pages.grant()
}

// grant lets it go on in this cycle.
func (t *Pages) grant() {
	select {
	case err := <-t.over: // of a cycle that nobody waited for
		_ = err
	default:
	}
	select {
	case t.next <- struct{}{}:
	default:
	}
}

// Take waits until a request may be sent.
func (t *Pages) Take(ctx context.Context) error {
	if t.left == 0 {
		if err := t.pause(ctx, nil); err != nil {
			return err
		}
	}
	t.left--
	t.taken++
	return nil
}

// Again says whether a page that failed is asked for once more, and waits for the next cycle.
func (t *Pages) Again(ctx context.Context, err error) bool {
	if err == nil {
		t.failures = 0
		return false
	}
	if !t.passes(err) || t.failures == triesOfAPage-1 {
		return false
	}
	t.failures++
	return t.pause(ctx, err) == nil
}

func (t *Pages) pause(ctx context.Context, err error) error {
	select {
	case t.over <- err:
	default:
	}
	select {
	case <-t.next:
		t.left = pagesACycle
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
