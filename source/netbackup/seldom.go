package netbackup

import (
	"context"
	"errors"
	"iter"

	"backwire/source/guard"
	"backwire/source/netbackup/api"
)

// seldom reads what changes rarely and comes in many pages: at most some times an hour, and over as many cycles as it takes.
// Between two readings its gauges stand; it resets them itself.
type seldom struct {
	background *background
	gauges     *gauges
	draft      *gauges                                              // of the reading that is under way
	count      func(context.Context, *gauges) (rows int, err error) // sets the gauges
	under      *task                                                // nil where none is
	counted    int                                                  // rows of it, once it has ended

	rows   int
	err    error
	readAt int64 // server's clock, ms; 0 where it must be read
}

const (
	seldomEvery = 900_000 // ms between two readings, at least
	restOfRow   = 60      // ms that a row is worth: a page of a hundred in six seconds, however long the list is
)

// read asks again in the next cycle where it failed, but not for what the server does not offer, nor for what is more than
// is taken.
func (s *seldom) read(ctx context.Context, now int64) (int, error) {
	switch {
	case s.under != nil:
		s.under.turns.grant()
	case s.readAt != 0 && now >= s.readAt && now-s.readAt < max(seldomEvery, restOfRow*int64(s.rows)):
		return s.rows, s.err
	default:
		s.begin()
	}
	ended, err := s.background.wait(ctx, s.under)
	switch {
	case ended:
		s.under = nil
		s.end(err, now)
	case err != nil:
		return s.rows, err // the page is asked for again
	case s.readAt == 0:
		return 0, errUnfinished
	}
	return s.rows, s.err
}

func (s *seldom) begin() {
	s.draft = newGauges(s.gauges.site)
	s.under = s.background.start(func(ctx context.Context) (err error) {
		s.counted, err = s.count(ctx, s.draft)
		return err
	})
}

// end takes what was read whole.
func (s *seldom) end(err error, now int64) {
	if err == nil {
		err = s.draft.beyond()
	}
	s.rows, s.err, s.readAt = s.counted, err, 0
	s.gauges.reset()
	if err == nil {
		s.gauges.take(s.draft)
	}
	s.draft = nil
	if err == nil || guard.Beyond(err) || errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrLimit) {
		s.readAt = max(now, 1)
	}
}

// counting reads a list seldom, and notes each row.
func counting[T any](w *workplace, rows func(*api.Client, context.Context) iter.Seq2[T, error], note func(*gauges, *T)) reader {
	list := func(ctx context.Context) iter.Seq2[T, error] { return rows(w.client(), ctx) }
	s := &seldom{background: w.site.background, gauges: w.board, count: noting(list, note)}
	return s.read
}

// noting notes each row, until there is more than is taken.
func noting[T any](rows func(context.Context) iter.Seq2[T, error], note func(*gauges, *T)) func(context.Context, *gauges) (int, error) {
	return func(ctx context.Context, g *gauges) (n int, err error) {
		for v, err := range rows(ctx) {
			if err != nil {
				return n, err
			}
			n++
			note(g, &v)
			if err := g.beyond(); err != nil {
				return n, err
			}
		}
		return n, nil
	}
}
