package netbackup

import (
	"context"
	"errors"
	"iter"

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

// settled says that what a server answered stands until the next reading: it does not offer the list, or it is too long.
func settled(err error) bool {
	return errors.Is(err, api.ErrNotOffered) || errors.Is(err, api.ErrLimit)
}

// passes says that an error may have passed in the next cycle.
func passes(err error) bool {
	return errors.Is(err, api.ErrNetwork) || errors.Is(err, api.ErrBusy) || errors.Is(err, api.ErrServer)
}
