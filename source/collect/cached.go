package collect

import (
	"context"
	"iter"
	"time"

	"backwire/source/guard"
)

// Cached reads what changes rarely and comes in many pages: at most some times an hour, and over as many cycles as it takes.
// Between two readings its gauges stand; it resets them itself.
type Cached struct {
	background *Background
	every      int64 // ms between two readings, at least
	gauges     *Gauges
	draft      *Gauges                                                      // of the reading that is under way
	count      func(context.Context, *Pages, *Gauges) (rows int, err error) // sets the gauges
	settled    func(error) bool                                             // says that an error stands until the next reading, like an answer
	under      *Task                                                        // nil where none is
	counted    int                                                          // rows of it, once it has ended
	pages      int                                                          // that the last reading asked for

	rows   int
	err    error
	readAt int64 // server's clock, ms; 0 where it must be read
}

// Seldom is how often what is cached is read at most.
const Seldom = 15 * time.Minute

// The ms to the next reading for each row and for each page: a page of a hundred rows in six seconds, however long the list is, and as
// many requests where each has few rows.
const (
	pausePerRow  = 60
	pausePerPage = 6000
)

// NewCached reads for a place by count, which asks its pages before each page and sets the gauges that it is given. settled says of an
// error that it stands until the next reading, as an answer does.
func NewCached(b *Background, p Place, settled func(error) bool, count func(context.Context, *Pages, *Gauges) (int, error)) *Cached {
	return &Cached{background: b, every: p.Every.Milliseconds(), gauges: p.Gauges, settled: settled, count: count}
}

// Read asks again in the next cycle where it failed, but not for what the server does not offer, nor for what is more than
// is taken.
func (s *Cached) Read(ctx context.Context, now int64) (int, error) {
	switch {
	case s.under != nil:
		s.under.Grant()
	case s.readAt != 0 && now >= s.readAt && now-s.readAt < max(s.every, pausePerRow*int64(s.rows), pausePerPage*int64(s.pages)):
		return s.rows, s.err
	default:
		s.begin()
	}
	ended, err := s.background.Wait(ctx, s.under)
	switch {
	case ended:
		s.pages, s.under = s.under.pages.taken, nil
		s.end(err, now)
	case err != nil:
		return s.rows, err // the page is asked for again
	case s.readAt == 0:
		return 0, ErrUnfinished
	}
	return s.rows, s.err
}

func (s *Cached) begin() {
	s.draft = NewGauges(s.gauges.site)
	s.under = s.background.Start(func(ctx context.Context, pages *Pages) (err error) {
		s.counted, err = s.count(ctx, pages, s.draft)
		return err
	})
}

// end takes what was read whole.
func (s *Cached) end(err error, now int64) {
	if err == nil {
		err = s.draft.Beyond()
	}
	s.rows, s.err, s.readAt = s.counted, err, 0
	s.gauges.Reset()
	if err == nil {
		s.gauges.take(s.draft)
	}
	s.draft = nil
	if err == nil || guard.Beyond(err) || s.settled(err) {
		s.readAt = max(now, 1)
	}
}

// CountRows notes each row, until there is more than is taken.
func CountRows[T any](rows func(context.Context) iter.Seq2[T, error], note func(*Gauges, T)) func(context.Context, *Gauges) (int, error) {
	return func(ctx context.Context, g *Gauges) (n int, err error) {
		for v, err := range rows(ctx) {
			if err != nil {
				return n, err
			}
			n++
			note(g, v)
			if err := g.Beyond(); err != nil {
				return n, err
			}
		}
		return n, nil
	}
}
