package rejected

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"backwire/remotewrite/send"
	"backwire/remotewrite/window"
)

// errUnsent ends sending.
var errUnsent = errors.New("interrupted; run it again to send the rest")

// Repush is what became of rejections that were pushed again.
type Repush struct {
	Rejections int // of the endpoint
	Taken      int // of them, whole
	Held       int // samples that stay because the endpoint's settings keep them from being sent
	Stats      send.Stats
}

// Repush pushes an endpoint's rejections again, the oldest first, as after its receiver was put right. What is taken leaves the
// store; what is refused stays, with the receiver's new words where it is only a part, and so does what the endpoint's settings keep
// from being sent. An agent may go on writing to the store meanwhile.
func (s *Store) Repush(ctx context.Context, c send.Config, log *slog.Logger, progress func(done, total int64)) (Repush, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	from := &rejectedFeed{store: s, holds: holdbackOf(c), end: end, progress: progress}
	for r, err := range readRoot(s.root) {
		if err == nil && r.Endpoint == c.Name { // damage is told where they are listed
			from.all = append(from.all, r)
		}
	}
	if len(from.all) == 0 {
		return Repush{}, nil
	}
	c.Repeats, c.Concurrency = true, 1
	c.Natives = false                            // of a histogram there may be some series only
	c.MaxSampleAge, c.Keep, c.Drop = 0, nil, nil // the feed holds back what these do, and knows what that is
	e, err := send.NewEndpoint(c, from, from, log)
	if err != nil {
		return Repush{}, err
	}
	if err = e.Answers(ctx); err == nil {
		err = errors.Join(e.Run(ctx, 0), from.failed)
	}
	if err == nil && from.at < len(from.all) {
		err = errUnsent
	}
	done := Repush{Rejections: len(from.all), Taken: from.taken, Held: from.held, Stats: e.Stats()}
	if err != nil {
		err = fmt.Errorf("push rejected samples to endpoint %s: %w", c.Name, err)
	}
	return done, err
}

// rejectedFeed reads rejections once, each as a window, and takes what is refused again.
type rejectedFeed struct {
	store    *Store
	holds    holdback
	all      []send.Rejection
	at       int
	rest     send.Rejection   // of the one at hand, what is not sent
	again    []send.Rejection // of the one at hand
	taken    int
	held     int
	failed   error // the store cannot be written
	end      context.CancelFunc
	progress func(done, total int64)
}

func (f *rejectedFeed) Fill(w *window.Window, _ int) error {
	for ; f.failed == nil && f.at < len(f.all); f.at++ {
		var sent send.Rejection
		sent, f.rest = f.holds.divide(f.all[f.at])
		f.held += f.rest.Samples
		if len(sent.Series) > 0 || len(f.rest.Series) == 0 {
			f.again = nil
			*w = *sent.Window()
			return nil
		}
		f.progress(int64(f.at+1), int64(len(f.all)))
	}
	return io.EOF
}

// holdback is what an endpoint's settings keep from being sent.
type holdback struct {
	config send.Config
	since  int64 // ms since the epoch
}

func holdbackOf(c send.Config) holdback {
	l := holdback{config: c, since: math.MinInt64}
	if c.MaxSampleAge > 0 {
		l.since = time.Now().Add(-c.MaxSampleAge).UnixMilli()
	}
	return l
}

// divide tells what is sent of a rejection from what is not. Where all is, it is the rejection.
func (l *holdback) divide(r send.Rejection) (sent, rest send.Rejection) {
	sent, rest = r, r
	sent.Series, rest.Series = nil, nil
	n, left := 0, 0
	for _, s := range r.Series {
		young, old := s, s
		young.Points, old.Points = nil, nil
		for _, p := range s.Points {
			if p.T < l.since || !l.config.Wants(s.Metric.Name) {
				old.Points = append(old.Points, p)
			} else {
				young.Points = append(young.Points, p)
			}
		}
		if len(young.Points) > 0 {
			sent.Series = append(sent.Series, young)
		}
		if len(old.Points) > 0 {
			rest.Series = append(rest.Series, old)
		}
		n, left = n+len(young.Points), left+len(old.Points)
	}
	if left == 0 {
		return r, send.Rejection{}
	}
	sent.Samples, rest.Samples = min(r.Samples, n), min(r.Samples, left)
	return sent, rest
}

// Reject is told by the endpoint, which sends one request at a time.
func (f *rejectedFeed) Reject(r send.Rejection) error {
	f.again = append(f.again, r)
	return nil
}

// Advance keeps of a rejection what was refused again. All that is new is kept before the old one goes.
func (f *rejectedFeed) Advance(_ *window.Window, note []byte) error {
	if note != nil {
		return nil
	}
	r := f.all[f.at]
	f.at++
	f.progress(int64(f.at), int64(len(f.all)))
	refused := 0
	for _, a := range f.again {
		refused += a.Samples
	}
	switch {
	case refused >= r.Samples-f.rest.Samples:
		return nil // as it was
	case refused == 0 && f.rest.Samples == 0:
		f.taken++
	}
	if f.rest.Samples > 0 {
		f.again = append(f.again, f.rest)
	}
	for _, a := range f.again {
		f.failed = errors.Join(f.failed, f.store.Reject(a))
	}
	if f.failed == nil {
		f.failed = f.store.Take(r)
	}
	return f.failed
}

// Wait is called when there is nothing more.
func (f *rejectedFeed) Wait(context.Context) error {
	f.end()
	return nil
}
