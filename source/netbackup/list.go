package netbackup

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// counting reads a list seldom, and notes each row.
func counting[T any](w *workplace, rows func(*api.Client, context.Context) iter.Seq2[T, error], note func(*collect.Gauges, T)) collect.Reader {
	list := func(ctx context.Context) iter.Seq2[T, error] { return rows(w.client(), ctx) }
	count := collect.CountRows(list, note)
	return collect.NewCached(w.site.background, w.Place, settled, func(ctx context.Context, pages *collect.Pages, g *collect.Gauges) (int, error) {
		return count(api.WithBudget(ctx, pages), g)
	}).Read
}

// since lists rows from a time of the server's clock on.
type since[T any] func(*api.Client, context.Context, time.Time) iter.Seq2[T, error]

// countingLastDay notes each row of a log that is at most a day old, or of which no time is known.
func countingLastDay[T any](w *workplace, rows since[T], at func(T) time.Time, note func(*collect.Gauges, T)) collect.Reader {
	var from atomic.Int64 // ms of the server's clock; the list is read by another goroutine
	list := func(c *api.Client, ctx context.Context) iter.Seq2[T, error] {
		return rows(c, ctx, time.UnixMilli(from.Load()))
	}
	read := counting(w, list, func(g *collect.Gauges, row T) {
		if at := at(row); at.IsZero() || at.UnixMilli() >= from.Load() { // a server may ignore the filter
			note(g, row)
		}
	})
	return func(ctx context.Context, now int64) (int, error) {
		from.Store(now - dayMillis)
		return read(ctx, now)
	}
}

// firstOfLastDay is the question for the first row of a log's last day.
func firstOfLastDay[T any](rows since[T]) collect.Question[*workplace] {
	return firstOf(func(c *api.Client, ctx context.Context) iter.Seq2[T, error] {
		return rows(c, ctx, time.Now().Add(-dayMillis*time.Millisecond))
	})
}

// settled says that what a server answered stands until the next reading: it does not offer the list, or it is too long.
func settled(err error) bool {
	return errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrLimit)
}

// passes says that an error may have passed in the next cycle.
func passes(err error) bool {
	return errors.Is(err, api.ErrNetwork) || errors.Is(err, api.ErrBusy) || errors.Is(err, api.ErrServer)
}
