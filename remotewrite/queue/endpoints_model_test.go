package queue

import (
	"errors"
	"io"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
)

// modelEndpoint reads the queue and compares.
type modelEndpoint struct {
	name   string
	sub    *Subscription
	record int                  // how many records of the model it has read
	stored int                  // how many of them are behind its cursor
	places map[wal.Position]int // how many it has at each place that its cursor may be stored
	window window.Window
}

func newModelEndpoints(names ...string) []*modelEndpoint {
	var endpoints []*modelEndpoint
	for _, name := range names {
		endpoints = append(endpoints, &modelEndpoint{name: name, places: map[wal.Position]int{}})
	}
	return endpoints
}

// subscribe goes on where the cursor is, which is where it was stored or about to be.
func (e *modelEndpoint) subscribe(t *testing.T, q *Queue) error {
	t.Helper()
	sub, err := q.Subscribe(e.name, true)
	if err != nil {
		return err
	}
	e.sub = sub
	record, known := e.places[sub.Position()]
	switch {
	case known && record < e.stored:
		t.Fatalf("%s: the cursor moved back from record %d to %d", e.name, e.stored, record)
	case !known && e.stored > 0:
		t.Fatalf("%s: the cursor is at %v, where it never was", e.name, sub.Position())
	}
	e.record = record
	return nil
}

// drain reads up to the given number of windows and compares them with the model.
func (e *modelEndpoint) drain(t *testing.T, records [][]testkit.Wanted, windows, limit int) error {
	t.Helper()
	for range windows {
		err := e.sub.Fill(&e.window, limit)
		end := e.record + e.window.Records
		if end > len(records) {
			t.Fatalf("%s: %d records beyond the %d of the model", e.name, end-len(records), len(records))
		}
		e.places[e.window.Next] = end
		want := slices.Concat(records[e.record:end]...)
		slices.SortFunc(want, testkit.CompareWanted)
		if got := testwindow.Wanted(t, &e.window); !slices.Equal(got, want) {
			t.Fatalf("%s: records %d to %d have\n%v too many and\n%v too few", e.name, e.record, end, testkit.Without(got, want), testkit.Without(want, got))
		}
		e.record = end
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.sub.Advance(&e.window, nil)
		}
		if err != nil {
			return err
		}
		e.stored = end
	}
	return nil
}
