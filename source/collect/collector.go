package collect

import (
	"cmp"
	"context"
	"errors"
	"time"

	"backwire/source"
	"backwire/source/guard"
)

// Collector is one part of what a site reads. Its file gives it as a value: how it is chosen and checked, what the documents
// say of it, of its metrics and of the role that it needs, and when its failure is none all follow from that. P is the place
// at which it works, which the product defines.
type Collector[P any] struct {
	Name     string        // by which it is chosen, and shown
	Noun     string        // of its rows, by which those are counted that cannot be read
	Section  string        // of the page of metrics, where its own are
	Every    time.Duration // between two readings at least; its gauges stay in between, and it resets them itself. 0 reads in each cycle
	Optional bool          // a server may not offer what it asks for: that is no failure
	Role     Role
	First    Question[P]          // asks for the first row of what it reads, for a check; nil where there is nothing to ask for
	Start    func(place P) Reader // for one site; it declares its metrics and asks for nothing yet
}

// Reader reads in one cycle; now is the server's clock, ms. It is used by one goroutine at a time.
type Reader func(ctx context.Context, now int64) (rows int, err error)

// Question says how many rows came of those that were asked for: one where there are any.
type Question[P any] func(ctx context.Context, place P) (rows int, err error)

// Role is what the role of the credential must allow.
type Role struct {
	Namespace string // that may be seen, by the product's documents
	Operation string // empty is |OPERATIONS|VIEW|
	Lists     bool   // beside the operation it takes |OPERATIONS|VIEW|, for the list of what the rows are of
	Of        string // another namespace, for that list; empty is none
	Screen    string // where it is in the web UI
	Without   string // what is missing without it, as the page of the role says it
	Always    bool   // every server has rows: none means that the role is missing
}

// Allows is the operation that the role must allow.
func (r Role) Allows() string { return cmp.Or(r.Operation, "|OPERATIONS|VIEW|") }

// Place is what a collector of one site works with, of any product.
type Place struct {
	Group                // where it declares its metrics
	Gauges *Gauges       // of this collector alone
	Every  time.Duration // of the collector
}

// Active is a collector of one site. It fails alone. It is used by one goroutine at a time.
type Active[P any] struct {
	Collector[P]
	Gauges *Gauges
	Health Health

	place P
	read  Reader
}

// Begin sets a collector up for a site. Its metrics are added to all; at makes the place of the product from what is common.
func (c Collector[P]) Begin(site string, all *[]*Family, at func(Place) P) *Active[P] {
	common := Place{Group: NewGroup(all, c.Section, c.Name), Gauges: NewGauges(site), Every: c.Every}
	place := at(common)
	return &Active[P]{Collector: c, Gauges: common.Gauges, place: place, read: c.Start(place)}
}

// Run reads. What was set before a panic is not to be relied on.
func (a *Active[P]) Run(ctx context.Context, now int64, clock func() time.Time) (o Outcome) {
	began := clock()
	o.Err = guard.Run(func() (err error) {
		if o.Rows, err = a.read(ctx, now); err == nil {
			err = a.Gauges.Beyond()
		}
		return err
	})
	if guard.Panicked(o.Err) || a.Gauges.Beyond() != nil {
		a.Gauges.Reset()
	}
	o.Took = clock().Sub(began)
	return o
}

// AskFirst asks for the first row.
func (a *Active[P]) AskFirst(ctx context.Context) (rows int, err error) { return a.First(ctx, a.place) }

// AppendTo gives the samples of this cycle: what stands from an earlier one ends where the server does not answer.
func (a *Active[P]) AppendTo(samples []source.Sample) []source.Sample {
	if a.Every != 0 && a.Health.Outcome.Err != nil {
		return samples
	}
	return a.Gauges.AppendTo(samples)
}

// Note takes what the collector came to at a time of the agent's clock, ms since the epoch.
func (a *Active[P]) Note(o Outcome, at int64, r *Report) {
	h := &a.Health
	h.Outcome, h.NotOffered = o, o.Err != nil && a.Optional && r.errors.NotOffered(o.Err)
	if o.Err == nil {
		if h.Failures > 0 {
			r.recover(a.Name, h.Failures)
		}
		h.Failures, h.LastSuccess, h.said = 0, at, nil
		return
	}
	if errors.Is(o.Err, ErrUnfinished) {
		return
	}
	h.Failures++
	if key := r.errors.Key(o.Err); h.fresh(key) {
		r.fail(key, a.Name, o.Err, h.NotOffered)
	}
}
