package queue

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"backwire/remotewrite/internal/testkit"
	"backwire/remotewrite/internal/testwindow"
	"backwire/remotewrite/wal"
	"backwire/remotewrite/window"
	"backwire/source"
)

// pointsOf lists what is in a window, and checks what must hold for each.
func pointsOf(t *testing.T, w *window.Window) []testkit.Wanted {
	t.Helper()
	var points []testkit.Wanted
	samples := 0
	for i, c := range w.Columns {
		series := w.Dict.Source(c.Series, map[uint32]*source.Metric{})
		of := testwindow.Points(w, i)
		if !slices.IsSortedFunc(of, func(a, b window.Point) int { return cmp.Compare(a.T, b.T) }) {
			t.Errorf("points of %s are out of order: %v", series.Key(), of)
		}
		for _, p := range of {
			start := series.Start
			if source.IsStale(p.V) {
				start = 0 // it ends whatever has the labels
			}
			points = append(points, testkit.Wanted{Key: series.Key(), Start: start, T: p.T, Bits: math.Float64bits(p.V), Marks: ""})
			samples++
		}
		for _, e := range w.ExemplarsOf(&c) {
			points = append(points, testkit.Wanted{Key: series.Key(), Start: series.Start, T: e.T, Bits: math.Float64bits(e.V), Marks: fmt.Sprint(e.Labels)})
		}
	}
	oldest, newest := int64(0), int64(0)
	for _, p := range points {
		if p.Marks != "" {
			continue
		}
		if newest = max(newest, p.T); oldest == 0 || p.T < oldest {
			oldest = p.T
		}
	}
	if oldest != w.Oldest || newest != w.Newest {
		t.Errorf("window says %d to %d and has %d to %d", w.Oldest, w.Newest, oldest, newest)
	}
	if samples != w.Samples {
		t.Errorf("window says %d samples and has %d", w.Samples, samples)
	}
	slices.SortFunc(points, testkit.CompareWanted)
	return points
}

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
		if got := pointsOf(t, &e.window); !slices.Equal(got, want) {
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
