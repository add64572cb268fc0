package bundle

import (
	"context"
	"fmt"
	"time"
)

// send takes one ready bundle after the other to an endpoint, until ctx ends. An endpoint that does not take a bundle gets no later one
// before it.
func (f *Follower) send(ctx context.Context, l *lane) {
	for {
		wait := lookEvery
		if a := f.next(l, time.Now()); a != nil {
			if f.sendOne(ctx, l, a) {
				wait = 0
			} else {
				wait = retryAfter
			}
		}
		if sleep(ctx, wait) != nil {
			return
		}
	}
}

// next is the oldest ready bundle that an endpoint has not got. One that was refused is passed over until it changes or some time has gone by.
func (f *Follower) next(l *lane, now time.Time) *arrival {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.ready {
		r, refused := l.refused[a.name]
		if !l.sent[a.hash] && (!refused || r.listing != a.listing || now.Sub(r.at) >= gapPatience) {
			return a
		}
	}
	return nil
}

// sendOne verifies a bundle and sends it; it returns false where the endpoint is to be left in peace for a while.
func (f *Follower) sendOne(ctx context.Context, l *lane, a *arrival) bool {
	dir := f.config.Dir + "/" + a.name
	b, err := NewMedium(f.config.Trusted).Open(ctx, dir, func(int64, int64) {})
	if err != nil {
		f.refuse(ctx, l, a, err)
		return ctx.Err() == nil
	}
	f.note(l, a.name)
	s, err := b.Send(ctx, l.to, f.config.Rejected, f.log, func(int64, int64) { f.note(l, a.name) })
	f.note(l, "")
	_ = b.Close() // it was only read
	if ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.stats.Samples += s.Samples
	for _, n := range s.Rejected {
		l.stats.Rejected += n
	}
	for _, n := range s.Dropped {
		l.stats.Dropped += n
	}
	if err != nil {
		if text := err.Error(); text != l.stats.Error {
			f.log.Error("cannot send a bundle; trying again", "endpoint", l.to.Name, "error", text)
			l.stats.Error = text
		}
		return false
	}
	l.stats.Error = ""
	delete(l.refused, a.name)
	l.sent[a.hash] = true
	f.tell()
	return true
}

// note remembers that a bundle gets on; with an empty name, that none is under way.
func (f *Follower) note(l *lane, sending string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.sending, l.moved = sending, time.Now()
}

// refuse remembers what could not be verified: it may still be copied, although its files have their sizes.
func (f *Follower) refuse(ctx context.Context, l *lane, a *arrival, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, again := l.refused[a.name]; !again || r.listing != a.listing {
		f.log.Error("a bundle cannot be verified; it stays where it is", "bundle", a.name, "error", fmt.Sprint(err))
	}
	l.refused[a.name] = refusal{a.listing, err.Error(), time.Now()}
	f.tell()
}

// tell has Run look at once.
func (f *Follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}
