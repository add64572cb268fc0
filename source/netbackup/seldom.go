package netbackup

import (
	"context"
	"errors"
	"iter"
)

// seldom reads what changes rarely and comes in many pages: at most some times an hour. Between two
// readings its gauges stand; it resets them itself.
type seldom struct {
	gauges *gauges
	count  func(context.Context) (rows int, err error) // sets the gauges

	rows   int
	err    error
	readAt int64 // server's clock, ms; 0 where it must be read
}

const (
	seldomEvery = 900_000 // ms between two readings, at least
	restOfRow   = 60      // ms that a row is worth: a page of a hundred in six seconds, however long the list is
)

// read asks again in the next cycle where it failed, but not for what the server does not offer.
func (s *seldom) read(ctx context.Context, now int64) (int, error) {
	rest := max(seldomEvery, restOfRow*int64(s.rows))
	if s.readAt != 0 && now-s.readAt < rest && now >= s.readAt {
		return s.rows, s.err
	}
	s.gauges.reset()
	s.readAt = 0
	s.rows, s.err = s.count(ctx)
	if s.err == nil || errors.Is(s.err, ErrNotOffered) {
		s.readAt = max(now, 1)
	}
	return s.rows, s.err
}

func (s *seldom) collector(name, noun string) *collector {
	return &collector{name: name, noun: noun, gauges: s.gauges, read: s.read, standing: true}
}

// counting is a collector that notes each row of a list.
func counting[T any](s *Site, rows func(context.Context) iter.Seq2[T, error], note func(*gauges, *T)) *seldom {
	g := newGauges(s.cfg.Client.Site)
	return &seldom{gauges: g, count: func(ctx context.Context) (n int, err error) {
		for v, err := range rows(ctx) {
			if err != nil {
				return n, err
			}
			n++
			note(g, &v)
		}
		return n, nil
	}}
}
