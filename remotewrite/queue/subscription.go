package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// Subscription is an endpoint's place in the queue. It belongs to the endpoint's goroutine.
type Subscription struct {
	queue  *Queue
	name   string
	cursor *wal.Cursor
	places wal.Places // as the cursor keeps them
	live   *lane      // the newest place, or the only one
	past   *lane      // the oldest place, nil where there is only one
	holder *holder    // its fields are guarded by the queue's mu

	moves  uint64       // of the queue, that the cursor has made too
	known  bool         // an earlier run read the queue for this endpoint
	opened wal.Position // the end of the log when this run began
	since  int64        // when that was: ms since the epoch
	again  wal.Position // up to where everything may have been sent, because the cursor was lost
}

// Reached is a place in the log and what lies before it.
type Reached struct {
	Next          wal.Position
	Total, Inside record.Totals
	Newest        int64
}

// errSubscribed refuses two subscriptions with one cursor.
var errSubscribed = errors.New("another reader uses this endpoint's position")

// Subscribe continues at the endpoint's cursor. An endpoint without one begins at the end of the
// queue, or at the oldest that is left.
func (q *Queue) Subscribe(name string, fromOldest bool) (*Subscription, error) {
	h, err := q.attach(name)
	if err != nil {
		return nil, fmt.Errorf("subscribe %q: %w", name, err)
	}
	s := &Subscription{queue: q, name: name, holder: h, moves: q.moves.Load()}
	if err := s.open(fromOldest); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe %q: %w", name, err), s.Close())
	}
	return s, nil
}

// attach claims the endpoint's holder. A new one holds everything until its place is known.
func (q *Queue) attach(name string) (*holder, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.holders[name]
	if h == nil {
		h = new(holder)
		q.holders[name] = h
	}
	if h.attached {
		return nil, errSubscribed
	}
	h.attached, h.ahead = true, Reached{}
	return h, nil
}

func (s *Subscription) open(fromOldest bool) (err error) {
	if s.cursor, err = wal.OpenCursor(s.queue.fs, s.name); err != nil {
		return err
	}
	known, was := s.queue.place(s.name)
	s.places, err = s.cursor.Places()
	s.known = was || !errors.Is(err, wal.ErrNoPosition)
	switch {
	case errors.Is(err, wal.ErrNoPosition) && !was:
		s.places.At = s.queue.start(fromOldest)
		s.tell(s.places.At)
		err = s.cursor.Store(s.places.At) // at once: the next start must not begin at the newest again
	case errors.Is(err, wal.ErrNoPosition), errors.Is(err, wal.ErrCursorDamaged):
		s.places.At, err = s.resume(known, was, err), nil
	}
	if err != nil {
		return err
	}
	if known.At.Compare(s.places.At) > 0 { // what lies between was given up, and counted
		s.places.At = known.At
		skipPassed(&s.places)
	}
	s.opened, s.since = s.queue.log.End(), time.Now().UnixMilli()
	s.openLanes()
	s.miss(known, was)
	s.queue.take()
	defer s.queue.release()
	s.queue.takeStock()
	return nil
}

// place is where an endpoint was when that was written down last.
func (q *Queue) place(endpoint string) (at inventoryPlace, was bool) {
	q.take()
	defer q.release()
	at, was = q.stock.Endpoints[endpoint]
	return at, was
}

// resume is where an endpoint goes on whose cursor is gone or cannot be read: at the last place that is known, or at the oldest.
func (s *Subscription) resume(known inventoryPlace, was bool, cause error) wal.Position {
	from := s.queue.start(true)
	if was {
		from = known.At
	}
	s.again = s.queue.log.End()
	s.queue.logger.Error("the position of an endpoint is missing or unreadable: the endpoint continues at an earlier position and sends some samples again",
		"endpoint", s.name, "segment", from.Segment, "offset", from.Offset, "error", cause)
	return from
}

// miss counts what an endpoint had not read of segments that are gone, and has it go on behind them.
func (s *Subscription) miss(known inventoryPlace, was bool) {
	l, from := s.oldest(), s.places.At
	r := l.reader
	if r.Had.Segment <= from.Segment || s.queue.log.Has(from.Segment) || !was {
		return
	}
	reason := reasonMissing
	if known.Removed {
		reason = reasonAbsent
	}
	lost := r.Before.Minus(known.Done)
	if lost == (record.Totals{}) {
		return
	}
	s.queue.loseOf(s.name, reason, lost)
	s.queue.logger.Error("segments are gone before an endpoint received them", "reason", reason, "endpoint", s.name,
		"from", known.At.Segment, "to", r.Had.Segment-1, "records", lost.Records, "samples", lost.Samples)
	next := Reached{wal.Position{Segment: r.Had.Segment}, r.Before, record.Totals{}, r.Past.Newest}
	if err := s.pass(l, next); err != nil {
		s.queue.logger.Warn("the position of an endpoint after missing segments cannot be stored: they are counted again after a restart", "endpoint", s.name, "error", err)
	}
}

// tell says what a new endpoint leaves out.
func (s *Subscription) tell(from wal.Position) {
	if segments := s.queue.log.Segments(); len(segments) > 0 && from == s.queue.log.End() {
		s.queue.logger.Warn("a new endpoint starts at the newest samples: what is already queued is not sent to it", "endpoint", s.name, "segments", len(segments))
	}
}

// start is where a new endpoint begins.
func (q *Queue) start(oldest bool) wal.Position {
	segments := q.log.Segments()
	if !oldest || len(segments) == 0 {
		return q.log.End()
	}
	return wal.Position{Segment: segments[0].Number}
}

// replaySamples bounds a window that is read again whatever its size, because it has to be the one that was sent.
const replaySamples = 4 * window.MaxSamples

// Fill reads on into w, in the lane that goes first: whole records, until it is full and holds at least so many samples, or a
// segment ends. io.EOF means that there is nothing new. That the window is about to be sent is durable then; what an earlier run
// was sending when it ended comes first, and once more as one window.
func (s *Subscription) Fill(w *window.Window, least int) error {
	if err := s.follow(); err != nil {
		return err
	}
	return s.fill(s.live, w, least)
}

func (s *Subscription) fill(l *lane, w *window.Window, least int) error {
	again := l.begun != wal.Position{}
	if again {
		least = max(least, replaySamples)
	}
	err := l.reader.Fill(w, least)
	for !s.claim(l, w) && err == nil {
		err = l.reader.Fill(w, least)
	}
	switch {
	case again:
		l.replay(w)
	case err == nil && w.Next.Compare(s.again) <= 0:
		w.Repeated = true
		s.begin(l, w.Next)
	case err == nil:
		s.begin(l, w.Next)
	}
	w.Earlier = s.known && (w.Next.Compare(s.opened) <= 0 || w.Oldest != 0 && w.Oldest < s.since)
	if err != nil && w.Next.Compare(s.positionOf(l)) > 0 { // records without samples
		if failed := s.pass(l, l.reached(w)); failed != nil {
			return failed
		}
	}
	if err == nil {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		s.placeOf(l).unsent = w.Oldest
	}
	return err
}

// begin makes durable that a lane is about to send; where this fails Advance does, which is told.
func (s *Subscription) begin(l *lane, until wal.Position) {
	if s.cursor.Begin(s.number(l), until) == nil {
		s.places.Begun[s.number(l)] = until
	}
}

// claim says that what was read is being sent. It is not where its segment was given up in between: then it is counted as
// lost.
func (s *Subscription) claim(l *lane, w *window.Window) bool {
	to := Reached{w.Next, l.reader.Totals(), l.reader.Had.Totals, l.reader.Newest()}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if w.Samples > 0 && w.Next.Segment <= s.holder.given && w.Next.Compare(l.filled.Next) > 0 {
		return false
	}
	p := s.placeOf(l)
	l.filled, p.ahead = to, to
	if w.Next.Segment > s.holder.given {
		p.within = p.lost
	}
	return true
}

// Advance says that everything in the window has its verdict, or notes what has none yet. It is not taken back.
func (s *Subscription) Advance(w *window.Window, note []byte) error {
	l := s.live
	if w.Past {
		l = s.past
	}
	switch {
	case l == nil: // the log that it was read from was replaced
		return nil
	case note != nil:
		return s.cursor.Note(s.number(l), note)
	}
	return s.pass(l, l.reached(w))
}

// Pass moves the cursor, never back.
func (s *Subscription) Pass(to Reached) error { return s.pass(s.oldest(), to) }

func (s *Subscription) pass(l *lane, to Reached) error {
	if err := s.follow(); err != nil {
		return err
	}
	if to.Next.Compare(s.positionOf(l)) <= 0 {
		return nil
	}
	next := s.places
	next.Passed = slices.Clone(next.Passed)
	next.Begun[s.number(l)] = wal.Position{}
	if s.number(l) == wal.Live {
		next.Passed[len(next.Passed)-1].To = to.Next
	} else {
		next.At = to.Next
	}
	reached := skipPassed(&next)
	if err := s.cursor.StorePlaces(next); err != nil {
		return fmt.Errorf("advance %q to %v: %w", s.name, to.Next, err)
	}
	s.places = next
	s.settle(l, to, reached)
	if reached > 0 {
		s.arrive()
	}
	s.queue.untidy.Store(true)
	s.queue.tidy()
	return nil
}

// settle tells those who do not belong to the endpoint where it is now.
func (s *Subscription) settle(l *lane, to Reached, reached int) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	h := s.holder
	s.placeOf(l).move(to, h.given)
	for range reached {
		if h.passed[0].at.Compare(h.at) >= 0 {
			h.place = h.passed[0].place
		}
		h.passed = h.passed[1:]
	}
}

// Position is where the cursor is: the oldest place.
func (s *Subscription) Position() wal.Position {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.holder.at
}

// Done is how much of all that was ever written the endpoint has passed.
func (s *Subscription) Done() record.Totals {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.holder.total()
}

// End is where the log ends.
func (s *Subscription) End() wal.Position { return s.queue.log.End() }

// WaitBehind returns when there is something behind a position, or with the context's error.
func (s *Subscription) WaitBehind(ctx context.Context, at wal.Position) error {
	return s.queue.log.Wait(ctx, at)
}

// CaughtUp says whether the endpoint has passed all that was ever written.
func (s *Subscription) CaughtUp() bool { return s.Done() == s.queue.written() }

// Wait returns when there may be something for fill, or with the context's error.
func (s *Subscription) Wait(ctx context.Context) error {
	return s.queue.log.Wait(ctx, s.live.reader.Position())
}

// Close leaves the cursor where it is; it goes on holding its segments.
func (s *Subscription) Close() error {
	var errs []error
	for _, l := range []*lane{s.live, s.past} {
		if l != nil {
			errs = append(errs, l.reader.Close())
		}
	}
	if s.cursor != nil {
		errs = append(errs, s.cursor.Close())
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.holder.attached = false
	return errors.Join(errs...)
}

// report counts what this endpoint did not get because the disk did not give it back.
func (s *Subscription) report(l window.Loss) {
	s.queue.loseOf(s.name, reasonDamaged, l.Lost)
	if l.Lost == (record.Totals{}) {
		s.queue.logger.Warn("damage in the queue, nothing is lost",
			"endpoint", s.name, "segment", l.Segment, "offset", l.Offset, "error", l.Err)
		return
	}
	s.queue.logger.Error("damage in the queue", "endpoint", s.name, "segment", l.Segment, "offset", l.Offset,
		"lost_records", l.Lost.Records, "lost_samples", l.Lost.Samples, "error", l.Err)
}

// holdAll gives configured endpoints their claim, before these subscribe.
func (q *Queue) holdAll() error {
	names, err := wal.Cursors(q.fs)
	if err != nil {
		return err
	}
	for name := range q.stock.Endpoints {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(q.options.Endpoints, name) {
			q.logger.Warn("an endpoint was removed: its undelivered data is no longer kept", "endpoint", name)
			continue
		}
		known := q.stock.Endpoints[name]
		at, err := wal.ReadCursor(q.fs, name)
		if err != nil || known.At.Compare(at) > 0 {
			at = known.At
		}
		if err == nil || !errors.Is(err, wal.ErrNoPosition) || known.At != (wal.Position{}) {
			q.holders[name] = &holder{place: place{at: at}}
		}
	}
	return nil
}
