package send

import (
	"errors"
	"slices"

	"backwire/remotewrite/window"
)

// progress is what of a window has no verdict yet: in the slice at hand a span for each request at a time, and all that comes after the
// slice. It is noted after every request, so that a run that ends in between does not send all of the window again.
type progress struct {
	feed   feed
	window *window.Window
	spans  []window.Span // of the slice, as it was dealt
	turn   chan struct{} // whoever has put into it may change and note what is left
	left   []window.Span
	note   []byte // begins with the window's identity once something was noted
}

func newProgress(f feed, w *window.Window, spans []window.Span, after window.Span) *progress {
	return &progress{feed: f, window: w, spans: spans, turn: make(chan struct{}, 1), left: append(slices.Clone(spans), after)}
}

func (r *progress) samples() (n int) {
	for _, sp := range r.left {
		n += sp.Count(r.window)
	}
	return n
}

// settle says up to where a span has its verdict. A note that fails costs nothing but what is then
// sent twice. When nothing is left the endpoint moves the cursor.
func (r *progress) settle(i int, at window.Place) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.left[i].From = at
	if !slices.ContainsFunc(r.left, func(sp window.Span) bool { return !sp.Empty() }) {
		return
	}
	if len(r.note) == 0 {
		r.note = r.window.AppendIdentity(r.note)
	}
	_ = r.feed.Advance(r.window, window.AppendSpans(r.note, r.left))
}

// keep leaves a note in a window that is sent on later.
func (r *progress) keep(w *window.Window, err error) {
	if errors.Is(err, errYield) {
		w.Note = window.AppendSpans(r.window.AppendIdentity(nil), r.left)
	}
}
