package queue

import (
	"errors"
	"fmt"
	"io"

	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// An endpoint that is far behind has two places: the live lane begins with a segment and goes first; the past is read from where the
// endpoint was, up to where the live lane began, and then the two are one again. An endpoint that falls behind once more splits
// the live lane: what that has delivered is a stretch that the past skips when it comes there. Each segment belongs to one of
// these, because they begin with a segment, so that what is lost with a segment is counted once and exactly.

// lane reads from one place on.
type lane struct {
	reader *window.Reader
	filled Reached
	begun  wal.Position // up to where an earlier run may have sent; the zero position once that is past
	note   []byte       // that it left about it
}

// errCrowded is more stretches than a cursor keeps. The live lane goes on in order until the past has reached one.
var errCrowded = errors.New("too many stretches were delivered before their turn")

// errWaiting is a disk that has to take something first.
var errWaiting = errors.New("the queue has something to write first")

// newLane reads on from a place, and first what an earlier run was sending.
func (s *Subscription) newLane(at wal.Position, n wal.Lane) *lane {
	l := &lane{reader: window.NewReader(s.queue.log, at, s.report)}
	if until, note := s.cursor.Begun(n); until.Compare(at) > 0 {
		l.begun, l.note, l.reader.Until = until, note, until
	}
	_ = l.reader.Seek() // what stops it now stops fill too, which says so
	return l
}

// openLanes begins where the cursor says.
func (s *Subscription) openLanes() {
	passed := s.places.Passed
	first := s.newLane(s.places.At, wal.Past)
	now := holder{place: first.place(s.places.At)}
	s.live = first
	if len(passed) > 0 {
		s.past, s.live = first, s.newLane(s.places.Newest(), wal.Live)
		s.past.reader.To = passed[0].From
	}
	for _, p := range passed {
		now.passed = append(now.passed, stretch{p.From, placeAt(s.queue.log, p.From).done, placeAt(s.queue.log, p.To)})
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	h := s.holder
	if s.places.At.Segment <= h.given {
		now.lost, now.done = h.lost, now.done.Plus(h.lost)
	}
	h.place, h.passed, h.known = now.place, now.passed, true
}

// placeAt finds out what lies before a position.
func placeAt(log *wal.Log, at wal.Position) place {
	r := window.NewReader(log, at, func(window.Loss) {})
	_ = r.Seek() // what cannot be read tells itself when it is to be sent
	_ = r.Close()
	return (&lane{reader: r}).place(at)
}

// place is where a lane is that has read nothing to send yet.
func (l *lane) place(at wal.Position) place {
	return place{at: at, done: l.reader.Totals(), inside: l.reader.Had.Totals, unsent: l.reader.Newest()}
}

// number is a lane's in the cursor.
func (s *Subscription) number(l *lane) wal.Lane {
	if l == s.past || s.past == nil {
		return wal.Past
	}
	return wal.Live
}

// oldest is the lane whose place is.
func (s *Subscription) oldest() *lane {
	if s.past != nil {
		return s.past
	}
	return s.live
}

// placeOf is a lane's place. It needs the queue's mu.
func (s *Subscription) placeOf(l *lane) *place {
	if s.number(l) == wal.Live {
		return s.holder.newest()
	}
	return &s.holder.place
}

func (s *Subscription) positionOf(l *lane) wal.Position {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.placeOf(l).at
}

// reached is the end of a window.
func (l *lane) reached(w *window.Window) Reached {
	to := l.filled
	to.Next = w.Next
	return to
}

// replay marks a window that an earlier run was sending, and takes what that had noted.
func (l *lane) replay(w *window.Window) {
	w.Repeated = true
	w.Note = l.note
	if w.Next.Compare(l.begun) >= 0 {
		l.begun, l.note = wal.Position{}, nil
	}
}

// skipPassed has the oldest place pass over stretches that it has reached, and returns how many these were. When it has
// reached the last, there is one lane.
func skipPassed(p *wal.Places) (reached int) {
	for ; len(p.Passed) > 0 && p.At.Compare(p.Passed[0].From) >= 0; reached++ {
		if to := p.Passed[0].To; to.Compare(p.At) > 0 {
			p.At = to
		}
		p.Passed = p.Passed[1:]
	}
	if reached > 0 && len(p.Passed) == 0 {
		p.Begun = [2]wal.Position{wal.Past: p.Begun[wal.Live]}
	}
	return reached
}

// arrive has the past go on behind a stretch that it has reached, or makes one lane of the two.
func (s *Subscription) arrive() {
	if s.past == nil {
		return
	}
	if err := s.past.reader.Close(); err != nil {
		s.queue.logger.Warn("cannot close a segment", "endpoint", s.name, "error", err)
	}
	s.past = nil
	if len(s.places.Passed) > 0 {
		s.past = s.newLane(s.places.At, wal.Past)
		s.past.reader.To = s.places.Passed[0].From
		return
	}
	s.queue.logger.Info("an endpoint has received the past too", "endpoint", s.name)
}

// FillPast is Fill for what is older than the live lane; io.EOF means that there is no such thing.
func (s *Subscription) FillPast(w *window.Window, least int) error {
	if err := s.follow(); err != nil {
		return err
	}
	for s.past != nil {
		at := s.places.At
		err := s.fill(s.past, w, least)
		if err != nil || w.Samples > 0 {
			w.Past, w.Earlier = true, false // what takes samples late takes them twice
			return err
		}
		if err := s.pass(s.past, s.past.reached(w)); err != nil || s.places.At == at {
			return errors.Join(err, io.EOF)
		}
	}
	return io.EOF
}

// Split has the live lane go on with what is committed from now on, and leaves to the past what it has not delivered. A window that is
// at hand belongs to the past then, which is so only where there was one lane. It returns false where nothing has changed.
func (s *Subscription) Split(atHand bool) (bool, error) {
	if err := s.follow(); err != nil || atHand == (s.past != nil) {
		return false, err
	}
	begin, err := s.queue.begin()
	if err != nil {
		return false, fmt.Errorf("split the place of %q: %w", s.name, err)
	}
	next := s.places
	if next.Newest().Compare(begin.Next) >= 0 {
		return false, nil
	}
	next.Passed = append([]wal.Stretch(nil), next.Passed...)
	merge := false
	if n := len(next.Passed); n > 0 && next.Passed[n-1].From == next.Passed[n-1].To { // nothing was delivered
		next.Passed, merge = next.Passed[:n-1], true
	}
	if len(next.Passed) == wal.MaxStretches {
		return false, fmt.Errorf("split the place of %q: %w", s.name, errCrowded)
	}
	next.Passed = append(next.Passed, wal.Stretch{From: begin.Next, To: begin.Next})
	next.Begun[wal.Live] = wal.Position{}
	if err := s.cursor.StorePlaces(next); err != nil {
		return false, fmt.Errorf("split the place of %q: %w", s.name, err)
	}
	s.places = next
	s.splitLane(begin, merge)
	return true, nil
}

func (s *Subscription) splitLane(begin Reached, merge bool) {
	if s.past == nil {
		s.past = s.live
	} else if err := s.live.reader.Close(); err != nil {
		s.queue.logger.Warn("cannot close a segment", "endpoint", s.name, "error", err)
	}
	s.past.reader.To = s.places.Passed[0].From
	s.live = s.newLane(begin.Next, wal.Live)
	s.queue.logger.Info("an endpoint is far behind: it receives the newest samples first, and the past behind them", "endpoint", s.name)
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.holder.split(begin, merge)
}

// begin starts a segment, unless the newest has nothing yet, and says where that is.
func (q *Queue) begin() (Reached, error) {
	q.take()
	defer q.release()
	if err := q.reach(); err != nil {
		return Reached{}, err
	}
	if q.halfway {
		if err := q.recollect(); err != nil {
			return Reached{}, err
		}
	}
	if q.rolling || !q.pending.empty() {
		return Reached{}, errWaiting
	}
	if q.packer.Had.Records > 0 {
		if err := q.roll(); err != nil {
			return Reached{}, err
		}
	}
	return Reached{Next: wal.Position{Segment: q.log.End().Segment}, Total: q.packer.Written(), Newest: q.packer.Past.Newest}, nil
}

// stretch was delivered before its turn.
type stretch struct {
	from   wal.Position  // a segment's begin
	before record.Totals // of all that was ever written, up to there
	place                // behind it
}

// newest is the place that goes first.
func (h *holder) newest() *place {
	if n := len(h.passed); n > 0 {
		return &h.passed[n-1].place
	}
	return &h.place
}

// owner is the place that has passed a segment or will.
func (h *holder) owner(segment uint64) *place {
	p := &h.place
	for i := range h.passed {
		if h.passed[i].from.Segment <= segment {
			p = &h.passed[i].place
		}
	}
	return p
}

// total is how much of all that was ever written the endpoint has passed, or has lost.
func (h *holder) total() record.Totals {
	sum := h.done
	for i := range h.passed {
		sum = sum.Plus(h.passed[i].done.Minus(h.passed[i].before))
	}
	return sum
}

// split leaves what the newest place has not passed to the one before it, and begins another.
func (h *holder) split(begin Reached, merge bool) {
	if merge {
		lost := h.newest().lost
		h.passed = h.passed[:len(h.passed)-1]
		p := h.newest()
		p.done, p.lost = p.done.Plus(lost), p.lost.Plus(lost)
	}
	h.passed = append(h.passed, stretch{begin.Next, begin.Total, place{at: begin.Next, done: begin.Total, unsent: begin.Newest}})
}
