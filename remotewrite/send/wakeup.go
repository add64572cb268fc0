package send

import (
	"context"
	"sync"
	"time"
)

// wakeup wakes everybody who sleeps beside it.
type wakeup struct {
	mu sync.Mutex
	ch chan struct{}
}

func newWakeup() *wakeup { return &wakeup{ch: make(chan struct{})} }

func (b *wakeup) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// sleep returns after d or at the next ring, and with an error where the context ends first.
func (b *wakeup) sleep(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	ch := b.ch
	b.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ch:
	case <-t.C:
	}
	return nil
}
