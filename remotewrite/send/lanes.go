package send

import (
	"context"
	"errors"
	"io"
	"time"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
)

// lanes is a feed that can be in two places: Fill reads the newest, and FillPast what is older.
type lanes interface {
	feed
	// FillPast is Fill for what is older than what Fill reads; io.EOF says that there is no such thing.
	FillPast(w *window.Window, least int) error
	// Split has Fill go on with what comes now, and leaves to FillPast what is older. A window that is at hand belongs to that then;
	// so it is only where Fill read all. It returns false where nothing has changed.
	Split(atHand bool) (bool, error)
}

const (
	pastTurn    = time.Second // after which it is looked whether there is something newer
	splitPause  = time.Minute // between two questions whether a receiver takes samples as late
	splitMargin = time.Minute // by which the receiver has to take later ones, because they wait
)

// errYield says that something else goes first. What is left of the window is noted in it.
var errYield = errors.New("something newer goes first")

// past is what is sent after the newest. Its fields are owned by Run, and shards read them.
type past struct {
	feed   lanes // nil where there is one lane
	window window.Window
	held   bool      // the window has samples without a verdict
	open   bool      // there are two lanes, as far as is known
	turn   time.Time // when the past's turn began
	asked  time.Time // when it was asked last whether to split
}

// next returns the window that goes first: of the newest, or else what is held of the past, or more of it.
func (e *Endpoint) next() (*window.Window, error) {
	p := &e.past
	e.window.Depth = window.Depth
	if p.open {
		e.window.Depth = 0 // so that what goes first is not long
	}
	err := e.feed.Fill(&e.window, e.leastSamples())
	switch {
	case err == nil:
		e.recorder.filtered(e.selected.filter(&e.window))
		return &e.window, nil
	case !errors.Is(err, io.EOF) || p.feed == nil:
		return nil, err
	}
	p.turn = time.Now()
	if p.held {
		p.held = false
		e.recorder.held(0)
		return &p.window, nil
	}
	p.window.Depth = window.Depth
	err = p.feed.FillPast(&p.window, e.leastSamples())
	if p.open = err == nil; p.open {
		e.recorder.filtered(e.selected.filter(&p.window))
	}
	return &p.window, err
}

// deliver returns true when everything in a window has its final verdict, and false where something newer goes first.
func (e *Endpoint) deliver(l life, w *window.Window) (bool, error) {
	for {
		err := e.deliverAll(l, w)
		if !errors.Is(err, errYield) {
			return err == nil, err
		}
		if !w.Past {
			split, err := e.split(l, w, true)
			if err != nil {
				return false, err
			}
			if !split {
				continue
			}
			e.window, e.past.window = e.past.window, e.window
			w = &e.past.window
			w.Past, w.Earlier = true, false
		}
		e.past.held = true
		e.recorder.held(e.recorder.Snapshot().Pending)
		return false, nil
	}
}

// yields reports whether something goes before the rest of a window: the newest before the past, or where the endpoint has fallen
// behind, what comes now.
func (e *Endpoint) yields(w *window.Window) bool {
	p := &e.past
	if p.feed == nil || w.Past {
		return w.Past && time.Since(p.turn) >= pastTurn
	}
	whole := w.Last && w.Samples <= e.config.MaxSamples // the newest is in the next request
	return !p.open && !whole && e.behind(w.Oldest)
}

// behind reports whether a time is so long ago that what comes now goes first, where the receiver was not asked just now.
func (e *Endpoint) behind(t int64) bool {
	return e.config.Behind > 0 && t > 0 && time.Since(time.UnixMilli(t)) > e.config.Behind && time.Since(e.past.asked) >= splitPause
}

// split leaves to the past what there is, where the receiver takes samples as late as a window's.
func (e *Endpoint) split(l life, w *window.Window, atHand bool) (bool, error) {
	p := &e.past
	p.asked = time.Now()
	age := p.asked.Sub(time.UnixMilli(w.Oldest)) + splitMargin
	if most := e.config.MaxSampleAge; most > 0 {
		age = min(age, most)
	}
	takes, err := e.shards[0].takesBehind(l, p.asked.Add(-age).UnixMilli())
	if err != nil || !takes {
		return false, err
	}
	split, err := p.feed.Split(atHand)
	if err != nil {
		e.log.Warn("the newest samples cannot go first", "error", err)
		return false, nil
	}
	p.open = p.open || split
	return split, nil
}

// fallBehind leaves to the past what the lane of the newest has not sent, where that has fallen behind again.
func (e *Endpoint) fallBehind(l life, w *window.Window) error {
	if !e.past.open || w.Past || w.Last || !e.behind(w.Newest) {
		return nil
	}
	_, err := e.split(l, w, false)
	return err
}

// takesBehind asks whether the receiver takes a sample of a time behind a newer one of the same series. Where the clock was set back, so
// that the time is not behind it, that is not known.
func (s *shard) takesBehind(l life, at int64) (bool, error) {
	e := s.endpoint
	for s.fresh(); ; {
		_, a := s.ask(l, e.protocol())
		if judge(a, false) == delivered {
			if at >= e.canary.newest.Load() {
				return false, nil
			}
			_, a = e.canary.askBehind(l.hard, e.protocol(), at)
			if a.status >= 500 { // as Prometheus up to 2.49 answers to what is too old
				return false, nil
			}
		}
		if !a.open() {
			return judge(a, false) == delivered, nil
		}
		if err := s.hold(l, wire.Request{}, &a); err != nil {
			return false, err
		}
	}
}

// askBehind asks whether the receiver takes a sample of a time from the series of the canary, which has newer ones.
func (c *canary) askBehind(ctx context.Context, p wire.Protocol, at int64) (wire.Request, answer) {
	return c.send(ctx, p, at)
}
