package api

import "context"

// Budget says when the next page of a list may be asked for: a long list is read over as many cycles as it takes. It is asked
// by the goroutine that reads the list.
type Budget interface {
	// Take waits until a page may be asked for. Its error ends the list.
	Take(ctx context.Context) error
	// Again says whether a page that was answered with this error is asked for once more, and waits until it may be. It is
	// asked after pages without an error too.
	Again(ctx context.Context, err error) bool
}

type budgetKey struct{}

// WithBudget has the lists that are read with the context keep to a budget.
func WithBudget(ctx context.Context, b Budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

func budgetOf(ctx context.Context) Budget {
	if b, ok := ctx.Value(budgetKey{}).(Budget); ok {
		return b
	}
	return unbounded{}
}

// unbounded is for a list that is read within its cycle.
type unbounded struct{}

func (unbounded) Take(context.Context) error { return nil }

func (unbounded) Again(context.Context, error) bool { return false }
