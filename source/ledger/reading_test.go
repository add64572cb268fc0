package ledger

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"testing"
)

// plain is a row with nothing of its own.
type plain struct{ Event }

func (*plain) Kind() string     { return "plain" }
func (*plain) Fill(Row, Fields) {}

// list is a source that answers every query with the same rows, whatever is asked, and then fails or not.
type list struct {
	fail    error
	updates []int64
}

func listed(fail error, updates ...int64) Source { return list{fail, updates} }

func (l list) Events(context.Context, Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for i, at := range l.updates {
			if !yield(&plain{Event{ID: int64(i) + 1, Updated: at, End: at}}, nil) {
				return
			}
		}
		if l.fail != nil {
			yield(nil, l.fail)
		}
	}
}

func (list) Refuses(error, Order) bool { return false }
func (list) Fits(ids []IDs) int        { return len(ids) }

func newReading(now int64, from Source) *Reading {
	return &Reading{
		waits:    func() int { return 0 },
		progress: progress{log: slog.New(slog.DiscardHandler)},
		now:      now, readers: 1, source: from, spans: []*span{{from: 1000, to: Open, read: 1000}},
		accept: func(row Row) (Row, bool) { return row, true },
	}
}

func TestReadingCoversWhatItReadInOrder(t *testing.T) {
	broken := errors.New("broken off")
	for name, c := range map[string]struct {
		source   Source
		covered  int64
		complete bool
	}{
		"all":                      {listed(nil, 2000, 3000), 9000, true},
		"none":                     {listed(nil), 9000, true},
		"broken off":               {listed(broken, 2000, 3000), 3000, false},
		"broken off at once":       {listed(broken), 1000, false},
		"out of order, broken off": {listed(broken, 3000, 2000), 1000, false},
		"out of order":             {listed(nil, 3000, 2000), 9000, true},
	} {
		r := newReading(9000, c.source)
		if err := r.run(t.Context()); (err == nil) != c.complete {
			t.Errorf("%s: %v", name, err)
		}
		if r.covered() != c.covered || r.Complete() != c.complete {
			t.Errorf("%s: covered up to %d, complete %v; want %d, %v", name, r.covered(), r.Complete(), c.covered, c.complete)
		}
	}
}

// TestReadingThatIsExtendedReadsWhatCameMeanwhile had read to the end of the list, although
// not all before it.
func TestReadingThatIsExtendedReadsWhatCameMeanwhile(t *testing.T) {
	r := newReading(200_000, listed(nil, 100_000))
	r.spans = []*span{{from: 1000, to: 150_000, read: 50_000}, {from: 150_000, to: Open, read: 150_000, done: true}}
	r.extend(300_000)
	if r.covered() != 50_000 {
		t.Errorf("covered up to %d, want 50000", r.covered())
	}
	last := r.spans[len(r.spans)-1]
	if last.done || last.to != Open || last.from > 200_000-ByUpdate.overlap() {
		t.Errorf("the last span is %+v: what came after 200000 is not read", last)
	}
	if err := r.run(t.Context()); err != nil || !r.Complete() || r.covered() != 300_000 {
		t.Errorf("%v, complete %v, covered up to %d", err, r.Complete(), r.covered())
	}
}
