package bundle

import (
	"context"
	"fmt"
	"time"
)

// send takes one ready bundle after the other to an endpoint, until ctx ends. An endpoint that does not take a bundle gets no later one
// before it.
func (f *Follower) send(ctx context.Context, d *delivery) {
	for {
		wait := lookEvery
		if a := f.next(d, time.Now()); a != nil {
			if f.sendOne(ctx, d, a) {
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
func (f *Follower) next(d *delivery, now time.Time) *arrival {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.ready {
		r, refused := d.refused[a.name]
		if !d.sent[a.hash] && (!refused || r.listing != a.listing || now.Sub(r.at) >= gapPatience) {
			return a
		}
	}
	return nil
}

// sendOne verifies a bundle and sends it; it returns false where the endpoint is to be left in peace for a while.
func (f *Follower) sendOne(ctx context.Context, d *delivery, a *arrival) bool {
	dir := f.config.Dir + "/" + a.name
	b, err := NewMedium(f.config.Trusted).Open(ctx, dir, func(int64, int64) {})
	if err != nil {
		f.refuse(ctx, d, a, err)
		return ctx.Err() == nil
	}
	f.note(d, a.name)
	s, err := b.Send(ctx, d.to, f.config.Rejected, f.log, func(int64, int64) { f.note(d, a.name) })
	f.note(d, "")
	_ = b.Close() // it was only read
	if ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d.stats.Samples += s.Samples
	for _, n := range s.Rejected {
		d.stats.Rejected += n
	}
	for _, n := range s.Dropped {
		d.stats.Dropped += n
	}
	if err != nil {
		if text := err.Error(); text != d.stats.Error {
			f.log.Error("cannot send a bundle; trying again", "endpoint", d.to.Name, "error", text)
			d.stats.Error = text
		}
		return false
	}
	d.stats.Error = ""
	delete(d.refused, a.name)
	d.sent[a.hash] = true
	f.tell()
	return true
}

// note remembers that a bundle gets on; with an empty name, that none is under way.
func (f *Follower) note(d *delivery, sending string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.sending, d.moved = sending, time.Now()
}

// refuse remembers what could not be verified: it may still be copied, although its files have their sizes.
func (f *Follower) refuse(ctx context.Context, d *delivery, a *arrival, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, again := d.refused[a.name]; !again || r.listing != a.listing {
		f.log.Error("a bundle cannot be verified; it stays where it is", "bundle", a.name, "error", fmt.Sprint(err))
	}
	d.refused[a.name] = refusal{a.listing, err.Error(), time.Now()}
	f.tell()
}

// tell has Run look at once.
func (f *Follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}
